"""What may move in a refinement: the category's coefficients, and smooth warps of the space round the shape.

The warps are a Gaussian process over space, not over the surface: displacements of two points are the more alike
the nearer the points are. So the two sides of a tail, a wing or a chair's leg move together and do not pass
through each other, which fields over the template's sphere do not see. The unknowns are coefficients of the
process's Karhunen-Loeve modes, so each is of unit variance a priori, like those of the shape space.
"""

from __future__ import annotations

import numpy as np

from unrender.reconstruct.proportions import Proportions
from unrender.refine.config import RefineConfig
from unrender.render.kernels.jit import relaxed
from unrender.shape_space import ShapeSpace
from unrender.template import make_template
from unrender.topology import edge_faces

LEVELS = 3
"""Gaussians of the kernel; each is half as wide as the one before."""


class Deformation:
    """The unknowns of one category; the same for all photos.

    Attributes:
        space: the category's. mean: float64 [V, 3].
        flat: float64 [K + M, V * 3], displacements by the K coefficients and M warps. basis: the same [V, 3, K + M].
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
        warps = space_warps(
            self.mean, self.mirror, config.reach, config.amplitude, config.warps, config.antisymmetric
        )
        basis = np.concatenate([space.basis.astype(np.float64), warps * [config.sideways, 1.0, 1.0]])
        self.flat = np.ascontiguousarray(basis.reshape(len(basis), -1))
        self.basis = np.ascontiguousarray(basis.transpose(1, 2, 0))

    def vertices(self, unknowns: np.ndarray) -> np.ndarray:
        """float64 [V, 3], object frame, for unknowns [K + M]."""
        return self.mean + (unknowns @ self.flat).reshape(self.mean.shape)


def space_warps(
    points: np.ndarray, mirror: np.ndarray, reach: float, amplitude: float, count: int, antisymmetric: float
) -> np.ndarray:
    """Smooth displacements of points, whitened: each has the size that a coefficient of 1 stands for.

    The modes with the largest variance of a Gaussian process with the kernel of `smooth_in_space`: first
    functions even in x, then odd ones, each along x, y and z. An even one along y or z, or an odd one along x, keeps
    the mirror symmetry.

    Args:
        points: float64 [V, 3], mirror-symmetric. mirror: int [V], each point's mirror image.
        reach: of the kernel. amplitude: root mean square displacement along each axis, object units.
        count: of even functions, and of odd ones.
        antisymmetric: how many times smaller displacements are that break it.

    Returns:
        float64 [6 * count, V, 3].
    """
    kernel = smooth_in_space(points, np.eye(len(points)), reach)
    kernel = (kernel + kernel[mirror][:, mirror]) / 2
    warps = []
    for odd, sign in ((False, 1.0), (True, -1.0)):
        values, modes = np.linalg.eigh((kernel + sign * kernel[:, mirror]) / 2)
        sizes = amplitude * np.sqrt(np.maximum(values[: -count - 1 : -1], 0))
        for mode, size in zip(modes.T[: -count - 1 : -1], sizes, strict=True):
            for axis in range(3):
                warp = np.zeros_like(points)
                warp[:, axis] = mode * size / (1.0 if odd == (axis == 0) else antisymmetric)
                warps.append(warp)
    return np.array(warps)


def smooth_in_space(points: np.ndarray, values: np.ndarray, reach: float) -> np.ndarray:
    """sum_j k(|x_i - x_j|) values_j, k the mean of Gaussians of standard deviation reach, reach / 2, reach / 4.

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
