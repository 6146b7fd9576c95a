"""The updates of Adam and SGD by a single TensorFlow kernel each, with the same results except for rounding.

Keras writes an update as a dozen operations, each a pass over all weights, which is limited by the memory of a processor. TensorFlow's
kernels read and write everything once, in place: with Adam on 17.0M parameters an entire step of 64 images takes 235 ms instead of 269
(`reports/experiments.md`).
"""

from collections.abc import Callable
from typing import Any

from kcifar.core.keras_internals import get_adam_moments, get_resource_handle, get_sgd_velocity
from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.backend import has_gpu

# Takes an optimizer, a gradient, its variable and the learning rate; updates the variable and its slots.
UpdateStep = Callable[[Any, Any, Any, Any], None]


def find_fast_update_step(optimizer_class: type) -> UpdateStep | None:
    """Return the single-kernel update of a class of optimizers; None if there is none, or if it gains nothing (on a GPU, XLA fuses)."""
    if keras.config.backend() != "tensorflow" or has_gpu():
        return None
    return {keras.optimizers.Adam: _update_by_adam, keras.optimizers.SGD: _update_by_sgd}.get(optimizer_class)


def _update_by_adam(optimizer: Any, gradient: Any, variable: Any, rate: Any) -> None:
    """Update as `keras.optimizers.Adam.update_step` does (without `amsgrad`, which no recipe can set)."""
    tf, (momentum, velocity) = tensorflow, get_adam_moments(optimizer, variable)
    step = tf.cast(optimizer.iterations + 1, variable.dtype)  # updates, not batches, where gradients are accumulated
    beta_1, beta_2 = (tf.cast(beta, variable.dtype) for beta in (optimizer.beta_1, optimizer.beta_2))
    tf.raw_ops.ResourceApplyAdam(
        var=get_resource_handle(variable),
        m=get_resource_handle(momentum),
        v=get_resource_handle(velocity),
        beta1_power=tf.pow(beta_1, step),
        beta2_power=tf.pow(beta_2, step),
        lr=tf.cast(rate, variable.dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(optimizer.epsilon, variable.dtype),
        grad=tf.cast(gradient, variable.dtype),
    )


def _update_by_sgd(optimizer: Any, gradient: Any, variable: Any, rate: Any) -> None:
    """Update as `keras.optimizers.SGD.update_step` does; a scheduled momentum is a tensor, so unlike Keras this never compares it with 0."""
    tf = tensorflow
    gradient, rate = tf.cast(gradient, variable.dtype), tf.cast(rate, variable.dtype)
    velocity = get_sgd_velocity(optimizer, variable)
    if velocity is None:
        tf.raw_ops.ResourceApplyGradientDescent(var=get_resource_handle(variable), alpha=rate, delta=gradient)
        return
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=get_resource_handle(variable),
        accum=get_resource_handle(velocity),
        lr=rate,
        grad=gradient,
        momentum=tf.cast(optimizer.momentum, variable.dtype),
        use_nesterov=optimizer.nesterov,
    )
