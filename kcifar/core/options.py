"""Options that several commands share: each has one name, one form and one help text."""

from pathlib import Path
from typing import Annotated

from typer import Option

from kcifar.core.errors import UserError

DATA_HELP = "The data set's files: an archive or a folder."
STAGES_HELP = "The recipe: a YAML file, or the name of a shipped recipe, which kcifar.recipes lists."

Settings = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="KEY.PATH=VALUE",
        help="Replace a value of the recipe: stages.1.epochs=3, stages.refine.epochs=3, or 'stages.*.epochs=3' for all stages; repeatable.",
    ),
]
Seed = Annotated[int | None, Option(metavar="N", help="Short for --set seed=N.")]
SeedList = Annotated[
    str | None,
    Option("--seed", metavar="N[,N...]", help="Replace the recipe's seed; several, as in 0,1,2, train a run each and show the mean."),
]
SeedCount = Annotated[int | None, Option("--seeds", metavar="COUNT", min=1, help="Short for --seed 0,1,...,COUNT-1.")]
Imports = Annotated[
    list[Path] | None,
    Option("--import", metavar="FILE.py", help="Run a file that registers your own parts (networks, augmentations, data sets); repeatable."),
]
Data = Annotated[Path | None, Option(metavar="PATH", help=f"{DATA_HELP}  [default: cached files, else a download]")]
Url = Annotated[str | None, Option(metavar="URL", help="A mirror from which to download the data set.")]


def list_overrides(settings: list[str] | None, seed: int | str | None = None) -> list[str]:
    """Return the overrides of `--set` and `--seed`, in the form of `load_recipe`."""
    return [*(settings or ()), *([] if seed is None else [f"seed={seed}"])]


def list_seeds(listed: str | None, count: int | None) -> list[str]:
    """Return the seeds of `--seed` and `--seeds` as they are written; a recipe's own seed stays if there are none.

    Raises:
        UserError: Both options are given.
    """
    if listed is not None and count is not None:
        raise UserError("--seed, --seeds: expected one of them, got both")
    return [str(seed) for seed in range(count)] if count is not None else [] if listed is None else listed.split(",")
