"""What a notebook shows of a run: what is there, never an error, and no name as markup."""

import json
import shutil
from pathlib import Path

import pytest
from places import ROOT

import kcifar
from kcifar.runs.run_card import make_headline

RUNS = ROOT / "tests" / "fixtures" / "runs"


def test_a_finished_run_shows_headline_curves_and_confusion_matrix() -> None:
    run = kcifar.open_run(RUNS / "finished")
    assert make_headline(run) == "digits · residual_cnn · finished after epoch 5 · test accuracy 44.72% (360 images)"
    html = run._repr_html_()
    assert html.count("data:image/png;base64,") == 2
    assert make_headline(run) in html


def test_the_name_is_that_of_the_data_trained_on_not_of_the_recipe(tmp_path: Path) -> None:
    run = kcifar.open_run(shutil.copytree(RUNS / "finished", tmp_path / "run"))
    path = run.path / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": "arrays"}))
    assert make_headline(run).startswith("arrays · residual_cnn · ")
    path.unlink()
    assert make_headline(kcifar.open_run(run.path)).startswith("digits · residual_cnn · ")


def test_an_interrupted_run_shows_what_it_has() -> None:
    html = kcifar.open_run(RUNS / "interrupted")._repr_html_()
    assert "after epoch 4 · test split not evaluated" in html
    assert html.count("<img") == 1


@pytest.mark.parametrize("name", ["history.csv", "test.json", "status.json", "recipe.yaml", "dataset.json"])
@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\x00{", b'{"accuracy": "x"}'])
def test_a_damaged_file_is_left_out(name: str, content: bytes, tmp_path: Path) -> None:
    run = kcifar.open_run(shutil.copytree(RUNS / "finished", tmp_path / "run"))
    (run.path / name).write_bytes(content)
    assert "<h3>run</h3>" in run._repr_html_()


def test_names_are_text(tmp_path: Path) -> None:
    folder = shutil.copytree(RUNS / "interrupted", tmp_path / "<script>x")
    assert "<script>" not in kcifar.open_run(folder)._repr_html_()
