"""Keras still has the private attributes that kcifar uses, with the same meaning; a failure names the attribute and the version.

Most tests run under every backend: the last one runs this file under the others.
"""

import importlib.util
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import pytest

from kcifar.core import keras_internals as internals

BACKEND = keras.config.backend()
INPUTS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
TARGETS = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]


@contextmanager
def expect(attribute: str) -> Iterator[None]:
    """Turn any failure inside the block into a message that names the attribute of Keras that has changed."""
    try:
        yield
    except Exception as error:
        pytest.fail(f"Keras {keras.__version__}: {attribute} is gone or has changed ({error}); see kcifar/core/keras_internals.py", pytrace=False)


def make_model(optimizer: Any = "sgd") -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), name="inputs")
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.Dense(5, name="hidden")(inputs)))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=BACKEND == "jax")
    return model


def make_built_optimizer(optimizer: Any) -> tuple[Any, list[Any]]:
    """Return an optimizer after one update with gradients of 1, and its two variables, which began at 1."""
    variables = [keras.Variable(np.ones((2, 3), np.float32), name="kernel"), keras.Variable(np.ones(3, np.float32), name="bias")]
    optimizer.build(variables)
    optimizer.apply([keras.ops.ones(variable.shape) for variable in variables], variables)
    return optimizer, variables


def to_numpy(tensor: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(tensor))


def test_a_failure_names_attribute_and_version() -> None:
    with pytest.raises(pytest.fail.Exception) as failure, expect("Optimizer._y"):
        keras.optimizers.SGD()._y  # noqa: B018
    assert str(failure.value).startswith(f"Keras {keras.__version__}: Optimizer._y is gone or has changed (")


def test_the_graph_of_a_sequential_model_is_found() -> None:
    with expect("Sequential._functional"):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        assert type(internals.find_graph(model)).__name__ == "Functional"
    functional = make_model()
    assert internals.find_graph(functional) is functional


def test_nodes_come_from_inputs_to_outputs_with_their_tensors() -> None:
    model = make_model()
    with expect("Function._nodes_by_depth or an attribute of Node"):
        nodes = list(internals.iterate_nodes(model))
        assert [node.operation.name for node in nodes] == ["inputs", "hidden", "logits"]
        assert [node.is_input for node in nodes] == [True, False, False]
        assert nodes[1].input_tensors[0] is nodes[0].output_tensors[0]
        assert nodes[2].output_tensors[0] is model.outputs[0]


def test_variables_without_values_are_forgotten() -> None:
    with expect('global_state attribute "uninitialized_variables"'):
        from keras.src.backend.common import global_state

        with internals.drop_uninitialized_variables(), keras.StatelessScope(initialize_variables=False):
            layer = keras.layers.Dense(3)
            layer.build((None, 4))
            assert any(variable is layer.kernel for variable in global_state.get_global_attribute("uninitialized_variables"))
        assert global_state.get_global_attribute("uninitialized_variables", []) == []
        assert tuple(layer.kernel.shape) == (4, 3)


def test_a_replaced_call_is_used_and_not_saved() -> None:
    with expect("Layer.__call__, which looks up call on the instance,"):
        layer = keras.layers.Dense(4)
        layer.build((None, 4))
        internals.replace_call(layer, lambda layer, inputs: inputs * layer.units)
        np.testing.assert_array_equal(to_numpy(layer(INPUTS)), INPUTS * 4)
        copied = type(layer).from_config(layer.get_config())
        copied.build((None, 4))
        assert not np.array_equal(to_numpy(copied(INPUTS)), INPUTS * 4)


def test_a_penalty_is_set_and_removed_on_a_built_variable() -> None:
    with expect("Variable.regularizer"):
        layer = keras.layers.Dense(3, kernel_initializer="ones")
        layer.build((None, 4))
        internals.set_regularizer(layer.kernel, keras.regularizers.L2(0.5))
        assert [float(to_numpy(loss)) for loss in layer.losses] == [6.0]
        internals.set_regularizer(layer.kernel, None)
        assert layer.losses == []


def test_default_seeds_are_drawn_from_pythons_random() -> None:
    """`kcifar.core.randomness.seed_weights` depends on it."""
    with expect("keras.src.random.seed_generator.make_default_seed"):
        kernels = []
        for seed in (1, 1, 2):
            random.seed(seed)
            layer = keras.layers.Dense(3)
            layer.build((None, 4))
            kernels.append(to_numpy(layer.kernel))
        np.testing.assert_array_equal(kernels[0], kernels[1])
        assert not np.array_equal(kernels[0], kernels[2])


def test_the_state_of_a_seed_generator_is_recognized() -> None:
    with expect('variable name "seed_generator_state"'):
        layer = keras.layers.Dropout(0.5, seed=1)
        layer.build((None, 4))
        assert [internals.is_seed_state(variable) for variable in layer.variables] == [True]
        dense = keras.layers.Dense(3)
        dense.build((None, 4))
        assert not any(internals.is_seed_state(variable) for variable in dense.variables)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow has resources")
def test_the_resource_of_a_variable_is_the_one_that_raw_operations_change() -> None:
    import tensorflow as tf

    with expect("Variable.value or its handle"):
        for variable in (keras.Variable(np.ones(3, np.float32)), tf.Variable(np.ones(3, np.float32))):
            tf.raw_ops.AssignAddVariableOp(resource=internals.get_resource_handle(variable), value=tf.ones(3))
            assert to_numpy(variable).tolist() == [2, 2, 2]


