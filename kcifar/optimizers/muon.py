"""Muon: momentum whose matrices are made orthogonal before they are applied.

Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024 (https://kellerjordan.github.io/posts/muon), and its use
on convolutions in airbench94_muon (https://github.com/KellerJordan/cifar10-airbench). Keras' own Muon leaves 4-D kernels to AdamW.

A kernel counts as the matrix (outputs, everything else). Ours is reshaped to the transpose of it, (everything else, outputs), which
Keras' layout of kernels gives for nothing; the iteration is odd in its matrix and commutes with transposing.
"""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.optimizers import OPTIMIZERS
from kcifar.optimizers.arguments import Decay

# Of the odd polynomial a s + b s^3 + c s^5 that is applied to every singular value: steep at zero, and in about [0.7, 1.2] after
# five iterations (Jordan et al., 2024).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
# Keeps a matrix of zeros finite.
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
    orthogonal(velocity) without Nesterov's form. Orthogonal are 4-D kernels (height, width, inputs, outputs) and 2-D ones (inputs,
    outputs), but for the last dense one and those with a single input or output, depthwise ones among them: a vector has no directions
    to even out. Everything else, the kernels of attention included, follows `sgd` with others_rate x rate.

    Args:
        learning_rate: A Keras schedule; with `scale_kernels` 0.24 in airbench94_muon.
        momentum: Share of the kernels' velocity that is kept (airbench94_muon: 0.6).
        nesterov: Nesterov's form, for kernels and for the others.
        iterations: Of Newton and Schulz; more bring small singular values nearer to 1 (airbench94_muon: 3).
        precision: Of these iterations.
        scale_kernels: Before each step, scale a kernel to the norm sqrt(outputs), as airbench94_muon does: the rate is then relative
            to the kernel's size.
        orthogonalise_last: Treat the last dense kernel, which makes the logits, like the others.
        others_rate: Factor of the rate for everything that is not made orthogonal.
        others_momentum: Share of the others' velocity that is kept (airbench94_muon: 0.85).
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
    return _muon_class()(learning_rate, settings, name="muon")


def orthogonalised(matrix: Any, iterations: int, precision: Precision) -> Any:
    """Return a matrix with the same singular vectors and singular values near 1, in its own dtype and shape (rows, columns).

    Args:
        matrix: Float tensor of static shape (rows, columns).
        iterations: X becomes a X + b (X X') X + c (X X')^2 X, after a division by the norm: singular values start in [0, 1].
        precision: Dtype of the products.
    Source: Jordan et al., Muon, 2024, section "Newton-Schulz iteration".
    """
    a, b, c = COEFFICIENTS
    x = keras.ops.cast(matrix / (keras.ops.sqrt(keras.ops.sum(keras.ops.square(matrix))) + EPSILON), precision)
    for _ in range(iterations):
        gram = _gram(x)
        x = a * x + _times(b * gram + c * keras.ops.matmul(gram, gram), x)
    return keras.ops.cast(x, matrix.dtype)


def _gram(x: Any) -> Any:
    """Return the products of the rows, or of the columns, whichever are fewer."""
    across = keras.ops.transpose(x)
    return keras.ops.matmul(x, across) if x.shape[0] <= x.shape[1] else keras.ops.matmul(across, x)


def _times(gram: Any, x: Any) -> Any:
    """Return the product with x on the side that the Gram matrix was made for."""
    return keras.ops.matmul(gram, x) if x.shape[0] <= x.shape[1] else keras.ops.matmul(x, gram)


def orthogonal_indices(variables: Sequence[Any], with_last: bool) -> set[int]:
    """Return which variables Muon makes orthogonal, by their place in the list.

    Args:
        variables: A network's trained variables, in the order of its layers.
        with_last: Whether the last dense kernel is one of them.
    """
    kernels = [index for index, variable in enumerate(variables) if variable.name == "kernel" and len(variable.shape) in (2, 4)]
    dense = [index for index in kernels if len(variables[index].shape) == 2]
    last = set() if with_last else set(dense[-1:])
    return {index for index in kernels if min(_matrix_shape(variables[index].shape)) > 1} - last


def _matrix_shape(shape: Sequence[int]) -> tuple[int, int]:
    """Return (everything else, outputs) of a kernel."""
    rest = 1
    for size in shape[:-1]:
        rest *= size
    return rest, shape[-1]


def _on_sphere(kernel: Any) -> Any:
    """Return a kernel scaled to the norm sqrt(outputs)."""
    norm = keras.ops.sqrt(keras.ops.sum(keras.ops.square(kernel)))
    return kernel * (kernel.shape[-1] ** 0.5 / (norm + EPSILON))


@cache
def _muon_class() -> type:
    """Return the class, made when Keras is first wanted."""

    class Muon(keras.optimizers.Optimizer):  # type: ignore[misc]
        """Keras' interface to the functions above; a slot `momentum` for each variable."""

        def __init__(self, learning_rate: Any, settings: dict[str, Any], name: str) -> None:
            super().__init__(learning_rate, name=name)
            self._settings = dict(settings)
            self.momentum = settings["momentum"]  # which a schedule may take the place of

        def build(self, variables: Any) -> None:
            """Make the velocities, and note which variables are made orthogonal."""
            if self.built:
                return
            super().build(variables)
            self._velocities = self.add_optimizer_variables(variables, "momentum")
            self._orthogonal = orthogonal_indices(variables, self._settings["orthogonalise_last"])

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            """Update one variable and its velocity."""
            gradient = keras.ops.cast(gradient, variable.dtype)
            rate = keras.ops.cast(learning_rate, variable.dtype)
            index = self._get_variable_index(variable)
            step = self._kernel_step if index in self._orthogonal else self._other_step
            step(gradient, variable, self._velocities[index], rate)

        def _kernel_step(self, gradient: Any, kernel: Any, velocity: Any, rate: Any) -> None:
            momentum = keras.ops.cast(self.momentum, kernel.dtype)
            self.assign(velocity, momentum * velocity + gradient)
            direction = gradient + momentum * velocity if self._settings["nesterov"] else keras.ops.convert_to_tensor(velocity)
            matrix = keras.ops.reshape(direction, _matrix_shape(kernel.shape))
            update = orthogonalised(matrix, self._settings["newton_schulz_iterations"], self._settings["precision"])
            start = _on_sphere(kernel) if self._settings["scale_kernels"] else kernel
            self.assign(kernel, start - rate * keras.ops.reshape(update, kernel.shape))

        def _other_step(self, gradient: Any, variable: Any, velocity: Any, rate: Any) -> None:
            momentum = keras.ops.cast(self._settings["others_momentum"], variable.dtype)
            push = rate * self._settings["others_rate"] * gradient
            self.assign(velocity, momentum * velocity - push)
            self.assign_add(variable, momentum * velocity - push if self._settings["nesterov"] else velocity)

        def get_config(self) -> dict[str, Any]:
            """Return what the optimizer was made with."""
            return {**super().get_config(), "settings": dict(self._settings)}

    return Muon
