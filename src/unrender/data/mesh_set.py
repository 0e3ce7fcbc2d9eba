"""Reader of mesh folders with an `index.csv`: names, categories, licences, splits."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from unrender.errors import ConfigError

COLUMNS = ("name", "category", "file", "textured", "licence", "split", "oriented")


@dataclass(frozen=True)
class MeshRecord:
    """One mesh of an index.

    Attributes:
        name: unique in its set. category: for example "bird". file: path relative to the set's root.
        textured: has colours of its own. licence: as written. split: "train" or "val".
        oriented: its front is +Z for sure.
    """

    name: str
    category: str
    file: str
    textured: bool
    licence: str
    split: str
    oriented: bool


class MeshSet:
    """Meshes of one folder, in the order of its `index.csv`.

    Raises:
        ConfigError: the folder has no index, or the index lacks a column.
    """

    def __init__(self, root: str | Path, records: tuple[MeshRecord, ...] | None = None) -> None:
        self.root = Path(root)
        self.records = _read_index(self.root / "index.csv") if records is None else records

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[MeshRecord]:
        return iter(self.records)

    def path(self, record: MeshRecord) -> Path:
        """Path of the mesh file of `record`."""
        return self.root / record.file

    def filter(
        self,
        *,
        match: str | None = None,
        category: str | None = None,
        split: str | None = None,
        oriented: bool | None = None,
    ) -> MeshSet:
        """The meshes that fulfil every condition given; `match` is a pattern of the name such as "aves_*"."""
        kept = tuple(
            record
            for record in self.records
            if (match is None or fnmatch(record.name, match))
            and (category is None or record.category == category)
            and (split is None or record.split == split)
            and (oriented is None or record.oriented == oriented)
        )
        return MeshSet(self.root, kept)


def _read_index(index: Path) -> tuple[MeshRecord, ...]:
    if not index.is_file():
        raise ConfigError(f"{index}: no such file; pass a folder of meshes with an index.csv")
    with index.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ConfigError(f"{index}: columns {', '.join(missing)} are missing; see docs/evaluation.md")
        return tuple(
            MeshRecord(
                name=row["name"],
                category=row["category"],
                file=row["file"],
                textured=row["textured"].lower() == "true",
                licence=row["licence"],
                split=row["split"],
                oriented=row["oriented"].lower() in ("yes", "true"),
            )
            for row in reader
        )
