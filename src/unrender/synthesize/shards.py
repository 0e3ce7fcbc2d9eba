"""From a rendered multi-view set to tar shards that can be read as a stream.

`python -m unrender.synthesize.shards runs/birds shards/birds`

Shards are complete or absent, equal bytes come from equal sets, and those that are there already are kept:
an interrupted
run goes on where it stopped. `unrender.data.shards` describes the layout and reads it.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from unrender.data.multiview import MultiviewSet
from unrender.data.shards import encode_object, shard_file
from unrender.errors import ConfigError
from unrender.files import write_atomic

INDEX_NAME = "shards.json"


def write_shards(source: Path, out: Path, *, objects: int = 200, partial: bool = False) -> list[Path]:
    """Write the tar shards of a set.

    Args:
        source: the set's folder. out: folder of the shards; made if missing.
        objects: per shard.
        partial: take what is there of a set that is still being rendered.

    Returns:
        Paths of all shards in order.

    Raises:
        InputError: no such set.
        ConfigError: `objects` < 1, or `out` holds shards of another set or size.
        OutputError: `out` cannot be written.
    """
    if objects < 1:
        raise ConfigError(f"objects: expected at least 1, got {objects}")
    data = MultiviewSet(source, partial=partial)
    settings = {"format": "unrender-shards", "objects_per_shard": objects, "config": data.index["config"]}
    index = out / INDEX_NAME
    if index.is_file():
        try:
            before = json.loads(index.read_text())
        except ValueError:
            before = {}
        if {name: before.get(name) for name in settings} != settings:
            raise ConfigError(
                f"{out}: holds shards of another set or size; choose another folder or delete it"
            )
    write_atomic(index, (json.dumps(settings, indent=1) + "\n").encode())
    paths = []
    for number, first in enumerate(range(0, len(data), objects)):
        path = out / shard_file(number)
        last = min(first + objects, len(data))
        if not path.exists() or last - first < objects:  # the last one may have been shorter before
            write_atomic(path, _shard(data, first, last))
        paths.append(path)
    return paths


def _shard(data: MultiviewSet, first: int, last: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(first, last):
            for name, content in encode_object(data[number]).items():
                entry = tarfile.TarInfo(f"{number:07d}.{name}")
                entry.size, entry.mode = len(content), 0o644
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def main() -> None:
    """Command line of `python -m unrender.synthesize.shards`."""
    import sys

    import tyro

    from unrender.errors import UnrenderError

    def run(source: Path, out: Path, objects: int = 200, partial: bool = False) -> None:
        """Write a multi-view set as tar shards.

        Args:
            source: folder of the set.
            out: folder of the shards.
            objects: per shard.
            partial: take what is there of a set that is still being rendered.
        """
        paths = write_shards(source, out, objects=objects, partial=partial)
        size = sum(path.stat().st_size for path in paths)
        print(f"{out}: {len(paths)} shards, {size / 1e6:.1f} MB")

    try:
        tyro.cli(run, config=(tyro.conf.PositionalRequiredArgs,))
    except UnrenderError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
