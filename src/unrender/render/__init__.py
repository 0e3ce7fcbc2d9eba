"""Differentiable rendering on the CPU: `rasterize`, `interpolate`, `sample_texture`, `soft_mask`, `render`.

numpy arrays in give numpy arrays out, without torch; torch tensors in give torch tensors with exact gradients.
"""

from __future__ import annotations

from unrender.render.fragments import Fragments
from unrender.render.kernels.threads import set_num_threads
from unrender.render.operations import interpolate, rasterize, sample_texture, soft_mask

__all__ = ["Fragments", "interpolate", "rasterize", "sample_texture", "set_num_threads", "soft_mask"]
