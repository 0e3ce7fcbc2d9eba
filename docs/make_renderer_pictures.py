"""Draws the pictures of the renderer's pages: `python docs/make_renderer_pictures.py [NAME...]`.

coordinates  docs/pictures/coordinates.png, pixels, texture and cube map
edges        docs/pictures/edges.png, what a silhouette's pixels and gradients are
bias         docs/pictures/soft_mask_bias.png, how far a fitted disc's radius is off; prints the figures
lighting     docs/pictures/lighting.png, roughness and metallic under three kinds of light

Needs matplotlib, of the extra `bench`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from unrender import render
from unrender.camera import Camera, orbit
from unrender.render import shading
from unrender.template import make_template
from unrender.texture import linear_to_srgb

PICTURES = Path(__file__).resolve().parent / "pictures"
FACES = np.array([[0, 1, 2]], np.int32)


def clip_of(points: np.ndarray, size: int) -> np.ndarray:
    """Clip positions [1, V, 4] of points [V, 2] in pixels from the upper left corner."""
    clip = np.zeros((1, len(points), 4))
    clip[0, :, 0] = points[:, 0] / size * 2 - 1
    clip[0, :, 1] = 1 - points[:, 1] / size * 2
    clip[0, :, 3] = 1
    return clip


def save(figure, name: str) -> None:
    """Write and say so."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURES / name, dpi=80)
    plt.close(figure)
    print(PICTURES / name)


def make_coordinates() -> None:
    """Pixel grid with NDC, texture with uv, and the unfolded cube map."""
    figure, (pixels, texture, cube) = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
    corner = np.array([[1.2, 6.6], [7.1, 5.2], [3.4, 0.9]])
    covered = render.rasterize(clip_of(corner, 8), FACES, (8, 8)).covered[0]
    pixels.imshow(covered, extent=(0, 8, 8, 0), cmap="Greys", alpha=0.35)
    pixels.plot(*np.concatenate([corner, corner[:1]]).T, color="tab:blue")
    row, column = np.mgrid[0:8, 0:8] + 0.5
    pixels.scatter(column, row, s=6, color="tab:red")
    pixels.set(title="picture: row 0 is the top; a pixel's\ncolour is that of its centre (j + 0.5, i + 0.5)",
               xlabel="column j; x in NDC from -1 to 1", ylabel="row i; y in NDC from 1 down to -1",
               xticks=range(9), yticks=range(9))  # fmt: skip
    pixels.grid(alpha=0.4)
    rng = np.random.default_rng(0)
    texture.imshow(rng.uniform(0.3, 1, (4, 4, 3)), extent=(0, 1, 0, 1))
    for r in range(4):
        for c in range(4):
            texture.text(
                (c + 0.5) / 4, 1 - (r + 0.5) / 4, f"[{r}, {c}]", ha="center", va="center", fontsize=8
            )
    texture.set(title="texture: row 0 is v = 1; texel (r, c)\nis at u = (c + 0.5) / w, v = 1 - (r + 0.5) / h",
                xlabel="u", ylabel="v")  # fmt: skip
    places = {0: (2, 1), 1: (0, 1), 2: (1, 2), 3: (1, 0), 4: (1, 1), 5: (3, 1)}
    names = ("+x", "-x", "+y", "-y", "+z", "-z")
    for face, (x, y) in places.items():
        cube.add_patch(plt.Rectangle((x, y), 1, 1, facecolor=plt.cm.tab10(face), alpha=0.4, edgecolor="k"))
        cube.text(x + 0.5, y + 0.5, f"{face}: {names[face]}", ha="center", va="center")
    cube.set(title="cube map [6, n, n, C], seen from outside,\nunfolded round +z; each row 0 at the top",
             xlim=(-0.1, 4.1), ylim=(-0.1, 3.1), xticks=[], yticks=[], aspect="equal")  # fmt: skip
    save(figure, "coordinates.png")


