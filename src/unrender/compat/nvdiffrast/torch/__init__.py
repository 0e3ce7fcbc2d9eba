"""`nvdiffrast.torch`: rasterize, interpolate, texture, antialias, on the CPU, float32 or float64.

Row 0 of pictures and textures is at the bottom; clip space is OpenGL's; a triangle's number is its row + 1.
Source: Laine et al., "Modular Primitives for High-Performance Differentiable Rendering", ACM TOG 2020.
"""

from unrender.compat.nvdiffrast.torch.antialiasing import antialias, antialias_construct_topology_hash
from unrender.compat.nvdiffrast.torch.context import (
    RasterizeCudaContext,
    RasterizeGLContext,
    get_log_level,
    set_log_level,
)
from unrender.compat.nvdiffrast.torch.interpolation import interpolate
from unrender.compat.nvdiffrast.torch.rasterization import DepthPeeler, rasterize
from unrender.compat.nvdiffrast.torch.texturing import texture, texture_construct_mip

__all__ = [
    "DepthPeeler",
    "RasterizeCudaContext",
    "RasterizeGLContext",
    "antialias",
    "antialias_construct_topology_hash",
    "get_log_level",
    "interpolate",
    "rasterize",
    "set_log_level",
    "texture",
    "texture_construct_mip",
]
