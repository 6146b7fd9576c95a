"""`kcifar.recipes` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from kcifar.documentation.json_schema import make_recipe_schema
from kcifar.documentation.keys import list_recipe_keys, list_stage_keys, walk_keys
from kcifar.documentation.markdown import make_key_tables
from kcifar.optimizers import OPTIMIZERS
from kcifar.recipe.shipped import list_shipped_names


def typed(*options: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "kcifar.recipes", *options], capture_output=True, text=True, check=False, timeout=120, cwd=folder)


def test_the_list_names_every_recipe_and_begins_with_what_to_take(tmp_path: Path) -> None:
    done = typed(folder=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *_ = [line.split() for line in done.stdout.splitlines()[2:]]
    assert first[:5] == ["8.4", "s", "quickstart", "99.33", "%"]
    assert set(list_shipped_names()) <= set(done.stdout.split())
    assert "not measured yet" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_the_list_as_json() -> None:
    done = typed("--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert set(rows) == set(list_shipped_names())
    assert (rows["seed_in_minutes"]["seconds"], rows["seed_in_minutes"]["accuracy"]) == (75.0, 0.893)
    assert rows["fast96"]["seconds"] is None


def test_all_keys_are_printed_with_default_and_meaning() -> None:
    done = typed("keys")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    for key in walk_keys([*list_recipe_keys(), *list_stage_keys()]):
        assert f"{key.path}: {key.allowed} ({key.default}) {key.meaning}" in text


def test_one_key_is_printed_with_nested_keys_and_examples() -> None:
    text = typed("keys", "stages.early_stopping").stdout
    assert "early_stopping: a number of epochs, or a mapping" in text
    assert "Example: early_stopping: 5" in text
    assert "early_stopping.monitor: one of 'val_accuracy', 'val_loss', 'val_cross_entropy' (val_accuracy)" in text


def test_a_key_that_names_parts_lists_them_with_their_arguments() -> None:
    text = typed("keys", "optimizer").stdout
    assert all(f"optimizer {name}\n" in text for name in OPTIMIZERS.names())
    assert "nesterov: true or false (false)" in text
    assert "warm_up: 'N epochs', 'N steps' or a fraction of the stage in [0, 1] (none)" in typed("keys", "learning_rate").stdout
    assert "python -m kcifar.models NAME" in typed("keys", "model").stdout
    assert "dataset.imbalance" in typed("keys", "imbalance").stdout


def test_markdown_is_what_the_readme_has() -> None:
    assert typed("keys", "--markdown").stdout == make_key_tables()


def test_the_schema_is_printed_or_written(tmp_path: Path) -> None:
    printed = typed("schema")
    written = typed("schema", "--out", "recipe.schema.json", folder=tmp_path)
    assert printed.returncode == written.returncode == 0, written.stderr
    assert written.stdout == ""
    assert "# yaml-language-server: $schema=recipe.schema.json" in written.stderr
    assert json.loads(printed.stdout) == json.loads((tmp_path / "recipe.schema.json").read_text()) == make_recipe_schema()
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.schema.json"]


def test_a_users_own_parts_are_in_the_schema(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from kcifar.losses import LOSSES\n@LOSSES.register('mine')\ndef mine(targets, logits, *, slope: float = 2.0):\n    '''Return a loss.'''\n"
    )
    schema = json.loads(typed("schema", "--import", "mine.py", folder=tmp_path).stdout)
    assert "mine" in schema["definitions"]["loss"]["properties"]["name"]["enum"]
    loss = Draft7Validator({**schema, "if": True, "then": {"$ref": "#/definitions/loss"}})
    assert loss.is_valid({"name": "mine", "slope": 3})
    assert not loss.is_valid({"name": "mine", "slop": 3})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["keys", "weight_dekay"], "error: no key 'weight_dekay'; did you mean 'weight_decay'? (python -m kcifar.recipes keys lists all)"),
        (["keys", "seed", "--markdown"], "error: --markdown: expected without NAME, got 'seed'"),
        (["--json", "keys"], "error: --json: expected without a subcommand, got 'keys'"),
        (["schema", "--out", "."], "error: --out .: expected a file, got a folder"),
        (["schema", "--out", "none/x.json"], "error: --out none/x.json: expected a folder that exists, got 'none'"),
        (["schema", "--out", "x" * 300], "error: --out xxx"),
        (["schema", "--import", "none.py"], "error: --import none.py: expected a Python file, found none"),
        (["list"], "error: No such command 'list'"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_exit_code_2(options: list[str], message: str, tmp_path: Path) -> None:
    done = typed(*options, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
