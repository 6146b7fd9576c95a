"""Options that several commands share: each has one name, one form and one help text."""

from pathlib import Path
from typing import Annotated

from typer import Option

DATA_HELP = "The data set's files: an archive or a folder."

Settings = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="KEY.PATH=VALUE",
        help="Replace a value of the recipe: stages.1.epochs=3, stages.refine.epochs=3, or 'stages.*.epochs=3' for all stages; repeatable.",
    ),
]
Seed = Annotated[int | None, Option(help="Short for --set seed=N.")]
Imports = Annotated[
    list[Path] | None,
    Option("--import", metavar="FILE.py", help="Run a file that registers your own parts (networks, augmentations, data sets); repeatable."),
]
Data = Annotated[Path | None, Option(help=f"{DATA_HELP}  [default: cached files, else a download]")]
Url = Annotated[str | None, Option(help="A mirror from which to download the data set.")]


def list_overrides(settings: list[str] | None, seed: int | None = None) -> list[str]:
    """Return the overrides of `--set` and `--seed`, in the form of `load_recipe`."""
    return [*(settings or ()), *([] if seed is None else [f"seed={seed}"])]
