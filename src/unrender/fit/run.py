"""The fit itself: start shape, stages from coarse to fine, texture; resumable at any step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unrender.camera import Camera
from unrender.data.capture import Capture
from unrender.errors import InputError
from unrender.fit.checkpoint import fingerprint, load_checkpoint, save_checkpoint
from unrender.fit.config import FitConfig, Stage
from unrender.fit.diffusion import Diffusion
from unrender.fit.hull import Silhouette, find_hull
from unrender.fit.objective import Scene, add_view, corrected, finish_normals, normals_of
from unrender.fit.optimizer import Adam
from unrender.fit.regularize import Regularizer, white_light
from unrender.fit.remesh import simplify, subdivide
from unrender.fit.result import FitResult
from unrender.fit.surface import extract_surface
from unrender.fit.targets import Target, View, make_target, read_views
from unrender.fit.texturing import (
    initial_texture,
    make_atlas,
    refine_texture,
    require_xatlas,
    suggested_size,
)
from unrender.fit.timelapse import FRAMES, draw_frame, up_axis
from unrender.mesh import Mesh
from unrender.template import make_template
from unrender.texture import linear_to_bytes

SAVE_SECONDS = 5.0
"""Seconds between checkpoints, at least."""


@dataclass(frozen=True)
class Progress:
    """Where a fit is.

    Attributes:
        phase: "shape" or "texture". stage: number from 0, of `stages`. step: of the stage's `steps`.
        losses: by name, not weighted, of the last step.
        seconds: since this call began. faces: of the mesh.
    """

    phase: str
    stage: int
    stages: int
    step: int
    steps: int
    losses: dict[str, float]
    seconds: float
    faces: int


def fit(
    capture: Capture,
    config: FitConfig | None = None,
    *,
    checkpoint: str | Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> FitResult:
    """Fit a textured mesh to several photos of one object.

    Args:
        capture: photos, masks and cameras (`unrender.data.capture.load_capture`). Photos without a good
            silhouette have their say on colours only. Photos may differ in size.
        config: how; the default suits most captures.
        checkpoint: file that keeps the state every few seconds; a later call with the same photos and
            settings goes on from there. The caller deletes it when it is done with it.
        on_progress: called after every step.
        cancel: asked after every step; true ends the fit early. The result is then what there is so far, with
            colours at the vertices instead of a texture, and the checkpoint allows to go on.

    Returns:
        FitResult, in the capture's world frame and unit.

    Raises:
        InputError: fewer than two usable photos, or masks and cameras that contradict each other.
        ImageError: a photo or mask is missing or damaged.
        MissingExtraError: xatlas is missing (`unrender[fit]`).
        OutputError: the checkpoint cannot be written.
    """
    require_xatlas()
    good = sum(shot.good_silhouette for shot in capture.shots)
    if good < 2:
        raise InputError(
            f"{capture.folder}: has {good} photo with a usable mask, and a fit needs at least 2 "
            "(8 or more from all sides are better); for a single photo use `unrender PHOTO --refine 3s`"
        )
    run = _Run(
        read_views(capture.shots), capture.bounds, config or FitConfig(), checkpoint, on_progress, cancel
    )
    return run.go()


class _Run:
    """One fit: views in the frame in which the start shape's box has side 1, and the state."""

    def __init__(
        self,
        views: list[View],
        bounds: np.ndarray | None,
        config: FitConfig,
        checkpoint: str | Path | None,
        on_progress: Callable[[Progress], None] | None,
        cancel: Callable[[], bool] | None,
    ) -> None:
        self.began = time.monotonic()
        self.config, self.on_progress, self.cancel = config, on_progress, cancel
        self.world_views, self.bounds = views, bounds
        self.path = None if checkpoint is None else Path(checkpoint)
        self.key = fingerprint(views, config)
        self.saved = time.monotonic()
        self.frames: list[np.ndarray] = []
        self.losses: dict[str, float] = {}
        self.shape_state: dict[str, np.ndarray] | None = None
        self.stage = self.step = 0
        self.resumed = self.path is not None and self._restore(self.path)
        if not self.resumed:
            self._begin()
        self.views = [replace(view, camera=self._unit(view.camera)) for view in views]
        self.up = up_axis([view.camera for view in views])

    def go(self) -> FitResult:
        """Run what is left."""
        stages = self.config.schedule
        while self.stage < len(stages):
            if not self._run_stage(stages[self.stage], len(stages)):
                self._save()
                return self._result(None)
            self.stage, self.step, self.shape_state = self.stage + 1, 0, None
            self._save()
        return self._finish()

    def _begin(self) -> None:
        """The start shape, in its own unit box."""
        silhouettes = [
            Silhouette.from_mask(view.camera, view.mask) for view in self.world_views if view.silhouette
        ]
        grid = find_hull(silhouettes, self.bounds, self.config.grid)
        vertices, faces = extract_surface(grid)
        low, high = vertices.min(0), vertices.max(0)
        self.centre, self.side = (low + high) / 2, float((high - low).max())
        vertices = (vertices - self.centre) / self.side
        if self.config.start == "sphere":
            template = make_template(3)
            radii = 0.5 * (high - low) / self.side
            vertices, faces = template.vertices.astype(np.float64) * radii, template.faces
        self.scene = Scene(
            vertices, np.ascontiguousarray(faces, np.int32), np.full((len(vertices), 3), 0.3), white_light(),
            np.zeros((len(self.world_views), 6)),
        )  # fmt: skip

    def _unit(self, camera: Camera) -> Camera:
        """The same view of the object in its unit box; depths are divided by the box's side."""
        matrix = camera.world_to_camera.copy()
        matrix[:3, 3] = (matrix[:3, :3] @ self.centre + matrix[:3, 3]) / self.side
        return replace(camera, world_to_camera=matrix)

    def _picks(self, stage: int, step: int) -> np.ndarray:
        """Indices of the photos of a step: every photo once before any comes again."""
        count, per_step = len(self.views), min(self.config.views_per_step, len(self.views))
        chosen = []
        for number in range(step * per_step, (step + 1) * per_step):
            order = np.random.default_rng([self.config.seed, stage, number // count]).permutation(count)
            chosen.append(order[number % count])
        return np.array(chosen)

    def _run_stage(self, stage: Stage, count: int) -> bool:
        """Run a stage from the current step on; false if it was cancelled."""
        if self.step == 0 and self.shape_state is None and stage.subdivide:
            self.scene = subdivide(self.scene)
        targets = [make_target(view, stage.size, stage.blur) for view in self.views]
        optimizer = _StageOptimizer(self.scene, stage, self.config)
        if self.shape_state is not None:
            optimizer.restore(self.shape_state)
        total = sum(entry.steps for entry in self.config.schedule)
        before = sum(entry.steps for entry in self.config.schedule[: self.stage])
        while self.step < stage.steps:
            self.losses = optimizer.step(targets, self._picks(self.stage, self.step), self.step)
            self.step += 1
            self.shape_state = optimizer.arrays()
            if len(self.frames) < FRAMES * (before + self.step) // total:
                turn = (before + self.step) / total
                self.frames.append(draw_frame(self.scene, self.up, turn))
            self._report("shape", self.stage, count, stage.steps)
            if self.cancel is not None and self.cancel():
                return False
            if time.monotonic() - self.saved > SAVE_SECONDS:
                self._save()
        return True

    def _finish(self) -> FitResult:
        """Reduce the mesh if asked for, and give it its texture."""
        config = self.config
        scene = simplify(self.scene, config.faces) if config.faces else self.scene
        stage = config.schedule[-1]
        targets = [make_target(view, stage.size, stage.blur) for view in self.views]
        size = config.texture_size or suggested_size(targets)
        uvs, uv_faces = make_atlas(scene.vertices, scene.faces, size)
        start = initial_texture(scene.albedo, scene.faces, uvs, uv_faces, size)
        stages = len(config.schedule)

        def advance(step: int, loss: float) -> bool:
            self.losses, self.step = {"colour": loss}, step
            self._report("texture", stages, stages, config.texture_steps)
            return self.cancel is None or not self.cancel()

        texels = refine_texture(
            scene, targets, (uvs, uv_faces), start, config.texture_steps,
            lambda step: self._picks(stages, step), advance,
        )  # fmt: skip
        gain = max(1.0, float(np.quantile(texels.max(-1), 0.999)))
        scene = replace(scene, light=scene.light * gain)
        self.scene = scene
        return self._result((uvs, uv_faces, linear_to_bytes(np.clip(texels / gain, 0, 1))))

    def _result(self, texture: tuple[np.ndarray, np.ndarray, np.ndarray] | None) -> FitResult:
        """The state in the capture's own frame and unit."""
        scene = self.scene
        vertices = (scene.vertices * self.side + self.centre).astype(np.float32)
        if texture is None:
            colors = np.clip(scene.albedo, 0, 1).astype(np.float32)
            mesh = Mesh(vertices, scene.faces, vertex_colors=colors)
        else:
            mesh = Mesh(vertices, scene.faces, texture[0], texture[1], texture[2])
        cameras = {}
        for view, pose in zip(self.views, scene.poses, strict=True):
            matrix = corrected(view.camera.world_to_camera, pose)
            matrix[:3, 3] = matrix[:3, 3] * self.side - matrix[:3, :3] @ self.centre
            cameras[view.name] = replace(view.camera, world_to_camera=matrix)
        return FitResult(
            mesh=mesh,
            light=scene.light.astype(np.float32),
            cameras=cameras,
            losses=self.losses,
            frames=np.array(self.frames, np.uint8),
            complete=texture is not None,
            resumed=self.resumed,
            seconds=time.monotonic() - self.began,
            settings=self.config.to_dict(),
        )

    def _report(self, phase: str, stage: int, stages: int, steps: int) -> None:
        if self.on_progress is not None:
            seconds = time.monotonic() - self.began
            faces = len(self.scene.faces)
            self.on_progress(Progress(phase, stage, stages, self.step, steps, self.losses, seconds, faces))

    def _save(self) -> None:
        if self.path is None:
            return
        scene = self.scene
        arrays = {
            "vertices": scene.vertices, "faces": scene.faces, "albedo": scene.albedo, "light": scene.light,
            "poses": scene.poses, "centre": self.centre, "frames": np.array(self.frames, np.uint8),
        }  # fmt: skip
        kept = self.shape_state or {}
        arrays |= {f"state.{name}": array for name, array in kept.items()}
        state = {"stage": self.stage, "step": self.step, "side": self.side, "losses": self.losses}
        save_checkpoint(self.path, self.key, arrays, state)
        self.saved = time.monotonic()

    def _restore(self, path: Path) -> bool:
        found = load_checkpoint(path, self.key)
        if found is None:
            return False
        arrays, state = found
        self.scene = Scene(*(arrays[name] for name in ("vertices", "faces", "albedo", "light", "poses")))
        self.centre, self.side = arrays["centre"], float(state["side"])
        self.stage, self.step, self.losses = int(state["stage"]), int(state["step"]), state["losses"]
        self.frames = list(arrays["frames"])
        kept = {name[6:]: array for name, array in arrays.items() if name.startswith("state.")}
        self.shape_state = kept or None
        return True


class _StageOptimizer:
    """The moving parts of one stage."""

    def __init__(self, scene: Scene, stage: Stage, config: FitConfig) -> None:
        self.scene, self.stage, self.config = scene, stage, config
        count = len(scene.vertices)
        self.diffusion = Diffusion(scene.faces, count, stage.diffusion)
        self.regularizer = Regularizer(scene.faces, count, config.weights)
        self.hidden = self.diffusion.apply(scene.vertices)
        self.adams = {
            "shape": Adam(scene.vertices.shape, uniform=True),
            "albedo": Adam(scene.albedo.shape),
            "light": Adam(scene.light.shape),
            "poses": Adam(scene.poses.shape),
        }

    def step(self, targets: Sequence[Target], picks: np.ndarray, number: int) -> dict[str, float]:
        """One step on the photos `picks`; returns the losses."""
        scene, weights, stage = self.scene, self.config.weights, self.stage
        total, normals = scene.zeros(), normals_of(scene)
        grad_normals = np.zeros_like(normals)
        silhouette = colour = 0.0
        for index in picks:
            first, second = add_view(scene, normals, int(index), targets[index], weights, total, grad_normals)
            silhouette, colour = silhouette + first / len(picks), colour + second / len(picks)
        finish_normals(scene, grad_normals, total)
        for array in (total.vertices, total.albedo, total.light, total.poses):
            array /= len(picks)
        losses = {"silhouette": silhouette, "colour": colour} | self.regularizer.add(scene, total)

        fall = 0.1 ** (number / stage.steps)
        pace = stage.step_size * fall * np.sqrt(1 + stage.diffusion)
        smooth = self.diffusion.solve(total.vertices, tolerance=1e-3)
        self.hidden = self.hidden + self.adams["shape"].step(smooth, pace)
        scene.vertices = self.diffusion.solve(self.hidden, scene.vertices)
        scene.albedo = np.clip(scene.albedo + self.adams["albedo"].step(total.albedo, 0.03 * fall), 0, 2)
        if self.config.light:
            scene.light = scene.light + self.adams["light"].step(total.light, 0.02 * fall)
        if self.config.cameras:
            scene.poses = scene.poses + self.adams["poses"].step(total.poses, 0.001 * fall)
        return losses

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps besides the scene."""
        kept = {"hidden": self.hidden}
        for name, adam in self.adams.items():
            kept |= {f"{name}.{key}": array for key, array in adam.arrays().items()}
        return kept

    def restore(self, kept: dict[str, np.ndarray]) -> None:
        """Inverse of `arrays`."""
        self.hidden = kept["hidden"]
        for name, adam in self.adams.items():
            adam.restore({key: kept[f"{name}.{key}"] for key in ("first", "second", "count")})
