"""Differentiable rendering on the CPU: rasterize, interpolate, sample textures, soft masks, whole pictures.

numpy arrays in give numpy arrays out, without torch; tensors in give tensors with exact gradients.
"""

from __future__ import annotations

from unrender.render import notice  # noqa: F401  (announces compilation)
from unrender.render.antialiasing import antialias, make_edge_links
from unrender.render.derivatives import barycentric_derivatives, interpolate_derivatives
from unrender.render.fragments import Fragments
from unrender.render.kernels.threads import set_num_threads
from unrender.render.operations import interpolate, rasterize, soft_mask
from unrender.render.pyramid import Pyramid, make_pyramid
from unrender.render.scene import RenderResult, Surface, render, render_surface
from unrender.render.texturing import sample_cube_map, sample_texture
from unrender.render.warm import warm

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
