"""How a reconstruction shows itself in a notebook: a mesh to turn, without any request to anywhere."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

from unrender.export.turntable import sheet_png
from unrender.export.views import turn_frames

if TYPE_CHECKING:
    from unrender.reconstruct.result import Reconstruction

VIEWS = 24
SIZE = 224


def result_html(result: Reconstruction) -> str:
    """HTML with views all round the mesh on a slider, its facts, and the GLB to download.

    Everything is inside the text: one picture of all views, of which a window shows one. The slider needs a
    notebook that is trusted; in others the front is seen.
    """
    strip = base64.b64encode(sheet_png(turn_frames(result.mesh, VIEWS, SIZE), columns=VIEWS)).decode()
    glb = base64.b64encode(result.glb).decode()
    facts = (
        f"{html.escape(result.category)} {result.confidence:.2f} · {len(result.mesh.faces)} triangles · "
        f"{sum(result.timings_ms.values()):.0f} ms"
    )
    move = f"this.previousElementSibling.style.backgroundPositionX=(-{SIZE}*this.value)+'px'"
    return (
        '<div style="display:inline-block">'
        f'<div role="img" aria-label="The mesh" style="width:{SIZE}px;height:{SIZE}px;'
        f'background-image:url(data:image/png;base64,{strip})"></div>'
        f'<input type="range" min="0" max="{VIEWS - 1}" value="0" aria-label="Turn" style="width:{SIZE}px"'
        f' oninput="{move}">'
        f'<div>{facts} · <a download="object.glb" href="data:model/gltf-binary;base64,{glb}">GLB</a></div>'
        "</div>"
    )
