"""From a name and its arguments to a data set."""

from collections.abc import Mapping

from kcifar.checks import checked_arguments
from kcifar.datasets import DATASETS
from kcifar.datasets.dataset import Dataset, Source


def load_dataset(name: str, arguments: Mapping[str, object], source: Source, place: str = "") -> Dataset:
    """Load a registered data set.

    Args:
        name: As a recipe writes it.
        arguments: The data set's own keys: the recipe's, without `name` and `validation`.
        source: The user's files, and who is told of what.
        place: Where the recipe names the data set, for messages: "stages/mine.yaml:4: dataset".
    Raises:
        UserError: No such data set, arguments that it does not take, or files that are not what they should be.
    """
    factory = DATASETS.get(name, place)
    values = checked_arguments(factory, arguments, (), lambda path: place or f"data set {name}", supplied=("source",))
    dataset: Dataset = factory(source, **values)
    return dataset
