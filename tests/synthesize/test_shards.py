"""Tar shards: what goes in comes out, as a stream; standard tar; whole files only."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import threading

import numpy as np
import pytest
from PIL import Image

from unrender.data.multiview import MultiviewSet
from unrender.data.shards import read_shards, read_stream
from unrender.errors import ConfigError, InputError
from unrender.synthesize.multiview import MultiviewConfig, render_set
from unrender.synthesize.shards import write_shards


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    out = tmp_path_factory.mktemp("shards") / "set"
    config = MultiviewConfig(
        5, 2, 4, 24, "table=1,lamp=1", canonical=True, canonical_size=12, shard_objects=3, albedo=True
    )
    render_set(config, out, quiet=True)
    return out


def same(first, second):
    for name in ("rgba", "world_to_camera", "light", "canonical", "albedo"):
        a, b = getattr(first, name), getattr(second, name)
        assert a.dtype == b.dtype and np.array_equal(a, b), name
    assert (first.seed, first.category, first.state, first.fov_degrees) == (
        second.seed, second.category, second.state, second.fov_degrees,
    )  # fmt: skip


def test_round_trip_is_exact_and_repeatable(rendered, tmp_path):
    paths = write_shards(rendered, tmp_path / "tar", objects=2)
    assert [path.name for path in paths] == ["shard-000000.tar", "shard-000001.tar", "shard-000002.tar"]
    data, read = MultiviewSet(rendered), list(read_shards(tmp_path / "tar"))
    assert len(read) == len(data) == 5 and {item.category for item in read} <= {"table", "lamp"}
    for index, item in enumerate(read):
        same(item, data[index])
    again = write_shards(rendered, tmp_path / "again", objects=2)
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]


def test_reads_from_a_pipe(rendered, tmp_path):
    (path,) = write_shards(rendered, tmp_path, objects=9)
    reader, writer = os.pipe()

    def feed():
        with os.fdopen(writer, "wb") as sink:
            sink.write(path.read_bytes())

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(reader, "rb") as source:
        items = list(read_stream(source))
    thread.join()
    same(items[-1], MultiviewSet(rendered)[4])


def test_layout_is_plain_tar_with_samples_by_key(rendered, tmp_path):
    """Read with the system's tar and by the rule of WebDataset (the key ends at the first dot), not by our
    reader."""
    (path,) = write_shards(rendered, tmp_path, objects=9)
    names = subprocess.run(["tar", "tf", path], capture_output=True, text=True, check=True).stdout.split()
    keys = [name.split(".")[0] for name in names]
    assert sorted(set(keys)) == [f"{k:07d}" for k in range(5)] and keys == sorted(keys)
    with tarfile.open(path) as archive:
        record = json.load(archive.extractfile("0000001.json"))
        picture = np.asarray(Image.open(io.BytesIO(archive.extractfile("0000001.rgba.01.png").read())))
    item = MultiviewSet(rendered)[1]
    assert np.array_equal(picture, item.rgba[1])
    assert np.array_equal(np.float32(record["world_to_camera"]), item.world_to_camera)


def test_continues_where_it_stopped(rendered, tmp_path):
    paths = write_shards(rendered, tmp_path, objects=2)
    times = [path.stat().st_mtime_ns for path in paths]
    paths[1].unlink()
    again = write_shards(rendered, tmp_path, objects=2)
    assert again == paths and all(path.exists() for path in paths)
    assert paths[0].stat().st_mtime_ns == times[0]
    with pytest.raises(ConfigError, match="another set or size"):
        write_shards(rendered, tmp_path, objects=3)
    with pytest.raises(ConfigError, match="objects"):
        write_shards(rendered, tmp_path, objects=0)


def test_damage_is_reported(rendered, tmp_path):
    (path,) = write_shards(rendered, tmp_path, objects=9)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"shard-000000\.tar"):
        list(read_shards(path))
    path.write_bytes(b"no tar file" * 200)
    with pytest.raises(InputError, match="no whole tar"):
        list(read_shards(path))
    path.write_bytes(whole.replace(b'"light"', b'"lihgt"', 1))
    with pytest.raises(InputError, match="light"):
        list(read_shards(path))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_shards([tmp_path / "gone.tar"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no shards"):
        list(read_shards(tmp_path / "empty"))
