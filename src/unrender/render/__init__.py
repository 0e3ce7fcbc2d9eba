"""Differentiable rendering on the CPU: rasterize, interpolate, sample textures, soft masks, whole pictures.

numpy arrays in give numpy arrays out, without torch; tensors in give tensors with exact gradients. The names
below are loaded at first use: a process that only needs some kernels starts faster.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unrender.render import notice  # noqa: F401  (announces compilation)

if TYPE_CHECKING:
    from unrender.render.antialiasing import antialias, make_edge_links
    from unrender.render.derivatives import barycentric_derivatives, interpolate_derivatives
    from unrender.render.fragments import Fragments
    from unrender.render.kernels.threads import set_num_threads
    from unrender.render.operations import interpolate, rasterize, soft_mask
    from unrender.render.pyramid import Pyramid, make_pyramid
    from unrender.render.scene import RenderResult, Surface, render, render_surface
    from unrender.render.texturing import sample_cube_map, sample_texture
    from unrender.render.warming import warm

_HOME = {
    "Fragments": "fragments",
    "Pyramid": "pyramid",
    "RenderResult": "scene",
    "Surface": "scene",
    "antialias": "antialiasing",
    "barycentric_derivatives": "derivatives",
    "interpolate": "operations",
    "interpolate_derivatives": "derivatives",
    "make_edge_links": "antialiasing",
    "make_pyramid": "pyramid",
    "rasterize": "operations",
    "render": "scene",
    "render_surface": "scene",
    "sample_cube_map": "texturing",
    "sample_texture": "texturing",
    "set_num_threads": "kernels.threads",
    "soft_mask": "operations",
    "warm": "warming",
}

__all__ = [
    "Fragments",
    "Pyramid",
    "RenderResult",
    "Surface",
    "antialias",
    "barycentric_derivatives",
    "interpolate",
    "interpolate_derivatives",
    "make_edge_links",
    "make_pyramid",
    "rasterize",
    "render",
    "render_surface",
    "sample_cube_map",
    "sample_texture",
    "set_num_threads",
    "soft_mask",
    "warm",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"unrender.render.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'unrender.render' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
