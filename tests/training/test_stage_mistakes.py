"""What a stage may not say: one line with place, what is allowed and what came, before the first update."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tiny_recipe import TINY_MODEL, tiny_recipe

import kcifar
from kcifar.core.errors import UserError
from kcifar.engine.initialization import initialize_from_run
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe
from kcifar.recipe.stage_settings import InitFrom

PLANNED = [
    ({"momentum": 0.9, "optimizer": {"name": "adamw"}}, "optimizer: 'adamw'"),
    ({"weight_decay": -1}, r"weight_decay.value: expected a number >= 0 or a schedule"),
    ({"weight_decay": {"value": 0.1, "weights": "some"}}, "expected one of 'kernels', 'all', got 'some'"),
    ({"ema": 1.0}, "ema.decay: expected a number >= 0 and < 1, got 1.0"),
    ({"lookahead": {"every": 0}}, "lookahead.every: expected an integer > 0, got 0"),
    ({"sam": 0}, "sam.radius: expected a number > 0, got 0"),
    ({"accumulate": 0}, "accumulate: expected an integer > 0 and <= 10000, got 0"),
    ({"clip_norm": "1"}, "clip_norm: expected a number > 0 or null, got '1'"),
    ({"early_stopping": 0}, "early_stopping.patience: expected an integer > 0 or 'N epochs', got 0"),
    ({"views": 3}, "views: expected one of 1, 2, 6, got 3"),
    ({"image_size": 2000}, "image_size: expected an integer > 0 and <= 1024 or null, got 2000"),
    ({"learning_rate": {"name": "cosine", "value": 0.1, "warm_up": "5 epoch s"}}, "expected 'N epochs', 'N steps' or a fraction"),
    ({"learning_rate": {"name": "cosine", "value": 0.1, "warm_up": 2.0}}, "expected 'N epochs', 'N steps' or a fraction"),
    ({"augmentation": [{"name": "mixup"}, {"name": "cutmix"}]}, "expected at most one step that mixes images .*, got mixup, cutmix"),
    ({"augmentation": [{"name": "one_of", "operations": []}]}, r"augmentation\[0\].operations: expected a list of at least 1 item"),
    ({"augmentation": [{"name": "one_of", "operations": [{"name": "cutout"}, {"name": "mixup"}]}]}, r"augmentation\[0\]: "),
    ({"augmentation": [{"name": "one_of", "operations": [{"name": "cut"}]}]}, r"operations\[0\].name: no augmentation 'cut'; did you mean"),
]


@pytest.mark.parametrize(("settings", "message"), PLANNED, ids=[message[:30] for _, message in PLANNED])
def test_the_plan_refuses(settings: dict[str, Any], message: str) -> None:
    stage = {"name": "only", "epochs": 1, "learning_rate": 0.1} | settings
    with pytest.raises(UserError, match=message) as caught:
        make_plan(load_recipe(tiny_recipe(stages=[stage])))
    assert "\n" not in str(caught.value)
    assert "stages[0]." in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [{"early_stopping": 2}, {"learning_rate": {"name": "plateau", "value": 0.1}}, {"early_stopping": {"patience": 1, "monitor": "val_loss"}}],
)
def test_what_watches_validation_needs_a_validation_part(settings: dict[str, Any]) -> None:
    recipe = tiny_recipe(dataset={"name": "digits", "validation": 0}, stages=[{"name": "only", "epochs": 1, "learning_rate": 0.1} | settings])
    with pytest.raises(UserError, match=r"monitor: 'val_\w+' needs a validation split, got dataset.validation: 0"):
        make_plan(load_recipe(recipe))


BUILT = [
    (
        {"freeze": ["stem*"]},
        r"freeze\[0\]: expected a pattern that matches a layer with weights, such as 'block1_\*', 'block2_\*', 'head_dense1', 'logits', got 'stem\*'$",
    ),
    ({"freeze": ["blok1"]}, r"got 'blok1'; did you mean 'block1_\*'\?$"),
    ({"freeze": ["Conv*"]}, r"got 'Conv\*'; did you mean '\*conv\*'\?$"),
    ({"freeze": ["images"]}, "freeze.*: expected a pattern that matches a layer with weights"),
    ({"freeze": ["head_dropout1"]}, "freeze.*: expected a pattern that matches a layer with weights"),
    ({"freeze": ["*"]}, "freeze: expected at least one layer to stay trainable"),
    ({"l1": {"value": 0.1, "layers": "none"}}, "l1.layers: expected a pattern that matches a layer with a kernel"),
    ({"weight_decay": {"value": 0.1, "layers": "none"}}, "weight_decay.layers: expected a pattern"),
    (
        {"rate_multipliers": [{"variables": "bias", "value": 2}]},
        r"rate_multipliers\[0\].variables: expected a pattern that matches a trained variable",
    ),
    ({"class_weight": [1.0, 2.0]}, "class_weight: expected 10 weights, one per class, got 2"),
    ({"image_size": 16}, "image_size: expected a network whose weights fit every image size, got 'residual_cnn'"),
    ({"drop_path_rate": 0.1}, "drop_path_rate: expected a network with an argument drop_path_rate, got 'residual_cnn', which has none"),
    ({"learning_rate": {"name": "cosine", "value": 0.1, "warm_up": "1 epoch"}}, "learning_rate.warm_up: expected less than the stage's"),
    ({"momentum": {"name": "piecewise", "values": [0.5, 0.9], "boundaries": ["9 epochs"]}}, r"momentum: boundaries"),
    ({"accumulate": 19}, "accumulate: expected at most 18, the number of batches of stage 'later', got 19"),
    ({"init_from": "/nowhere"}, "init_from: expected a finished run with model.keras, got '/nowhere'"),
]


@pytest.mark.parametrize(("settings", "message"), BUILT, ids=[message[:30] for _, message in BUILT])
def test_a_run_refuses_before_its_folder_is_made(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    stages = [{"name": "first", "epochs": 1, "learning_rate": 0.1}, {"name": "later", "epochs": 1, "learning_rate": 0.1} | settings]
    with pytest.raises(UserError, match=message) as caught:
        kcifar.train(tiny_recipe(stages=stages, defaults={}), run=tmp_path / "run")
    assert "stages[1]." in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


class TestInitFrom:
    def test_a_stage_begins_with_another_runs_weights(self, tiny_run: kcifar.Run, tmp_path: Path) -> None:
        """At a rate of next to nothing they stay what they were; what the pattern leaves out is the new run's own start."""
        stage = {
            "name": "only",
            "epochs": 1,
            "learning_rate": 1e-30,
            "optimizer": {"name": "sgd"},
            "init_from": {"run": str(tiny_run.path), "layers": "block*"},
        }
        run = kcifar.train(tiny_recipe(stages=[stage], defaults={"batch_size": 512}, seed=5), run=tmp_path / "run")
        given, found = (weights_of(one) for one in (tiny_run, run))
        taken = {path for path, value in given.items() if np.array_equal(value, found[path])}
        kernels = {path for path in given if path.endswith(("kernel", "gamma"))}
        assert taken & kernels == {path for path in kernels if path.startswith("block")}

    @pytest.mark.parametrize("layers", ["*", "block*"])
    def test_what_fits_is_taken_and_what_does_not_is_said(
        self, layers: str, tiny_run: kcifar.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The data set's first four classes: the last layer has other shapes."""
        digits = kcifar.load_dataset("digits")
        few = {name: (part.images[part.labels < 4], part.labels[part.labels < 4]) for name, part in digits.splits().items()}
        stage = {"name": "only", "epochs": 1, "learning_rate": 1e-30, "optimizer": {"name": "sgd"}, "init_from": {"run": str(tiny_run.path)}}
        stage["init_from"]["layers"] = layers  # type: ignore[index]
        run = kcifar.train(tiny_recipe(stages=[stage], defaults={"batch_size": 512}, seed=5), few, run=tmp_path / "run")
        given, found = (weights_of(one) for one in (tiny_run, run))
        kernels = {path for path in given if path.endswith(("kernel", "gamma"))}
        taken = {path for path in kernels if np.array_equal(given[path], found[path])}
        assert taken == (kernels - {"logits/kernel"} if layers == "*" else {path for path in kernels if path.startswith("block")})
        rest = "8 of 9 layers begin with the weights of .*, all but: logits/kernel of shape \\(16, 4\\); in the run it has shape \\(16, 10\\)\n"
        assert bool(re.search(rest, capsys.readouterr().out)) == (layers == "*")

    @pytest.mark.parametrize(
        ("layers", "message"),
        [
            ("block2*", r"init_from: expected a run whose network has block2_\S+ of shape .*9\); in the run it has shape \("),
            ("stem", r"init_from.layers: expected a pattern that matches a layer with weights, such as 'block1_\*', .*, got 'stem'"),
        ],
    )
    def test_a_chosen_layer_that_does_not_fit_is_refused(self, layers: str, message: str, tiny_run: kcifar.Run, tmp_path: Path) -> None:
        stage = {"name": "only", "epochs": 1, "learning_rate": 0.1, "init_from": {"run": str(tiny_run.path), "layers": layers}}
        model = {"name": "residual_cnn", "widths": [4, 9], "convolutions": [1, 1], "dense_units": [16]}
        with pytest.raises(UserError, match=message):
            kcifar.train(tiny_recipe(stages=[stage], model=model, defaults={}), run=tmp_path / "run")

    def test_a_network_of_which_nothing_fits_is_refused(self, tiny_run: kcifar.Run, tmp_path: Path) -> None:
        stage = {"name": "only", "epochs": 1, "learning_rate": 0.1, "init_from": str(tiny_run.path)}
        with pytest.raises(UserError, match=r"init_from: expected a run whose network has \S+ of shape .*; in the run it is missing"):
            kcifar.train(tiny_recipe(stages=[stage], model={"name": "lenet"}, defaults={}), run=tmp_path / "run")

    def test_layers_that_merely_have_other_names_are_refused(self, tiny_run: kcifar.Run) -> None:
        """All would fit; loading what happens to have the same name would leave the rest untrained without a word."""
        network = kcifar.build_model("residual_cnn", (32, 32, 3), 10, **{key: value for key, value in TINY_MODEL.items() if key != "name"})
        renamed = keras.models.clone_model(network, clone_function=rename_head)
        source = InitFrom(run=str(tiny_run.path))
        assert initialize_from_run(network, source, "here") == ""
        with pytest.raises(
            UserError, match=r"here: expected layers of the same names as in .*, where the shapes of 'dense1' are those of 'head_dense1'"
        ):
            initialize_from_run(renamed, source, "here")


def rename_head(layer: Any) -> Any:
    """Return a copy of a layer, named otherwise if it is in the head."""
    return type(layer).from_config(layer.get_config() | {"name": layer.name.removeprefix("head_")})


def weights_of(run: kcifar.Run) -> dict[str, np.ndarray]:
    network = run.load_model().get_layer("residual_cnn")
    return {variable.path: np.array(variable.numpy()) for variable in network.trainable_variables}
