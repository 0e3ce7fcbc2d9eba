"""Completion scripts, run by the shells themselves where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from unrender.cli.completion import command_options, script
from unrender.cli.main import COMMANDS, main


def test_options_are_those_of_the_command() -> None:
    options = command_options("reconstruct")
    assert {"--output", "--no-loop", "--format", "--height", "--help"} <= set(options)
    assert "--output" in command_options("demo") and "--turntable" not in command_options("demo")


def complete(script_file: Path, words: list[str], folder: Path) -> list[str]:
    """What bash offers for the last of the words."""
    quoted = " ".join(f"'{word}'" for word in words)
    code = (
        f"source {script_file}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _unrender;"
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=folder, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash(tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_text(script("bash"))
    (tmp_path / "demolition.jpg").touch()
    assert complete(file, ["unrender", "dem"], tmp_path) == ["demo", "demolition.jpg"]
    assert complete(file, ["unrender", "a.jpg", "--turn"], tmp_path) == ["--turntable"]
    assert complete(file, ["unrender", "demo", "--out"], tmp_path) == ["--output"]
    assert complete(file, ["unrender", "demo", "--turn"], tmp_path) == []
    assert complete(file, ["unrender", "a.jpg", "--mask", "demol"], tmp_path) == ["demolition.jpg"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_accept_it(shell: str, tmp_path: Path) -> None:
    text = script(shell)
    assert all(name in text for name in COMMANDS)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(text)
    check = subprocess.run(
        [shell, "-n", str(tmp_path / "script")], capture_output=True, text=True, timeout=60
    )
    assert check.returncode == 0, check.stderr


def test_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
