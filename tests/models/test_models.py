"""Every registered network keeps the contract of `kcifar.models`.

The variants are built, counted and run once; one small setting of each family is put to all laws of `model_battery.py`.
"""

import keras
import numpy as np
import pytest
from model_battery import LAWS, NUM_CLASSES, SMALL, Law, Subject, family, logits_of, normalized_images
from published_parameters import GENERAL, PARAMETERS

from kcifar.models import MODELS
from kcifar.models.catalog import find_provenance
from kcifar.models.summary import summarize_model

# A family's module -> a small network with all of its parts.


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
            assert summarize_model(variant)[published.key] == published.count, published.source

    def test_gives_finite_logits(self, variant: keras.Model) -> None:
        logits = logits_of(variant, normalized_images(1))
        assert logits.shape == (1, NUM_CLASSES)
        assert np.isfinite(logits).all()


@pytest.mark.parametrize("name", ["lenet_bn", "vgg16", "resnet20", "preact_resnet110", "wrn_16_4", "resnext29_32x4d", "densenet121", "airbench94"])
def test_what_a_network_shows_of_itself_says_what_differs_from_its_reference(name: str) -> None:
    shown = find_provenance(MODELS.get(name))
    assert "the running variance of batch normalization is Keras' biased one (PyTorch: n / (n - 1) times as large)" in shown
    assert ("order of channels" in shown) == (name in ("resnet20", "preact_resnet110", "densenet121"))
