"""The command that trains the runs of a recipe again, as it can be pasted into a shell where the report was made.

The recorded command alone would often fail: its recipe file may be elsewhere or changed, `--resume` names none, and the folder is taken.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from kcifar.core.errors import UserError
from kcifar.core.mistakes import Mistakes
from kcifar.recipe.extend import read_recipe_file
from kcifar.recipe.shipped import find_shipped_path, list_shipped_names
from kcifar.runs.folder import RECIPE_FILE
from kcifar.runs.load import LoadedRun

DEFAULT_BACKEND = "tensorflow"
_PROGRAM = ("python", "-m", "kcifar.train")
_FLAGS = ("--resume", "--overwrite")
_KEPT = ("--data", "--url", "--import")  # options that say what a recipe does not: where the data and the user's own parts are
_HOME = re.compile(r"(?:/home/[^/]+|/Users/[^/]+|/root)/")


def describe_training(runs: Sequence[LoadedRun]) -> str | None:
    """Return the command that trains the first run of a recipe that recorded its command; None if none did.

    A shipped recipe is named if all that it says holds for the run. Otherwise, as after `--set`, the recipe is that in the run folder, in which
    every value is written out. Where the run is in the folder that training takes by default, `--run` names another.
    """
    run = next((run for run in runs if run.environment and run.environment.command), None)
    if run is None or run.environment is None:
        return None
    recorded = list(read_options(run.environment.command))
    shipped = find_shipped(dict(recorded).get("--stages", ""), run.settings)
    words = ["--stages", shipped or str(run.folder / RECIPE_FILE)]
    for option, value in recorded:
        if option in _KEPT:
            words += [option, value]
    words += ["--seed", str(run.recipe.seed)] if shipped else []
    default = Path("runs") / f"{run.recipe.name}-seed{run.recipe.seed}"
    if any(member.folder.resolve() == default.resolve() for member in runs):
        words += ["--run", f"{default}-again"]
    backend = run.environment.backend
    return " ".join([*([] if backend == DEFAULT_BACKEND else [f"KERAS_BACKEND={backend}"]), *map(quote_word, (*_PROGRAM, *words))])


def read_options(command: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options of a recorded command and their values, without those that have none.

    Example:
        >>> list(read_options(["python", "-m", "kcifar.train", "--seed", "3", "--run=a", "--resume", "--set", "x=1"]))
        [('--seed', '3'), ('--run', 'a'), ('--set', 'x=1')]
    """
    words = iter(command[len(_PROGRAM) :])
    for word in words:
        option, equals, value = word.partition("=")
        if option.startswith("--") and option not in _FLAGS:
            yield option, value if equals else next(words, "")


def quote_word(word: str) -> str:
    """Return a word as a shell reads it; the home folder is written as "~", because reports are shared.

    Example:
        >>> quote_word("/home/me/my data"), quote_word("/data/cifar"), quote_word("model.name=lenet bn")
        ("~/'my data'", '/data/cifar', "'model.name=lenet bn'")
    """
    home = _HOME.match(word)
    return f"~/{shlex.quote(word[home.end() :])}" if home and home.end() < len(word) else shlex.quote(word)


def find_shipped(stages: str, settings: Mapping[str, Any]) -> str | None:
    """Return the name of the shipped recipe that a recorded `--stages` means, if all that it says holds for the run's settings, but for the seed."""
    path = PurePath(stages)
    name = path.with_suffix("").as_posix().rpartition("stages/")[2] if path.suffix in (".yaml", ".yml") else path.as_posix()
    shipped = _read_shipped(name) if name in list_shipped_names() else None
    return name if shipped is not None and agrees(shipped, settings) else None


@cache
def _read_shipped(name: str) -> Mapping[str, Any] | None:
    """Return a shipped recipe with the defaults written into its stages; None if it cannot be read, because somebody is changing it."""
    mistakes = Mistakes()
    try:
        data = read_recipe_file(find_shipped_path(name), mistakes).data
    except UserError:
        return None
    stages, defaults = data.get("stages"), data.get("defaults", {})
    if mistakes or not isinstance(defaults, dict) or not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
        return None
    return {key: value for key, value in data.items() if key not in ("seed", "defaults")} | {"stages": [defaults | stage for stage in stages]}


def agrees(written: Any, resolved: Any) -> bool:
    """Whether a resolved value holds all that was written: arguments may have been added, and a constant may be written as its value.

    Example:
        >>> agrees({"name": "lenet"}, {"name": "lenet", "dropout_rate": 0.0}), agrees(0.1, {"name": "constant", "value": 0.1})
        (True, True)
        >>> agrees({"epochs": 3}, {"epochs": 4}), agrees([1], [1, 2])
        (False, False)
    """
    if isinstance(written, Mapping):
        return isinstance(resolved, Mapping) and all(key in resolved and agrees(value, resolved[key]) for key, value in written.items())
    if isinstance(written, list):
        return isinstance(resolved, list) and len(written) == len(resolved) and all(map(agrees, written, resolved))
    if isinstance(resolved, Mapping):
        return bool(written == resolved.get("value"))
    return written == "auto" or bool(written == resolved)
