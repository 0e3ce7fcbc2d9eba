"""From learnt deformations to a whitened shape space with few vectors."""

from __future__ import annotations

import numpy as np

from unrender.own.learn import State
from unrender.shape_space import ShapeSpace

COMPONENTS = 24


def whiten(state: State, components: int = COMPONENTS) -> tuple[ShapeSpace, np.ndarray]:
    """Principal components of the deformations' covariance, as vertices.

    Returns:
        The space, and the coefficients float32 [N, K] of every photo's best hypothesis.
    """
    fields = state.fields.reshape(len(state.fields), -1)
    root = np.linalg.cholesky(state.covariance)
    _, sizes, rows = np.linalg.svd(root.T @ fields, full_matrices=False)
    kept = min(components, int((sizes > 1e-3 * sizes[0]).sum()))
    basis = sizes[:kept, None] * rows[:kept]
    mirrored = basis.reshape(kept, -1, 3).astype(np.float32)
    space = ShapeSpace(
        state.mean.astype(np.float32), mirrored, np.zeros(kept, bool), None, _canonical(state.mean)
    )
    deformations = np.array([poses[0].deformation for poses in state.poses]) @ fields
    coefficients = deformations @ (rows[:kept] / sizes[:kept, None]).T
    return space, np.clip(coefficients, -3, 3).astype(np.float32)


def _canonical(mean: np.ndarray) -> np.ndarray:
    """The mean's vertices scaled into [-1, 1]: what a pixel's label is."""
    return np.asarray(mean / np.abs(mean).max(), dtype=np.float32)


def arrays(space: ShapeSpace, name: str) -> dict[str, np.ndarray]:
    """The space as tensors of a file of shape spaces, under the prefix "NAME."."""
    canonical = space.mean if space.canonical is None else space.canonical
    return {
        f"{name}.mean": np.ascontiguousarray(space.mean),
        f"{name}.basis": np.ascontiguousarray(space.basis),
        f"{name}.antisymmetric": space.antisymmetric.astype(np.uint8),
        f"{name}.canonical": np.ascontiguousarray(canonical),
    }
