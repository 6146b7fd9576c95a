"""The updates of Adam and SGD by one kernel of TensorFlow each: what is computed stays the same, but for rounding.

Keras writes an update as a dozen operations, each a pass over all weights, which a processor's memory is too slow for. TensorFlow's
kernels read and write everything once, in place: with Adam on 17.0M parameters a whole step of 64 images takes 235 ms instead of 269
(`reports/experiments.md`).
"""

from collections.abc import Callable
from typing import Any

from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.backend import has_gpu

# An optimizer, a gradient, its variable and the rate; the variable and its slots are updated.
UpdateStep = Callable[[Any, Any, Any, Any], None]


def quick_update_step(optimizer_class: type) -> UpdateStep | None:
    """Return the one-kernel update of an optimizer's class; None where there is none, or nothing is gained (on a GPU, XLA fuses)."""
    if keras.config.backend() != "tensorflow" or has_gpu():
        return None
    return {keras.optimizers.Adam: _adam_step, keras.optimizers.SGD: _sgd_step}.get(optimizer_class)


def _adam_step(optimizer: Any, gradient: Any, variable: Any, rate: Any) -> None:
    """Update as `keras.optimizers.Adam.update_step` does (without `amsgrad`, which no recipe can ask for)."""
    tf, index = tensorflow, optimizer._get_variable_index(variable)
    step = tf.cast(optimizer._iterations + 1, variable.dtype)
    beta_1, beta_2 = (tf.cast(beta, variable.dtype) for beta in (optimizer.beta_1, optimizer.beta_2))
    tf.raw_ops.ResourceApplyAdam(
        var=_handle(variable),
        m=_handle(optimizer._momentums[index]),
        v=_handle(optimizer._velocities[index]),
        beta1_power=tf.pow(beta_1, step),
        beta2_power=tf.pow(beta_2, step),
        lr=tf.cast(rate, variable.dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(optimizer.epsilon, variable.dtype),
        grad=tf.cast(gradient, variable.dtype),
    )


def _sgd_step(optimizer: Any, gradient: Any, variable: Any, rate: Any) -> None:
    """Update as `keras.optimizers.SGD.update_step` does; a momentum that is scheduled is a tensor, and never 0 for Keras' question."""
    tf = tensorflow
    gradient, rate = tf.cast(gradient, variable.dtype), tf.cast(rate, variable.dtype)
    if not optimizer.momentums:
        tf.raw_ops.ResourceApplyGradientDescent(var=_handle(variable), alpha=rate, delta=gradient)
        return
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=_handle(variable),
        accum=_handle(optimizer.momentums[optimizer._get_variable_index(variable)]),
        lr=rate,
        grad=gradient,
        momentum=tf.cast(optimizer.momentum, variable.dtype),
        use_nesterov=optimizer.nesterov,
    )


def _handle(variable: Any) -> Any:
    """Return the resource behind a variable, TensorFlow's own or Keras'."""
    return variable.handle if hasattr(variable, "handle") else variable.value.handle
