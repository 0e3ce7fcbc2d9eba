"""Compilation: announced once, kept in a cache, and possible where nothing may be written."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import pytest

from unrender.render import warming
from unrender.render.kernels import jit

CHECK = "import numpy as np; from unrender.render import validate; "
CHECK += "[validate.face_range('faces', np.zeros((1, 3), kind), 1, 'clip') for kind in (np.int32, np.int64)]"


def run(cache: Path) -> str:
    environment = dict(os.environ) | {"NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", CHECK], env=environment, check=True, capture_output=True, text=True
    ).stderr


def test_one_notice_the_first_time_and_none_later(tmp_path):
    first = run(tmp_path)
    assert first.count("unrender: compiling") == 1 and len(first.splitlines()) == 1
    assert run(tmp_path) == ""


@pytest.mark.parametrize("package", [False, True])
@pytest.mark.parametrize("home", [False, True])
def test_cache_where_writing_is_allowed(monkeypatch, package, home):
    """A read-only package and a read-only home leave the temporary folder; root may write anywhere, so the
    answers are given here."""
    asked = []

    def writable(folder: Path) -> bool:
        asked.append(folder)
        return package if folder.name == "__pycache__" else home

    monkeypatch.setattr(jit, "_writable", writable)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    jit._choose_cache()
    expected = "" if package or home else tempfile.gettempdir()
    assert numba.config.CACHE_DIR.startswith(expected) and bool(numba.config.CACHE_DIR) == bool(expected)
    assert asked


def test_writable(tmp_path):
    assert jit._writable(tmp_path / "new" / "folder")
    (tmp_path / "file").write_text("")
    assert not jit._writable(tmp_path / "file" / "folder")


def test_import_is_light():
    code = (
        "import sys, unrender; print(any(name in sys.modules for name in ('torch', 'numba', 'onnxruntime')))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        == "False\n"
    )


def test_warm_leaves_nothing_to_compile(monkeypatch):
    """Where the second process cannot start, this one compiles its share as well."""
    asked = []
    monkeypatch.setattr(warming, "compile_surfaces", lambda double: asked.append(("surfaces", double)))
    monkeypatch.setattr(warming, "compile_pictures", lambda double: asked.append(("pictures", double)))
    monkeypatch.setattr(warming.subprocess, "Popen", lambda *_, **__: _Gone())
    warming.warm(True)
    assert asked == [("surfaces", True), ("pictures", True)]


class _Gone:
    """A process that has failed."""

    def wait(self) -> int:
        return 1


def test_kernels_do_not_import_scipy_and_numba_still_finds_blas(tmp_path):
    """numba's own check of BLAS is put off, not taken away."""
    pytest.importorskip("scipy")
    code = (
        f"{CHECK}; import sys; assert 'scipy.linalg' not in sys.modules; import numba;"
        "a = np.arange(6.0).reshape(2, 3); b = numba.njit(lambda x, y: np.dot(x, y))(a, a.T.copy());"
        "assert np.array_equal(b, [[5, 14], [14, 50]]) and 'scipy.linalg' in sys.modules"
    )
    environment = dict(os.environ) | {"NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
