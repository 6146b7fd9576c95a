"""Every variant keeps every law of `model_battery.py`, as it is, in its published size. Run with `pytest -m zoo`."""

import pytest
from model_battery import LAWS, Law, Subject

from kcifar.models import MODELS

pytestmark = pytest.mark.zoo

# Wide dense layers, and deep networks without batch normalization, learn at small steps alone.
LEARNING_RATES = dict.fromkeys(("vgg16", "vgg11_plain", "vgg13_plain", "vgg16_plain", "vgg19_plain"), 0.0003)
# Images beside 32x32, where 48x40 will not do.
SECOND_SIZES = {"residual_cnn": (64, 32)}


@pytest.fixture(scope="module", params=MODELS.names())
def subject(request: pytest.FixtureRequest) -> Subject:
    # A new one, which takes its network along when it goes.
    name = request.param
    return Subject(name, second_size=SECOND_SIZES.get(name, (48, 40)), learning_rate=LEARNING_RATES.get(name, 0.001))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_variant_keeps_the_law(subject: Subject, law: Law) -> None:
    law(subject)
