"""The registry of data sets: a recipe's `dataset: {name: …}`.

A data set is one registered function: `def name(source: Source, *, …its own arguments) -> Dataset`, in a module of this folder.
"""

from kcifar.core.registry import Registry

DATASETS = Registry("data set", "kcifar.datasets")
