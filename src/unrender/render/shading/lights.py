"""Lights with a place. A directional light is just a `towards` vector and a radiance."""

from __future__ import annotations

from typing import Any

from unrender.render.shading.arrays import check_vectors, dot, library


def point_light(points: Any, position: Any, intensity: Any) -> tuple[Any, Any]:
    """What a point light sends to surface points, for `lambert`, `phong` and `shade_ggx`.

    Args:
        points: [..., 3] surface points, in the frame of `position`.
        position: [..., 3], broadcasts to `points`; [B, 1, 1, 3] for pictures.
        intensity: [..., C]; at distance 1 it lights a facing white surface to this colour, at distance d to
            intensity / d^2.

    Returns:
        (towards [..., 3] unit vectors from the surface to the light, radiance [..., C]).
        A point at the light itself gets the zero vector.

    Raises:
        InputError: wrong shapes.
    """
    check_vectors(points=points, position=position)
    away = position - points
    squared = dot(away, away)
    safe = library(away).where(squared > 0, squared, 0 * squared + 1)
    return away / safe**0.5, intensity / safe
