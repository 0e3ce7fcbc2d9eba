"""Models in folders and on the Hugging Face Hub, by the conventions of huggingface_hub."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrender.errors import ModelError, OutputError
from unrender.files import write_atomic
from unrender.network.runtime import CARD_FILE, MODEL_FILE, SHAPES_FILE, TRAINING_FILE

DEFAULT_MODEL = Path(__file__).resolve().parent.parent / "models"
MODEL_FILES = (CARD_FILE, MODEL_FILE, SHAPES_FILE)
"""What a model's folder holds: its configuration, the network, the shape spaces."""


def find_model(path: str | os.PathLike[str] | None, **download: Any) -> Path:
    """The folder of a model.

    Args:
        path: None for the model inside the package, a folder, or a hub id "owner/name".
        download: passed to `huggingface_hub.snapshot_download` for a hub id: revision, cache_dir, token,
            local_files_only, force_download ...

    Raises:
        ModelError: there is no such folder, or the hub does not hand it out.
    """
    if path is None:
        return DEFAULT_MODEL
    name = os.fspath(path)
    if os.path.isdir(name):
        return Path(name)
    if name.count("/") != 1 or name.startswith((".", "/")) or name.endswith("/"):
        raise ModelError(
            f"model {name}: no such folder; give a folder with {MODEL_FILE}, or a hub id owner/name"
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=[*MODEL_FILES, TRAINING_FILE], **download))
    except Exception as error:  # of the network, of the hub, or a bad name
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ModelError(f"model {name}: cannot be fetched from the hub ({reason})") from None


def save_pretrained(
    model: str | os.PathLike[str] | None, folder: str | os.PathLike[str], *, repo_id: str | None = None
) -> Path:
    """Copy a model into a folder that can be pushed to the hub as it is, with its model card.

    Args:
        model: as `find_model`. folder: is made; files of a model already there are replaced.
        repo_id: the hub id that the card's example shall name.

    Returns:
        The folder: `model.json`, `model.onnx`, `shapes.safetensors`, `README.md`, and `training.safetensors`
        where the model has it.

    Raises:
        ModelError: there is no such model. OutputError: the folder cannot be written.
    """
    source, target = find_model(model), Path(folder)
    for name in MODEL_FILES:
        if not (source / name).is_file():
            raise ModelError(f"model {source}: {name} is missing; export the model again")
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target}: is not a folder; pass another")
    for name in (*MODEL_FILES, TRAINING_FILE):
        if source.resolve() != target.resolve() and (source / name).is_file():
            write_atomic(target / name, (source / name).read_bytes())
    card = json.loads((source / CARD_FILE).read_text(encoding="utf-8"))
    write_atomic(target / "README.md", model_card(card, repo_id or str(target)).encode())
    return target


def push_to_hub(
    model: str | os.PathLike[str] | None,
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    commit_message: str = "Push model using unrender",
) -> str:
    """Upload a model, with its card, to the hub.

    Args:
        model: as `find_model`. repo_id: "owner/name"; is made if it does not exist.
        private, token, commit_message: as everywhere in huggingface_hub.

    Returns:
        The address of the commit.

    Raises:
        ModelError: there is no such model, or the hub does not take it.
    """
    import tempfile

    from huggingface_hub import HfApi

    api = HfApi(token=token)
    with tempfile.TemporaryDirectory(prefix="unrender-") as folder:
        save_pretrained(model, folder, repo_id=repo_id)
        try:
            known = api.create_repo(repo_id, private=private, exist_ok=True, repo_type="model").repo_id
            commit = api.upload_folder(repo_id=known, folder_path=folder, commit_message=commit_message)
        except Exception as error:
            reason = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise ModelError(f"model {repo_id}: the hub does not take it ({reason})") from None
    return str(commit.commit_url)


def model_card(card: Mapping[str, Any], repo_id: str) -> str:
    """The text of a hub README: metadata that the hub reads, then what the model is and how to use it."""
    from huggingface_hub import ModelCardData

    categories = [str(name) for name in card["shape_categories"]]
    data = ModelCardData(
        license=str(card["licence"]).split(";")[0].strip().lower(),
        library_name="unrender",
        pipeline_tag="image-to-3d",
        tags=["image-to-3d", "mesh", "single-view-reconstruction", "differentiable-rendering", "onnx"],
    )
    about = f"Trained on: {card['data']}." if card.get("data") else ""
    return f"""---
{data.to_yaml()}
---

# {card["name"]} {card["version"]}

Turns one photo of an object into a textured triangle mesh with its camera and light, on a CPU, with
`unrender`. It knows: {", ".join(categories)}.

Licence: {card["licence"]}. {about}

```python
import unrender

reconstructor = unrender.Reconstructor.from_pretrained("{repo_id}")
reconstructor("photo.jpg").export("object.glb")
```

| file | content |
| --- | --- |
| `{MODEL_FILE}` | the network, ONNX: photo to mask, camera, shape coefficients, light, texture |
| `{SHAPES_FILE}` | the shape spaces of the categories |
| `{TRAINING_FILE}` | weights that only training needs |
| `{CARD_FILE}` | configuration: name, version, licence, categories, picture size |

Objects of other categories come out in the shape of one that it knows. The side that a photo does not show is
a guess, and scale is relative.
"""
