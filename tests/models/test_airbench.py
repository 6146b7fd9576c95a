"""The airbench networks and their initialization from data: sizes, wiring, whitening, and runs."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from run_comparison import check_same_run
from tiny_recipe import tiny_recipe

import kcifar
from kcifar.core.errors import UserError
from kcifar.core.randomness import seed_weights
from kcifar.datasets.dataset import Source
from kcifar.engine.initialization import MAX_IMAGES, MAX_PIXELS, spread_indices
from kcifar.engine.patterns import check_patterns, set_penalties
from kcifar.models import DATA_INITIALIZERS, MODELS
from kcifar.models.airbench import compute_whitening_kernel, initialize_from_data
from kcifar.models.build import build_model, sketch_model
from kcifar.planning.plan import make_plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.recipe.load import load_recipe
from kcifar.recipe.stage_settings import Penalty, StageSettings

IMAGE_SHAPE = (32, 32, 3)
SIZES = {"airbench94": ((64, 256, 256), 2), "airbench95": ((128, 384, 384), 2), "airbench96": ((128, 384, 512), 3)}


def layer_shapes(network: keras.Model) -> dict[str, tuple[int, ...]]:
    return {layer.name: tuple(layer.output.shape[1:]) for layer in network.layers}


def trained_parameters(widths: tuple[int, ...], convolutions: int, classes: int = 10, channels: int = 3) -> int:
    """The bias of the whitening, 3x3 kernels, a bias for each batch normalization, and the head's kernel."""
    whitened = 8 * channels
    kernels = sum(9 * (before + (convolutions - 1) * width) * width for before, width in zip((whitened, *widths), widths, strict=False))
    return whitened + kernels + convolutions * sum(widths) + widths[-1] * classes


