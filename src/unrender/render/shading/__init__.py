"""Light and material: functions of arrays that work alike for numpy arrays and torch tensors.

Everything is linear light and differentiable in every argument. The simple lights (ambient, Lambert, Phong,
spherical harmonics) are in `unrender.light`; here are lights with a place, environments and the
metallic-roughness material of glTF.
"""

from __future__ import annotations

from unrender.render.shading.environment import (
    panorama_directions,
    panorama_places,
    project_cube_map,
    project_panorama,
)
from unrender.render.shading.gaussians import (
    SphericalGaussians,
    gaussians_to_sh,
    shade_gaussians,
)
from unrender.render.shading.ggx import Material, shade_ggx
from unrender.render.shading.lights import point_light
from unrender.render.shading.prefiltered import (
    PrefilteredEnvironment,
    prefilter_cube_map,
    shade_prefiltered,
)

__all__ = [
    "Material",
    "PrefilteredEnvironment",
    "SphericalGaussians",
    "gaussians_to_sh",
    "panorama_directions",
    "panorama_places",
    "point_light",
    "prefilter_cube_map",
    "project_cube_map",
    "project_panorama",
    "shade_gaussians",
    "shade_ggx",
    "shade_prefiltered",
]
