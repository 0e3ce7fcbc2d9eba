"""Shape spaces of several categories in one file."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from unrender.errors import ModelError
from unrender.shape_space import load_shape_space
from unrender.train.merge_spaces import merge_spaces


def write(path, category, rank, seed):
    rng = np.random.default_rng(seed)
    save_file(
        {
            f"{category}.mean": rng.standard_normal((642, 3)).astype(np.float32),
            f"{category}.basis": rng.standard_normal((rank, 642, 3)).astype(np.float32),
            f"{category}.antisymmetric": np.zeros(rank, np.uint8),
            f"{category}.optional": np.zeros(rank, np.uint8),
            f"{category}.canonical": rng.standard_normal((642, 3)).astype(np.float32),
        },
        str(path),
    )
    return path


def test_each_category_is_as_in_its_own_file(tmp_path):
    files = [write(tmp_path / f"{k}.safetensors", name, 3 + k, k) for k, name in enumerate(("car", "bed"))]
    assert merge_spaces(files, tmp_path / "new" / "all.safetensors") == ["car", "bed"]
    for file, name in zip(files, ("car", "bed"), strict=True):
        one, both = (
            load_shape_space(path, f"{name}.") for path in (file, tmp_path / "new" / "all.safetensors")
        )
        np.testing.assert_array_equal(one.mean, both.mean)
        np.testing.assert_array_equal(one.basis, both.basis)
        assert one.canonical is not None and both.canonical is not None
        np.testing.assert_array_equal(one.canonical, both.canonical)


def test_what_does_not_fit_is_refused(tmp_path):
    file = write(tmp_path / "car.safetensors", "car", 2, 0)
    with pytest.raises(ModelError, match="car came before"):
        merge_spaces([file, file], tmp_path / "all.safetensors")
    (tmp_path / "text").write_text("no")
    with pytest.raises(ModelError, match="no shape space"):
        merge_spaces([tmp_path / "text"], tmp_path / "all.safetensors")
    save_file({"x": np.zeros(2)}, str(tmp_path / "other"))
    with pytest.raises(ModelError, match=r"CATEGORY\.mean"):
        merge_spaces([tmp_path / "other"], tmp_path / "all.safetensors")
    assert not (tmp_path / "all.safetensors").exists()


def test_from_the_command_line(tmp_path):
    file = write(tmp_path / "one.safetensors", "car", 3, 0)
    command = [
        sys.executable,
        "-m",
        "unrender.train.merge_spaces",
        "--out",
        str(tmp_path / "all.safetensors"),
    ]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert load_shape_space(tmp_path / "all.safetensors", "car.").size == 3
    done = subprocess.run([*command, str(tmp_path / "none")], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "none" in done.stderr and "Traceback" not in done.stderr
