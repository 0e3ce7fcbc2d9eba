"""Everything that decides how a fit runs: one frozen configuration."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from unrender.errors import ConfigError


@dataclass(frozen=True)
class LossWeights:
    """Weight of each loss. All are means over the object's pixels, vertices or edges.

    Attributes:
        silhouette: squared difference of the soft mask and the photo's mask blurred alike.
        colour: Charbonnier penalty of sRGB colours inside the mask.
        smooth: squared uniform Laplacian of the surface, in edge lengths.
        area: of the surface, in squares of the box's side; takes back what no photo asks for.
        albedo: squared differences of albedo along edges; also fills what no photo sees.
        light: squared distance of the light's coefficients from a constant environment of radiance 1.
        camera: squared camera corrections, in radians and sides of the object's box.
    """

    silhouette: float = 4.0
    colour: float = 3.0
    smooth: float = 0.02
    area: float = 0.1
    albedo: float = 0.02
    light: float = 0.003
    camera: float = 2.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < 1e6:
                raise ConfigError(f"weights.{name}: expected a number from 0 on, got {value}")


@dataclass(frozen=True)
class Stage:
    """One resolution of a fit, from coarse to fine.

    Attributes:
        size: longer side of the object's crop in pixels, at most; smaller photos are not enlarged.
        steps: steps of the optimiser.
        blur: width of the soft silhouette in pixels.
        subdivide: split every face into four at its start, so that the mesh follows the pictures.
        diffusion: lambda of the smooth steps (`unrender.fit.diffusion`); larger moves larger parts as one.
        step_size: of the vertices, in sides of the object's box; falls to a tenth within the stage.
    """

    size: int
    steps: int
    blur: float = 2.0
    subdivide: bool = False
    diffusion: float = 20.0
    step_size: float = 0.003

    def __post_init__(self) -> None:
        if (
            self.size < 16
            or self.steps < 1
            or not self.blur > 0
            or self.diffusion < 0
            or not self.step_size > 0
        ):
            raise ConfigError(
                f"stage: expected size >= 16, steps >= 1, blur > 0, diffusion >= 0, step_size > 0, got {self}"
            )


_HULL = (
    Stage(160, 600, blur=2.0, step_size=0.004),
    Stage(320, 150, blur=1.5, step_size=0.002),
    Stage(640, 150, blur=1.2, step_size=0.001),
)
_SPHERE = (
    Stage(96, 200, blur=4.0, diffusion=50.0, step_size=0.02),
    Stage(160, 150, blur=2.5, diffusion=30.0, step_size=0.006, subdivide=True),
    Stage(320, 150, blur=1.5, step_size=0.002, subdivide=True),
    Stage(640, 150, blur=1.2, step_size=0.001),
)


@dataclass(frozen=True)
class FitConfig:
    """How a fit runs.

    Attributes:
        start: "hull" (visual hull, any topology) or "sphere" (genus 0, evenly meshed).
        grid: samples along a side of the hull's grid; the mesh has about 2 to 4 grid^2 faces.
        stages: coarse to fine; None takes those that go with `start`.
        weights: of the losses.
        light: fit a light (nine spherical harmonics, world frame); False bakes it into the texture.
        cameras: refine the cameras too.
        views_per_step: photos that each step looks at.
        texture_size: side of the texture in texels; 0 chooses it by the photos' resolution.
        texture_steps: steps that refine the texture on the finished shape.
        faces: reduce the finished mesh to about so many faces (needs fast-simplification); 0 keeps all.
        seed: of the order of the photos.
    """

    start: str = "hull"
    grid: int = 72
    stages: tuple[Stage, ...] | None = None
    weights: LossWeights = field(default_factory=LossWeights)
    light: bool = True
    cameras: bool = False
    views_per_step: int = 4
    texture_size: int = 0
    texture_steps: int = 80
    faces: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.start not in ("hull", "sphere"):
            raise ConfigError(f"start: expected 'hull' or 'sphere', got {self.start!r}")
        if not 16 <= self.grid <= 256:
            raise ConfigError(f"grid: expected 16 to 256 samples, got {self.grid}")
        if self.stages is not None and not self.stages:
            raise ConfigError("stages: expected at least one, or None for the usual ones")
        if self.views_per_step < 1 or self.texture_steps < 0 or self.faces < 0:
            raise ConfigError("views_per_step, texture_steps, faces: expected at least 1, 0, 0")
        if self.texture_size and not 64 <= self.texture_size <= 8192:
            raise ConfigError(f"texture_size: expected 0 or 64 to 8192 texels, got {self.texture_size}")

    @property
    def schedule(self) -> tuple[Stage, ...]:
        """The stages that will run."""
        if self.stages is not None:
            return self.stages
        return _HULL if self.start == "hull" else _SPHERE

    def to_dict(self) -> dict[str, Any]:
        """As JSON, with the stages spelled out."""
        record: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        record["stages"] = [asdict(stage) for stage in self.schedule]
        return record
