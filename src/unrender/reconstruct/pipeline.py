"""The pipeline: photo -> crop -> network -> loop -> texture -> GLB."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from unrender.camera import DEFAULT_FOV_DEGREES, Camera
from unrender.errors import ImageError, InputError
from unrender.export.glb import mesh_to_glb
from unrender.image import Photo, crop_square, load_photo, photo_from_array
from unrender.light import balanced
from unrender.mesh import Mesh
from unrender.network.runtime import SHAPES_FILE, Guess, NetworkRuntime
from unrender.reconstruct.bake import bake
from unrender.reconstruct.depth import depth_picture
from unrender.reconstruct.guided import guided_mask
from unrender.reconstruct.hub import DEFAULT_MODEL as DEFAULT_MODEL
from unrender.reconstruct.hub import find_model, push_to_hub, save_pretrained
from unrender.reconstruct.loading import load_runtime
from unrender.reconstruct.looks import look_twice
from unrender.reconstruct.loop import Loop, LoopConfig, Pose
from unrender.reconstruct.region import (
    cell_means,
    crop_round,
    enlarge,
    main_object,
    square_round,
    whole_mask,
)
from unrender.reconstruct.result import Reconstruction
from unrender.reconstruct.trust import Trust
from unrender.shape_space import load_shape_space
from unrender.template import make_template
from unrender.texture import srgb_to_linear

TEXTURE_SIZE = 512
MIN_CONFIDENCE = 0.4
"""Below this probability of the likeliest category a photo is taken for a general object."""
GENERAL = "object"
"""The category of what is of no other."""
_BAKE_SIZE = 256
_DEPTH_SIZE = 128
T = TypeVar("T")


class UncertainCategoryWarning(UserWarning):
    """The network is not sure what a photo shows."""


class Reconstructor:
    """A loaded model. Calls from several threads are safe.

    reconstructor = Reconstructor.from_pretrained()
    reconstructor("bird.jpg").export("bird.glb")
    """

    def __init__(self, runtime: NetworkRuntime, shapes: str | Path, loop: LoopConfig | None = None) -> None:
        self.runtime = runtime
        self.folder = Path(shapes).parent
        self.loop_config = loop or LoopConfig()
        self.categories = tuple(runtime.card["shape_categories"])
        self.spaces = {name: load_shape_space(shapes, f"{name}.") for name in self.categories}
        self.trusts = {name: Trust.of_card(runtime.card, name) for name in self.categories}
        self.labels = tuple(runtime.card["categories"])
        self.min_confidence = float(runtime.card.get("min_confidence", MIN_CONFIDENCE))
        self._signs = np.ones((len(self.categories), max(space.size for space in self.spaces.values())))
        for row, space in zip(self._signs, self.spaces.values(), strict=True):
            row[: space.size][space.antisymmetric] = -1
        self._loops: dict[tuple[str, bool], Loop] = {}

    @classmethod
    def from_pretrained(
        cls, path: str | os.PathLike[str] | None = None, *, threads: int = 2, **download: Any
    ) -> Reconstructor:
        """Load a model: the one inside the package (None), a folder, or a Hugging Face Hub id "owner/name".

        Args:
            path: which model. threads: of the network.
            download: for a hub id, as for `huggingface_hub.snapshot_download`: revision, cache_dir, token,
                local_files_only ...

        Raises:
            ModelError: there is no such model, or it is damaged.
        """
        folder = find_model(path, **download)
        return cls(load_runtime(folder, threads), folder / SHAPES_FILE)

    def save_pretrained(self, folder: str | os.PathLike[str], *, repo_id: str | None = None) -> Path:
        """Copy this model into a folder that can be pushed to the hub (see `unrender.reconstruct.hub`).

        Raises:
            ModelError, OutputError: as `unrender.reconstruct.hub.save_pretrained`.
        """
        return save_pretrained(self.folder, folder, repo_id=repo_id)

    def push_to_hub(self, repo_id: str, **settings: Any) -> str:
        """Upload this model and its card (see `unrender.reconstruct.hub.push_to_hub`).

        Raises:
            ModelError: the hub does not take it.
        """
        return push_to_hub(self.folder, repo_id, **settings)

    def __call__(
        self,
        image: Photo | np.ndarray | str | Path,
        *,
        mask: np.ndarray | None = None,
        box: tuple[float, float, float, float] | None = None,
        category: str | None = None,
        loop: bool = True,
        shape: str = "predicted",
        appearance: str = "albedo",
        fov_degrees: float | None = None,
    ) -> Reconstruction:
        """Reconstruct one photo.

        Args:
            image: a photo, its file, or pixels (see `unrender.image.photo_from_array`).
            mask: bool [H, W] of the whole photo; else the network's own, or the photo's transparency.
            box: (x, y, width, height) of the object in photo pixels, where there are several.
            category: overrides the network's choice; one of `self.categories`. Without it the likeliest is
                taken; if that is less probable than `self.min_confidence`, the category "object", where the
                model has it, and an `UncertainCategoryWarning` is given.
            loop: correct camera and shape by rendering; False gives the network's guess, placed by the mask.
            shape: "predicted", or "mean" to keep the category's mean shape (a baseline for evaluation).
            appearance: "albedo" (without light) or "photo" (colours as lit, unlit material).
            fov_degrees: vertical field of view of the whole photo; None assumes 30 degrees for the crop.

        Raises:
            ImageError: the picture cannot be used, or no object was found.
            InputError: an argument is out of range.
        """
        clock = _Clock()
        photo = _as_photo(image)
        clock.restart()
        self._check(photo, mask, box, category, shape, appearance, fov_degrees)
        if mask is None and photo.alpha is not None:
            mask = photo.alpha > 127
        size = self.runtime.image_size

        if mask is not None:
            crop = crop_round(np.asarray(mask, bool), 0.0, 0.0, 1.0)
        elif box is not None:
            crop = square_round(*box)
        else:
            side = float(max(photo.width, photo.height))
            whole = ((photo.width - side) / 2, (photo.height - side) / 2, side)
            picture = clock.stage("crop", lambda: crop_square(photo.pixels, *whole, size))
            found = main_object(clock.stage("network", lambda: self.runtime.mask(picture)))
            crop = crop_round(found > 0.5, whole[0], whole[1], side / found.shape[0])
        close = clock.stage("crop", lambda: crop_square(photo.pixels, *crop, _BAKE_SIZE))
        small = clock.stage("crop", lambda: crop_square(photo.pixels, *crop, size))
        guess = clock.stage("network", lambda: look_twice(self.runtime, small, self._signs))
        if mask is not None:
            probability = crop_square(np.asarray(mask, np.float32), *crop, _BAKE_SIZE, 0.0)
        else:
            found = main_object(guess.mask)
            if np.count_nonzero(found > 0.5) < 8:
                raise ImageError(
                    "no object was found; point at it with --box X,Y,W,H or give its mask with --mask FILE"
                )
            probability = clock.stage("mask", lambda: guided_mask(close, enlarge(found, _BAKE_SIZE)))
        coarse = cell_means(probability, self.loop_config.size)

        name = category or self._choose(guess, photo.path)
        corrector = self._loop(name, crop[2], photo.height, fov_degrees, mask is not None)
        pose = clock.stage(
            "loop", lambda: self._pose(corrector, coarse, guess, name, loop=loop, mean=shape == "mean")
        )
        vertices = corrector.vertices(pose).astype(np.float32)
        camera = corrector.camera(pose, _BAKE_SIZE)
        texture, light = clock.stage(
            "texture",
            lambda: self._texture(vertices, camera, close, probability, guess, appearance == "photo"),
        )
        template = make_template(3)
        mesh = Mesh(vertices, template.faces, template.uvs, template.uv_faces, texture)
        glb = clock.stage("export", lambda: mesh_to_glb(mesh, appearance=appearance))
        result = Reconstruction(
            mesh=mesh,
            light=light,
            camera=_whole_camera(camera, crop, photo),
            mask=np.asarray(mask, bool)
            if mask is not None
            else whole_mask(probability, crop, photo.width, photo.height),
            category=name,
            confidence=self._confidence(guess, name),
            crop=crop,
            coefficients=pose.coefficients,
            appearance=appearance,
            glb=glb,
            timings_ms={},
            model={
                **{k: str(self.runtime.card[k]) for k in ("name", "version", "licence")},
                "sha256": self.runtime.sha256,
            },
            image_path=photo.path,
        )
        result.timings_ms = clock.finish()
        return result

    def _check(
        self,
        photo: Photo,
        mask: np.ndarray | None,
        box: tuple[float, float, float, float] | None,
        category: str | None,
        shape: str,
        appearance: str,
        fov_degrees: float | None,
    ) -> None:
        if mask is not None:
            if np.shape(mask) != (photo.height, photo.width):
                raise InputError(
                    f"mask: expected the photo's size [{photo.height}, {photo.width}], "
                    f"got {list(np.shape(mask))}"
                )
            if not np.any(mask):
                raise ImageError("mask: is empty; mark the object's pixels white")
        if box is not None and not (
            np.isfinite(box).all() and box[2] >= 4 and box[3] >= 4
            and box[0] < photo.width and box[1] < photo.height and box[0] + box[2] > 0 and box[1] + box[3] > 0
        ):  # fmt: skip
            raise InputError(
                f"box: expected x,y,width,height that overlaps the {photo.width} x {photo.height} photo "
                f"and is at least 4 pixels wide, got {box}"
            )
        if category is not None and category not in self.categories:
            raise InputError(f"category: this model knows {', '.join(self.categories)}, got {category!r}")
        if shape not in ("predicted", "mean"):
            raise InputError(f"shape: expected 'predicted' or 'mean', got {shape!r}")
        if appearance not in ("albedo", "photo"):
            raise InputError(f"appearance: expected 'albedo' or 'photo', got {appearance!r}")
        if fov_degrees is not None and not 1 <= fov_degrees <= 170:
            raise InputError(f"fov_degrees: expected 1 to 170 degrees, got {fov_degrees}")

    def _loop(self, category: str, side: float, height: int, fov_degrees: float | None, given: bool) -> Loop:
        """The loop for a category, the crop's field of view, and a mask that is given or the network's."""
        config = self.loop_config.for_mask(given)
        space, trust = self.spaces[category], self.trusts[category]
        if fov_degrees is not None:
            tangent = np.tan(np.radians(fov_degrees) / 2) * side / height
            return Loop(space, config, float(np.degrees(2 * np.arctan(tangent))), trust)
        key = (category, given)
        if key not in self._loops:
            self._loops[key] = Loop(space, config, DEFAULT_FOV_DEGREES, trust)
        return self._loops[key]

    def _pose(
        self, corrector: Loop, mask: np.ndarray, guess: Guess, name: str, *, loop: bool, mean: bool
    ) -> Pose:
        predicted = guess.coefficients[self.categories.index(name)][: corrector.space.size]
        coefficients = corrector.space.settle(predicted) * (0.0 if mean else 1.0)
        if not (loop and self.runtime.card.get("loop", True)):
            best = int(np.argmax(guess.log_probabilities))
            return corrector.guess(mask > 0.5, guess.rotations[best], coefficients)
        return corrector.correct(
            mask, guess.rotations, guess.log_probabilities, coefficients, free_shape=not mean
        )

    def _texture(
        self,
        vertices: np.ndarray,
        camera: Camera,
        close: np.ndarray,
        mask: np.ndarray,
        guess: Guess,
        lit: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        focal = camera.fx * _DEPTH_SIZE / camera.width
        depth = depth_picture(vertices, camera.world_to_camera, focal, _DEPTH_SIZE)
        predicted = srgb_to_linear(guess.texture).astype(np.float32)
        return bake(
            vertices,
            camera.world_to_camera,
            camera.fx,
            close,
            mask,
            depth,
            predicted,
            balanced(guess.light),
            TEXTURE_SIZE,
            lit=lit,
        )

    def _choose(self, guess: Guess, path: str | None) -> str:
        """The shape category of a photo: the likeliest, or the general one where that is not probable."""
        if len(self.categories) == 1:
            return self.categories[0]
        best = max(self.categories, key=lambda name: self._confidence(guess, name))
        confidence = self._confidence(guess, best)
        if confidence >= self.min_confidence or best == GENERAL or GENERAL not in self.categories:
            return best
        warnings.warn(
            f"{path or 'photo'}: not sure what it shows ({best} {confidence:.2f}); taken for a general "
            "object, choose with --category or category=",
            UncertainCategoryWarning,
            stacklevel=3,
        )
        return GENERAL

    def _confidence(self, guess: Guess, name: str) -> float:
        return float(guess.categories[self.labels.index(name)]) if name in self.labels else 0.0


def _as_photo(image: Photo | np.ndarray | str | Path) -> Photo:
    if isinstance(image, Photo):
        return image
    if isinstance(image, np.ndarray):
        return photo_from_array(image)
    if isinstance(image, str | os.PathLike):
        return load_photo(image)
    raise InputError(f"image: expected a Photo, an array or a path, got {type(image).__name__}")


def _whole_camera(camera: Camera, crop: tuple[float, float, float], photo: Photo) -> Camera:
    """The crop's camera for the whole photo: same extrinsics, scaled focal, shifted principal point."""
    x, y, side = crop
    scale = side / camera.width
    return replace(
        camera, width=photo.width, height=photo.height,
        fx=camera.fx * scale, fy=camera.fy * scale, cx=camera.cx * scale + x, cy=camera.cy * scale + y,
    )  # fmt: skip


class _Clock:
    """Time by stage; what is between stages counts as "other"."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self.start = time.perf_counter()

    def restart(self) -> None:
        self.start = time.perf_counter()

    def stage(self, name: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = work()
        self.stages[name] = self.stages.get(name, 0.0) + 1e3 * (time.perf_counter() - start)
        return result

    def finish(self) -> dict[str, float]:
        total = 1e3 * (time.perf_counter() - self.start)
        return {**self.stages, "other": max(0.0, total - sum(self.stages.values()))}
