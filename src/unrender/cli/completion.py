"""`unrender completion SHELL`: tab completion, made from what `--help` says of each command."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Sequence

from unrender.cli.parser import OneLineParser

SHELLS = ("bash", "zsh", "fish")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def run(arguments: Sequence[str]) -> int:
    """Print a completion script for a shell."""
    parser = OneLineParser(
        "unrender completion",
        "Print a completion script: `source <(unrender completion bash)`, the same for zsh;"
        " `unrender completion fish | source`.",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell to print it for")
    print(script(parser.parse_args(list(arguments)).shell), end="")
    return 0


def script(shell: str) -> str:
    """The completion script of a shell ("bash", "zsh" or "fish"): commands, their options, and files."""
    from unrender.cli.main import COMMANDS

    options = {name: command_options(name) for name in COMMANDS}
    if shell == "fish":
        return _fish(options, COMMANDS)
    return _bash(options, zsh=shell == "zsh")


def command_options(name: str) -> list[str]:
    """The long options that a command's `--help` mentions, in its order."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        importlib.import_module(f"unrender.cli.{name}").run(["--help"])
    return list(dict.fromkeys(_OPTION.findall(text.getvalue())))


def _bash(options: dict[str, list[str]], zsh: bool) -> str:
    cases = [f"    {name}) words='{' '.join(options[name])}' ;;" for name in options]
    head = ["autoload -Uz compinit bashcompinit && compinit && bashcompinit"] if zsh else []
    lines = [
        *head,
        "_unrender() {",
        '  local current="${COMP_WORDS[COMP_CWORD]}" words',
        '  case "${COMP_WORDS[1]}" in',
        *cases,
        f"    *) words='{' '.join(options['reconstruct'])} --version' ;;",
        "  esac",
        '  if [[ "$current" == -* ]]; then',
        '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "  elif [[ $COMP_CWORD -eq 1 ]]; then",
        f'    COMPREPLY=($(compgen -W \'{" ".join(options)}\' -- "$current") $(compgen -f -- "$current"))',
        "  else",
        '    COMPREPLY=($(compgen -f -- "$current"))',
        "  fi",
        "}",
        "complete -o filenames -F _unrender unrender",
    ]
    return "\n".join(lines) + "\n"


def _fish(options: dict[str, list[str]], texts: dict[str, str]) -> str:
    lines = []
    for name, text in texts.items():
        plain = text.replace("\\", "").replace("'", "")
        lines.append(f"complete -c unrender -n __fish_use_subcommand -a {name} -d '{plain}'")
        seen = f"'__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c unrender -n {seen} -l {option[2:]}" for option in options[name]]
    others = f"'not __fish_seen_subcommand_from {' '.join(texts)}'"
    lines += [f"complete -c unrender -n {others} -l {option[2:]}" for option in options["reconstruct"]]
    return "\n".join(lines) + "\n"
