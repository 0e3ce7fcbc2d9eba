"""`Refiner`: a reconstruction, its photo and a budget to a better reconstruction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from unrender.camera import Camera
from unrender.errors import InputError
from unrender.export.glb import mesh_to_glb
from unrender.image import Photo, crop_square
from unrender.light import balanced
from unrender.mesh import Mesh
from unrender.reconstruct import Reconstruction, Reconstructor
from unrender.reconstruct.bake import bake
from unrender.reconstruct.guided import guided_mask
from unrender.reconstruct.region import enlarge, whole_mask
from unrender.refine.budget import Budget, parse_budget
from unrender.refine.config import RefineConfig
from unrender.refine.deformation import Deformation
from unrender.refine.finish import Finish
from unrender.refine.region import resized, voted_mask
from unrender.refine.solver import Solver, State
from unrender.render.kernels import rasterize
from unrender.template import make_template
from unrender.texture import srgb_to_linear

_BAKE_SIZE = 256
_DEPTH_SIZE = 128
_FLAT = 2e-3
"""Variance of colours below which the picture is taken as flat where the mask follows its edges."""
_STILL = 0.02
"""Largest movement of a vertex in pixels below which a step has changed nothing."""
_GAIN = 1e-4
"""Least growth of the mask IoU that counts as one."""
_SMOOTH_SHARE = 0.5
"""Share of the budget that the smooth part may use."""


@dataclass(frozen=True)
class RefineProgress:
    """Where a refinement is: iterations done, share of the budget used, and the mask IoU it has reached."""

    iteration: int
    share: float
    iou: float


class _Clock:
    """Counts iterations, tells about them, and knows how much of the budget is used up."""

    def __init__(
        self,
        limit: Budget,
        begun: float,
        on_progress: Callable[[RefineProgress], None] | None,
        cancel: Callable[[], bool] | None,
    ) -> None:
        self.limit, self.begun, self.on_progress, self.cancel = limit, begun, on_progress, cancel
        self.done = 0
        self.stopped = False

    @property
    def share(self) -> float:
        """Of the budget, 0 to 1."""
        return self.limit.share(self.begun, self.done)

    def tick(self, iou: float) -> None:
        """An iteration is over."""
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(RefineProgress(self.done, self.share, iou))
        self.stopped = self.cancel is not None and self.cancel()


class Refiner:
    """Refines what one `Reconstructor` made. Calls from several threads are safe."""

    def __init__(self, reconstructor: Reconstructor, config: RefineConfig | None = None) -> None:
        self.reconstructor = reconstructor
        self.config = config or RefineConfig()
        self._deformations: dict[str, Deformation] = {}

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
            wanted = guided_mask(resized(close, size), voted, epsilon=_FLAT)
        else:
            wanted = crop_square(np.asarray(mask, np.float32), *crop, size, 0.0)
        scale = size / crop[2]
        solver = Solver(
            self._deformation(result.category), wanted, result.camera.fx * scale, self.config,
            State(result.camera.rotation, result.camera.translation, result.coefficients, 0.0),
            result.mesh.vertices,
        )  # fmt: skip
        vertices = solver.vertices(solver.best)
        if (wanted > 0.5).sum() >= 8:
            vertices = self._iterate(solver, _Clock(limit, begun, on_progress, cancel))
        refined = self._dressed(solver, vertices.astype(np.float32), result, close, wanted)
        if mask is None:
            refined.mask = whole_mask(wanted, crop, photo.width, photo.height)
        refined.timings_ms = result.timings_ms | {"refine": 1e3 * (time.monotonic() - begun)}
        return refined

    def _deformation(self, category: str) -> Deformation:
        if category not in self._deformations:
            space = self.reconstructor.spaces[category]
            self._deformations[category] = Deformation(space, self.config)
        return self._deformations[category]

    def _iterate(self, solver: Solver, clock: _Clock) -> np.ndarray:
        """Both parts, the smooth one in at most half of the budget; the vertices float64 [V, 3]."""
        config, last_gain, moved = self.config, 0, np.inf
        while clock.share < _SMOOTH_SHARE and not clock.stopped:
            settled = moved < _STILL or clock.done - last_gain >= config.patience
            if clock.done >= config.iterations and settled:
                break
            before = solver.best.iou
            moved = solver.step(min(1.0, max(clock.done / config.iterations, clock.share / _SMOOTH_SHARE)))
            last_gain = clock.done + 1 if solver.best.iou > before + _GAIN else last_gain
            clock.tick(solver.best.iou)
        finish, begun, first = Finish(solver, config.finish), clock.share, clock.done
        last_gain = first
        while clock.share < 1 and not clock.stopped:
            steps = clock.done - first
            if steps >= config.finish.steps or clock.done - last_gain >= config.finish.patience:
                break
            before = finish.iou
            spent = (clock.share - begun) / (1 - begun)
            finish.step(max(steps / config.finish.steps, spent))
            last_gain = clock.done + 1 if finish.iou > before + _GAIN else last_gain
            clock.tick(finish.iou)
        return finish.vertices

    def _dressed(
        self,
        solver: Solver,
        vertices: np.ndarray,
        result: Reconstruction,
        close: np.ndarray,
        wanted: np.ndarray,
    ) -> Reconstruction:
        """The vertices float32 [V, 3] with the best state's camera, texture and light."""
        best, runtime = solver.best, self.reconstructor.runtime
        guess = runtime(resized(close, runtime.image_size))
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = best.rotation, best.translation
        focal = solver.focal * _BAKE_SIZE / self.config.size
        half = _BAKE_SIZE / 2
        camera = Camera(_BAKE_SIZE, _BAKE_SIZE, focal, focal, half, half, matrix)
        template = make_template(3)
        clip = camera.to_clip(vertices).astype(np.float32)[None]
        depth = rasterize.forward(clip, template.faces, _DEPTH_SIZE, _DEPTH_SIZE)[2][0]
        predicted = srgb_to_linear(guess.texture).astype(np.float32)
        soft = enlarge(wanted.astype(np.float32), _BAKE_SIZE)
        texture, light = bake(
            vertices, matrix, focal, close, soft, depth, predicted, balanced(guess.light),
            result.texture.shape[0], lit=result.appearance == "photo",
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
            coefficients=best.unknowns[: solver.known],
            glb=mesh_to_glb(mesh, appearance=result.appearance),
            mesh_path=None,
        )  # fmt: skip
