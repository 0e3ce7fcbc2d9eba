"""`unrender evaluate photos|meshes|sheets`: figures and pictures of a model's quality."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrender.cli.parser import OneLineParser

if TYPE_CHECKING:
    from unrender.evaluate.runs import Variant
    from unrender.evaluate.sheets import Subject


def run(arguments: Sequence[str]) -> int:
    """Evaluate on photos or meshes, or draw contact sheets."""
    options = _parse(arguments)
    status: int = options.action(options)
    return status


def _photos(options: argparse.Namespace) -> int:
    from unrender.cli.reconstruct import load_reconstructor
    from unrender.evaluate.photos import METRICS, evaluate_photos, median_extents, select_photos

    photos = select_photos(
        options.data, category=options.category, split=options.split,
        exclude_trained=options.exclude_trained, limit=options.limit,
    )  # fmt: skip
    reconstructor = load_reconstructor(options.model)
    with _progress("photos", len(photos)) as advance:
        rows = evaluate_photos(
            reconstructor, photos, masks=_masks(options), variants=_variants(options),
            known_category=options.known_category, advance=advance,
        )  # fmt: skip
    settings = _settings(options, photos=len(photos), exclude_trained=options.exclude_trained)
    meshes = Path(options.meshes) if options.meshes else Path(options.data).parent / "meshes"
    if options.meshes or (meshes / "index.csv").is_file():
        extents = {name: median_extents(meshes, name) for name in photos.categories}
        settings["median sides of the category's meshes"] = {k: v for k, v in extents.items() if v}
    return _report("photos", rows, METRICS, options, settings, "category")


def _meshes(options: argparse.Namespace) -> int:
    from unrender.cli.reconstruct import load_reconstructor
    from unrender.evaluate.meshes import METRICS, ViewSettings, evaluate_meshes, select_meshes

    meshes = select_meshes(
        options.data, match=options.match, category=options.category, split=options.split, limit=options.limit
    )
    views = ViewSettings(options.views, options.size, options.seed, options.background)
    reconstructor = load_reconstructor(options.model)
    with _progress("views", len(meshes) * views.views) as advance:
        rows = evaluate_meshes(
            reconstructor, meshes, views, masks=_masks(options), variants=_variants(options),
            known_category=options.known_category, advance=advance,
        )  # fmt: skip
    settings = _settings(
        options, meshes=len(meshes), match=options.match, views=views.views, size=views.size, seed=views.seed,
        background=views.background,
    )  # fmt: skip
    group = "id" if len({record.category for record in meshes}) == 1 else "category"
    return _report("meshes", rows, METRICS, options, settings, group)


def _sheets(options: argparse.Namespace) -> int:
    from unrender.cli.reconstruct import load_reconstructor
    from unrender.evaluate.sheets import write_sheets

    count, subjects = _mesh_subjects(options) if options.meshes else _photo_subjects(options)
    reconstructor = load_reconstructor(options.model)
    with _progress("sheets", count) as advance:
        paths = write_sheets(
            reconstructor, subjects, options.output,
            per_sheet=options.per_sheet, loop=options.loop, advance=advance,
        )  # fmt: skip
    for path in paths:
        print(path)
    return 0


def _photo_subjects(options: argparse.Namespace) -> tuple[int, Iterator[Subject]]:
    from unrender.evaluate.photos import each_category, select_photos
    from unrender.evaluate.sheets import Subject

    photos = select_photos(
        options.data, category=options.category, split=options.split,
        exclude_trained=options.exclude_trained, limit=options.limit,
    )  # fmt: skip
    if options.each is None:
        return len(photos), (Subject(record.id, *photos.read(record)) for record in photos)
    chosen = each_category(photos, options.each)
    return len(chosen), (Subject(r.id, *photos.read(r), group=r.category) for r in chosen)


def _mesh_subjects(options: argparse.Namespace) -> tuple[int, Iterator[Subject]]:
    from unrender.evaluate.meshes import ViewSettings, mesh_views, select_meshes
    from unrender.evaluate.sheets import Subject

    meshes = select_meshes(options.data, match=options.match, category=options.category, split=options.split)
    limit = options.limit or 24
    per_mesh = -(-limit // len(meshes))
    settings = ViewSettings(views=per_mesh, background="plain")

    def subjects() -> Iterator[Subject]:
        for count, (record, _, view) in enumerate(mesh_views(meshes, settings)):
            if count == limit:
                return
            yield Subject(f"{record.name}, view {view.index}", view.pixels, view.mask)

    return limit, subjects()


def _report(
    kind: str,
    rows: list[dict[str, Any]],
    metrics: Sequence[str],
    options: argparse.Namespace,
    settings: dict[str, Any],
    group: str,
) -> int:
    from unrender.evaluate.report import build_report, print_tables, write_report

    report = build_report(kind, rows, metrics, group=group, settings=settings)
    print_tables(report)
    for key, value in settings.items():
        if isinstance(value, dict):
            print(f"{key}: {value}")
    if options.output:
        for path in write_report(report, Path(options.output) / kind):
            print(path)
    return 0


def _settings(options: argparse.Namespace, **more: Any) -> dict[str, Any]:
    common = {"data": options.data, "model": options.model or "the one in the package"}
    return common | {"category": options.category, "split": options.split} | more


def _variants(options: argparse.Namespace) -> tuple[Variant, ...]:
    from unrender.evaluate.runs import variants_with
    from unrender.refine.budget import parse_budget

    if options.refine is not None:
        parse_budget(options.refine)
    return variants_with(options.refine)


def _masks(options: argparse.Namespace) -> tuple[str, ...]:
    return ("own", "given") if options.masks == "both" else (options.masks,)


@contextmanager
def _progress(name: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr; yields what advances it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total)
        yield lambda: progress.advance(task)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser("unrender evaluate", "Measure a model; see docs/evaluation.md.")
    kinds = parser.add_subparsers(dest="kind", metavar="photos|meshes|sheets", required=True)
    parsers = {}
    for kind, action, text in (
        ("photos", _photos, "photographs with reference masks"),
        ("meshes", _meshes, "pictures rendered from meshes"),
        ("sheets", _sheets, "contact sheets to look at"),
    ):
        parsers[kind] = kinds.add_parser(kind, help=text, description=text)
        parsers[kind].set_defaults(action=action)
        add = parsers[kind].add_argument
        add("--data", required=True, metavar="DIR", help="folder with an index.csv")
        add("--category", metavar="NAMES", help="only these categories, with commas between")
        add("--split", choices=("train", "val"), help="only this split")
        add("--limit", type=_positive, metavar="N", help="at most N photos or meshes (sheets: pictures)")
        add("--model", metavar="PATH", help="a model of your own (default: the one inside the package)")
    for kind in ("photos", "sheets"):
        parsers[kind].add_argument(
            "--exclude-trained", action="store_true", help="leave out permissive photos of the train split"
        )
    for kind in ("meshes", "sheets"):
        parsers[kind].add_argument(
            "--match", metavar="PATTERN", help="only meshes of such a name, e.g. 'aves_*'"
        )
    for kind in ("photos", "meshes"):
        add = parsers[kind].add_argument
        add("--masks", choices=("own", "given", "both"), default="both", help="which masks to use")
        add("--refine", metavar="BUDGET", help="also refine every result, for example 3s or 200it")
        add("-o", "--output", metavar="DIR", help="also write the report there, as JSON and Markdown")
        add("--known-category", action="store_true", help="tell the model what each picture shows")
    parsers["photos"].add_argument("--meshes", metavar="DIR", help="meshes whose sides to compare with")
    add = parsers["meshes"].add_argument
    add("--views", type=_positive, default=24, metavar="N", help="pictures of each mesh (24)")
    add("--size", type=_positive, default=256, metavar="PIXELS", help="side of a picture (256)")
    add("--seed", type=int, default=0, help="of cameras, light, paint and background (0)")
    add("--background", choices=("plain", "noise", "mixed"), default="mixed", help="behind the mesh (mixed)")
    add = parsers["sheets"].add_argument
    add("-o", "--output", default="sheets", metavar="DIR", help="folder of the sheets (default: sheets)")
    add("--per-sheet", type=_positive, default=24, metavar="N", help="results on a sheet (24)")
    add("--each", type=_positive, metavar="N", help="N photos of each category, on sheets of its own")
    add("--meshes", action="store_true", help="--data holds meshes: show pictures rendered from them")
    add("--no-loop", dest="loop", action="store_false", help="keep the network's first guess")
    return parser.parse_args(list(arguments))


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return value
