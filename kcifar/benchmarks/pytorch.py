"""How fast is a training step of resnet18? kcifar's, unmodified Keras', and plain PyTorch's, in one process."""

import importlib
import importlib.util
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kcifar.core.checks import expect_choice
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras, pandas
from kcifar.core.option_names import name_option
from kcifar.engine.backend import load_backend, use_dtype_policy
from kcifar.engine.tensorflow.layer_kernels import use_fast_kernels
from kcifar.models.build import build_model

IMAGE_SHAPE, CLASSES, BATCH, STEPS = (32, 32, 3), 10, 64, 5
LEARNING_RATE, MOMENTUM = 0.01, 0.9
TORCH_PRECISIONS = ("float32", "mixed_bfloat16")

Turn = Callable[[], object]


def compare_with_pytorch(precisions: Sequence[str], repeats: int) -> Any:
    """Measure images per second when one resident batch of 64 is trained repeatedly: forward, backward, SGD with momentum.

    PyTorch runs as its guides advise for processors: channels last, and autocast to bfloat16 under "mixed_bfloat16". Unmodified Keras
    is the same network without the kernels of `kcifar.engine.tensorflow.layer_kernels`. Turns alternate in one process.

    Args:
        precisions: "float32", "mixed_bfloat16"; none for both.
        repeats: Turns of each contender, > 0, after one that compiles; each of 5 steps.
    Returns:
        DataFrame, one row per contender and precision: `contender`, `precision`, `images_per_second` (median of the turns), `slowest`,
        `fastest`, and `times_pytorch` of the fastest turns, since whatever else the machine does only slows a turn down.
    Raises:
        UserError: There is no such precision, or torch is not installed.
    """
    for precision in precisions:
        expect_choice(name_option("precision"), precision, TORCH_PRECISIONS)
    _load_torch()
    load_backend()
    turns: dict[tuple[str, str], Turn] = {}
    for precision in precisions or TORCH_PRECISIONS:
        turns["kcifar", precision] = _make_keras_turn(precision, use_fast_kernels)
        turns["unmodified Keras", precision] = _make_keras_turn(precision, lambda network: None)
        turns["PyTorch", precision] = _make_torch_turn(precision)
    for turn in turns.values():
        turn()
    speeds = pandas.DataFrame([{name: _measure_speed(turn) for name, turn in turns.items()} for _ in range(repeats)])
    return pandas.DataFrame([_make_row(speeds, *name) for name in turns])


def _load_torch() -> Any:
    """Import torch, which has to come before TensorFlow: after it, their threads hinder each other and a step takes ten times as long.

    Raises:
        UserError: torch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise UserError("bench torch: expected torch to be installed (pip install 'kcifar[torch]'), got none")
    return importlib.import_module("torch")


def _make_row(speeds: Any, contender: str, precision: str) -> dict[str, Any]:
    turns, pytorch = speeds[(contender, precision)], speeds[("PyTorch", precision)]
    figures = {"images_per_second": turns.median(), "slowest": turns.min(), "fastest": turns.max(), "times_pytorch": turns.max() / pytorch.max()}
    return {"contender": contender, "precision": precision, **figures}


def _measure_speed(turn: Turn) -> float:
    started = time.perf_counter()
    turn()
    return STEPS * BATCH / (time.perf_counter() - started)


def _make_batch() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.random((BATCH, *IMAGE_SHAPE), dtype=np.float32), random.integers(0, CLASSES, BATCH)


def _make_keras_turn(precision: str, prepare: Callable[[Any], None]) -> Turn:
    """Return steps of the compiled network on one resident batch."""
    with use_dtype_policy(precision):
        network = build_model("resnet18", IMAGE_SHAPE, CLASSES)
    prepare(network)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM), loss, jit_compile=keras.config.backend() == "jax")
    images, labels = (keras.ops.convert_to_tensor(array) for array in _make_batch())

    def turn() -> None:
        for _ in range(STEPS):
            network.train_on_batch(images, labels)

    return turn


def _make_torch_turn(precision: str) -> Turn:
    """Return steps of the same network as PyTorch users write it."""
    torch = _load_torch()
    network = build_torch_resnet18(torch).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, momentum=MOMENTUM)
    images, labels = (torch.from_numpy(array) for array in _make_batch())
    images = images.permute(0, 3, 1, 2)  # the memory is channels-last, so this view is in PyTorch's channels_last format

    def turn() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "mixed_bfloat16"):
                loss = torch.nn.functional.cross_entropy(network(images).float(), labels)
            loss.backward()
            optimizer.step()
            loss.item()

    return turn


def build_torch_resnet18(torch: Any) -> Any:
    """Return resnet18 for 32x32 images as a PyTorch module, with 11,173,962 parameters (He et al., 2015; stem 3x3 without pooling)."""
    nn = torch.nn

    def convolution(channels: int, filters: int, size: int, stride: int) -> list[Any]:
        return [nn.Conv2d(channels, filters, size, stride, size // 2, bias=False), nn.BatchNorm2d(filters)]

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, channels: int, filters: int, stride: int) -> None:
            super().__init__()
            self.branch = nn.Sequential(*convolution(channels, filters, 3, stride), nn.ReLU(), *convolution(filters, filters, 3, 1))
            same = stride == 1 and channels == filters
            self.shortcut = nn.Identity() if same else nn.Sequential(*convolution(channels, filters, 1, stride))

        def forward(self, images: Any) -> Any:
            return nn.functional.relu(self.branch(images) + self.shortcut(images))

    layers, channels = [*convolution(3, 64, 3, 1), nn.ReLU()], 64
    for filters, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(channels, filters, stride), Block(filters, filters, 1)]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))
