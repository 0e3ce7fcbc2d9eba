"""Models in folders and on a hub that is not there: what would be asked of huggingface_hub."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from unrender.errors import ModelError, OutputError
from unrender.network.runtime import TRAINING_FILE
from unrender.reconstruct.hub import (
    DEFAULT_MODEL,
    MODEL_FILES,
    find_model,
    model_card,
    push_to_hub,
    save_pretrained,
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    card = {
        "name": "birds",
        "version": "1.2",
        "licence": "Apache-2.0; clean data",
        "shape_categories": ["bird"],
    }
    (folder / "model.json").write_text(json.dumps(card))
    (folder / "model.onnx").write_bytes(b"network")
    (folder / "shapes.safetensors").write_bytes(b"shapes")
    return folder


def test_find_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model(None) == DEFAULT_MODEL and find_model(model) == model
    asked: dict[str, Any] = {}

    def download(name: str, **settings: Any) -> str:
        asked.update(name=name, **settings)
        return str(model)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_model("me/birds", revision="v2", token="t", local_files_only=True) == model
    assert asked == {
        "name": "me/birds", "revision": "v2", "token": "t", "local_files_only": True,
        "allow_patterns": [*MODEL_FILES, TRAINING_FILE],
    }  # fmt: skip

    def refuse(name: str, **settings: Any) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("no network\nmore")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(ModelError, match=r"^model me/birds: cannot be fetched from the hub .no network.$"):
        find_model("me/birds")
    for name in ("./a/b", "/a/b", "a", "a/b/c", "a/"):
        with pytest.raises(ModelError, match="no such folder"):
            find_model(name)


def test_the_hub_is_asked_for_real_and_offline_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="cannot be fetched"):
        find_model("nobody-at-all/nothing", cache_dir=tmp_path, local_files_only=True)


def test_save_pretrained(model: Path, tmp_path: Path) -> None:
    target = save_pretrained(model, tmp_path / "new" / "folder", repo_id="me/birds")
    assert sorted(path.name for path in target.iterdir()) == sorted([*MODEL_FILES, "README.md"])
    assert (target / "model.onnx").read_bytes() == b"network"
    card = huggingface_hub.ModelCard.load(target / "README.md")  # as the hub reads it
    assert card.data.license == "apache-2.0" and card.data.library_name == "unrender"
    assert card.data.pipeline_tag == "image-to-3d"
    assert 'from_pretrained("me/birds")' in card.text and "bird" in card.text
    assert find_model(target) == target
    save_pretrained(target, target)  # onto itself: the card is written, the rest stays
    (model / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx is missing"):
        save_pretrained(model, tmp_path / "other")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        save_pretrained(target, tmp_path / "file")


def test_push_to_hub(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    class Api:
        def __init__(self, token: str | None = None) -> None:
            seen["token"] = token

        def create_repo(self, repo_id: str, **settings: Any) -> SimpleNamespace:
            seen["create"] = (repo_id, settings)
            return SimpleNamespace(repo_id=repo_id)

        def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str) -> SimpleNamespace:
            seen["files"] = sorted(path.name for path in Path(folder_path).iterdir())
            seen["message"] = commit_message
            if repo_id == "me/closed":
                raise ValueError("403\nforbidden")
            return SimpleNamespace(commit_url="where")

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert push_to_hub(model, "me/birds", private=True, token="t", commit_message="New") == "where"
    assert seen["create"] == ("me/birds", {"private": True, "exist_ok": True, "repo_type": "model"})
    assert seen["files"] == sorted([*MODEL_FILES, "README.md"])
    assert seen["token"] == "t" and seen["message"] == "New"
    with pytest.raises(ModelError, match=r"does not take it .403."):
        push_to_hub(model, "me/closed")


def test_card_of_the_model_in_the_package() -> None:
    text = model_card(json.loads((DEFAULT_MODEL / "model.json").read_text()), "me/unrender")
    huggingface_hub.ModelCard(text).data.to_dict()
    assert "license: apache-2.0" in text
