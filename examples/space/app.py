"""A Gradio app for a Hugging Face Space or this machine: `pip install gradio unrender`, `python app.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import gradio as gr
import numpy as np

import unrender
from unrender.errors import UnrenderError

reconstructor = unrender.Reconstructor.from_pretrained()


def reconstruct(photo: np.ndarray | None, loop: bool, unlit: bool) -> tuple[str, dict]:
    """GLB file and facts of a photo, uint8 [H, W, 3]."""
    if photo is None:
        raise gr.Error("Choose a photo first.")
    try:
        result = reconstructor(photo, loop=loop, appearance="photo" if unlit else "albedo")
        path = Path(tempfile.mkdtemp(prefix="unrender-")) / "object.glb"
        result.export(path)
    except UnrenderError as error:
        raise gr.Error(str(error)) from None
    facts = {"category": result.category, "confidence": round(result.confidence, 3)}
    return str(path), facts | {"ms": round(sum(result.timings_ms.values()))}


app = gr.Interface(
    reconstruct,
    inputs=[
        gr.Image(type="numpy", label="Photo"),
        gr.Checkbox(True, label="Correct the first guess"),
        gr.Checkbox(False, label="Keep the photo's light in the colours"),
    ],
    outputs=[gr.Model3D(label="Mesh"), gr.JSON(label="What it is")],
    title="unrender: one photo to a mesh",
    flagging_mode="never",
)

if __name__ == "__main__":
    app.launch()
