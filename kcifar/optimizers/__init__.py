"""The registry of optimizers: a stage's `optimizer: {name: …}`.

An optimizer is one registered function: `def name(learning_rate, *, …its own arguments) -> keras.optimizers.Optimizer`. It must
give the optimizer a fixed name, because saved state is found by path.
"""

from kcifar.core.registry import Registry

OPTIMIZERS = Registry("optimizer", "kcifar.optimizers", supplied=["learning_rate"])
