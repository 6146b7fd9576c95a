"""The registry of data sets: a recipe's `dataset: {name: …}`.

A data set is one registered function in a module of this folder: `def name(source: Source, *, …its own arguments) -> Dataset`.
"""

from kcifar.core.registry import Registry

DATASETS = Registry("data set", "kcifar.datasets", supplied=["source"])
