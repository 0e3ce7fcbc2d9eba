"""Entry point of the `unrender` command: dispatch, and errors as one line with exit status 2."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from unrender.errors import UnrenderError

COMMANDS = {
    "reconstruct": "a photo to a textured mesh (the default: `unrender PHOTO...`)",
    "fit": "several photos with masks and cameras to a textured mesh",
    "render": "pictures, turntables, depth and normals of a mesh file",
    "demo": "reconstruct the sample picture that ships with the package",
    "train": "train a model on a folder of photos, or from a configuration file",
    "dataset": "look for problems in a folder of photos before training on it",
    "evaluate": "measure a model on photos or meshes, or draw contact sheets",
    "serve": "the web page and the HTTP API, on this machine; or the page as a static folder",
    "warm": "compile the kernels ahead of the first use",
    "completion": "tab completion for bash, zsh or fish",
}
"""Subcommands and what they do; each lives in the module `unrender.cli.<name>` as `run(arguments) -> int`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        Exit status: 0 success, 2 an error of input or usage, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with warnings.catch_warnings():  # puts back what prints them
            warnings.showwarning = _print_warning
            return _dispatch(arguments)
    except SystemExit as stop:  # argparse, after --help or a usage error
        return stop.code if isinstance(stop.code, int) else 2
    except (UnrenderError, OSError) as error:
        print_error(error)
        return 2
    except KeyboardInterrupt:
        print("unrender: interrupted", file=sys.stderr)
        return 130


def print_error(error: Exception | str) -> None:
    """Write an error to stderr as one line, `unrender: error: ...`."""
    message = " ".join(str(error).split()) or type(error).__name__
    print(f"unrender: error: {message}", file=sys.stderr, flush=True)


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Write a warning to stderr as one line, `unrender: warning: ...`."""
    print(f"unrender: warning: {' '.join(str(message).split())}", file=sys.stderr, flush=True)


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        print(_help(), file=sys.stderr)
        return 2
    if arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    if "--version" in arguments and all(argument in ("--version", "--json") for argument in arguments):
        from unrender.cli.version import print_version

        print_version(as_json="--json" in arguments)
        return 0
    name = _command(arguments)
    module = importlib.import_module(f"unrender.cli.{name}")
    status: int = module.run(arguments[1:] if arguments[0] == name else arguments)
    return status


def _command(arguments: Sequence[str]) -> str:
    """The subcommand that is asked for, by its name or, as the default, without it."""
    return arguments[0] if arguments and arguments[0] in COMMANDS else "reconstruct"


def _help() -> str:
    lines = ["usage: unrender PHOTO... [-o OUT.glb | -o DIR/] [options]", "       unrender COMMAND ...", ""]
    lines += [f"  {name:<12} {text}" for name, text in COMMANDS.items()]
    lines += ["", "`unrender COMMAND --help` lists a command's options; `unrender --version [--json]`."]
    return "\n".join(lines)


def run_process() -> NoReturn:
    """The console script: `main`, then the end of the process.

    Imports make hundreds of thousands of objects, none of them garbage: looking for cycles after every few
    hundred new ones would take a tenth of a photo's time. At the end Python looks for cycles among all
    objects once more; numba has made so many that this takes a fifth of it, and the memory is given back
    anyway. A photo has no matrices that are worth a thread: those of numpy would only wait, busily.
    """
    gc.set_threshold(100_000, 20, 100)
    if _command(sys.argv[1:]) == "reconstruct":
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    status = main()
    gc.freeze()
    sys.exit(status)


if __name__ == "__main__":
    run_process()
