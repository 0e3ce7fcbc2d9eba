"""What may move in a refinement: the category's coefficients and smooth fields, and what makes steps smooth.

The fields (`unrender.smooth_fields`) are smooth over the template's sphere, where the two sides of a
tail or a wing lie far apart; large ones take one side through the other, so they are held firmly.
`smooth_in_space` moves points the more alike the nearer they are in space, so that both sides of a thin part
go together.
"""

from __future__ import annotations

import numpy as np

from unrender.reconstruct.proportions import Proportions
from unrender.refine.config import RefineConfig
from unrender.render.kernels.jit import relaxed
from unrender.shape_space import ShapeSpace
from unrender.smooth_fields import smooth_fields
from unrender.template import make_template
from unrender.topology import edge_faces

LEVELS = 3
"""Gaussians of the kernel; each is half as wide as the one before."""


class Deformation:
    """The unknowns of one category; the same for all photos.

    Attributes:
        space: the category's. mean: float64 [V, 3].
        flat: float64 [K + M, V * 3], displacements by the K coefficients and M fields.
        basis: the same as [V, 3, K + M].
        faces: int32 [F, 3]. edge_vertices, edge_faces: int32 [E, 2]. mirror: int [V].
        proportions: of the category's shapes.
    """

    def __init__(self, space: ShapeSpace, config: RefineConfig) -> None:
        template = make_template(3)
        table = edge_faces(template.faces)
        self.space, self.mirror = space, template.mirror
        self.faces = np.ascontiguousarray(template.faces, np.int32)
        self.edge_vertices = np.ascontiguousarray(table.vertices, np.int32)
        self.edge_faces = np.ascontiguousarray(table.faces, np.int32)
        self.mean = space.mean.astype(np.float64)
        self.proportions = Proportions.of(space)
        fields = smooth_fields(config.degrees, config.amplitude, config.antisymmetric)
        fields = fields * [config.sideways, 1.0, 1.0]
        basis = np.concatenate([space.basis.astype(np.float64), fields])
        self.flat = np.ascontiguousarray(basis.reshape(len(basis), -1))
        self.basis = np.ascontiguousarray(basis.transpose(1, 2, 0))

    def vertices(self, unknowns: np.ndarray) -> np.ndarray:
        """float64 [V, 3], object frame, for unknowns [K + M]."""
        return self.mean + (unknowns @ self.flat).reshape(self.mean.shape)


def smooth_in_space(points: np.ndarray, values: np.ndarray, reach: float) -> np.ndarray:
    """sum_j k(|x_i - x_j|) values_j, k the mean of Gaussians of deviation reach, reach / 2, reach / 4.

    Args:
        points: float64 [V, 3]. values: float64 [V, C]. reach: in the points' unit.
    """
    out = np.empty_like(values)
    _smooth(points, np.ascontiguousarray(values), 0.5 / reach**2, out)
    return out


@relaxed
def _smooth(points, values, sharpness, out):
    out[:] = values
    count, columns = values.shape
    for i in range(count):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for j in range(i):
            dx, dy, dz = points[j, 0] - x, points[j, 1] - y, points[j, 2] - z
            near = np.exp(-sharpness * (dx * dx + dy * dy + dz * dz))
            total = near
            for _ in range(LEVELS - 1):
                near = near * near
                near = near * near
                total += near
            total /= LEVELS
            for c in range(columns):
                out[i, c] += total * values[j, c]
                out[j, c] += total * values[i, c]
