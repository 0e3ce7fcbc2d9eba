"""Plain float64 torch version of `unrender.render.antialias`: the oracle of its tests."""

from __future__ import annotations

import torch
from torch import Tensor

from unrender.render.fragments import Fragments


def antialias_reference(image: Tensor, clip: Tensor, fragments: Fragments) -> Tensor:
    """Every pair of neighbours by itself; image [B, H, W, C], clip [B, V, 4], w > 0 everywhere.

    On the way from the nearer pixel's centre each face of the surface occupies an interval; from the face
    seen there, go on to the face that shares the edge at the interval's end and lies at its other side, until
    there is none. That end is d.
    """
    height, width = fragments.size
    faces = [tuple(face) for face in torch.as_tensor(fragments.faces).tolist()]
    clip, image = clip.to(torch.float64), image.to(torch.float64)
    pixels = torch.stack(
        [
            (clip[..., 0] / clip[..., 3] + 1) * width / 2 - 0.5,
            (1 - clip[..., 1] / clip[..., 3]) * height / 2 - 0.5,
        ],
        -1,
    )
    result = []
    for picture in range(len(image)):
        rows = [list(image[picture, row].unbind(0)) for row in range(height)]
        index = fragments.face_index[picture].tolist()
        for row in range(height):
            for column in range(width):
                for other in ((row, column + 1), (row + 1, column)):
                    if other[0] < height and other[1] < width:
                        pair = ((row, column), other)
                        _blend(rows, image[picture], clip[picture], pixels[picture], faces, index,
                               fragments.barycentrics[picture], pair)  # fmt: skip
        result.append(torch.stack([torch.stack(row) for row in rows]))
    return torch.stack(result)


def _blend(rows, image, clip, pixels, faces, index, weights, pair) -> None:
    one, two = pair
    seen = [index[place[0]][place[1]] for place in pair]
    if seen[0] == seen[1]:
        return
    z = []
    for place, face in zip(pair, seen, strict=True):
        corner = weights[place].detach().to(clip) @ clip[list(faces[face])] if face >= 0 else None
        z.append(float("inf") if corner is None else float((corner[2] / corner[3]).detach()))
    near, far, start, goal = (one, two, *seen) if z[0] <= z[1] else (two, one, seen[1], seen[0])
    distance = _distance(pixels, faces, near, far, start, goal)
    if distance is None:
        return
    share = distance - 0.5
    if float(share) > 0:
        rows[far[0]][far[1]] = rows[far[0]][far[1]] + share * (image[near] - image[far])
    else:
        rows[near[0]][near[1]] = rows[near[0]][near[1]] - share * (image[far] - image[near])


def _distance(pixels, faces, near, far, start, goal):
    """d, or None where no silhouette lies between the two pixels."""
    centre = torch.tensor([near[1], near[0]], dtype=torch.float64)
    step = torch.tensor([far[1], far[0]], dtype=torch.float64) - centre
    across = torch.stack([-step[1], step[0]])
    face = start
    for _ in range(len(faces)):
        ends = []
        for k in range(3):
            a, b = (v for i, v in enumerate(faces[face]) if i != k)
            p, q = pixels[a] - centre, pixels[b] - centre
            heights = (p @ across, q @ across)
            if (float(heights[0]) > 0) != (float(heights[1]) > 0):
                t = heights[0] / (heights[0] - heights[1])
                ends.append((p @ step + t * (q - p) @ step, a, b, k))
        if not ends:
            return None
        d, a, b, k = max(ends, key=lambda end: float(end[0]))
        if float(d) > 1:
            return None
        normal = pixels[b] - pixels[a]
        normal = torch.stack([-normal[1], normal[0]])
        own = float((pixels[faces[face][k]] - pixels[a]) @ normal)
        following = [
            number for number, other in enumerate(faces)
            if number != face and a in other and b in other
            and float((pixels[next(v for v in other if v not in (a, b))] - pixels[a]) @ normal) * own < 0
        ]  # fmt: skip
        if not following:
            edge = (pixels[b] - pixels[a]).abs()
            steep = float(edge[1]) >= float(edge[0])
            return d.clamp(min=0) if steep == (float(step[0]) != 0) else None
        if goal in following:
            return None
        face = following[0]
    return None
