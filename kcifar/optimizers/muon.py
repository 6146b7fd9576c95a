"""Muon: momentum whose matrices are orthogonalized before they are applied.

Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024 (https://kellerjordan.github.io/posts/muon), and its
application to convolutions in airbench94_muon (https://github.com/KellerJordan/cifar10-airbench). Keras' own Muon updates 4-D kernels by AdamW.

A kernel is treated as the matrix (outputs, everything else). This module reshapes it to the transpose, (everything else, outputs), which
costs nothing in Keras' layout of kernels; the iteration is odd in its matrix and commutes with transposition.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from kcifar.core.keras_internals import get_variable_index
from kcifar.core.lazy import keras
from kcifar.optimizers import OPTIMIZERS
from kcifar.optimizers.arguments import Decay

# Coefficients of the odd polynomial a s + b s^3 + c s^5 that is applied to every singular value: steep at zero, and the values are in
# about [0.7, 1.2] after five iterations (Jordan et al., 2024).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
# Avoids a division by zero for a matrix of zeros.
EPSILON = 1e-7

Precision = Literal["float32", "bfloat16"]


@OPTIMIZERS.register("muon")
def muon(
    learning_rate: Any,
    *,
    momentum: Decay = 0.95,
    nesterov: bool = True,
    iterations: Annotated[int, Field(ge=1, le=20)] = 5,
    precision: Precision = "bfloat16",
    scale_kernels: bool = False,
    orthogonalise_last: bool = False,
    others_rate: Annotated[float, Field(ge=0, le=1e6)] = 1.0,
    others_momentum: Decay = 0.9,
) -> Any:
    """Return Muon for convolution and dense kernels with SGD for everything else.

    For a kernel W with gradient G: velocity = momentum x velocity + G; W -= rate x orthogonal(G + momentum x velocity), or
    orthogonal(velocity) without Nesterov momentum. This applies to 4-D kernels (height, width, inputs, outputs) and 2-D kernels (inputs,
    outputs), except the last dense kernel and kernels with a single input or output, such as depthwise kernels: a vector has only one
    direction. Everything else, including the kernels of attention, is updated as by `sgd` with others_rate x rate.

    Args:
        learning_rate: A Keras schedule (airbench94_muon: 0.24, with `scale_kernels`).
        momentum: Fraction of the kernels' velocity that is kept (airbench94_muon: 0.6).
        nesterov: Nesterov momentum, for kernels and for everything else.
        iterations: Newton-Schulz iterations; more bring small singular values closer to 1 (airbench94_muon: 3).
        precision: Dtype of these iterations.
        scale_kernels: Scale a kernel to the norm sqrt(outputs) before each step, as airbench94_muon does: the rate is then relative
            to the kernel's norm.
        orthogonalise_last: Treat the last dense kernel, which computes the logits, like the others.
        others_rate: Factor of the rate for everything that is not orthogonalized.
        others_momentum: Fraction of their velocity that is kept (airbench94_muon: 0.85).
    """
    settings = {
        "momentum": momentum,
        "nesterov": nesterov,
        "newton_schulz_iterations": iterations,
        "precision": precision,
        "scale_kernels": scale_kernels,
        "orthogonalise_last": orthogonalise_last,
        "others_rate": others_rate,
        "others_momentum": others_momentum,
    }
    return _define_muon_class()(learning_rate, settings, name="muon")


def orthogonalize(matrix: Any, iterations: int, precision: Precision) -> Any:
    """Return a matrix with the same singular vectors and singular values near 1, in its own dtype and shape (rows, columns).

    Args:
        matrix: Float tensor of static shape (rows, columns).
        iterations: After a division by its norm, X becomes a X + b (X X') X + c (X X')^2 X: singular values start in [0, 1].
        precision: Dtype of the products.
    Source: Jordan et al., Muon, 2024, section "Newton-Schulz iteration".
    """
    a, b, c = COEFFICIENTS
    x = keras.ops.cast(matrix / (keras.ops.sqrt(keras.ops.sum(keras.ops.square(matrix))) + EPSILON), precision)
    for _ in range(iterations):
        gram = _compute_gram(x)
        x = a * x + _multiply_by_gram(b * gram + c * keras.ops.matmul(gram, gram), x)
    return keras.ops.cast(x, matrix.dtype)


def _compute_gram(x: Any) -> Any:
    """Return the Gram matrix of the rows or of the columns, whichever is smaller."""
    transposed = keras.ops.transpose(x)
    return keras.ops.matmul(x, transposed) if x.shape[0] <= x.shape[1] else keras.ops.matmul(transposed, x)


def _multiply_by_gram(gram: Any, x: Any) -> Any:
    """Return the product with x on the side that the Gram matrix was computed for."""
    return keras.ops.matmul(gram, x) if x.shape[0] <= x.shape[1] else keras.ops.matmul(x, gram)


def find_orthogonal_indices(variables: Sequence[Any], with_last: bool) -> set[int]:
    """Return the indices of the variables that Muon orthogonalizes.

    Args:
        variables: A network's trained variables, in the order of its layers.
        with_last: Whether to include the last dense kernel.
    """
    kernels = [index for index, variable in enumerate(variables) if variable.name == "kernel" and len(variable.shape) in (2, 4)]
    dense = [index for index in kernels if len(variables[index].shape) == 2]
    last = set() if with_last else set(dense[-1:])
    return {index for index in kernels if min(_find_matrix_shape(variables[index].shape)) > 1} - last


def _find_matrix_shape(shape: Sequence[int]) -> tuple[int, int]:
    """Return (everything else, outputs) of a kernel."""
    return math.prod(shape[:-1]), shape[-1]


def _scale_to_sphere(kernel: Any) -> Any:
    """Return a kernel scaled to the norm sqrt(outputs)."""
    norm = keras.ops.sqrt(keras.ops.sum(keras.ops.square(kernel)))
    return kernel * (kernel.shape[-1] ** 0.5 / (norm + EPSILON))


@cache
def _define_muon_class() -> type:
    """Return the optimizer's class, which is defined only once Keras is loaded."""

    class Muon(keras.optimizers.Optimizer):  # type: ignore[misc]
        """Keras' interface to the functions above; each variable has a slot `momentum`."""

        def __init__(self, learning_rate: Any, settings: dict[str, Any], name: str) -> None:
            super().__init__(learning_rate, name=name)
            self._settings = dict(settings)
            self.momentum = settings["momentum"]  # a stage may replace it by a schedule

        def build(self, variables: Any) -> None:
            """Create the velocities, and choose the variables to orthogonalize."""
            if self.built:
                return
            super().build(variables)
            self._velocities = self.add_optimizer_variables(variables, "momentum")
            self._orthogonal = find_orthogonal_indices(variables, self._settings["orthogonalise_last"])

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            """Update one variable and its velocity."""
            gradient = keras.ops.cast(gradient, variable.dtype)
            rate = keras.ops.cast(learning_rate, variable.dtype)
            index = get_variable_index(self, variable)
            update = self._update_kernel if index in self._orthogonal else self._update_by_sgd
            update(gradient, variable, self._velocities[index], rate)

        def _update_kernel(self, gradient: Any, kernel: Any, velocity: Any, rate: Any) -> None:
            momentum = keras.ops.cast(self.momentum, kernel.dtype)
            self.assign(velocity, momentum * velocity + gradient)
            direction = gradient + momentum * velocity if self._settings["nesterov"] else keras.ops.convert_to_tensor(velocity)
            matrix = keras.ops.reshape(direction, _find_matrix_shape(kernel.shape))
            update = orthogonalize(matrix, self._settings["newton_schulz_iterations"], self._settings["precision"])
            start = _scale_to_sphere(kernel) if self._settings["scale_kernels"] else kernel
            self.assign(kernel, start - rate * keras.ops.reshape(update, kernel.shape))

        def _update_by_sgd(self, gradient: Any, variable: Any, velocity: Any, rate: Any) -> None:
            momentum = keras.ops.cast(self._settings["others_momentum"], variable.dtype)
            step = rate * self._settings["others_rate"] * gradient
            self.assign(velocity, momentum * velocity - step)
            self.assign_add(variable, momentum * velocity - step if self._settings["nesterov"] else velocity)

        def get_config(self) -> dict[str, Any]:
            """Return the constructor's arguments."""
            return {**super().get_config(), "settings": dict(self._settings)}

    return Muon
