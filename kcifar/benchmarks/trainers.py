"""How much of the machine's training speed does a run reach, and how does that compare with `ImageDataGenerator` and `fit`?"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kcifar.core.checks import expect_choice
from kcifar.core.lazy import keras, pandas
from kcifar.core.option_names import name_option
from kcifar.datasets.dataset import Source, Split
from kcifar.datasets.load import load_dataset
from kcifar.engine.backend import PRECISIONS, choose_precision, load_backend, use_dtype_policy
from kcifar.engine.network import build_network, make_normalization, make_scoring_model
from kcifar.engine.patterns import set_penalties
from kcifar.planning.batches import EpochKey
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe

BATCH, STEPS, CLASSES = 64, 22, 10  # the digits contain 22 full batches
RECIPE = {
    "name": "benchmark",
    "dataset": {"name": "digits"},
    "model": {"name": "residual_cnn"},
    "defaults": {
        "batch_size": BATCH,
        "l2": {"value": 1e-4, "layers": "*_conv*"},
        "augmentation": [{"name": "random_affine", "rotation": 15, "width_shift": 0.1, "height_shift": 0.1}, {"name": "horizontal_flip"}],
    },
    "stages": [{"name": "train", "epochs": 1, "learning_rate": 3e-4}],
}
PLAIN, GENERATOR = "plain fit", "ImageDataGenerator"

# Trains on every batch once and returns images per second.
Turn = Callable[[], float]


def compare_trainers(precisions: Sequence[str], repeats: int) -> Any:
    """Measure images per second of kcifar's trainer, of plain `fit`, and (under TensorFlow) of `fit` with `ImageDataGenerator`.

    The trainer augments, gathers, counts and reports as in a run. Plain `fit` trains on one resident batch repeatedly with the same compiled
    network, without augmentation. The third is `ImageDataGenerator.flow` into `fit`, in float32. The network is the residual
    one of 17.0M parameters, the batch 64; the images are the digits (speed does not depend on what they show). All take turns in one
    process. Each turn is measured from the end of its first update to that of its last: what `fit` does before and after, which takes up
    to ten seconds and would count little in an epoch of 40,000 images, is left out.

    Args:
        precisions: Dtype policies of the trainer and of plain `fit`; none for float32 and the automatic one.
        repeats: Turns of each contender, > 0, after one that compiles.
    Returns:
        DataFrame, one row per contender: `contender`, `precision`, `images_per_second` (median over the turns), `slowest`, `fastest`, and
        the ratios `times_plain_fit` (of the same precision) and `times_generator` of the fastest turns, since whatever else the machine does
        only slows a turn down.
    Raises:
        UserError: There is no such precision.
    """
    for precision in precisions:
        expect_choice(name_option("precision"), precision, PRECISIONS)
    load_backend()
    part = load_dataset("digits", {}, Source()).train
    part = Split(part.images[: STEPS * BATCH], part.labels[: STEPS * BATCH])
    turns: dict[tuple[str, str], Turn] = {}
    for precision in precisions or dict.fromkeys(["float32", choose_precision()]):
        turns["kcifar", precision] = _make_trainer(part, precision)
        turns[PLAIN, precision] = _make_plain_fit(part, precision)
    if keras.config.backend() == "tensorflow":
        turns[GENERATOR, "float32"] = _make_generator_fit(part)
    for turn in turns.values():
        turn()
    speeds = pandas.DataFrame([{name: turn() for name, turn in turns.items()} for _ in range(repeats)])
    return pandas.DataFrame([_make_row(speeds, *name) for name in turns])


def _compute_speed(ends: Sequence[float]) -> float:
    """Return the images per second between the ends of the first and the last update, in seconds of any clock."""
    return (len(ends) - 1) * BATCH / (ends[-1] - ends[0])


def _make_row(speeds: Any, contender: str, precision: str) -> dict[str, Any]:
    turns = speeds[(contender, precision)]
    rivals = {"times_plain_fit": (PLAIN, precision), "times_generator": (GENERATOR, "float32")}
    ratios = {name: turns.max() / speeds[rival].max() if rival in speeds else float("nan") for name, rival in rivals.items()}
    figures = {"images_per_second": turns.median(), "slowest": turns.min(), "fastest": turns.max()}
    return {"contender": contender, "precision": precision, **figures, **ratios}


def _build_network(precision: str) -> tuple[Any, Any]:
    """Return network and normalization, with the recipe's penalty."""
    plan = make_plan(load_recipe(RECIPE))
    with use_dtype_policy(precision):
        network = build_network(plan, (32, 32, 3), CLASSES)
        set_penalties(network, plan.stages[0].settings)
        return network, make_normalization("unit", (), ())


def _make_trainer(part: Split, precision: str) -> Turn:
    """Train epochs as a run does."""
    from kcifar.engine.training_loop import TrainingLoop

    stage = make_plan(load_recipe(RECIPE)).stages[0]
    loop = TrainingLoop(*_build_network(precision), STEPS, precision)
    loop.begin_stage(stage)

    def turn() -> float:
        ends: list[float] = []
        batches = make_epoch_batches(part, np.arange(len(part)), EpochKey(0, 0, 0), stage.operations, CLASSES, BATCH, "keep")
        loop.run_epoch(batches, {"learning_rate": np.full(STEPS, 3e-4)}, lambda step, loss, accuracy: ends.append(time.perf_counter()))
        return _compute_speed(ends)

    return turn


def _make_plain_fit(part: Split, precision: str) -> Turn:
    """Train with nothing but the network's updates: one batch repeatedly, already on the device."""
    network, normalization = _build_network(precision)
    with use_dtype_policy(precision):
        model = make_scoring_model(network, normalization, network.input_shape[1:])
    _compile(model, from_logits=True)
    images = keras.ops.convert_to_tensor(part.images[:BATCH].astype(np.float32))
    targets = keras.ops.convert_to_tensor(_one_hot(part.labels[:BATCH]))
    return lambda: _measure_fit(model, _repeat((images, targets)), steps_per_epoch=STEPS, shuffle=False)


def _repeat(batch: tuple[Any, Any]) -> Any:
    """Return an endless source of one resident batch."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.data.Dataset.from_tensors(batch).repeat()
    from itertools import repeat

    return (pair for pair in repeat(batch))


def _make_generator_fit(part: Split) -> Turn:
    """Train as notebooks often do: float images in [0, 1], `ImageDataGenerator` on the host, `fit`, softmax in the network."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    network, _ = _build_network("float32")
    model = keras.Model(network.input, keras.layers.Softmax(name="softmax")(network.output))
    _compile(model, from_logits=False)
    generator = ImageDataGenerator(rotation_range=15, width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True)
    flow = generator.flow(part.images.astype(np.float32) / 255, _one_hot(part.labels), batch_size=BATCH)
    return lambda: _measure_fit(model, flow)


def _measure_fit(model: Any, batches: Any, **settings: Any) -> float:
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    model.fit(batches, epochs=1, verbose=0, callbacks=[watch], **settings)
    return _compute_speed(ends)


def _compile(model: Any, *, from_logits: bool) -> None:
    loss = keras.losses.CategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer=keras.optimizers.Adam(3e-4), loss=loss, metrics=["accuracy"], jit_compile=keras.config.backend() == "jax")


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return np.asarray(np.eye(CLASSES, dtype=np.float32)[labels])
