"""Three compiled steps of every optimizer on the same weights; `python tests/support/optimizer_steps.py` prints the results as JSON."""

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kcifar.optimizers import OPTIMIZERS

SHAPES = {"conv/kernel": (3, 3, 4, 6), "dense/kernel": (5, 7), "logits/kernel": (7, 3), "logits/bias": (3,)}
# In half precision, the backends round differently.
ARGUMENTS = {"muon": {"precision": "float32", "scale_kernels": True}}


def run_three_steps(name: str) -> list[float]:
    """Return the first weights of each variable after three steps with falling rates."""
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=shape).astype("float32") for shape in SHAPES.values()]
    variables = [keras.Variable(array, name=path.split("/")[1]) for path, array in zip(SHAPES, arrays, strict=True)]
    optimizer = OPTIMIZERS.get(name)(keras.optimizers.schedules.PolynomialDecay(0.1, 5, 0.01), **ARGUMENTS.get(name, {}))
    optimizer.build(variables)
    step = COMPILERS[keras.config.backend()](optimizer, variables)
    for _ in range(3):
        step([keras.ops.convert_to_tensor(generator.normal(size=shape).astype("float32")) for shape in SHAPES.values()])
    return [float(weight) for variable in variables for weight in np.ravel(keras.ops.convert_to_numpy(variable))[:8]]


def _compile_with_tensorflow(optimizer: Any, variables: list[Any]) -> Callable[[list[Any]], None]:
    import tensorflow

    return tensorflow.function(lambda gradients: optimizer.apply(gradients), jit_compile=True)


def _compile_with_jax(optimizer: Any, variables: list[Any]) -> Callable[[list[Any]], None]:
    import jax

    apply = jax.jit(optimizer.stateless_apply)

    def step(gradients: list[Any]) -> None:
        state = apply([slot.value for slot in optimizer.variables], gradients, [variable.value for variable in variables])
        for group, values in zip((variables, optimizer.variables), state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)

    return step


def _compile_with_torch(optimizer: Any, variables: list[Any]) -> Callable[[list[Any]], None]:
    return lambda gradients: optimizer.apply(gradients)


COMPILERS = {"tensorflow": _compile_with_tensorflow, "jax": _compile_with_jax, "torch": _compile_with_torch}

if __name__ == "__main__":
    print(json.dumps({name: run_three_steps(name) for name in OPTIMIZERS.names()}))