class TestSizes:
    @pytest.mark.parametrize(("name", "millions"), [("airbench94", 1.97), ("airbench95", 4.6), ("airbench96", 9.9)])
    def test_are_those_of_the_records(self, name: str, millions: float) -> None:
        network = sketch_model(name, IMAGE_SHAPE, 10)
        parameters = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
        assert parameters == trained_parameters(*SIZES[name])
        assert parameters / 1e6 == pytest.approx(millions, abs=0.05)
        frozen = sum(int(np.prod(variable.shape)) for variable in network.non_trainable_variables)
        assert frozen == 2 * 2 * 3 * 24 + 2 * SIZES[name][1] * sum(SIZES[name][0])  # the whitening, and moving means and variances

    def test_follow_the_arguments(self) -> None:
        for widths, convolutions in (((8,), 3), ((8, 12, 16, 4), 2)):
            network = sketch_model("airbench", (64, 40, 3), 7, widths=list(widths), convolutions=convolutions)
            parameters = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
            assert parameters == trained_parameters(widths, convolutions, classes=7)

    @pytest.mark.parametrize("name", SIZES)
    def test_of_the_maps_are_those_of_the_reference(self, name: str) -> None:
        shapes, (widths, convolutions) = layer_shapes(sketch_model(name, IMAGE_SHAPE, 10)), SIZES[name]
        assert shapes["whitening_conv"] == shapes["whitening_act"] == (31, 31, 24)
        for number, (width, size) in enumerate(zip(widths, (31, 15, 7), strict=True), start=1):
            assert shapes[f"group{number}_conv1"] == (size, size, width)
            assert shapes[f"group{number}_pool"] == shapes[f"group{number}_act{convolutions}"] == (size // 2, size // 2, width)
        assert shapes["head_pool"] == (widths[-1],)
        assert shapes["head_dense"] == shapes["logits"] == (10,)

    @pytest.mark.parametrize("size", [(9, 9), (24, 24), (224, 224), (33, 70)])
    def test_of_other_images(self, size: tuple[int, int]) -> None:
        assert sketch_model("airbench94", (*size, 3), 4).output_shape == (None, 4)

    @pytest.mark.parametrize(
        ("size", "arguments", "message"),
        [
            (
                (8, 32),
                {},
                "airbench: expected height and width of 9 to 1024 pixels, as 3 groups halve what a 2x2 convolution leaves, got images of 8x32",
            ),
            ((32, 32), {"widths": [8] * 5, "convolutions": 3}, "airbench: expected height and width of 33 to 1024 pixels"),
            ((32, 32), {"convolutions": 4}, "convolutions: expected an integer >= 2 and <= 3, got 4"),
            ((32, 32), {"widths": []}, "widths: expected a list of 1 to 6 items"),
            ((32, 32), {"widths": [8, 9000]}, "widths[1]: expected an integer > 0 and <= 8192, got 9000"),
            ((32, 32), {"norm_momentum": 1.0}, "norm_momentum: expected a number >= 0 and < 1, got 1.0"),
        ],
    )
    def test_that_cannot_be_are_refused_in_one_line(self, size: tuple[int, int], arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(UserError) as caught:
            build_model("airbench", (*size, 3), 10, **arguments)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


class TestWiring:
    def test_layers_stand_in_the_order_of_the_reference(self) -> None:
        names = [layer.name for layer in sketch_model("airbench", IMAGE_SHAPE, 10, widths=[8], convolutions=3).layers]
        whitening = ["whitening_conv", "whitening_bias", "whitening_act"]
        halved = ["group1_conv1", "group1_pool", "group1_norm1", "group1_act1", "group1_conv2", "group1_norm2", "group1_act2"]
        third = ["group1_conv3", "group1_norm3", "group1_add", "group1_act3"]
        assert names == ["images", *whitening, *halved, *third, "head_pool", "head_dense", "logits"]
        assert "group1_add" not in {layer.name for layer in sketch_model("airbench", IMAGE_SHAPE, 10, widths=[8]).layers}

    @pytest.mark.parametrize(("name", "kept"), [("airbench94", 0.6), ("airbench95", 0.6), ("airbench96", 0.9)])
    def test_batch_normalization_is_exact_without_scale_and_forgets_fast(self, name: str, kept: float) -> None:
        norms = [layer for layer in sketch_model(name, IMAGE_SHAPE, 10).layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert len(norms) == 3 * SIZES[name][1]
        assert {(layer.momentum, layer.epsilon, layer.scale, layer.center) for layer in norms} == {(kept, 1e-12, False, True)}

    def test_the_third_convolution_is_added_to_the_input_of_the_second(self) -> None:
        network = build_model("airbench", IMAGE_SHAPE, 10, widths=[8], convolutions=3)
        kernel = network.get_layer("group1_conv3").kernel
        kernel.assign(np.zeros(kernel.shape))
        before, after = (keras.Model(network.input, network.get_layer(name).output) for name in ("group1_act1", "group1_add"))
        images = np.random.default_rng(0).normal(size=(2, *IMAGE_SHAPE)).astype(np.float32)
        np.testing.assert_array_equal(after(images), before(images))

    def test_convolutions_start_by_copying_their_input(self) -> None:
        network = build_model("airbench", (8, 8, 3), 10, widths=[40, 40])
        hidden = np.random.default_rng(0).normal(size=(1, 4, 4, 40)).astype(np.float32)
        np.testing.assert_array_equal(network.get_layer("group1_conv1")(hidden[..., :24])[..., :24], hidden[..., :24])
        for name in ("group1_conv2", "group2_conv1", "group2_conv2"):
            np.testing.assert_array_equal(network.get_layer(name)(hidden), hidden)

    def test_logits_are_a_ninth_of_the_head_of_the_largest_values(self) -> None:
        network = build_model("airbench", IMAGE_SHAPE, 10, widths=[8, 8])
        images = np.random.default_rng(0).normal(size=(2, *IMAGE_SHAPE)).astype(np.float32)
        maps = np.asarray(keras.Model(network.input, network.get_layer("group2_act2").output)(images))
        expected = maps.max(axis=(1, 2)) @ network.get_layer("head_dense").get_weights()[0] / 9
        np.testing.assert_allclose(network(images), expected, rtol=0, atol=1e-6)

    def test_the_whitening_kernel_alone_is_frozen_and_starts_as_torch_does(self) -> None:
        network = build_model("airbench", IMAGE_SHAPE, 10, widths=[8])
        layer = network.get_layer("whitening_conv")
        assert [variable.path for variable in layer.variables] == ["whitening_conv/kernel"]
        assert layer.trainable_variables == []
        assert "whitening_bias/bias" in {variable.path for variable in network.trainable_variables}
        assert {layer.name for layer in network.layers if not layer.trainable} == {"whitening_conv"}
        assert 0.9 < np.abs(layer.get_weights()[0]).max() * np.sqrt(12) <= 1


def photographs(count: int, size: int = 9) -> np.ndarray:
    """Return images whose neighbors and channels nearly agree, with a mean that is not 0."""
    generator = np.random.default_rng(0)
    coarse = generator.normal(0.3, 1, size=(count, 1, 1, 1)) + generator.normal(0, 0.2, size=(count, size, size, 1))
    return (coarse + generator.normal(0, 0.02, size=(count, size, size, 3))).astype(np.float32)


def patches_of(images: np.ndarray) -> np.ndarray:
    """Return every 2x2 patch, float64 (patches, 12), taken one at a time."""
    _, height, width, _ = images.shape
    patches = [images[:, y : y + 2, x : x + 2].reshape(len(images), -1) for y in range(height - 1) for x in range(width - 1)]
    return np.concatenate(patches).astype(np.float64)


class TestWhitening:
    # More than are taken at once, and the last few fewer.
    IMAGES = photographs(300)

    def test_leaves_the_patches_uncorrelated_with_the_variances_of_the_reference(self) -> None:
        patches = patches_of(self.IMAGES)
        values = np.sort(np.linalg.eigvalsh(patches.T @ patches / len(patches)))[::-1]
        assert values[0] > 10 > 1e-3 > values[-1] > 1e-4  # or the law would say little
        outputs = patches @ compute_whitening_kernel(self.IMAGES).reshape(12, 24).astype(np.float64)
        covariance = outputs[:, :12].T @ outputs[:, :12] / len(patches)
        np.testing.assert_allclose(covariance, np.diag(values / (values + 5e-4)), rtol=0, atol=1e-5)

    def test_holds_the_negative_of_each_filter(self) -> None:
        kernel = compute_whitening_kernel(self.IMAGES)
        assert (kernel.shape, kernel.dtype) == ((2, 2, 3, 24), np.float32)
        np.testing.assert_array_equal(kernel[..., 12:], -kernel[..., :12])

    def test_numbers_lie_in_the_kernel_as_in_the_patch(self) -> None:
        network = build_model("airbench", (9, 9, 3), 10, widths=[4])
        initialize_from_data(network, self.IMAGES)
        outputs = np.asarray(network.get_layer("whitening_conv")(self.IMAGES)).reshape(-1, 24)
        expected = np.diag((outputs[:, :12] ** 2).mean(axis=0))
        np.testing.assert_allclose(outputs[:, :12].T @ outputs[:, :12] / len(outputs), expected, rtol=0, atol=1e-4)

    def test_is_finite_where_patches_do_not_vary(self) -> None:
        assert np.abs(compute_whitening_kernel(np.ones((3, 4, 4, 3), np.float32))).max() <= 1 / np.sqrt(5e-4) + 1e-3

    def test_is_registered_for_every_airbench(self) -> None:
        ours = [name for name in MODELS.names() if name.startswith("airbench")]
        assert len(ours) == 4
        assert {DATA_INITIALIZERS.get(name) for name in ours} == {initialize_from_data}


class TestImagesForInitialization:
    @pytest.mark.parametrize(("count", "expected"), [(7, 7), (5000, 5000), (5001, 5000), (40_000, 5000)])
    def test_are_spread_evenly(self, count: int, expected: int) -> None:
        indices = 3 * np.arange(count)
        spread = spread_indices(indices, IMAGE_SHAPE)
        assert len(spread) == expected
        steps = np.diff(spread) / 3
        assert set(steps) <= {count // expected, -(-count // expected)}
        assert spread[0] == 0
        assert spread[-1] > 3 * (count - 1 - count / expected)

    def test_are_fewer_where_they_are_large(self) -> None:
        indices = np.arange(10_000)
        assert len(spread_indices(indices, (64, 64, 3))) == MAX_IMAGES
        assert len(spread_indices(indices, (224, 224, 3))) == MAX_PIXELS // 224**2 == 408
        assert len(spread_indices(indices, (9000, 9000, 3))) == 1


def test_penalties_leave_frozen_kernels_out_and_find_those_of_attention() -> None:
    network = build_model("airbench", IMAGE_SHAPE, 10, widths=[4])
    set_penalties(network, with_penalty("*_conv*"))
    penalized = [variable.path for variable in network.variables if variable.regularizer is not None]
    assert penalized == ["group1_conv1/kernel", "group1_conv2/kernel"]
    plan = make_plan(load_recipe(RECIPE, {"stages.0.l2": {"value": 0.1, "layers": "whitening_*"}}))
    with pytest.raises(
        UserError, match=r"l2.layers: expected a pattern that matches a layer with a kernel, such as 'group1_\*', 'head_dense', got 'whitening_"
    ):
        check_patterns(network, plan)
    network = build_model("vit", IMAGE_SHAPE, 10, width=8, depth=1, heads=2)
    set_penalties(network, with_penalty("*_attention"))
    penalized = [variable.path for variable in network.variables if variable.regularizer is not None]
    assert penalized == [f"block1_attention/{part}/kernel" for part in ("query", "key", "value", "attention_output")]


def with_penalty(layers: str) -> StageSettings:
    return StageSettings(l2=Penalty(value=0.1, layers=layers))


# Runs.

RECIPE = tiny_recipe(
    model={"name": "airbench", "widths": [8, 8, 8]},
    input={"normalization": "standardize"},
    defaults={"batch_size": 128, "l2": {"value": 1e-4, "layers": "*_conv*"}},
    stages=[{"name": "learn", "epochs": 1, "learning_rate": 3e-3}, {"name": "refine", "epochs": 1, "learning_rate": 1e-3}],
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> kcifar.Run:
    """A finished run; tests must not change it."""
    return kcifar.train(RECIPE, run=tmp_path_factory.mktemp("runs") / "airbench")


@pytest.fixture(scope="module")
def data() -> PreparedData:
    return prepare_data(make_plan(load_recipe(RECIPE)), Source())


def test_a_run_whitens_by_its_own_training_images(run: kcifar.Run, data: PreparedData) -> None:
    """And keeps the kernel: two epochs later it is still what the un-augmented, normalized training images make of it."""
    images = data.dataset.train.images[data.train_indices].astype(np.float32) / 255
    patches = patches_of((images - data.description["channel_mean"]) / data.description["channel_deviation"])
    kernel = run.load_model().get_layer("airbench").get_layer("whitening_conv").get_weights()[0].reshape(12, 24)
    # Digits are gray: four directions vary. The filters are fitted to no other images than these, see the deviations from 0.
    values = np.linalg.eigvalsh(patches.T @ patches / len(patches))[::-1][:4]
    outputs = patches @ kernel[:, :4].astype(np.float64)
    np.testing.assert_allclose(outputs.T @ outputs / len(patches), np.diag(values / (values + 5e-4)), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(kernel[:, 12:], -kernel[:, :12])
    assert np.isfinite(run.history["loss"]).all()


def test_a_run_cut_short_is_set_up_again_only_if_it_had_no_checkpoint(run: kcifar.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its first epoch and again in its second, it is initialized twice and ends like an uninterrupted run."""
    trainer, loop = importlib.import_module("kcifar.training.trainer"), importlib.import_module("kcifar.engine.training_loop").TrainingLoop
    set_up, run_epoch, calls = trainer.initialize_from_data, loop.run_epoch, []
    monkeypatch.setattr(trainer, "initialize_from_data", lambda *given: calls.append("set up") or set_up(*given))

    def fails_twice(*given: Any) -> Any:
        calls.append("epoch")
        if calls.count("epoch") in (1, 3):
            raise OSError("the disk is gone")
        return run_epoch(*given)

    monkeypatch.setattr(loop, "run_epoch", fails_twice)
    for recipe, resume in ((RECIPE, False), (None, True)):
        with pytest.raises(OSError, match="the disk is gone"):
            kcifar.train(recipe, run=tmp_path / "cut", resume=resume)
    kcifar.train(run=tmp_path / "cut", resume=True)
    assert calls == ["set up", "epoch", "set up", "epoch", "epoch", "epoch"]
    check_same_run(run.path, tmp_path / "cut")


def test_another_process_opens_and_exports_it(run: kcifar.Run, tmp_path: Path) -> None:
    """A fresh process opens the run, loads `model.keras` with kcifar's own layers, and writes a SavedModel that needs none of them."""
    out, reference = tmp_path / "saved_model", tmp_path / "reference.npz"
    command = [sys.executable, "-m", "kcifar.exporting.write_saved_model", str(run.path), str(out), str(reference)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    with np.load(run.path / "examples.npz") as examples:
        images, stored = examples["images"], run.predictions["test_probabilities"][examples["indices"]]
    with np.load(reference) as arrays:
        np.testing.assert_allclose(arrays["probabilities"], stored, rtol=0, atol=1e-5)
    loaded = tf.saved_model.load(str(out))
    served = loaded.signatures["serving_default"](images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(served, stored, rtol=0, atol=1e-5)


def test_the_network_alone_has_the_same_start_whatever_the_data(data: PreparedData) -> None:
    """The builder is pure: the data change the whitening kernel and nothing else."""
    with seed_weights(0):
        network = build_model("airbench", IMAGE_SHAPE, 10, widths=[8])
    before = {variable.path: np.array(keras.ops.convert_to_numpy(variable.value)) for variable in network.variables}
    initialize_from_data(network, data.dataset.train.images[:50].astype(np.float32))
    after = {variable.path: keras.ops.convert_to_numpy(variable.value) for variable in network.variables}
    assert [path for path, value in before.items() if not np.array_equal(value, after[path])] == ["whitening_conv/kernel"]
