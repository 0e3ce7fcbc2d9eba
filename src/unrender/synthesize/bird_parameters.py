"""What makes one bird differ from another: shape and pose parameters, bird families, and how a seed picks them.

Lengths are in units of the body (rump to shoulder = 1), angles in degrees. The proportions of the families were
written down from field guides and from looking at birds; no scanned or fitted mesh went into them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from unrender.errors import InputError


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
            self, head_yaw=-self.head_yaw, dihedral_left=self.dihedral_right, dihedral_right=self.dihedral_left,
            swing_left=self.swing_right, swing_right=self.swing_left,
            lift_left=self.lift_right, lift_right=self.lift_left,
        )  # fmt: skip


PARAMETER_NAMES = tuple(field.name for field in fields(BirdParameters))

# name: (spread about the family's value, lowest, highest). A spread written as a negative number is relative.
_RANGES: dict[str, tuple[float, float, float]] = {
    "body_pitch": (9, -15, 80), "body_width": (-0.12, 0.1, 0.36), "back": (-0.12, 0.08, 0.36),
    "belly": (-0.14, 0.08, 0.42), "rump": (0.16, 0.0, 1.1), "chest": (0.08, 0.5, 1.15), "vent": (0.16, 0.0, 1.1),
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
    "tarsus": (0.06, 0.3, 0.8), "tarsus_tilt": (6, -5, 55), "stance": (0.1, 0.1, 1.0), "hip": (0.04, 0.2, 0.7),
    "toe_length": (-0.14, 0.03, 0.4), "leg_tuck": (0, 0, 1),
    "swing_left": (5, -50, 95), "swing_right": (5, -50, 95), "lift_left": (0, 0, 0.7), "lift_right": (0, 0, 0.7),
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


# Weight and what differs from the default bird.
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "songbird": (12, {}),
    "finch": (6, dict(beak_length=0.13, beak_height=0.075, beak_width=0.065, beak_curve=14, head_radius=0.165,
        body_width=0.269, belly=0.292, tail_length=0.48, neck_radius=0.18)),
    "warbler": (5, dict(beak_length=0.14, beak_height=0.03, beak_width=0.03, body_width=0.234, tail_length=0.55)),
    "crow": (6, dict(beak_length=0.24, beak_height=0.06, beak_curve=12, beak_hook=14, head_radius=0.138, tail_end=0.14,
        tail_length=0.58, wing_length=1.3, leg_length=0.28)),
    "grackle": (4, dict(tail_length=0.95, tail_end=0.17, tail_keel=0.35, beak_length=0.22, beak_height=0.045,
        body_width=0.211, back=0.199, belly=0.234, leg_length=0.32)),
    "gull": (5, dict(body_pitch=12, body_width=0.222, wing_length=1.35, tail_length=0.32, beak_length=0.22,
        beak_hook=25, beak_height=0.05, neck_length=0.25, head_radius=0.127, neck_radius=0.11, leg_length=0.24,
        wing_span=1.7, wing_chord=0.36, wing_point=0.9, wing_sweep=20)),
    "duck": (7, dict(girth=0.52, body_pitch=8, body_width=0.281, back=0.234, belly=0.257, neck_length=0.36, neck_low=70, neck_high=58,
        neck_radius=0.085, head_radius=0.121, head_length=1.3, beak_length=0.22, beak_height=0.045, beak_width=0.062,
        beak_curve=-8, beak_tilt=-14, beak_taper=0.25, beak_hook=0, tail_length=0.25, tail_end=0.1, wing_length=0.95,
        leg_length=0.14, tarsus_radius=0.022, hip=0.36, neck_base=0.6, rump=0.7, vent=0.7, wing_span=1.15)),
    "swan_goose": (3, dict(girth=0.52, body_pitch=8, body_width=0.257, neck_length=0.85, neck_low=82, neck_high=80, neck_radius=0.065,
        head_radius=0.083, head_length=1.35, beak_length=0.14, beak_height=0.04, beak_width=0.045, beak_tilt=-14,
        tail_length=0.2, leg_length=0.2, wing_length=1.0, neck_base=0.55, eye=0.015, rump=0.7, vent=0.7)),
    "kingfisher": (5, dict(beak_length=0.48, beak_height=0.055, beak_width=0.045, beak_curve=0, beak_hook=0,
        head_radius=0.171, head_length=1.25, tail_length=0.42, tail_end=0.08, leg_length=0.1, body_pitch=38,
        neck_radius=0.155, neck_length=0.14, crest_height=0.05, beak_tilt=0, toe_length=0.1)),
    "puffin": (4, dict(body_pitch=48, beak_length=0.2, beak_height=0.13, beak_width=0.05, beak_curve=26, head_radius=0.165,
        tail_length=0.18, leg_length=0.17, neck_radius=0.15, body_width=0.281, hip=0.3, tarsus_radius=0.026,
        wing_length=0.85, wing_height=60)),
    "woodpecker": (4, dict(body_pitch=42, beak_length=0.3, beak_height=0.045, beak_width=0.04, beak_curve=0, beak_hook=0,
        crest_height=0.1, crest_back=0.99, tail_length=0.5, tail_end=0.07, tail_cock=-8, leg_length=0.12,
        body_width=0.211, back=0.199, belly=0.222, neck_length=0.26, neck_radius=0.11)),
    "roadrunner": (3, dict(body_pitch=14, tail_length=1.05, tail_end=0.12, tail_cock=12, beak_length=0.3, beak_hook=16,
        beak_height=0.045, crest_height=0.07, crest_back=0.88, leg_length=0.42, neck_length=0.35, neck_radius=0.1,
        body_width=0.199, back=0.187, belly=0.222, tarsus_radius=0.022)),
    "cardinal": (4, dict(crest_height=0.16, crest_back=0.77, beak_length=0.13, beak_height=0.08, beak_width=0.07,
        beak_curve=16, tail_length=0.68, tail_end=0.11, head_radius=0.154)),
    "waxwing": (2, dict(crest_height=0.09, crest_back=1.1, beak_length=0.1, beak_height=0.045, tail_length=0.38,
        body_pitch=36, tail_end=0.08, leg_length=0.14)),
    "flycatcher": (3, dict(tail_length=1.5, tail_fork=0.35, tail_end=0.22, body_width=0.211, back=0.199, belly=0.222,
        beak_length=0.15, leg_length=0.16, tail_base=0.06)),
    "swallow": (2, dict(tail_length=0.7, tail_fork=0.5, tail_end=0.2, wing_length=1.6, beak_length=0.07, leg_length=0.06,
        beak_height=0.035, wing_point=1.0, wing_chord=0.33, wing_span=1.4, wing_sweep=28, toe_length=0.08)),
    "hummingbird": (3, dict(body_pitch=46, beak_length=0.55, beak_height=0.018, beak_width=0.018, beak_curve=8,
        beak_hook=0, head_radius=0.154, tail_length=0.42, leg_length=0.04, toe_length=0.06, wing_length=1.15,
        wing_chord=0.28, wing_span=1.1, wing_point=0.95, tarsus_radius=0.01)),
    "ibis": (7, dict(body_pitch=14, neck_length=0.6, neck_low=66, neck_high=66, neck_radius=0.055, head_radius=0.083,
        head_length=1.25, head_pitch=-14, beak_length=0.5, beak_height=0.032, beak_width=0.026, beak_curve=44,
        beak_hook=0, beak_tilt=-8, leg_length=0.52, tail_length=0.25, tail_end=0.1, neck_base=0.55, tarsus_radius=0.018,
        toe_length=0.2, wing_length=1.1, eye=0.015, body_width=0.222)),
    "heron": (4, dict(body_pitch=24, neck_length=1.05, neck_low=84, neck_high=88, neck_radius=0.04, head_radius=0.066,
        head_length=1.5, beak_length=0.36, beak_height=0.035, beak_width=0.025, beak_curve=0, beak_hook=0, leg_length=0.75,
        tail_length=0.22, neck_base=0.5, tarsus_radius=0.016, toe_length=0.22, body_width=0.199, back=0.187, belly=0.222,
        eye=0.013, crest_height=0.015, wing_length=1.1)),
    "stork_crane": (2, dict(body_pitch=14, neck_length=0.8, neck_low=76, neck_high=72, neck_radius=0.05, head_radius=0.072,
        head_length=1.35, beak_length=0.4, beak_height=0.04, beak_width=0.03, beak_curve=0, beak_hook=0, beak_tilt=-8,
        leg_length=0.95, tail_length=0.25, neck_base=0.5, toe_length=0.18, eye=0.014)),
    "flamingo": (7, dict(body_pitch=12, neck_length=1.35, neck_low=58, neck_high=112, neck_radius=0.042, head_radius=0.075,
        head_length=1.35, head_pitch=-42, beak_length=0.22, beak_height=0.05, beak_width=0.035, beak_curve=58,
        beak_hook=0, beak_taper=0.5, beak_tilt=0, leg_length=1.15, tail_length=0.15, tail_end=0.08, tail_cock=-10,
        neck_base=0.45, tarsus_radius=0.02, tarsus=0.55, tarsus_tilt=5, toe_length=0.13, stance=0.3, eye=0.014,
        wing_length=1.0, body_width=0.211)),
    "pigeon": (7, dict(body_pitch=24, neck_length=0.28, neck_low=62, neck_high=56, neck_radius=0.1, head_radius=0.108,
        beak_length=0.11, beak_height=0.03, beak_width=0.028, tail_length=0.5, tail_end=0.11, leg_length=0.16, belly=0.292,
        chest=1.0, tarsus_radius=0.022, wing_length=1.2, neck_base=0.75, toe_length=0.15, eye=0.018)),
    "rooster": (5, dict(body_pitch=24, neck_length=0.48, neck_low=72, neck_high=66, neck_radius=0.1, head_radius=0.094,
        beak_length=0.11, beak_height=0.042, beak_curve=20, crest_height=0.12, crest_back=0.175, comb=1.0, wattle=0.13,
        tail_length=0.75, tail_end=0.34, tail_cock=48, tail_curl=70, tail_keel=1.8, tail_base=0.13, leg_length=0.36,
        tarsus_radius=0.028, thigh=0.1, neck_base=0.9, wing_length=0.85, eye=0.016, chest=0.95, toe_length=0.18)),
    "hen_quail": (3, dict(girth=0.52, body_pitch=12, neck_length=0.28, neck_low=70, neck_high=60, neck_radius=0.1, head_radius=0.105,
        beak_length=0.1, beak_height=0.04, crest_height=0.04, comb=1.0, wattle=0.05, tail_length=0.32, tail_cock=34,
        tail_keel=1.0, tail_end=0.22, leg_length=0.2, body_width=0.292, back=0.257, belly=0.308, tarsus_radius=0.026,
        wing_length=0.8, rump=0.75, vent=0.7, chest=1.0)),
    "emu": (7, dict(girth=0.52, body_pitch=4, body_width=0.32, back=0.34, belly=0.34, neck_length=0.7, neck_low=48, neck_high=80,
        neck_radius=0.055, head_radius=0.068, head_length=1.3, beak_length=0.11, beak_height=0.03, beak_width=0.04,
        tail_length=0.14, tail_cock=-30, tail_end=0.1, leg_length=0.75, thigh=0.13, tarsus_radius=0.03, tarsus=0.52,
        tarsus_tilt=16, toe_length=0.15, stance=0.45, wing_length=0.75, wing_height=60, wing_centre=6, neck_base=0.45,
        rump=0.9, vent=0.85, arch=14, eye=0.014, hip=0.5)),
    "ostrich": (2, dict(girth=0.52, body_pitch=6, body_width=0.32, back=0.34, belly=0.34, neck_length=1.1, neck_low=66, neck_high=90,
        neck_radius=0.05, head_radius=0.068, head_length=1.3, beak_length=0.13, beak_height=0.032, beak_width=0.045,
        tail_length=0.25, tail_cock=0, tail_end=0.16, leg_length=1.05, thigh=0.14, tarsus_radius=0.034, tarsus_tilt=10,
        neck_base=0.4, rump=0.85, vent=0.7, eye=0.017, hip=0.5)),
    "chick": (3, dict(girth=0.52, body_pitch=26, body_width=0.352, back=0.319, belly=0.352, neck_length=0.15, neck_radius=0.19,
        head_radius=0.22, beak_length=0.12, beak_height=0.05, tail_length=0.08, tail_end=0.05, wing_length=0.6,
        wing_height=55, leg_length=0.25, tarsus_radius=0.024, rump=0.85, vent=0.8, eye=0.035, neck_base=0.9)),
    "penguin": (4, dict(girth=0.52, body_pitch=72, body_width=0.234, back=0.211, belly=0.246, neck_length=0.22, neck_low=76, neck_high=50,
        neck_radius=0.11, head_radius=0.116, beak_length=0.18, beak_height=0.035, beak_width=0.03, beak_hook=16,
        tail_length=0.15, tail_end=0.05, tail_cock=-34, leg_length=0.07, tarsus_radius=0.035, thigh=0.1, hip=0.22,
        wing_length=0.72, wing_height=52, wing_centre=-4, wing_rise=0, wing_lift=10, rump=0.7, vent=0.8, tarsus_tilt=8)),
    "owl": (3, dict(girth=0.52, body_pitch=60, body_width=0.292, back=0.269, belly=0.281, neck_length=0.1, neck_radius=0.22,
        head_radius=0.237, head_length=0.9, beak_length=0.08, beak_height=0.045, beak_curve=45, beak_tilt=-35, eye=0.045,
        tail_length=0.32, leg_length=0.07, crest_height=0.02, neck_base=1.0, rump=0.6, vent=0.6, tarsus_radius=0.03)),
    "hawk_eagle": (4, dict(body_pitch=46, body_width=0.246, head_radius=0.127, beak_length=0.14, beak_height=0.07,
        beak_curve=34, beak_hook=50, beak_width=0.045, tail_length=0.5, tail_end=0.15, leg_length=0.2, thigh=0.12,
        tarsus_radius=0.028, wing_length=1.25, wing_span=1.6, wing_chord=0.55, wing_point=0.3, neck_radius=0.125)),
    "parrot": (4, dict(body_pitch=54, beak_length=0.15, beak_height=0.1, beak_width=0.07, beak_curve=55, beak_hook=40,
        beak_tilt=-14, head_radius=0.165, tail_length=0.8, tail_end=0.08, tail_cock=-6, leg_length=0.1, body_width=0.222,
        neck_radius=0.15, tail_fork=-0.25)),
    "pelican": (1, dict(body_pitch=14, neck_length=0.7, neck_low=74, neck_high=90, neck_radius=0.07, head_radius=0.088,
        head_length=1.4, beak_length=0.68, beak_height=0.055, beak_width=0.05, beak_curve=0, beak_tilt=-26,
        head_pitch=-10, leg_length=0.12, tail_length=0.2, neck_base=0.55, eye=0.014)),
    "sandpiper": (4, dict(body_pitch=14, beak_length=0.36, beak_height=0.022, beak_width=0.02, beak_curve=6, beak_hook=0,
        leg_length=0.4, neck_length=0.26, neck_radius=0.09, head_radius=0.11, tail_length=0.25, body_width=0.222,
        tarsus_radius=0.014)),
    "wren": (2, dict(tail_cock=48, tail_length=0.38, body_width=0.292, belly=0.304, back=0.257, beak_length=0.18,
        beak_height=0.03, head_radius=0.165, neck_radius=0.165)),
    "magpie_jay": (3, dict(tail_length=0.95, tail_fork=-0.3, tail_end=0.12, beak_length=0.2, beak_height=0.055,
        crest_height=0.04, leg_length=0.3)),
    "turkey_pheasant": (2, dict(body_pitch=18, neck_length=0.5, neck_low=66, neck_high=64, neck_radius=0.07,
        head_radius=0.077, tail_length=1.0, tail_end=0.14, tail_fork=-0.4, wattle=0.05, leg_length=0.34, belly=0.304,
        beak_length=0.1, beak_curve=20, tarsus_radius=0.024, eye=0.014, neck_base=0.6)),
}  # fmt: skip


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
    vector = vector + spread(BirdParameters.from_vector(vector)) * np.clip(rng.standard_normal(len(vector)), -2.4, 2.4)
    bird = BirdParameters.from_vector(vector)
    wings_drawn = rng.random() < 0.25
    return _pose(bird, chosen, wings_drawn if open_wings is None else open_wings, rng), chosen


def _pose(bird: BirdParameters, family: str, open_wings: bool, rng: np.random.Generator) -> BirdParameters:
    """Turn the head, place the legs, fold or spread the wings. Draws the same amount of chance for every bird."""
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