def make_edges() -> None:
    """One triangle: hard, anti-aliased and soft mask; and each mask's sum while the triangle moves."""
    size, corner = 16, np.array([[2.3, 13.7], [13.2, 11.1], [6.1, 1.8]])
    clip = clip_of(corner, size)
    fragments = render.rasterize(clip, FACES, (size, size))
    hard = fragments.covered.astype(float)
    masks = {
        "hard: steps, no gradient": hard[0],
        "antialias: one pixel wide": render.antialias(hard[..., None], clip, fragments)[0, ..., 0],
        "soft_mask, delta = 1/100": render.soft_mask(clip, fragments, 1 / 100)[0],
    }
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
    for axis, (name, mask) in zip(axes, masks.items(), strict=False):
        axis.imshow(mask, extent=(0, size, size, 0), cmap="Blues", vmin=0, vmax=1.3)
        axis.plot(*np.concatenate([corner, corner[:1]]).T, color="tab:red", linewidth=1)
        axis.set(title=name, xticks=[], yticks=[])
    shifts = np.linspace(0, 2, 161)
    sums = np.zeros((3, len(shifts)))
    for k, shift in enumerate(shifts):
        moved = clip_of(corner + np.array([[0, 0], [shift, 0], [0, 0]]), size)
        seen = render.rasterize(moved, FACES, (size, size))
        full = seen.covered.astype(float)
        sums[:, k] = (
            full.sum(), render.antialias(full[..., None], moved, seen).sum(),
            render.soft_mask(moved, seen, 1 / 100).sum(),
        )  # fmt: skip
    a, b, c = corner
    area = [0.5 * abs((b[0] + s - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) for s in shifts]
    for values, label in zip(sums, ("hard", "antialias", "soft_mask"), strict=True):
        axes[3].plot(shifts, values - values[0], label=label)
    axes[3].plot(shifts, np.array(area) - area[0], "k--", label="area")
    axes[3].set(title="sum of the mask while the right\ncorner moves right", xlabel="pixels")
    axes[3].legend(fontsize=8)
    save(figure, "edges.png")


def disc(radius: float, sides: int, rings: int, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A disc of concentric rings of triangles, points [V, 2] in pixels and faces [F, 3]."""
    angles = 2 * np.pi * np.arange(sides) / sides
    circle = np.stack([np.cos(angles), np.sin(angles)], -1)
    # the polygon has the area of the circle
    radius = radius * np.sqrt(2 * np.pi / sides / np.sin(2 * np.pi / sides))
    points = [centre[None], *(centre + circle * radius * (k + 1) / rings for k in range(rings))]
    i, j = np.arange(sides), (np.arange(sides) + 1) % sides
    faces = [np.stack([0 * i, 1 + i, 1 + j], -1)]
    for k in range(1, rings):
        inner, outer = 1 + (k - 1) * sides, 1 + k * sides
        faces += [
            np.stack([inner + i, outer + i, outer + j], -1),
            np.stack([inner + i, outer + j, inner + j], -1),
        ]
    return np.concatenate(points), np.concatenate(faces).astype(np.int32)


def bias(kind: str, radius: float, sides: int, rings: int, size: int = 128) -> float:
    """Fitted minus true radius in pixels: where the squared difference to the exact coverage is least."""
    tries = radius + np.linspace(-1.5, 1.0, 11)
    losses = np.zeros(len(tries))
    fine = (np.arange(size * 16) + 0.5) / 16
    for shift in ((0.0, 0.0), (0.5, 0.25)):
        centre = size / 2 + np.array(shift)
        inside = (fine[None] - centre[0]) ** 2 + (fine[:, None] - centre[1]) ** 2 < radius**2
        target = inside.reshape(size, 16, size, 16).mean((1, 3))
        for k, guess in enumerate(tries):
            points, faces = disc(guess, sides, rings, centre)
            clip = clip_of(points, size)
            fragments = render.rasterize(clip, faces, (size, size))
            if kind == "antialias":
                mask = render.antialias(fragments.covered[..., None].astype(float), clip, fragments)[..., 0]
            else:
                mask = render.soft_mask(clip, fragments, 1 / 7000, kind)
            losses[k] += ((mask[0] - target) ** 2).sum()
    best = int(np.clip(losses.argmin(), 1, len(tries) - 2))
    low, middle, high = losses[best - 1 : best + 2]
    offset = 0.5 * (low - high) / (low - 2 * middle + high)
    return float(tries[best] + offset * (tries[1] - tries[0]) - radius)


def make_bias() -> None:
    """Bias against curvature (radius) and against tessellation (triangles round the rim, rings of them)."""
    kinds = {"product": "soft_mask, product", "nearest": "soft_mask, nearest", "antialias": "antialias"}
    runs = {
        "radius of the disc, pixels (3 triangles a pixel of it)": [(r, 3 * r, 2) for r in (4, 8, 16, 32, 48)],
        "triangles round the rim (radius 32, 2 rings)": [(32, n, 2) for n in (24, 48, 96, 192)],
        "rings of triangles (radius 32, 96 sides)": [(32, 96, k) for k in (1, 2, 8, 16)],
    }
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained", sharey=True)
    for number, (axis, (label, cases)) in enumerate(zip(axes, runs.items(), strict=True)):
        places = [case[number] for case in cases]
        for kind, name in kinds.items():
            values = [bias(kind, *case) for case in cases]
            print(label, name, [f"{value:+.3f}" for value in values])
            axis.semilogx(places, values, "o-", label=name)
        axis.axhline(0, color="k", linewidth=0.5)
        axis.set(xlabel=label, xticks=places, xticklabels=places)
        axis.minorticks_off()
    axes[0].set_ylabel("fitted minus true radius, pixels")
    axes[0].legend()
    figure.suptitle(
        "128 x 128 pixels, delta = 1/7000: the radius whose mask is nearest to the exact coverage"
    )
    save(figure, "soft_mask_bias.png")


def make_lighting() -> None:
    """Rows: one light, spherical Gaussians, environment map; columns: roughness, dielectric and metal."""
    template, size = make_template(3), 96
    camera = Camera.from_fov(size, orbit(20, 15, 3.4), 36.0)
    clip = camera.to_clip(template.vertices)[None]
    fragments = render.rasterize(clip, template.faces, (size, size))
    normals = render.interpolate(template.vertices[None].astype(np.float64), fragments)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    view = camera.position - normals
    view = view / np.linalg.norm(view, axis=-1, keepdims=True)
    lights = shading.SphericalGaussians(
        np.array([[0.5, 0.8, 0.5], [-0.9, 0.2, 0.4], [0.0, -1.0, 0.2]]), np.array([60.0, 12.0, 2.0]),
        np.array([[6.0, 5.0, 3.5], [0.8, 1.3, 2.0], [0.3, 0.25, 0.2]]),
    )  # fmt: skip
    environment = shading.prefilter_cube_map(lights.radiance(shading.environment.cube_directions(32)))
    sun = np.array([0.5, 0.8, 0.5]) / np.linalg.norm([0.5, 0.8, 0.5])
    rows = []
    for way in range(3):
        row = []
        for metallic in (0.0, 1.0):
            for roughness in (0.15, 0.4, 0.8):
                stuff = shading.Material(np.array([0.85, 0.45, 0.2]), metallic, roughness)
                if way == 0:
                    colour = shading.shade_ggx(stuff, normals, view, sun, np.ones(3))
                elif way == 1:
                    colour = shading.shade_gaussians(stuff, normals, view, lights)
                else:
                    colour = shading.shade_prefiltered(stuff, normals, view, environment)
                row.append(np.where(fragments.covered[0, ..., None], colour[0], 0.05))
        rows.append(np.concatenate(row, 1))
    figure, axis = plt.subplots(figsize=(9, 5), layout="constrained")
    axis.imshow(linear_to_srgb(np.clip(np.concatenate(rows), 0, 1).astype(np.float32)))
    labels = [f"{name}\nroughness {r}" for name in ("dielectric", "metal") for r in (0.15, 0.4, 0.8)]
    axis.set_xticks([48 + 96 * k for k in range(6)], labels)
    axis.set_yticks([48, 144, 240], ["one light", "Gaussians", "cube map"])
    save(figure, "lighting.png")


if __name__ == "__main__":
    makers = {
        "coordinates": make_coordinates, "edges": make_edges, "bias": make_bias, "lighting": make_lighting,
    }  # fmt: skip
    for name in sys.argv[1:] or makers:
        makers[name]()
