"""What the benchmarks compare is what they say: the rows, and bare networks of Keras' own layers."""

import keras
import numpy as np
import pytest

from kcifar.augment import AUGMENTATIONS
from kcifar.benchmarks import augmentations
from kcifar.benchmarks.networks import IMAGE_SHAPE, make_bare_network, measure_networks
from kcifar.models.build import build_model

# One of each kind of layer of our own: channels of zeros, a bias, a class token, positions.
OWN = {"cifar_resnet": {"depth": 8}, "airbench": {"widths": [8, 8]}, "vit": {"width": 16, "depth": 1, "heads": 2}}


@pytest.mark.parametrize("name", OWN)
def test_a_bare_network_has_the_same_shapes_and_no_layer_of_ours(name: str) -> None:
    network = build_model(name, IMAGE_SHAPE, 10, **OWN[name])
    bare = make_bare_network(network)
    assert [layer for layer in bare.layers if type(layer).__module__.startswith("kcifar")] == []
    assert [layer for layer in network.layers if type(layer).__module__.startswith("kcifar")] != []
    assert [layer.output.shape for layer in bare.layers] == [layer.output.shape for layer in network.layers]
    assert np.isfinite(keras.ops.convert_to_numpy(bare(np.ones((2, *IMAGE_SHAPE), np.float32)))).all()


def test_the_comparison_gives_a_row_a_network() -> None:
    table = measure_networks(["lenet"], "float32", repeats=1)
    assert list(table.columns) == ["network", "batch", "forward", "training", "forward_times_bare", "training_times_bare"]
    assert table["network"].tolist() == ["lenet"]
    assert (table.drop(columns="network") > 0).all(axis=None)


def test_every_augmentation_has_its_settings() -> None:
    assert set(augmentations.SETTINGS) == set(AUGMENTATIONS.names())


def test_the_cost_of_augmentations_is_relative_to_the_speed_of_a_cast() -> None:
    table = augmentations.measure_augmentations(["horizontal_flip", "cutmix"], batches=3, repeats=1, batch_size=8).set_index("augmentation")
    assert list(table.index) == [augmentations.CAST, "horizontal_flip", "cutmix"]
    speeds = table["images_per_second"]
    assert (speeds > 0).all()
    np.testing.assert_allclose(table["times_cast"], speeds / speeds[augmentations.CAST])
