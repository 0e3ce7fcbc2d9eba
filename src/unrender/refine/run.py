"""`Refiner`: a reconstruction, its photo and a budget to a better reconstruction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from unrender.camera import Camera
from unrender.errors import InputError
from unrender.export.glb import mesh_to_glb
from unrender.image import Photo, crop_square
from unrender.mesh import Mesh
from unrender.reconstruct import Reconstruction, Reconstructor
from unrender.reconstruct.bake import bake
from unrender.refine.budget import Budget, parse_budget
from unrender.refine.config import RefineConfig
from unrender.refine.region import follow_edges, resized, voted_mask
from unrender.refine.solver import Solver, State
from unrender.render.kernels import rasterize
from unrender.template import make_template
from unrender.texture import srgb_to_linear

_BAKE_SIZE = 256
_DEPTH_SIZE = 128
_STILL = 0.02
"""Largest movement of a vertex in pixels below which a step has changed nothing."""


@dataclass(frozen=True)
class RefineProgress:
    """Where a refinement is: iterations done, share of the budget used, and the mask IoU it has reached."""

    iteration: int
    share: float
    iou: float


class Refiner:
    """Refines what one `Reconstructor` made. Calls from several threads are safe."""

    def __init__(self, reconstructor: Reconstructor, config: RefineConfig | None = None) -> None:
        self.reconstructor = reconstructor
        self.config = config or RefineConfig()

    def refine(
        self,
        photo: Photo,
        result: Reconstruction,
        budget: Budget | str = "3s",
        *,
        mask: np.ndarray | None = None,
        on_progress: Callable[[RefineProgress], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Reconstruction:
        """Optimise camera, shape, texture and light against the photo.

        Stops when the budget is used up or nothing changes any more. The mask that is fitted is the one
        given, else the photo's transparency, else the network's from several looks.

        Args:
            photo: what `result` was made from. result: of the reconstructor, with its own category.
            budget: "3s", "200it" or a `Budget`.
            mask: bool [H, W] of the whole photo, where one was given.
            on_progress: called after every iteration. cancel: asked after every iteration; true stops.

        Returns:
            A new result; `coefficients` are those of the shape space, the mesh has the offsets as well.

        Raises:
            InputError: a wrong budget, or a mask of another size than the photo.
        """
        begun = time.monotonic()
        limit = parse_budget(budget) if isinstance(budget, str) else budget
        if mask is not None and np.shape(mask) != (photo.height, photo.width):
            raise InputError(
                f"mask: expected the photo's size [{photo.height}, {photo.width}], got {list(np.shape(mask))}"
            )
        if mask is None and photo.alpha is not None:
            mask = photo.alpha > 127
        size, crop = self.config.size, result.crop
        close = crop_square(photo.pixels, *crop, _BAKE_SIZE)
        if mask is None:
            voted = voted_mask(self.reconstructor.runtime, photo.pixels, crop, size, self.config.views)
            wanted = follow_edges(voted, resized(close, size))
        else:
            wanted = crop_square(np.asarray(mask, np.float32), *crop, size, 0.0)
        scale = size / crop[2]
        solver = Solver(
            self.reconstructor.spaces[result.category], wanted, result.camera.fx * scale, self.config,
            State(result.camera.rotation, result.camera.translation, result.coefficients, 0.0),
        )  # fmt: skip
        if (wanted > 0.5).sum() >= 8:
            self._iterate(solver, limit, begun, on_progress, cancel)
        refined = self._dressed(solver, result, close, wanted)
        if mask is None:
            refined.mask = _whole_mask(wanted, crop, photo)
        refined.timings_ms = result.timings_ms | {"refine": 1e3 * (time.monotonic() - begun)}
        return refined

    def _iterate(
        self,
        solver: Solver,
        limit: Budget,
        begun: float,
        on_progress: Callable[[RefineProgress], None] | None,
        cancel: Callable[[], bool] | None,
    ) -> None:
        done = last_gain = 0
        config = self.config
        while (share := limit.share(begun, done)) < 1:
            before = solver.best.iou
            moved = solver.step(min(1.0, max(done / config.iterations, share)))
            done += 1
            if solver.best.iou > before + 1e-4:
                last_gain = done
            if on_progress is not None:
                on_progress(RefineProgress(done, limit.share(begun, done), solver.best.iou))
            settled = moved < _STILL or done - last_gain >= config.patience
            if (done >= config.iterations and settled) or (cancel is not None and cancel()):
                return

    def _dressed(
        self, solver: Solver, result: Reconstruction, close: np.ndarray, wanted: np.ndarray
    ) -> Reconstruction:
        """The best state with its texture, light and camera."""
        best, runtime = solver.best, self.reconstructor.runtime
        guess = runtime(resized(close, runtime.image_size))
        vertices = solver.vertices(best).astype(np.float32)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = best.rotation, best.translation
        focal = solver.focal * _BAKE_SIZE / self.config.size
        half = _BAKE_SIZE / 2
        camera = Camera(_BAKE_SIZE, _BAKE_SIZE, focal, focal, half, half, matrix)
        template = make_template(3)
        clip = camera.to_clip(vertices).astype(np.float32)[None]
        depth = rasterize.forward(clip, template.faces, _DEPTH_SIZE, _DEPTH_SIZE)[2][0]
        size = result.texture.shape[0]
        predicted = _enlarged(srgb_to_linear(guess.texture).astype(np.float32), size)
        soft = _enlarged(wanted[..., None].astype(np.float32), _BAKE_SIZE)[..., 0]
        texture, light = bake(
            vertices, matrix, focal, close, soft, depth, predicted, guess.light,
            lit=result.appearance == "photo",
        )  # fmt: skip
        mesh = Mesh(vertices, template.faces, template.uvs, template.uv_faces, texture)
        x, y, side = result.crop
        return replace(
            result,
            mesh=mesh,
            light=light,
            camera=replace(
                camera, width=result.camera.width, height=result.camera.height,
                fx=focal * side / _BAKE_SIZE, fy=focal * side / _BAKE_SIZE, cx=x + side / 2, cy=y + side / 2,
            ),
            coefficients=best.unknowns[: solver.space.size],
            glb=mesh_to_glb(mesh, appearance=result.appearance),
            mesh_path=None,
        )  # fmt: skip


def _enlarged(values: np.ndarray, size: int) -> np.ndarray:
    """Bilinear enlargement of float32 [h, h, C] to `size`."""
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(values[..., c])).resize(
                (size, size), Image.Resampling.BILINEAR
            )
        )
        for c in range(values.shape[-1])
    ]
    return np.stack(planes, axis=-1)


def _whole_mask(wanted: np.ndarray, crop: tuple[float, float, float], photo: Photo) -> np.ndarray:
    """bool [H, W]: the crop's mask in the whole photo."""
    x, y, side = crop
    cells = len(wanted)
    u = np.floor((np.arange(photo.width) + 0.5 - x) / side * cells).astype(int)
    v = np.floor((np.arange(photo.height) + 0.5 - y) / side * cells).astype(int)
    across, down = (u >= 0) & (u < cells), (v >= 0) & (v < cells)
    mask = np.zeros((photo.height, photo.width), bool)
    mask[np.ix_(down, across)] = wanted[np.ix_(v[down], u[across])] > 0.5
    return mask
