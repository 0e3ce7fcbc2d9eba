"""Shape spaces with the smooth fields as further basis vectors, so that the network predicts these too.

    python -m unrender.train.widen --shape-space weights/spaces.safetensors --out runs/wide.safetensors

A category's principal components say little of what makes one outline differ from another's; the loop's
fields (`unrender.smooth_fields`) say it, and are the same for every category. A network of the narrow
space can start the training of one of the wide space: the first coefficients are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from unrender.files import write_atomic
from unrender.smooth_fields import AMPLITUDE, DEGREES, LOWEST, smooth_fields


@dataclass(frozen=True)
class WidenConfig:
    """Spaces to read and to write; degrees and amplitude of the fields are the loop's."""

    shape_space: str
    out: str


def widen(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A file's arrays, every basis followed by the fields.

    "<name>.fields" uint8 [K] says which vectors they are.
    """
    fields = smooth_fields(DEGREES, AMPLITUDE, lowest=LOWEST)
    result = dict(arrays)
    for key, basis in arrays.items():
        name, _, kind = key.rpartition(".")
        if kind != "basis":
            continue
        more = np.zeros(len(fields), np.uint8)
        result[key] = np.concatenate([basis, fields.astype(basis.dtype)])
        for flags in (f"{name}.antisymmetric", f"{name}.optional"):
            if flags in arrays:
                result[flags] = np.concatenate([arrays[flags], more.astype(arrays[flags].dtype)])
        result[f"{name}.fields"] = np.concatenate([np.zeros(len(basis), np.uint8), more + 1])
    return result


if __name__ == "__main__":
    import tyro

    config = tyro.cli(WidenConfig)
    write_atomic(Path(config.out), save(widen(load_file(config.shape_space))))
