"""Every registered network keeps the contract of `kcifar.models`.

The variants are built, counted and run once; one small setting of each family is put to all laws of `model_battery.py`.
"""

import keras
import numpy as np
import pytest
from model_battery import LAWS, NUM_CLASSES, Law, Subject, family, logits_of, normalised_images
from published_parameters import GENERAL, PARAMETERS

from kcifar.models import MODELS
from kcifar.models.summary import model_summary

# A family's module -> a small network with all of its parts.
SMALL = {
    "airbench": Subject("airbench", {"widths": [16, 24], "convolutions": 3}),
    "cct": Subject("cct", {"width": 16, "convolutions": 2, "dropout_rate": 0.1}),
    "convmixer": Subject("convmixer", {"width": 16, "depth": 2, "kernel_size": 5}),
    "densenet": Subject("densenet", {"growth": 8, "blocks": [2, 2], "stem_width": 8, "dropout_rate": 0.1}),
    "lenet": Subject("lenet_bn", {"dropout_rate": 0.1}),
    "preact_resnet": Subject("preact_resnet", {"blocks": [1, 1], "width": 8, "block": "bottleneck", "attention": "eca"}),
    "quizdnn": Subject("quizdnn", {"width": 8, "dropout_rate": 0.1}),
    "residual": Subject("residual_cnn", {"widths": [8, 8], "convolutions": [1, 2], "dense_units": [16], "dropout_rate": 0.1}),
    "resnet": Subject("wide_stem_resnet", {"blocks": [1, 2], "width": 8, "attention": "squeeze_excitation", "shortcut": "pad"}),
    "resnext": Subject("resnext", {"blocks": [1, 1], "cardinality": 2, "width": 16, "stem_width": 8, "drop_path_rate": 0.1}),
    "vgg": Subject("vgg", {"widths": [8, 12], "convolutions": [1, 2], "dense_units": [16], "dropout_rate": 0.1}),
    "vit": Subject("vit", {"width": 16, "depth": 2, "heads": 2, "dropout_rate": 0.1}),
    "wide_resnet": Subject("wide_resnet", {"depth": 10, "width": 1, "dropout_rate": 0.1}),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("subject", SMALL.values(), ids=SMALL.keys())
def test_a_small_network_keeps_the_law(subject: Subject, law: Law) -> None:
    law(subject)


def test_each_family_has_a_small_network() -> None:
    assert {family(name) for name in MODELS.names()} == set(SMALL)
    assert {key: family(subject.name) for key, subject in SMALL.items()} == {key: key for key in SMALL}


def test_each_variant_has_a_published_size() -> None:
    assert sorted([*PARAMETERS, *GENERAL]) == MODELS.names()


@pytest.fixture(scope="module", params=MODELS.names())
def variant(request: pytest.FixtureRequest) -> keras.Model:
    return Subject(request.param).build()


class TestEveryVariant:
    def test_has_the_published_number_of_parameters(self, variant: keras.Model) -> None:
        if variant.name in PARAMETERS:
            published = PARAMETERS[variant.name]
            assert model_summary(variant)[published.key] == published.count, published.source

    def test_gives_finite_logits(self, variant: keras.Model) -> None:
        logits = logits_of(variant, normalised_images(1))
        assert logits.shape == (1, NUM_CLASSES)
        assert np.isfinite(logits).all()
