"""The numbers of the comparisons, from turns whose speed is known: nothing is trained."""

import pandas as pd
import pytest

from kcifar.benchmarks import affine_and_flip, networks, pytorch, trainers
from kcifar.benchmarks.table import print_benchmark

ENVIRONMENT = {"processor": "Xeon", "cores": 2, "devices": ["cpu:0"], "backend": "jax", "packages": {"keras": "3", "jax": "0.4", "torch": "2"}}


def test_the_trainers_speed_is_measured_between_the_ends_of_the_first_and_the_last_update() -> None:
    assert trainers._compute_speed([10.0, 11.0, 14.0]) == 2 * trainers.BATCH / 4


def test_a_trainer_is_compared_with_fit_of_its_precision_and_with_the_generator_by_the_fastest_turns() -> None:
    speeds = pd.DataFrame(
        {
            ("kcifar", "float32"): [90.0, 120.0, 100.0],
            ("plain fit", "float32"): [150.0, 10.0, 20.0],
            ("ImageDataGenerator", "float32"): [30.0, 60.0, 1.0],
        }
    )
    row = trainers._make_row(speeds, "kcifar", "float32")
    assert row == {
        "contender": "kcifar", "precision": "float32", "images_per_second": 100.0, "slowest": 90.0, "fastest": 120.0,
        "times_plain_fit": 0.8, "times_generator": 2.0,
    }  # fmt: skip
    without_generator = speeds.drop(columns=[("ImageDataGenerator", "float32")])
    assert trainers._make_row(without_generator, "kcifar", "float32")["times_generator"] == pytest.approx(float("nan"), nan_ok=True)


def test_a_contender_is_compared_with_pytorch_of_its_precision_by_the_fastest_turns() -> None:
    speeds = pd.DataFrame({("kcifar", "float32"): [90.0, 120.0, 100.0], ("PyTorch", "float32"): [60.0, 30.0, 30.0]})
    figures = {"images_per_second": 100.0, "slowest": 90.0, "fastest": 120.0, "times_pytorch": 2.0}
    assert pytorch._make_row(speeds, "kcifar", "float32") == {"contender": "kcifar", "precision": "float32"} | figures


def test_the_ways_to_augment_are_compared_turn_by_turn() -> None:
    speeds = pd.DataFrame(
        {
            "ImageDataGenerator.flow": [1.0, 2.0, 4.0],
            "keras.layers, graph": [10.0, 1.0, 1.0],
            "keras.layers, tf.data": [5.0, 4.0, 2.0],
            "kcifar": [10.0, 20.0, 60.0],
        }
    )
    row = affine_and_flip._make_table(speeds).set_index("way").loc["kcifar"]
    assert row.to_dict() == {"images_per_second": 20.0, "times_generator": 10.0, "times_layers": 5.0}


def test_the_fastest_turn_of_each_network_counts_and_the_order_alternates(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([5.0, 4.0, 3.0, 6.0, 9.0, 9.0])
    order: list[str] = []
    steps = [lambda: order.append("first"), lambda: order.append("second")]
    monkeypatch.setattr(networks, "_measure_turn", lambda step: step() or next(seconds))
    fastest = networks._measure_fastest(steps, 3)
    warm_up, turns = order[:4], order[4:]
    assert warm_up == ["first", "first", "second", "second"]
    assert turns == ["second", "first", "first", "second", "second", "first"]
    assert fastest == [3.0, 5.0]


def test_each_machine_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_benchmark("Title", pd.DataFrame({"a": [1.5, 1000.0, None]}), [ENVIRONMENT, ENVIRONMENT, ENVIRONMENT | {"cores": 4}])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["Title", "Xeon, 2 cores, cpu:0; keras 3, jax 0.4", "Xeon, 4 cores, cpu:0; keras 3, jax 0.4", ""]
    assert [line.strip() for line in lines[4:]] == ["a", "1.50", "1,000", "-"]
