"""Procedural birds: any number of different ones, each from a seed, all with the same topology."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from unrender.errors import InputError
from unrender.synthesize import bird_parts
from unrender.synthesize.bird_parameters import BirdParameters, sample_parameters
from unrender.synthesize.bird_shape import build_vertices, normalise
from unrender.synthesize.plumage import paint_bird, redden_comb


@dataclass(frozen=True)
class ProceduralShape:
    """A coloured mesh from a generator.

    Attributes:
        vertices: float32 [V, 3], object frame (+Y up, front +Z, left +X), bounding-box centre at the
        origin, farthest
            vertex at radius 1.
        faces: int32 [F, 3], counter-clockwise seen from outside. Parts are closed surfaces and may intersect.
        colors: float32 [V, 3], linear albedo in [0, 1].
        part: uint8 [V], see `bird_parts.PART_NAMES`.
        canonical: float32 [V, 3], the same vertices on the generator's default object: vertex i is the
        same point
            of the anatomy in every object.
        wings_open: whether the wings are spread.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray
    part: np.ndarray
    canonical: np.ndarray
    wings_open: bool = False


@lru_cache(maxsize=1)
def canonical_vertices() -> np.ndarray:
    """The default bird (wings folded, neutral pose), float32 [V, 3], normalised. Do not write to it."""
    result = normalise(build_vertices(BirdParameters()))
    result.setflags(write=False)
    return result


def shape_from_parameters(parameters: BirdParameters) -> np.ndarray:
    """Vertices of the bird with these parameters: float32 [V, 3], normalised as in `ProceduralShape`."""
    return normalise(build_vertices(parameters))


def make_bird(seed: int, *, open_wings: bool | None = None, family: str | None = None) -> ProceduralShape:
    """The bird of a seed: shape, pose and plumage.

    Args:
        seed: >= 0; the same seed always gives the same bird.
        open_wings: wings folded (False), open (True), or open for one seed in four (None).
        family: a name of `bird_parameters.FAMILIES`, or None for any.

    Returns:
        The bird; faces, part and canonical are the same arrays for every seed (read-only).

    Raises:
        InputError: `seed` is negative or no integer, or there is no such family.
    """
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: expected an integer >= 0, got {seed!r}")
    shape_rng, paint_rng, lump_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(int(seed)).spawn(3)
    )
    parameters, chosen = sample_parameters(shape_rng, open_wings, family)
    vertices = _lumps(build_vertices(parameters), lump_rng)
    colors = paint_bird(canonical_vertices(), chosen, paint_rng)
    colors = redden_comb(colors, float(np.clip(2 * parameters.comb - 0.5, 0, 1)))
    return ProceduralShape(
        normalise(vertices), bird_parts.faces(), colors, bird_parts.part_of_vertex(), canonical_vertices(),
        parameters.wing_open > 0.5,
    )  # fmt: skip


def _lumps(vertices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth, mirror-symmetric deformation of the whole bird by a few per cent."""
    axes = np.stack([vertices[:, 0] ** 2 * 3, vertices[:, 1], vertices[:, 2]], -1)
    waves = rng.standard_normal((3, 8)) * np.array([1.0, 2.2, 2.2])[:, None]
    field = np.cos(axes @ waves + rng.uniform(0, 2 * np.pi, 8))
    shift = field @ (rng.standard_normal((8, 3)) * 0.012)
    widen = 1 + field @ (rng.standard_normal(8) * 0.02)
    return np.stack([vertices[:, 0] * widen, vertices[:, 1] + shift[:, 1], vertices[:, 2] + shift[:, 2]], -1)
