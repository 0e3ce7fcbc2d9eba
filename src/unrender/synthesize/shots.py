"""Random views and random light for rendered training pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unrender.camera import DEFAULT_FOV_DEGREES, Camera, orbit
from unrender.light import SH_0, irradiance_coefficients, sh_basis


@dataclass(frozen=True)
class ShotConfig:
    """How an object is photographed. Angles in degrees, the rest as shares of the picture's side.

    Attributes:
        elevation: most views are between these.
        wide_elevation: the others, one in ten.
        roll: standard deviation of the camera's roll.
        fill: the longer side of the object's projected bounding box.
        shift: how far the centre of that box may be from the picture's centre, along each axis.
        cut_off: probability that a shifted object may leave the picture.
    """

    elevation: tuple[float, float] = (-10.0, 40.0)
    wide_elevation: tuple[float, float] = (-25.0, 60.0)
    roll: float = 4.0
    fill: tuple[float, float] = (0.6, 0.9)
    shift: float = 0.07
    cut_off: float = 0.02


def sample_camera(
    vertices: np.ndarray, size: int, rng: np.random.Generator, config: ShotConfig | None = None
) -> Camera:
    """A camera that sees the whole object: 30 degrees vertical field of view, square picture.

    Args:
        vertices: [V, 3] world coordinates.
        size: side of the picture in pixels.
        rng: the only source of chance.
        config: ranges; None for the defaults.
    """
    config = config or ShotConfig()
    azimuth = rng.uniform(0, 360)
    usual = rng.random() < 0.9
    elevation = rng.uniform(*(config.elevation if usual else config.wide_elevation))
    roll = np.radians(np.clip(rng.standard_normal(), -3, 3) * config.roll)
    fill = rng.uniform(*config.fill)
    offset = rng.uniform(-config.shift, config.shift, 2)
    strays = rng.random() < config.cut_off
    c, s = np.cos(roll), np.sin(roll)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ orbit(azimuth, elevation, 1.0)[:3, :3]
    return frame_object(vertices, rotation, size, fill, offset, inside=not strays)


def frame_object(
    vertices: np.ndarray,
    rotation: np.ndarray,
    size: int,
    fill: float,
    offset: np.ndarray,
    *,
    inside: bool = True,
) -> Camera:
    """The camera with this rotation whose picture of the object has the wanted size and place.

    Args:
        vertices: [V, 3] world coordinates.
        rotation: [3, 3] world to camera.
        size: side of the picture in pixels.
        fill: longer side of the projected bounding box over the picture's side.
        offset: [2] (right, up): centre of that box minus the picture's centre, over the picture's side.
        inside: reduce `offset` where the object would come within half a pixel of the border.

    Returns:
        A camera of 30 degrees field of view; `fill` and `offset` hold to about a thousandth.
    """
    x, y, z = np.ascontiguousarray(rotation @ np.asarray(vertices, dtype=np.float64).T)
    focal = 0.5 / np.tan(np.radians(DEFAULT_FOV_DEGREES) / 2)  # in picture sides
    nearest = float(z.max())
    place = np.array([0.0, 0.0, -(nearest + 2.0)])
    target = np.asarray(offset, dtype=np.float64)
    for _ in range(12):
        scaling = focal / -(z + place[2])
        across, along = (x + place[0]) * scaling, (y + place[1]) * scaling
        low = np.array([across.min(), along.min()])
        high = np.array([across.max(), along.max()])
        extent = high - low
        scale = fill / max(float(extent.max()), 1e-9)
        goal = target
        if inside:
            room = np.maximum(0.5 - 0.5 / size - 0.5 * extent * scale, 0.0)
            goal = np.clip(target, -room, room)
        centre = 0.5 * (low + high)
        if abs(scale - 1) < 2e-4 and np.abs(goal - centre).max() < 2e-4:
            break
        depth = -float(place[2])
        depth_next = max(depth / scale, nearest + 0.2)
        place[:2] = place[:2] * depth_next / depth + (goal - centre * scale) * depth_next / focal
        place[2] = -depth_next
    else:
        if not (abs(scale - 1) < 0.01 and np.abs(goal - centre).max() < 0.01):
            place = _bisect_place(
                np.stack([x, y, z]), focal, fill, target, 0.5 - 0.5 / size if inside else np.inf
            )
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = rotation
    world_to_camera[:3, 3] = place
    return Camera.from_fov(size, world_to_camera)


def _bisect_place(
    points: np.ndarray, focal: float, fill: float, target: np.ndarray, border: float
) -> np.ndarray:
    """What `frame_object` looks for, slow but sure: long objects seen end-on can defeat its iteration.

    Args:
        points: [3, V] in camera axes, before the translation [3] that is returned.
        focal, fill, target: see `frame_object`, in picture sides.
        border: largest |coordinate| allowed, in picture sides.
    """

    def centred(values: np.ndarray, depth: np.ndarray, goal: float) -> tuple[float, float]:
        """Shift that brings the middle of the projection to `goal`, and the projection's extent."""
        reach = float(np.abs(values).max() + depth.max() * (abs(goal) + 1) / focal)
        low, high = -reach, reach
        for _ in range(45):
            shift = 0.5 * (low + high)
            image = focal * (values + shift) / depth
            low, high = (low, shift) if image.max() + image.min() > 2 * goal else (shift, high)
        return shift, float(np.ptp(focal * (values + shift) / depth))

    near, far = np.log(0.02), np.log(1000.0)
    for _ in range(35):
        gap = max(float(np.exp(0.5 * (near + far))), 0.1)
        depth = points[2].max() + gap - points[2]
        place = np.array([0.0, 0.0, -(points[2].max() + gap)])
        extents = np.zeros(2)
        for axis in range(2):
            place[axis], extents[axis] = centred(points[axis], depth, float(target[axis]))
            room = max(border - 0.5 * extents[axis], 0.0)
            if abs(target[axis]) > room:
                goal = float(np.clip(target[axis], -room, room))
                place[axis], extents[axis] = centred(points[axis], depth, goal)
        near, far = (0.5 * (near + far), far) if extents.max() > fill else (near, 0.5 * (near + far))
    return place


