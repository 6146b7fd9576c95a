"""What a run says that is resumed or opened otherwise than it was trained: recipes that differ, results that are absent, data that moved."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_recipe import tiny_recipe

import kcifar
from kcifar.core.errors import UserError
from kcifar.core.files import write_json
from kcifar.training import request


def test_every_difference_of_a_resumed_recipe_is_shown(tiny_run: kcifar.Run) -> None:
    stages = tiny_recipe()["stages"]
    stages[1] |= {"freeze": [f"{'block1_conv1' * 8}_old"], "optimizer": {"name": "lion"}}
    with pytest.raises(UserError) as caught:
        kcifar.train(
            tiny_recipe(stages=[*stages, {"name": "only", "epochs": 1, "learning_rate": 1e-3}]),
            run=tiny_run.path,
            resume=True,
            **{"defaults.batch_size": 64, "seed": 3},
        )
    line = str(caught.value)
    for difference in (
        "differs from the run's in seed: the run has 0, got 3; stages[0].batch_size: the run has 128, got 64; ",
        "; stages[1].optimizer.name: the run has 'adam', got 'lion'; ",
    ):
        assert difference in line
    assert re.search(r"; and \d+ more$", line)
    assert line.count("the run has") == 5


def test_long_values_are_shown_from_where_they_differ(tmp_path: Path) -> None:
    start = "a_very_long_pattern_" * 10
    shown = [request._shorten(f"'{start}{end}'", f"'{start}other'") for end in ("same", "o")]
    assert shown == [("…g_pattern_same'", "…g_pattern_other'"), ("…_pattern_o'", "…_pattern_other'")]
    assert request._shorten("1", "2") == ("1", "2")
    assert request._shorten("[]", str(list(range(100))))[1].startswith("[0, 1, 2")


def test_stages_that_are_missing_or_new_are_differences() -> None:
    found = list(request._find_differences({"stages": [1, 2]}, {"stages": [1]}, ()))
    assert found == [(("stages", 1), "2", "None")]


def test_a_run_without_test_results_says_why_and_what_to_do(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    run = kcifar.open_run(shutil.copytree(tiny_run.path, tmp_path / "run"))
    for name in ("test.json", "predictions.npz"):
        (run.path / name).unlink()
    with pytest.raises(UserError, match=r"test.json: no such file; the run is finished after epoch 4"):
        _ = run.test  # nothing explains it
    recipe = (run.path / "recipe.yaml").read_text(encoding="utf-8")
    (run.path / "recipe.yaml").write_text(recipe.replace("test: end", "test: never"), encoding="utf-8")
    never = kcifar.open_run(run.path)
    for read in (lambda: never.test, lambda: never.predictions):
        with pytest.raises(
            UserError, match=r"its recipe says `test: never`; `kcifar evaluate`, or kcifar.evaluate from Python, reads the test split"
        ):
            read()
    write_json(run.path / "dataset.json", never.dataset | {"counts": {"train": 1150, "validation": 287}})
    with pytest.raises(UserError, match=r"test.json: no such file; its data set has no test split; `kcifar evaluate --split validation`"):
        _ = kcifar.open_run(run.path).test


def test_data_that_moved_are_named_with_the_option_that_helps(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    run = kcifar.open_run(shutil.copytree(tiny_run.path, tmp_path / "run"))
    write_json(run.path / "dataset.json", run.dataset | {"source": {"data": str(tmp_path / "gone")}})
    write_json(run.path / "status.json", run.status | {"state": "interrupted"})
    message = f"{tmp_path}/gone: the data that {run.path} was trained with are no longer there; name their new place with data"
    with pytest.raises(UserError, match=re.escape(message)):
        kcifar.evaluate(run.path)
    (run.path / "model.keras").unlink()
    with pytest.raises(UserError, match=re.escape(message)):
        kcifar.train(run=run.path, resume=True)
    done = subprocess.run([sys.executable, "-m", "kcifar.train", "--resume", "--run", run.path], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "name their new place with --data" in done.stderr
