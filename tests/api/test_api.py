"""kcifar from Python: what Tab and help() show, keywords that are misspelt, and each function on a small real run."""

import inspect
import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import ROOT
from tiny_recipe import tiny_recipe

import kcifar
from kcifar import api

FUNCTIONS = ("train", "evaluate", "report", "export", "open_run", "load_recipe", "build_model", "load_dataset", "find_learning_rate", "train_seeds")


def shown_by_help(subject: Any) -> str:
    with redirect_stdout(io.StringIO()) as text:
        help(subject)
    return text.getvalue()


def test_tab_shows_the_public_names() -> None:
    assert {*FUNCTIONS, "Run", "Recipe", "UserError", "TrainingFailed"} <= set(dir(kcifar)) == {*kcifar.__all__, "__version__"}
    assert all(hasattr(kcifar, name) for name in dir(kcifar))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_shows_the_true_signature_and_what_each_argument_means(name: str) -> None:
    function = getattr(kcifar, name)
    text = shown_by_help(function)
    assert "OptionInfo" not in text
    assert f"{name}(" in text
    documented = inspect.getdoc(function) or ""
    for parameter in inspect.signature(function).parameters:
        assert f"{parameter}:" in documented, parameter


def test_the_functions_stay_when_the_commands_are_imported() -> None:
    program = "import kcifar, kcifar.train, kcifar.report, kcifar.evaluate, kcifar.export; print(kcifar.train.__module__, kcifar.report.__module__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["kcifar.api", "kcifar.api"]


def test_importing_kcifar_imports_nothing_heavy() -> None:
    program = (
        "import sys, kcifar; dir(kcifar); print([name for name in ('keras', 'numpy', 'pandas', 'pydantic', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("function", "keywords", "nearest"),
    [
        ("train", {"overwite": True}, "overwrite"),
        ("train", {"resum": True}, "resume"),
        ("train", {"sed": 1}, "seed"),
        ("train", {"stage.0.epochs": 1}, "stages"),
        ("evaluate", {"splitt": "test"}, "split"),
        ("export", {"fromat": "saved_model"}, "format"),
        ("report", {"section": "summary"}, "sections"),
        ("find_learning_rate", {"precison": "float32"}, "precision"),
    ],
)
def test_a_misspelt_keyword_is_answered_with_the_nearest(function: str, keywords: dict[str, Any], nearest: str) -> None:
    with pytest.raises(kcifar.UserError, match=f"unexpected keyword '{next(iter(keywords))}'; did you mean '{nearest}'"):
        getattr(kcifar, function)(tiny_recipe(), **keywords)


