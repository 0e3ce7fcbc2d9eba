"""`unrender train CONFIG.yaml`: needs the extra `unrender[train]`."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from unrender.cli.parser import OneLineParser
from unrender.errors import MissingExtraError

EXTRA = ("torch", "yaml", "tensorboard")
DEMO_FOLDER = Path("runs/demo")


def run(arguments: Sequence[str]) -> int:
    """Train from a configuration file, or a tiny built-in run with `--demo`."""
    parser = OneLineParser("unrender train", "Train a model; see docs/training.md.")
    parser.add_argument("config", nargs="?", metavar="CONFIG.yaml", help="what to train on and how")
    parser.add_argument(
        "--resume", action="store_true", help="continue the run of this configuration bit for bit"
    )
    parser.add_argument(
        "--demo", action="store_true", help="a tiny run on built-in shapes, without any download"
    )
    options = parser.parse_args(list(arguments))
    if options.config is None and not options.demo:
        parser.error("the following arguments are required: CONFIG.yaml (or --demo)")
    require_training()
    if options.demo:
        if options.config is not None or options.resume:
            parser.error("--demo: has its own configuration; leave out CONFIG.yaml and --resume")
        from unrender.train.demo import train_demo

        train_demo(DEMO_FOLDER)
        return 0
    from unrender.train.run import train_from_config

    print(train_from_config(options.config, resume=options.resume))
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