def supersampled(camera: Camera, factor: int) -> Camera:
    """The same view with `factor` times as many pixels along each side."""
    return replace(
        camera.resized(camera.width * factor, camera.height * factor), world_to_camera=camera.world_to_camera
    )


def sample_light(rng: np.random.Generator) -> np.ndarray:
    """Light of an outdoor-like scene: sky brighter than ground, one or two directional lobes, mild colours.

    Shading is `albedo * max(sh_basis(normal) @ light, 0)`: the coefficients are those of irradiance over
    pi, the clamped-cosine convolution (Ramamoorthi and Hanrahan 2001) is in them already. World frame (+Y
    up), linear RGB.

    Returns:
        float32 [9, 3] in the order of `unrender.light.sh_basis`.
    """
    tint = np.exp(0.07 * rng.standard_normal((3, 3)))
    ambient = rng.uniform(0.2, 0.55)
    light = ambient * tint[0] * _ambient()
    sky = rng.uniform(0.1, 0.45)
    light = light + sky * tint[1] * np.array([1.0, 1.02, 1.06]) * directional(np.array([0.0, 1.0, 0.0]))
    total = rng.uniform(0.25, 0.85)
    second = rng.uniform(0, 0.5) if rng.random() < 0.5 else 0.0
    for share in (1 - second, second):
        azimuth, height = rng.uniform(0, 2 * np.pi), np.sin(np.radians(rng.uniform(5, 75)))
        flat = np.sqrt(1 - height**2)
        towards = np.array([flat * np.sin(azimuth), height, flat * np.cos(azimuth)])
        light = light + share * total * tint[2] * np.array([1.03, 1.0, 0.95]) * directional(towards)
    return light.astype(np.float32)


def _ambient() -> np.ndarray:
    """[9, 1]: shading 1 from everywhere."""
    result = np.zeros((9, 1))
    result[0] = 1 / SH_0
    return result


def directional(towards: np.ndarray) -> np.ndarray:
    """[9, 1]: shading of a distant light in direction `towards` [3] (unit): about 1 where the normal faces
    it.
    """
    return np.pi * np.asarray(irradiance_coefficients(sh_basis(towards)[:, None]))
