"""Procedural cabinets: cupboards, wardrobes, chests of drawers, bookcases, sideboards, kitchen units.
Metres, front +Z."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.categories import materials
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, box, column, pair

RANGES: dict[str, Range] = {
    "width": (0.95, -0.15, 0.3, 2.4), "height": (1.0, -0.12, 0.3, 2.4), "depth": (0.45, -0.12, 0.2, 0.8),
        "wall": (0.025, -0.2, 0.012, 0.06),
    "top": (0.03, -0.3, 0.0, 0.08), "overhang": (0.02, 0.01, 0, 0.06), "plinth": (0.07, -0.25, 0, 0.2),
        "legs": (0, 0, 0, 0.4),
    "rows": (3, 0.6, 1, 6), "columns": (1, 0, 1, 3), "doors": (0, 0, 0, 1), "open": (0, 0, 0, 1), "upper": (0,
        0, 0, 0.7),
    "gap": (0.012, -0.2, 0.004, 0.03), "proud": (0.012, -0.3, 0.0, 0.03), "knob": (0.022, -0.25, 0.006, 0.05),
        "handle": (0.5, 0.3, 0, 1),
    "books": (0, 0, 0, 1),
}  # fmt: skip
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "drawers": (6, {}), "tall_drawers": (3, dict(height=1.35, width=0.6, rows=5)), "wide_drawers": (4,
        dict(width=1.5, height=0.8, columns=2)),
    "bedside": (5, dict(width=0.45, height=0.55, depth=0.4, rows=2)), "bedside_legs": (3, dict(width=0.45,
        height=0.6, rows=1, legs=0.3)),
    "wardrobe": (5, dict(height=2.0, width=1.1, depth=0.58, doors=1, rows=1, columns=2)),
    "cupboard": (4, dict(height=0.9, doors=1, rows=1, columns=2)), "sideboard": (4, dict(width=1.7,
        height=0.75, doors=1, rows=1, columns=3, legs=0.18)),
    "bookcase": (6, dict(open=1, height=1.8, width=0.85, depth=0.3, rows=5, books=0.8)), "shelf_low": (4,
        dict(open=1, height=0.9, width=1.1, depth=0.32, rows=2, columns=2, books=0.6)),
    "cube_shelf": (3, dict(open=1, height=1.45, width=1.45, depth=0.38, rows=4, columns=3, books=0.5)),
    "kitchen": (5, dict(width=0.6, height=0.87, depth=0.6, doors=1, rows=1, columns=1, top=0.04)),
        "kitchen_drawers": (3, dict(width=0.6, height=0.87, depth=0.6, top=0.04)),
    "wall_unit": (3, dict(width=0.7, height=0.65, depth=0.35, doors=1, rows=1, columns=2, plinth=0, top=0)),
        "dresser": (2, dict(height=0.9, upper=0.6, doors=1, rows=1, columns=2)),
    "tv_stand": (3, dict(width=1.5, height=0.5, rows=1, columns=3, legs=0.12, doors=1)), "fridge": (2,
        dict(width=0.65, height=1.75, depth=0.65, doors=1, rows=2, columns=1, plinth=0.03)),
}  # fmt: skip
SPACE = ParameterSpace(
    RANGES,
    FAMILIES,
    0.2,
    (
        ("drawers", "tall_drawers", "wide_drawers", "bedside"),
        ("wardrobe", "cupboard", "kitchen"),
        ("bookcase", "cube_shelf"),
    ),
)
ROWS, COLUMNS = 6, 3
_IN = np.array([0.0, 0.4, 0.0])


def build(p: Values) -> list[Piece]:
    """All pieces of a cabinet."""
    foot = p.legs if p.legs > 0.02 else p.plinth
    low, high = foot, p.height - p.top
    back = 0.03
    solid = p.open < 0.5
    depth = p.depth if solid else back
    carcass = box(
        (0, 0.5 * (low + high), -0.5 * p.depth + 0.5 * depth),
        (p.width - 0.002, high - low, depth),
        0.008,
        axis="x",
        sides=7,
        rings=6,
    )
    pieces = [Piece("carcass", "carcass", carcass)]
    side = box(
        (0.5 * (p.width - p.wall), 0.5 * (low + high), 0),
        (p.wall, high - low, p.depth),
        0.005,
        axis="y",
        sides=4,
        rings=5,
    )
    pieces += pair(Piece("side", "carcass", side).only_if(not solid, _IN))
    slab = box((0, p.height - 0.5 * max(p.top, 0.005), 0.3 * p.overhang), (p.width + 2 * p.overhang,
        max(p.top, 0.005), p.depth + p.overhang),
               0.25 * p.top + 0.001, axis="y", sides=6)  # fmt: skip
    pieces.append(Piece("slab", "slab", slab).only_if(p.top > 0.004, _IN))
    base = box(
        (0, 0.5 * p.plinth, -0.02),
        (p.width - 0.04, max(p.plinth, 0.01) + 0.02, p.depth - 0.06),
        0.004,
        axis="x",
    )
    pieces.append(Piece("plinth", "plinth", base).only_if(p.plinth > 0.01 and p.legs < 0.02, _IN))
    for name, z in (("front", 0.5 * p.depth - 0.05), ("rear", -0.5 * p.depth + 0.05)):
        leg = column(
            [(0, 0.012), (0.5 * p.legs, 0.018), (p.legs + 0.02, 0.024)], 0.5 * p.width - 0.06, z, sides=8
        )
        pieces += pair(Piece(f"leg_{name}", "leg", leg).only_if(p.legs > 0.02, _IN))
    rows, columns = round(p.rows), round(p.columns)
    cell_w, cell_h = (p.width - 2 * p.wall) / columns, (high - low - 2 * p.wall) / rows
    for i in range(ROWS):
        y = low + p.wall + cell_h * (i + 0.5)
        board = box(
            (0, y + 0.5 * cell_h, 0.01),
            (p.width - 2 * p.wall, p.wall, p.depth - 0.03),
            0.004,
            axis="x",
            sides=4,
            rings=4,
        )
        pieces.append(Piece(f"shelf{i}", "carcass", board).only_if(not solid and i < rows, _IN))
        for j in range(COLUMNS):
            x = -0.5 * p.width + p.wall + cell_w * (j + 0.5)
            there = i < rows and j < columns
            face = box(
                (x, y, 0.5 * p.depth + 0.5 * p.proud),
                (cell_w - p.gap, cell_h - p.gap, p.proud + 0.02),
                0.005,
                axis="z",
                sides=5,
                rings=2,
            )
            pieces.append(Piece(f"face{i}{j}", "face", face).only_if(solid and there, _IN))
            door = p.doors > 0.5
            hand = (1.0 if j < 0.5 * (columns - 1) or columns == 1 else -1.0) * 0.42
            spot = (
                x + hand * cell_w if door else x,
                y + (0.0 if door else 0.05 * cell_h),
                0.5 * p.depth + p.proud + 0.02,
            )
            long = 0.02 + 0.35 * p.handle * min(cell_w, cell_h)
            size = (
                (1.0 * p.knob, max(long, p.knob), 0.03) if door else (max(long, p.knob), 0.8 * p.knob, 0.03)
            )
            knob = box(spot, size, 0.25 * p.knob, axis="z", sides=2, rings=1)
            pieces.append(Piece(f"knob{i}{j}", "knob", knob).only_if(solid and there, _IN))
            tall = 0.78 * cell_h
            books = box((x - 0.12 * cell_w, y - 0.5 * cell_h + 0.5 * tall + 0.5 * p.wall, 0.02),
                (0.66 * cell_w, tall, 0.7 * p.depth), 0.006,
                        axis="x", sides=4, rings=9)  # fmt: skip
            filled = np.sin(12.9 * i + 78.2 * j + 40 * p.width) * 0.5 + 0.5 < p.books
            pieces.append(
                Piece(f"books{i}{j}", "books", books).only_if(not solid and there and bool(filled), _IN)
            )
    hutch = box(
        (0, p.height + 0.5 * p.upper, -0.12 * p.depth),
        (0.94 * p.width, max(p.upper, 0.02), 0.6 * p.depth),
        0.012,
        axis="y",
        sides=9,
        rings=7,
    )
    pieces.append(Piece("hutch", "hutch", hutch).only_if(p.upper > 0.02, _IN))
    return pieces


def paint(brush: Brush, p: Values, family: str) -> None:
    """Wood or lacquer; other fronts now and then; books of all colours."""
    everything = np.ones(len(brush.points), dtype=bool)
    materials.frame(
        brush, everything, 0.15 if family in ("fridge",) else 0.65, direction=1 if p.doors > 0.5 else 0
    )
    if brush.chance(0.35) and family != "fridge":
        materials.frame(brush, brush.of("face"), 0.5, direction=1 if p.doors > 0.5 else 0)
    if brush.chance(0.3) or family.startswith("kitchen"):
        brush.paint(brush.of("slab"), brush.pick(("dark", "grey", "white", "brown", "cream")))
    if p.open > 0.5:
        brush.paint(brush.named("carcass"), 0.5 * brush.colour)
    elif brush.chance(0.5):
        brush.paint(brush.named("carcass") * (brush.normals[:, 2] > 0.7), 0.35 * brush.colour)
    brush.paint(brush.of("plinth"), "dark", 0.7)
    if family == "wardrobe" and brush.chance(0.2):
        brush.paint(brush.named("face00"), "sky", 0.6)
    hutch = brush.of("hutch")
    brush.paint(hutch * brush.band(brush.along, 0.2, 0.9, 0.03) * (brush.normals[:, 2] > 0.6), "sky", 0.7)
    brush.paint(brush.of("knob"), brush.pick(("dark", "grey", "straw", "black", "white")))
    books = brush.of("books")
    spine = np.floor(brush.along * 18).astype(int) + 31 * brush.topology.piece
    colours = np.stack(
        [
            brush.pick(
                ("red", "blue", "green", "cream", "brown", "navy", "rust", "black", "yellow", "white", "teal")
            )
            for _ in range(23)
        ]
    )
    brush.paint(books, colours[spine % 23])
    brush.mottle(0.03, 0.02)


CABINET = Generator("cabinet", SPACE, build, paint)