PAIR = (np.zeros((4, 8, 8), np.uint8), np.array([0, 1, 0, 1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kcifar.train_seeds("quickstart", 3), "kcifar.train_seeds: seeds: expected several integers, such as range(3), got 3"),
        (lambda: kcifar.from_arrays({"train": PAIR}), "train: expected a pair (images, labels); SPLITS, got a mapping with 'train'"),
        (lambda: kcifar.from_arrays((PAIR,)), "train: expected a pair (images, labels); SPLITS, got tuple of tuple"),
        (lambda: kcifar.from_arrays((PAIR, PAIR)), "train: expected a pair (images, labels); SPLITS, got tuple of tuple, tuple"),
        (lambda: kcifar.train("quickstart", PAIR), "{'train': (images, labels)}, got tuple of ndarray, ndarray"),
        (lambda: kcifar.find_learning_rate("quickstart", PAIR[0]), "{'train': (images, labels)}, got an array (4, 8, 8)"),
    ],
)
def test_a_value_of_another_type_is_refused_in_plain_words(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(kcifar.UserError) as caught:
        call()
    assert message.replace("SPLITS", "the splits are from_arrays(train, test, validation)") in str(caught.value)
    assert "typing" not in str(caught.value)
    assert "numpy._" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_find_learning_rate_takes_the_data_that_train_takes() -> None:
    """The same images as arrays give the same losses as the data set that the recipe names."""
    dataset = kcifar.load_dataset("digits")
    pairs = {name: (split.images, split.labels) for name, split in dataset.splits().items()}
    from_pairs = kcifar.find_learning_rate(tiny_recipe(), pairs)
    np.testing.assert_array_equal(from_pairs.losses, kcifar.find_learning_rate(tiny_recipe()).losses)


def test_overrides_need_a_recipe_to_override(tmp_path: Path) -> None:
    with pytest.raises(kcifar.UserError, match=r"seed: .*a resumed run keeps its own recipe"):
        kcifar.train(resume=True, run=tmp_path, seed=1)
    with pytest.raises(kcifar.UserError, match=r"seed: .*pass them to load_recipe"):
        kcifar.train(kcifar.load_recipe(tiny_recipe()), seed=1)


def test_evaluate_repeats_what_the_run_measured(tiny_run: kcifar.Run) -> None:
    measured = kcifar.evaluate(tiny_run)
    assert measured["accuracy"] == tiny_run.test["accuracy"]
    assert measured["confusion_matrix"] == tiny_run.test["confusion_matrix"]
    assert kcifar.evaluate(str(tiny_run.path), split="validation")["samples"] == 287
    with pytest.raises(kcifar.UserError, match="split: expected one of test, validation, got 'tets'; did you mean 'test'"):
        kcifar.evaluate(tiny_run, split="tets")


def test_export_returns_a_saved_model(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    assert (kcifar.export(tiny_run, tmp_path / "served") / "saved_model.pb").exists()
    with pytest.raises(kcifar.UserError, match="overwrite"):
        kcifar.export(tiny_run, tmp_path / "served")


def test_build_model_and_load_dataset_fit_each_other() -> None:
    dataset = kcifar.load_dataset("digits")
    model = kcifar.build_model("lenet", dataset.image_shape, len(dataset.class_names))
    assert model.count_params() == 62_006
    assert np.shape(model(np.float32(dataset.train.images[:2]))) == (2, 10)
    with pytest.raises(kcifar.UserError, match="did you mean 'cifar10'"):
        kcifar.load_dataset("cifar1")


def test_find_learning_rate_gives_the_curve_and_saves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    curve = kcifar.find_learning_rate(tiny_recipe(), seed=3)
    assert curve.learning_rates[0] <= curve.suggestion < curve.learning_rates[-1]
    assert list(tmp_path.iterdir()) == []


def test_the_command_and_the_function_train_the_same_run(tiny_run: kcifar.Run) -> None:
    assert inspect.signature(api.train).parameters.keys() >= {"recipe", "data", "run", "resume", "overwrite", "url", "verbose", "overrides"}
    assert tiny_run.status["state"] == "finished"


def test_report_gives_tables_and_figures_by_section(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    report = kcifar.report(tiny_run)
    classes = report["classes"].tables["classes"]
    assert list(classes["recall"]) == [row["recall"] for row in tiny_run.test["classes"]]
    figure = report["history"].figures["history"]
    figure.save(tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(kcifar.UserError, match=r"expected a file name that ends in \.png or \.svg"):
        figure.save(tmp_path / "history.jpg")
    with pytest.raises(kcifar.UserError, match="no section 'clases'; did you mean 'classes'"):
        report["clases"]
    assert not (tiny_run.path.parent / "report").exists()


def test_report_writes_only_where_it_is_told(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    kcifar.report([tiny_run], out=tmp_path / "out", sections="classes", formats=["csv"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["classes.csv"]


def test_report_shows_itself_in_a_notebook(tiny_run: kcifar.Run) -> None:
    html = kcifar.report(tiny_run, sections=["classes", "history"])._repr_html_()
    assert "<table" in html
    assert "data:image/png;base64," in html


def test_report_tells_which_run_is_meant_where_each_has_the_section() -> None:
    fixtures = ROOT / "tests" / "fixtures" / "runs"
    report = kcifar.report([fixtures / "finished", fixtures / "interrupted"], sections="all")
    assert set(report.run_sections) == {"finished", "interrupted"}
    with pytest.raises(kcifar.UserError, match=r"use report\.run_sections\['finished'\]\['history'\]"):
        report["history"]
    assert "comparison" in report


def test_messages_name_arguments_as_python_writes_them(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    with pytest.raises(kcifar.UserError, match=r"resume=True.*overwrite=True") as refused:
        kcifar.train(tiny_recipe(), run=tiny_run.path)
    assert "--" not in str(refused.value)
    with pytest.raises(kcifar.UserError, match=r"data") as refused:
        kcifar.train(tiny_recipe(), tmp_path, run=tmp_path / "run")
    assert "--" not in str(refused.value)
    with pytest.raises(kcifar.UserError, match=r"kcifar\.train\(run='.*', resume=True\)"):
        kcifar.evaluate(ROOT / "tests" / "fixtures" / "runs" / "interrupted")


def test_verbose_0_prints_nothing_and_2_a_line_per_epoch(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = tiny_recipe(stages=[{"name": "learn", "epochs": 2, "learning_rate": 1e-3}])
    kcifar.train(recipe, run=tmp_path / "silent", verbose=0)
    assert capfd.readouterr() == ("", "")
    kcifar.train(recipe, run=tmp_path / "lines", verbose=2)
    assert len([line for line in capfd.readouterr().out.splitlines() if line.startswith("learn ")]) == 2
    with pytest.raises(kcifar.UserError, match="verbose: expected 0"):
        kcifar.train(recipe, run=tmp_path / "other", verbose=3)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "call",
    [
        lambda: kcifar.train(5),
        lambda: kcifar.train(tiny_recipe(), run=5),
        lambda: kcifar.train(tiny_recipe(), verbose=None),
        lambda: kcifar.evaluate(None),
        lambda: kcifar.evaluate("runs/a", split=5),
        lambda: kcifar.report(5),
        lambda: kcifar.report([5]),
        lambda: kcifar.report([]),
        lambda: kcifar.report("runs/a", sections=5),
        lambda: kcifar.report("runs/a", published_log=5),
        lambda: kcifar.export(5),
        lambda: kcifar.open_run(5),
        lambda: kcifar.load_recipe(5),
        lambda: kcifar.load_dataset(5),
        lambda: kcifar.build_model("lenet", 32),
        lambda: kcifar.build_model("lenet", (32, 32)),
        lambda: kcifar.build_model("lenet", num_classes="a"),
        lambda: kcifar.find_learning_rate(tiny_recipe(), {"train": None}),
        lambda: kcifar.open_run(pth="runs/a"),
        lambda: kcifar.load_recipe(tiny_recipe(), seed=3),
        lambda: kcifar.find_learning_rate(tiny_recipe(), verbose=0),
        lambda: kcifar.build_model("lenet", imgae_shape=(32, 32, 3)),
        lambda: kcifar.load_dataset("digits", ulr="x"),
    ],
)
def test_a_wrong_argument_is_one_line(call: Any) -> None:
    with pytest.raises(kcifar.UserError) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_sections_and_formats_are_split_as_on_the_command_line(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    report = kcifar.report(tiny_run, out=tmp_path / "out", sections="classes,top_k", formats="csv")
    assert set(report) == {"classes", "top_k"}
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".csv"}
    with pytest.raises(kcifar.UserError, match="formats: expected some of csv"):
        kcifar.report(tiny_run, formats="doc")
