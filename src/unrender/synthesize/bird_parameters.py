"""What makes one bird differ from another: shape and pose parameters, bird families, and how a seed picks
them.

Lengths are in units of the body (rump to shoulder = 1), angles in degrees. The proportions of the
families were written down from field guides and from looking at birds; no scanned or fitted mesh went
into them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from unrender.errors import InputError
from unrender.synthesize.bird_families import FAMILIES


@dataclass(frozen=True)
class BirdParameters:
    """Shape and pose of one bird; the defaults are the canonical bird (a songbird, wings folded).

    Lengths in body lengths, angles in degrees. Radii are half-widths. Angles of spine and beak are measured
    upwards from the horizontal; yaws turn towards the bird's left.
    """

    # body
    body_pitch: float = 20
    body_width: float = 0.265
    back: float = 0.215
    belly: float = 0.31
    rump: float = 0.38
    chest: float = 0.93
    vent: float = 0.35
    girth: float = 0.62
    arch: float = 4.0
    # neck
    neck_length: float = 0.25
    neck_low: float = 58
    neck_high: float = 46
    neck_radius: float = 0.165
    neck_base: float = 0.9
    # head
    head_pitch: float = 0.0
    head_yaw: float = 0.0
    head_radius: float = 0.15
    head_length: float = 1.15
    head_height: float = 1.0
    forehead: float = 0.5
    eye: float = 0.024
    # beak
    beak_length: float = 0.17
    beak_height: float = 0.052
    beak_width: float = 0.045
    beak_curve: float = 6.0
    beak_hook: float = 8.0
    beak_tilt: float = -4.0
    beak_taper: float = 0.8
    gape: float = 0.0
    # crest, comb and wattle
    crest_height: float = 0.0
    crest_back: float = 0.6
    comb: float = 0.0
    wattle: float = 0.0
    # tail
    tail_length: float = 0.55
    tail_base: float = 0.065
    tail_end: float = 0.11
    tail_fork: float = 0.04
    tail_cock: float = 17
    tail_curl: float = 0.0
    tail_keel: float = 0.1
    # folded wings
    wing_length: float = 1.05
    wing_height: float = 82
    wing_centre: float = 12.0
    wing_rise: float = 28.0
    wing_lift: float = 2.0
    # open wings (wing_open 1; 0 is folded)
    wing_open: float = 0.0
    wing_span: float = 1.25
    wing_chord: float = 0.46
    wing_point: float = 0.55
    wing_sweep: float = 14.0
    wing_bend: float = -12.0
    dihedral_left: float = 12.0
    dihedral_right: float = 12.0
    # legs
    leg_length: float = 0.28
    thigh: float = 0.075
    tarsus_radius: float = 0.017
    tarsus: float = 0.6
    tarsus_tilt: float = 24.0
    stance: float = 0.5
    hip: float = 0.42
    toe_length: float = 0.17
    leg_tuck: float = 0.0
    swing_left: float = 0.0
    swing_right: float = 0.0
    lift_left: float = 0.0
    lift_right: float = 0.0

    def to_vector(self) -> np.ndarray:
        """All parameters in the order of `PARAMETER_NAMES`, float64 [P]."""
        return np.array([getattr(self, name) for name in PARAMETER_NAMES], dtype=np.float64)

    @classmethod
    def from_vector(cls, vector: np.ndarray) -> BirdParameters:
        """Inverse of `to_vector`; values outside `LIMITS` are clipped.

        Raises:
            InputError: `vector` is not [P].
        """
        vector = np.asarray(vector, dtype=np.float64)
        if vector.shape != (len(PARAMETER_NAMES),):
            raise InputError(f"vector: expected shape ({len(PARAMETER_NAMES)},), got {vector.shape}")
        low, high = LIMITS
        return cls(*(float(value) for value in np.clip(vector, low, high)))

    def mirrored(self) -> BirdParameters:
        """The same bird seen in a mirror (x -> -x): left and right exchanged."""
        return replace(
            self, head_yaw=-self.head_yaw,
            dihedral_left=self.dihedral_right, dihedral_right=self.dihedral_left,
            swing_left=self.swing_right, swing_right=self.swing_left,
            lift_left=self.lift_right, lift_right=self.lift_left,
        )  # fmt: skip


PARAMETER_NAMES = tuple(field.name for field in fields(BirdParameters))

# name: (spread about the family's value, lowest, highest). A spread written as a negative number is relative.
_RANGES: dict[str, tuple[float, float, float]] = {
    "body_pitch": (9, -15, 80), "body_width": (-0.12, 0.1, 0.36), "back": (-0.12, 0.08, 0.36),
    "belly": (-0.14, 0.08, 0.42), "rump": (0.16, 0.0, 1.1), "chest": (0.08, 0.5, 1.15), "vent": (0.16, 0.0,
    1.1),
    "arch": (5, -20, 40), "girth": (0.06, 0.38, 0.78),
    "neck_length": (-0.16, 0.05, 2.0), "neck_low": (12, -60, 150), "neck_high": (12, -80, 175),
    "neck_radius": (-0.12, 0.03, 0.26), "neck_base": (0.09, 0.2, 1.15),
    "head_pitch": (9, -85, 50), "head_yaw": (0, -140, 140), "head_radius": (-0.1, 0.05, 0.24),
    "head_length": (-0.07, 0.8, 1.7), "head_height": (-0.07, 0.7, 1.35), "forehead": (0.18, 0.0, 1.0),
    "eye": (-0.15, 0.008, 0.05),
    "beak_length": (-0.18, 0.03, 0.95), "beak_height": (-0.15, 0.01, 0.14), "beak_width": (-0.15, 0.008, 0.1),
    "beak_curve": (5, -25, 100), "beak_hook": (8, -10, 90), "beak_tilt": (4, -40, 20),
    "beak_taper": (0.15, 0.1, 1.6), "gape": (0, 0, 30),
    "crest_height": (-0.3, 0.0, 0.4), "crest_back": (0.2, 0.0, 1.4), "comb": (0.0, 0.0, 1.0),
    "wattle": (-0.3, 0.0, 0.25),
    "tail_length": (-0.2, 0.04, 2.2), "tail_base": (-0.15, 0.02, 0.18), "tail_end": (-0.25, 0.01, 0.7),
    "tail_fork": (0.06, -0.6, 0.8), "tail_cock": (8, -50, 90), "tail_curl": (8, -70, 130),
    "tail_keel": (0.12, 0.0, 3.0),
    "wing_length": (-0.12, 0.25, 1.9), "wing_height": (11, 25, 130), "wing_centre": (7, -25, 50),
    "wing_rise": (9, -10, 70), "wing_lift": (2.5, -2, 45),
    "wing_open": (0, 0, 1), "wing_span": (-0.14, 0.3, 2.6), "wing_chord": (-0.12, 0.15, 0.9),
    "wing_point": (0.2, 0.0, 1.0), "wing_sweep": (9, -20, 50), "wing_bend": (12, -70, 50),
    "dihedral_left": (5, -60, 88), "dihedral_right": (5, -60, 88),
    "leg_length": (-0.2, 0.0, 1.7), "thigh": (-0.15, 0.02, 0.17), "tarsus_radius": (-0.14, 0.008, 0.06),
    "tarsus": (0.06, 0.3, 0.8), "tarsus_tilt": (6, -5, 55), "stance": (0.1, 0.1, 1.0), "hip": (0.04, 0.2,
    0.7),
    "toe_length": (-0.14, 0.03, 0.4), "leg_tuck": (0, 0, 1),
    "swing_left": (5, -50, 95), "swing_right": (5, -50, 95), "lift_left": (0, 0, 0.7), "lift_right": (0, 0,
    0.7),
}  # fmt: skip

LIMITS = (
    np.array([_RANGES[name][1] for name in PARAMETER_NAMES], dtype=np.float64),
    np.array([_RANGES[name][2] for name in PARAMETER_NAMES], dtype=np.float64),
)
"""Lowest and highest value of each parameter, float64 [P] each."""

_DEFAULT = BirdParameters()


def spread(parameters: BirdParameters) -> np.ndarray:
    """Standard deviations about a family's value, float64 [P], in each parameter's own unit."""
    result = []
    for name in PARAMETER_NAMES:
        sigma = _RANGES[name][0]
        result.append(sigma if sigma >= 0 else -sigma * abs(getattr(parameters, name)))
    return np.array(result)


def family_parameters(name: str) -> BirdParameters:
    """The middle bird of a family.

    Raises:
        InputError: no such family.
    """
    if name not in FAMILIES:
        raise InputError(f"family: expected one of {', '.join(FAMILIES)}, got {name!r}")
    return replace(_DEFAULT, **FAMILIES[name][1])


def sample_parameters(
    rng: np.random.Generator, open_wings: bool | None = None, family: str | None = None
) -> tuple[BirdParameters, str]:
    """Draw one bird: a family, its spread, now and then a cross of two families, then a pose.

    Args:
        rng: the only source of chance.
        open_wings: wings folded (False), open (True), or open in one bird of four (None).
        family: a name of `FAMILIES`, or None for any, by weight.

    Returns:
        The parameters and the (main) family's name.
    """
    names = list(FAMILIES)
    weights = np.array([FAMILIES[name][0] for name in names])
    picks = rng.choice(len(names), size=2, p=weights / weights.sum())
    chosen = family if family is not None else names[picks[0]]
    parameters = family_parameters(chosen)
    vector = parameters.to_vector()
    cross = rng.uniform(0.15, 0.6) if rng.random() < 0.25 else 0.0
    vector = (1 - cross) * vector + cross * family_parameters(names[picks[1]]).to_vector()
    vector = vector + spread(BirdParameters.from_vector(vector)) * np.clip(
        rng.standard_normal(len(vector)), -2.4, 2.4
    )
    bird = BirdParameters.from_vector(vector)
    wings_drawn = rng.random() < 0.25
    return _pose(bird, chosen, wings_drawn if open_wings is None else open_wings, rng), chosen


def _pose(bird: BirdParameters, family: str, open_wings: bool, rng: np.random.Generator) -> BirdParameters:
    """Turn the head, place the legs, fold or spread the wings. Draws the same amount of chance for every
    bird.
    """
    chance = rng.random(8)
    normal = rng.standard_normal(10)
    long_neck = bird.neck_length > 0.5
    change: dict[str, float] = {}
    yaw = 14.0 if chance[0] < 0.55 else 42.0
    change["head_yaw"] = float(np.clip(normal[0] * yaw, -100, 100))
    if chance[1] < 0.1:
        change["gape"] = 4 + 16 * chance[1] * 10
    if long_neck and chance[2] < 0.3:  # feeding, resting or with the neck drawn in
        change["neck_low"] = bird.neck_low + 14 * normal[1] - 18
        change["neck_high"] = bird.neck_high + 24 * normal[2] - 45 * (chance[2] < 0.14)
        change["head_pitch"] = bird.head_pitch - 24 * (chance[2] < 0.14)
    elif chance[2] < 0.12:
        change["neck_low"] = bird.neck_low - 34
        change["neck_high"] = bird.neck_high - 48
        change["head_pitch"] = bird.head_pitch - 32
    walking = chance[3] < 0.4
    stride = normal[3] * (18 if walking else 3)
    change["swing_left"], change["swing_right"] = stride + 3 * normal[4], -stride + 3 * normal[5]
    if bird.leg_length > 0.45 and chance[4] < 0.12:
        change["lift_left" if chance[5] < 0.5 else "lift_right"] = 0.25 + 0.4 * chance[6]
    swims = family in ("duck", "swan_goose", "gull", "pelican", "puffin")
    if chance[7] < (0.4 if swims else 0.12):  # swimming, sitting, or legs hidden by grass or feathers
        change["leg_tuck"] = 1.0
    if open_wings:
        lift = 15 + 26 * normal[6] if chance[5] < 0.6 else 48 + 16 * normal[6]
        change.update(
            wing_open=1.0 if chance[6] < 0.8 else 0.8 + chance[6] * 0.2,
            dihedral_left=lift + 4 * normal[7], dihedral_right=lift + 4 * normal[8],
            wing_bend=bird.wing_bend + 14 * normal[9],
        )  # fmt: skip
        if chance[3] < 0.6:  # in flight
            change["body_pitch"] = 0.35 * bird.body_pitch
            change["leg_tuck"] = 1.0 if chance[4] < 0.7 else 0.0
            trail = 70 + 15 * chance[4]
            change["swing_left"], change["swing_right"] = trail + 3 * normal[4], trail + 3 * normal[5]
    merged = {**asdict(bird), **{name: float(value) for name, value in change.items()}}
    return BirdParameters.from_vector(np.array([merged[name] for name in PARAMETER_NAMES]))
