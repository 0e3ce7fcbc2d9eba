"""Building blocks of procedural objects: closed tubes of rings, as bodies, limbs, plates and boxes."""

from unrender.synthesize.parts.box import box, column, disc, prism
from unrender.synthesize.parts.loft import Spine, body, integrate, loft, ring_angles, section
from unrender.synthesize.parts.piece import Piece, Topology, pair, topology_of, vertices_of
from unrender.synthesize.parts.tube import ball, limb, plate

__all__ = [
    "Piece", "Spine", "Topology", "ball", "body", "box", "column", "disc", "integrate", "limb", "loft",
        "pair",
    "plate", "prism", "ring_angles", "section", "topology_of", "vertices_of",
]  # fmt: skip
