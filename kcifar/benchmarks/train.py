"""How much of the machine's training speed a staged run keeps, and how it compares with the seed's way."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kcifar.core.lazy import keras, pandas
from kcifar.datasets.dataset import Part, Source
from kcifar.datasets.load import load_dataset
from kcifar.engine.backend import dtype_policy
from kcifar.engine.network import build_network, normalization_layer, scoring_model
from kcifar.engine.patterns import set_penalties
from kcifar.planning.batches import EpochKey, epoch_batches
from kcifar.planning.plan import StagePlan, make_plan
from kcifar.recipe.load import load_recipe

BATCH, STEPS, CLASSES = 64, 22, 10  # 22 full batches are what the digits hold
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
PLAIN, SEED_WAY = "plain fit", "ImageDataGenerator"

# Trains on every batch once and returns images a second.
Turn = Callable[[], float]


def compare(precisions: Sequence[str], repeats: int) -> Any:
    """Measure images a second of the trainer, of plain `fit`, and (under TensorFlow) of the seed's way, in turns and in one process.

    The trainer augments, gathers, counts and reports as in a run. Plain `fit` repeats one resident batch through the same compiled
    network without augmentation. The seed's way is `ImageDataGenerator.flow` into `fit`, in float32. The network is the residual
    one of 17.0M parameters, the batch 64; the images are the digits (speed does not depend on what they show). Each turn is measured
    from the end of its first update to that of its last: what `fit` does before and after, which takes up to ten seconds and would
    count little in an epoch of 40,000 images, is nobody's.

    Args:
        precisions: Dtype policies of the trainer and of plain `fit`.
        repeats: Turns of each contender, > 0, after one that compiles.
    Returns:
        DataFrame, a row a contender: `contender`, `precision`, `images_per_second` (median over the turns), `slowest`, `fastest`, and
        the ratios `times_plain_fit` (of the same precision) and `times_seed_way` of the fastest turns: what else the machine does
        only ever slows a turn down.
    """
    part = load_dataset("digits", {}, Source()).train
    part = Part(part.images[: STEPS * BATCH], part.labels[: STEPS * BATCH])
    turns: dict[tuple[str, str], Turn] = {}
    for precision in precisions:
        turns["kcifar", precision] = _trainer(part, precision)
        turns[PLAIN, precision] = _plain_fit(part, precision)
    if keras.config.backend() == "tensorflow":
        turns[SEED_WAY, "float32"] = _seed_way(part)
    for turn in turns.values():
        turn()
    speeds = pandas.DataFrame([{name: turn() for name, turn in turns.items()} for _ in range(repeats)])
    return pandas.DataFrame([_row(speeds, *name) for name in turns])


def _images_per_second(ends: Sequence[float]) -> float:
    """Return the speed between the ends of the first and the last update, seconds of any clock."""
    return (len(ends) - 1) * BATCH / (ends[-1] - ends[0])


def _row(speeds: Any, contender: str, precision: str) -> dict[str, Any]:
    own = speeds[(contender, precision)]
    rivals = {"times_plain_fit": (PLAIN, precision), "times_seed_way": (SEED_WAY, "float32")}
    ratios = {name: own.max() / speeds[rival].max() if rival in speeds else float("nan") for name, rival in rivals.items()}
    return {"contender": contender, "precision": precision, "images_per_second": own.median(), "slowest": own.min(), "fastest": own.max(), **ratios}


def _stage() -> StagePlan:
    return make_plan(load_recipe(RECIPE)).stages[0]


def _network(precision: str) -> tuple[Any, Any]:
    """Return network and normalisation, with the recipe's penalty."""
    plan = make_plan(load_recipe(RECIPE))
    with dtype_policy(precision):
        network = build_network(plan, (32, 32, 3), CLASSES)
        set_penalties(network, plan.stages[0].settings)
        return network, normalization_layer("unit", (), ())


def _trainer(part: Part, precision: str) -> Turn:
    """Epochs as a run trains them."""
    from kcifar.engine.loop import LoopDriver

    stage = _stage()
    driver = LoopDriver(*_network(precision), STEPS, precision)
    driver.begin_stage(stage)

    def turn() -> float:
        ends: list[float] = []
        batches = epoch_batches(part, np.arange(len(part)), EpochKey(0, 0, 0), stage.operations, CLASSES, BATCH, "keep")
        driver.run_epoch(batches, {"learning_rate": np.full(STEPS, 3e-4)}, lambda step, loss, accuracy: ends.append(time.perf_counter()))
        return _images_per_second(ends)

    return turn


def _plain_fit(part: Part, precision: str) -> Turn:
    """Nothing but the network's own updates: one batch again and again, already where it is used."""
    network, normalization = _network(precision)
    with dtype_policy(precision):
        model = scoring_model(network, normalization, network.input_shape[1:])
    _compile(model, from_logits=True)
    images = keras.ops.convert_to_tensor(part.images[:BATCH].astype(np.float32))
    targets = keras.ops.convert_to_tensor(_one_hot(part.labels[:BATCH]))
    return lambda: _timed_fit(model, _repeated((images, targets)), steps_per_epoch=STEPS, shuffle=False)


def _repeated(batch: tuple[Any, Any]) -> Any:
    """Return an endless source of one resident batch."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.data.Dataset.from_tensors(batch).repeat()
    from itertools import repeat

    return (pair for pair in repeat(batch))


def _seed_way(part: Part) -> Turn:
    """The seed's notebook: float images in [0, 1], `ImageDataGenerator` on the host, `fit`, softmax in the network."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    network, _ = _network("float32")
    model = keras.Model(network.input, keras.layers.Softmax(name="softmax")(network.output))
    _compile(model, from_logits=False)
    generator = ImageDataGenerator(rotation_range=15, width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True)
    flow = generator.flow(part.images.astype(np.float32) / 255, _one_hot(part.labels), batch_size=BATCH)
    return lambda: _timed_fit(model, flow)


def _timed_fit(model: Any, batches: Any, **settings: Any) -> float:
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    model.fit(batches, epochs=1, verbose=0, callbacks=[watch], **settings)
    return _images_per_second(ends)


def _compile(model: Any, *, from_logits: bool) -> None:
    loss = keras.losses.CategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer=keras.optimizers.Adam(3e-4), loss=loss, metrics=["accuracy"], jit_compile=keras.config.backend() == "jax")


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return np.asarray(np.eye(CLASSES, dtype=np.float32)[labels])
