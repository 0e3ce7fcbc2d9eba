"""`unrender train CONFIG.yaml` and `unrender train PHOTOS/ --category NAME`: need the extra
`unrender[train]`."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from unrender.cli.parser import OneLineParser
from unrender.errors import MissingExtraError

EXTRA = ("torch", "yaml", "tensorboard")
DEMO_FOLDER = Path("runs/demo")


def run(arguments: Sequence[str]) -> int:
    """Train on a folder of photos, from a configuration file, or a tiny built-in run with `--demo`."""
    parser = OneLineParser(
        "unrender train",
        "Train a model; see docs/train-your-own.md for photos, docs/training.md for the rest.",
    )
    parser.add_argument(
        "config",
        nargs="?",
        metavar="PHOTOS/ | CONFIG.yaml",
        help="a folder of photos, or what to train on and how",
    )
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    parser.add_argument(
        "--demo", action="store_true", help="a tiny run on built-in shapes, without any download"
    )
    own = parser.add_argument_group("a folder of photos")
    own.add_argument("--category", metavar="NAME", help="what the photos show")
    own.add_argument("-o", "--output", metavar="OUT", help="the model's folder (default: NAME-model)")
    own.add_argument(
        "--model", metavar="BASE", help="the model to start from (default: the one of the package)"
    )
    own.add_argument(
        "--like", metavar="NAME", help="a category of BASE that looks alike; else some are tried"
    )
    own.add_argument(
        "--turn", action="store_true", help="exchange front and back of the shapes that are learnt"
    )
    time = own.add_mutually_exclusive_group()
    time.add_argument("--hours", type=float, metavar="H", help="time for everything (default 0.6)")
    time.add_argument("--steps", type=int, metavar="N", help="training steps of the network instead")
    options = parser.parse_args(list(arguments))
    if options.config is None and not options.demo:
        parser.error("the following arguments are required: PHOTOS/ or CONFIG.yaml (or --demo)")
    if options.demo and (options.config is not None or options.resume):
        parser.error("--demo: has its own configuration; leave out CONFIG.yaml and --resume")
    is_folder = options.config is not None and Path(options.config).is_dir()
    given = [f"--{name}" for name in _OWN if getattr(options, name) not in (None, False)]
    if is_folder and options.category is None:
        parser.error("--category NAME is required with a folder of photos; such as --category mug")
    if given and not is_folder:
        parser.error(f"{', '.join(given)}: only with a folder of photos, and {options.config} is none")
    require_training()
    if options.demo:
        from unrender.train.demo import train_demo

        train_demo(DEMO_FOLDER)
        return 0
    if is_folder:
        return _train_own(options)
    from unrender.train.run import train_from_config

    print(train_from_config(options.config, resume=options.resume))
    return 0


_OWN = ("category", "output", "model", "like", "turn", "hours", "steps")


def _train_own(options: argparse.Namespace) -> int:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from unrender.own.run import DEFAULT_HOURS, OwnConfig, train_own

    config = OwnConfig(
        options.config, options.category, options.output or f"{options.category}-model", options.model,
        options.like, options.turn, DEFAULT_HOURS if options.hours is None else options.hours, options.steps,
    )  # fmt: skip
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("left"), TimeRemainingColumn())
    bars: dict[str, Progress] = {}

    def show(text: str, done: float, total: float) -> None:
        stage = text.split(":")[0].split(" ")[0]
        if stage not in bars:
            for bar in bars.values():
                bar.stop()
            bars[stage] = Progress(*columns, refresh_per_second=1)
            bars[stage].add_task(text, total=total)
            bars[stage].start()
        bars[stage].update(bars[stage].task_ids[0], description=text, completed=done, total=total)
        if done >= total:
            bars[stage].stop()

    try:
        out = train_own(config, resume=options.resume, say=print, progress=show)
    finally:
        for bar in bars.values():
            bar.stop()
    print(f"model: {out}   use it: unrender --model {out} PHOTO")
    return 0


def require_training() -> None:
    """Make sure that what training needs is installed.

    Raises:
        MissingExtraError: a package of the extra `train` is missing.
    """
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"training needs {', '.join(missing)}: pip install 'unrender[train]'"
            " (for a CPU first: pip install torch --index-url https://download.pytorch.org/whl/cpu)"
        )
