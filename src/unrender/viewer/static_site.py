"""The page as a folder for any static host: the network runs in the visitor's browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from unrender.errors import ModelError, OutputError
from unrender.files import write_atomic
from unrender.network.runtime import CARD_FILE, MODEL_FILE, SHAPES_FILE
from unrender.reconstruct.hub import find_model
from unrender.reconstruct.loop import Loop, LoopConfig
from unrender.reconstruct.pipeline import TEXTURE_SIZE
from unrender.reconstruct.trust import Trust
from unrender.shape_space import load_shape_space
from unrender.smooth_fields import LOWEST, smooth_fields
from unrender.template import make_template
from unrender.viewer.page_files import page_folder
from unrender.viewer.settings import Limits

BROWSER_FORMATS = ("glb", "obj", "ply", "stl")
"""What the page can write without a server."""

TEMPLATE_FILE = "template.safetensors"
LOOP_FILE, LOOP_TABLES_FILE = "loop.json", "loop.safetensors"


def write_static_site(out: str | Path, model: str | Path | None = None) -> Path:
    """Write the page, the model and ONNX Runtime Web to a folder. Files of an earlier call are replaced.

    Args:
        out: the folder, made if needed. It must be empty, or hold an earlier page (a `config.json`).
        model: a model folder or hub id; None takes the one inside the package.

    Returns:
        The folder.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
        ModelError: there is no such model, or a file of it is missing.
        MissingExtraError: the page's libraries are missing.
    """
    page, folder = page_folder(), Path(out)
    source = find_model(model)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give the name of a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "config.json").is_file():
        raise OutputError(f"{folder}: holds other files; give the name of a new or empty folder")
    files = {path.relative_to(page).as_posix(): path.read_bytes() for path in sorted(_page_files(page))}
    for name in (MODEL_FILE, CARD_FILE, SHAPES_FILE):
        try:
            files[f"model/{name}"] = (source / name).read_bytes()
        except OSError as error:
            raise ModelError(f"model {source / name}: cannot be read ({error.strerror})") from None
    files[f"model/{TEMPLATE_FILE}"] = template_tables()
    card = json.loads(files[f"model/{CARD_FILE}"])
    settings, tables = loop_files(card, source / SHAPES_FILE)
    files[f"model/{LOOP_FILE}"] = json.dumps(settings, indent=1).encode() + b"\n"
    files[f"model/{LOOP_TABLES_FILE}"] = tables
    files["config.json"] = json.dumps(browser_config(card), indent=1).encode() + b"\n"
    for name, data in files.items():
        write_atomic(folder / name, data)
    return folder


def _page_files(page: Path) -> list[Path]:
    return [path for path in page.rglob("*") if path.is_file() and not path.name.startswith(".")]


def browser_config(card: dict[str, Any]) -> dict[str, Any]:
    """`config.json` of the page without a server, for a model with the card `card`."""
    limits = Limits()
    return {
        "mode": "browser",
        "max_bytes": limits.max_bytes,
        "max_pixels": limits.max_pixels,
        "formats": list(BROWSER_FORMATS),
        "refine": False,
        "categories": list(card.get("shape_categories", ())),
    }


def template_tables() -> bytes:
    """The mesh that all shapes share and its atlas, as a safetensors file.

    faces, uv_faces int32 [F, 3]; uvs float32 [Vt, 2]; uv_vertices int32 [Vt]; texel_face int32 [T, T] and
    texel_weights float32 [T, T, 3] as `Template.texels`, T = 512.
    """
    template = make_template(3)
    face, weights = template.texels(TEXTURE_SIZE)
    tables = {
        "faces": template.faces,
        "uvs": template.uvs,
        "uv_faces": template.uv_faces,
        "uv_vertices": template.uv_vertices,
        "texel_face": face,
        "texel_weights": weights,
    }
    return save({name: np.ascontiguousarray(values) for name, values in tables.items()})


def loop_files(card: dict[str, Any], shapes: Path) -> tuple[dict[str, Any], bytes]:
    """Settings of the loop as JSON, and its numbers as a safetensors file.

    The numbers: edges int32 [E, 4] as `unrender.reconstruct.silhouette.directed_edges`; fields float32
    [M, V, 3], the smooth fields for spaces that have none; and for each category precision (own mask) float32
    [K + M, K + M], variation uint8 [K], ratio_mean float32 [2], ratio_scale [2, 2].

    Raises:
        ModelError: card and shape spaces do not fit each other.
    """
    config = LoopConfig()
    spaces = {name: load_shape_space(shapes, f"{name}.") for name in card["shape_categories"]}
    own, given = (
        {
            name: Loop(space, config.for_mask(mask_given), trust=Trust.of_card(card, name))
            for name, space in spaces.items()
        }
        for mask_given in (False, True)
    )
    settings = {
        "size": config.size,
        "outline_points": config.outline_points,
        "race": config.race,
        "scales": config.scales.tolist(),
        "likelihood": config.likelihood,
        "near_camera": config.near_camera,
        "usual": config.usual,
        "usual_precision": {name: loop.usual_precision for name, loop in own.items()},
        "precision_given": {name: _share(given[name].precision, own[name].precision) for name in own},
        "part_precision": config.part_precision,
        "ratio_precision": {name: [own[name].ratio_precision, given[name].ratio_precision] for name in own},
        "fields": {name: loop.offsets > 0 for name, loop in own.items()},
    }
    fields = smooth_fields(config.field_degrees, config.field_amplitude, lowest=LOWEST)
    tables: dict[str, np.ndarray] = {
        "edges": next(iter(own.values())).geometry.edges,
        "fields": fields.astype(np.float32),
    }
    for name, loop in own.items():
        tables |= {
            f"{name}.precision": loop.precision.astype(np.float32),
            f"{name}.variation": loop.space.variation.astype(np.uint8),
            f"{name}.ratio_mean": loop.proportions.mean.astype(np.float32),
            f"{name}.ratio_scale": loop.proportions.scale.astype(np.float32),
        }
    return settings, save({name: np.ascontiguousarray(values) for name, values in tables.items()})


def _share(given: np.ndarray, own: np.ndarray) -> float:
    """What the precisions beside a given mask are of those beside the network's own: one number."""
    return float(np.trace(given) / np.trace(own))
