"""Loads a data set by its name and arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.core.checks import checked_arguments
from kcifar.datasets import DATASETS
from kcifar.datasets.dataset import Dataset, Source
from kcifar.recipe.part_arguments import parse_part_arguments


def load_dataset(name: str, arguments: Mapping[str, object], source: Source, place: str = "") -> Dataset:
    """Load a registered data set.

    Args:
        name: As in a recipe.
        arguments: The data set's own keys: the recipe's, without those that every data set has (`validation`, …).
        source: The user's files, and the function that reports to the user.
        place: Where the recipe names the data set, for messages: "stages/mine.yaml:4: dataset".
    Raises:
        UserError: No such data set, arguments that it does not have, or files that are not the expected ones.
    """
    factory = DATASETS.get(name, place)
    values = checked_arguments(factory, arguments, (), lambda path: place or f"data set {name}", DATASETS.supplied)
    dataset: Dataset = factory(source, **values)
    return dataset


def parse_arguments(name: str, settings: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a registered data set, from `--set` texts and its defaults; see `parse_part_arguments`."""
    return parse_part_arguments(DATASETS.get(name, "datasets"), settings, f"data set {name}", DATASETS.supplied)