@pytest.mark.parametrize("weights", [(), (np.ones(6, np.float32),)], ids=["unweighted", "weighted"])
def test_metrics_are_built_without_training(weights: tuple[np.ndarray, ...]) -> None:
    with expect("Trainer._symbolic_build"):
        model = make_model()
        kernel = to_numpy(model.get_layer("hidden").kernel)
        internals.build_metrics(model, (INPUTS, TARGETS, *weights))
        assert len(model.metrics_variables) == 4  # total and count of loss and accuracy
        np.testing.assert_array_equal(to_numpy(model.get_layer("hidden").kernel), kernel)


@pytest.mark.skipif(BACKEND == "jax", reason="under JAX update_metrics does it")
def test_the_reported_loss_is_the_mean_over_samples() -> None:
    with expect("Trainer._loss_tracker"):
        model = make_model()
        internals.build_metrics(model, (INPUTS, TARGETS))
        model.reset_metrics()
        internals.update_loss_metric(model, 1.0, 6)
        internals.update_loss_metric(model, 4.0, 3)
        assert float(to_numpy(model.get_metrics_result()["loss"])) == pytest.approx(2.0)


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX has a stateless trainer")
def test_loss_and_metrics_are_computed_without_side_effects() -> None:
    import jax

    model = make_model()
    internals.build_metrics(model, (INPUTS, TARGETS))
    trained, untrained, metrics = (
        [variable.value for variable in group] for group in (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)
    )
    with expect("JAXTrainer.compute_loss_and_updates"):
        differentiate = jax.value_and_grad(internals.get_stateless_loss(model), has_aux=True)
        batch = {"x": INPUTS, "y": TARGETS, "sample_weight": None, "training": True, "optimizer_variables": []}
        (loss, (unscaled, outputs, _, metrics)), gradients = differentiate(trained, untrained, metrics, **batch)
        expected = -(TARGETS * np.log(to_numpy(keras.ops.softmax(outputs)))).sum(axis=1).mean()
        assert float(loss) == pytest.approx(expected, rel=1e-5)
        assert float(unscaled) == float(loss)
        assert [gradient.shape for gradient in gradients] == [tuple(variable.shape) for variable in model.trainable_variables]
    with expect("JAXTrainer._update_metrics_variables"):
        logs, after = internals.update_metrics(model, metrics, unscaled, INPUTS, TARGETS, outputs, None)
        assert float(logs["loss"]) == pytest.approx(expected, rel=1e-5)
        assert len(after) == len(metrics)
        assert all(float(to_numpy(variable)) == 0 for variable in model.metrics_variables)


def test_the_batch_counter_counts_batches_while_gradients_accumulate() -> None:
    with expect("Optimizer._iterations"):
        optimizer, variables = make_built_optimizer(keras.optimizers.SGD(0.1, gradient_accumulation_steps=3))
        assert int(to_numpy(internals.get_batch_counter(optimizer))) == 1
        assert to_numpy(variables[0])[0, 0] == 1


def test_sums_of_accumulated_gradients_are_recognized() -> None:
    with expect("the variable name 'gradient_accumulator'"):
        optimizer, variables = make_built_optimizer(keras.optimizers.Adam(0.1, gradient_accumulation_steps=3))
        sums = [to_numpy(variable) for variable in optimizer.variables if internals.is_gradient_accumulator(variable)]
        assert [value.tolist() for value in sums] == [np.ones(variable.shape).tolist() for variable in variables]


def test_variables_are_found_by_their_place() -> None:
    with expect("Optimizer._get_variable_index"):
        optimizer, variables = make_built_optimizer(keras.optimizers.SGD(0.1))
        assert [internals.get_variable_index(optimizer, variable) for variable in variables] == [0, 1]


def test_adam_keeps_two_moments_of_each_variable() -> None:
    with expect("Adam._momentums or Adam._velocities"):
        optimizer, variables = make_built_optimizer(keras.optimizers.Adam(0.1, beta_1=0.75, beta_2=0.875))
        for variable in variables:
            first, second = internals.get_adam_moments(optimizer, variable)
            np.testing.assert_array_equal(to_numpy(first), np.full(variable.shape, 0.25))
            np.testing.assert_array_equal(to_numpy(second), np.full(variable.shape, 0.125))


def test_sgd_keeps_a_velocity_only_with_momentum() -> None:
    with expect("SGD.momentums"):
        optimizer, variables = make_built_optimizer(keras.optimizers.SGD(0.5, momentum=0.9))
        np.testing.assert_array_equal(to_numpy(internals.get_sgd_velocity(optimizer, variables[0])), np.full((2, 3), -0.5))
        optimizer, variables = make_built_optimizer(keras.optimizers.SGD(0.5))
        assert internals.get_sgd_velocity(optimizer, variables[0]) is None


def test_the_hooks_of_an_optimizer_are_called_in_their_order() -> None:
    calls: list[str] = []

    def clip(self: Any, gradients: Any) -> list[Any]:
        calls.append("clip")
        return [gradient * 0.5 for gradient in gradients]

    def update(self: Any, gradients: Any, variables: Any, rate: Any) -> None:
        calls.append("update")
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, rate)

    hooks = internals.name_optimizer_hooks(clip, lambda self, variables: calls.append("decay"), update if BACKEND == "torch" else None)
    with expect(f"one of Optimizer.{', '.join(hooks)}"):
        assert all(hasattr(keras.optimizers.SGD, name) for name in hooks)
        optimizer = keras.optimizers.SGD(1.0)
        optimizer.__class__ = type("SGD", (keras.optimizers.SGD,), dict(hooks))
        _, variables = make_built_optimizer(optimizer)
        assert calls == ["clip", "decay", *(["update"] if BACKEND == "torch" else [])]
        np.testing.assert_array_equal(to_numpy(variables[0]), np.full((2, 3), 0.5))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="this is itself one of the other backends")
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_other_backends_do_the_same(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
