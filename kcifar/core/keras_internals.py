"""Every private or undocumented attribute of Keras that kcifar uses: one function each, with the reason why nothing public serves.

All of them are as seen in Keras 3.15.1, and setup.cfg excludes later minor versions. `tests/core/test_keras_internals.py` names the attribute
that a newer Keras has changed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import MethodType
from typing import Any

# The graph of a model


def find_graph(model: Any) -> Any:
    """Return the functional model inside a sequential one, or the model itself.

    Keras 3.15.1: `Sequential._functional`. A sequential model has no graph of its own, and no public attribute leads to this one.
    """
    return getattr(model, "_functional", None) or model


def iterate_nodes(model: Any) -> Iterator[Any]:
    """Yield the nodes of a model's graph from its inputs to its outputs; each has `operation`, `is_input`, `input_tensors`, `output_tensors`.

    Keras 3.15.1: `Function._nodes_by_depth`, by falling depth. Public attributes list the layers, but not which tensors they pass on.
    """
    by_depth = find_graph(model)._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        yield from by_depth[depth]


@contextmanager
def drop_uninitialized_variables() -> Iterator[None]:
    """Forget the variables that are created without values inside the block.

    Keras 3.15.1: the global attribute "uninitialized_variables". Keras would give these variables values, and so memory, in its next scope.
    """
    from keras.src.backend.common import global_state

    waiting = list(global_state.get_global_attribute("uninitialized_variables", []))
    try:
        yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", waiting)


# Layers and variables


def replace_call(layer: Any, function: Callable[..., Any]) -> None:
    """Let one layer compute its outputs by `function(layer, inputs, ...)`; its class, its configuration and its saved form stay Keras' own.

    Keras 3.15.1: `Layer.__call__` looks `call` up on the instance. A subclass would be saved under another name.
    """
    layer.call = MethodType(function, layer)


def set_regularizer(variable: Any, regularizer: Any) -> None:
    """Set or, with None, remove the penalty of a built variable.

    Keras 3.15.1: `Variable.regularizer`, which `Layer.losses` reads. Setting `kernel_regularizer` of a built layer has no effect.
    """
    variable.regularizer = regularizer


def is_seed_state(variable: Any) -> bool:
    """Whether a variable is the state of a seed generator, whose path differs from process to process.

    Keras 3.15.1: the variable's name "seed_generator_state". A layer does not publish its seed generator.
    """
    return bool(variable.name == "seed_generator_state")


def get_resource_handle(variable: Any) -> Any:
    """Return the TensorFlow resource of a TensorFlow or Keras variable, as raw operations take it.

    Keras 3.15.1: `Variable.value` is a `tf.Variable` under TensorFlow; the type of `value` is not documented.
    """
    return variable.handle if hasattr(variable, "handle") else variable.value.handle


# The training step


def build_metrics(model: Any, data: tuple[Any, ...]) -> None:
    """Create the variables of a compiled model's metrics for batches of these shapes, before a compiled step needs them.

    Keras 3.15.1: `Trainer._symbolic_build`. Otherwise only `fit`, `evaluate` and `train_on_batch` create them.

    Args:
        model: Compiled.
        data: Inputs, targets and, if there are any, weights.
    """
    model._symbolic_build(data_batch=data if len(data) == 3 else (*data, None))


def update_loss_metric(model: Any, loss: Any, count: Any) -> None:
    """Add a batch's loss to the mean that a model reports as "loss".

    Keras 3.15.1: `Trainer._loss_tracker`, the metric that a custom `train_step` must update itself.

    Args:
        model: Compiled, under TensorFlow or torch.
        loss: Mean over the batch.
        count: Samples in the batch.
    """
    model._loss_tracker.update_state(loss, sample_weight=count)


def get_stateless_loss(model: Any) -> Callable[..., Any]:
    """Return the function that JAX differentiates: variables and a batch to the loss and (loss, outputs, other variables, metrics).

    Keras 3.15.1: `JAXTrainer.compute_loss_and_updates`, which has no documentation page.
    """
    function: Callable[..., Any] = model.compute_loss_and_updates
    return function


def update_metrics(model: Any, values: Sequence[Any], loss: Any, inputs: Any, targets: Any, outputs: Any, weights: Any) -> tuple[Any, Any]:
    """Return what a model reports after a batch, and its metrics' new values, under JAX.

    Keras 3.15.1: `JAXTrainer._update_metrics_variables`. The public `compute_metrics` changes variables, which a compiled step must not.

    Args:
        model: Compiled.
        values: Of the metrics' variables, before the batch.
        loss: Mean over the batch.
        inputs: Of the batch.
        targets: Of the batch.
        outputs: Of the model.
        weights: Of the samples, or None.
    """
    logs, after = model._update_metrics_variables(values, loss, inputs, targets, outputs, weights)
    return logs, after


# Optimizers


def get_batch_counter(optimizer: Any) -> Any:
    """Return the variable that counts the batches that an optimizer was applied to.

    Keras 3.15.1: `Optimizer._iterations`. The public `iterations` counts updates once gradients are accumulated.
    """
    return optimizer._iterations


def is_gradient_accumulator(variable: Any) -> bool:
    """Whether a variable of an optimizer holds the sum of the gradients since its last update.

    Keras 3.15.1: the ending of the variable's name, "gradient_accumulator". No public attribute lists these variables.
    """
    return bool(variable.name.endswith("_gradient_accumulator"))


def get_variable_index(optimizer: Any, variable: Any) -> int:
    """Return a variable's place in the list that an optimizer was built for.

    Keras 3.15.1: `Optimizer._get_variable_index`, which every optimizer of Keras calls in its `update_step`.
    """
    index: int = optimizer._get_variable_index(variable)
    return index


def get_adam_moments(optimizer: Any, variable: Any) -> tuple[Any, Any]:
    """Return Adam's first and second moment of a variable.

    Keras 3.15.1: `Adam._momentums` and `Adam._velocities`. The public `variables` lists the slots of all variables in one sequence.
    """
    index = get_variable_index(optimizer, variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def get_sgd_velocity(optimizer: Any, variable: Any) -> Any:
    """Return SGD's velocity of a variable; None without momentum.

    Keras 3.15.1: `SGD.momentums`, which is empty where the momentum is 0.
    """
    return optimizer.momentums[get_variable_index(optimizer, variable)] if optimizer.momentums else None


def name_optimizer_hooks(
    clip_gradients: Callable[..., Any], apply_weight_decay: Callable[..., None], update_variables: Callable[..., None] | None
) -> dict[str, Callable[..., Any]]:
    """Return the methods that a subclass of an optimizer overrides to change what `apply` does around its own `update_step`.

    Keras 3.15.1: `Optimizer._clip_gradients(gradients)`, `Optimizer._apply_weight_decay(variables)` and, under torch,
    `TorchOptimizer._backend_update_step(gradients, variables, learning_rate)`. The public arguments clip each variable on its own and decay
    by one constant; under torch Keras updates all variables at once, at one rate.

    Args:
        clip_gradients: Replaces the first.
        apply_weight_decay: Replaces the second.
        update_variables: Replaces the third; None keeps Keras' own.
    """
    hooks = {"_clip_gradients": clip_gradients, "_apply_weight_decay": apply_weight_decay}
    return hooks | ({"_backend_update_step": update_variables} if update_variables else {})
