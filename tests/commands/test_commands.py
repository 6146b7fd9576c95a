"""The commands as a user types them: help, errors, exit codes, and what is imported on the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiny_recipe import tiny_recipe

COMMANDS = ("train", "report", "evaluate", "export", "datasets", "models", "bench", "recipes")
HEAVY = ("keras", "tensorflow", "jax", "torch", "pandas", "sklearn", "matplotlib")

# Runs a command and reports, on the last line, which heavy modules it imported.
SPY = f"""
import json, runpy, sys
module = sys.argv[1]
sys.argv = [module, *sys.argv[2:]]
try:
    runpy.run_module(module, run_name="__main__")
finally:
    print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def spied(command: str, *options: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    done = subprocess.run([sys.executable, "-c", SPY, f"kcifar.{command}", *options], capture_output=True, text=True, check=False, timeout=120)
    return done, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command: str) -> None:
    done, imported = spied(command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
    assert imported == []


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("train", [], "--stages: expected a recipe file (or --resume with --run), got neither"),
        ("train", ["--stages", "none.yaml"], "none.yaml: no such file"),
        ("train", ["--stage", "x"], "No such option: --stage"),
        ("train", ["--stages", "{recipe}", "--set", "stages.1.epochs=many"], "--set stages.1.epochs=many: stages[1].epochs: expected an integer > 0, got 'many'"),
        (
            "train",
            ["--stages", "{recipe}", "--set", "model.name=resnet81"],
            "--set model.name=resnet81: model.name: no model 'resnet81'; did you mean 'resnet18'? (python -m kcifar.models lists all)",
        ),
        ("bench", ["models", "resnet81"], "bench models: no model 'resnet81'; did you mean 'resnet18'?"),
        ("bench", ["models", "lenet", "--precision", "float31"], "--precision: expected one of float32, mixed_bfloat16, mixed_float16, got 'float31'"),
        ("bench", ["torch", "--precision", "mixed_float16"], "--precision: expected one of float32, mixed_bfloat16, got 'mixed_float16'"),
        ("train", ["--stages", "{recipe}", "--seed", "-3"], "--set seed=-3: seed: expected an integer >= 0"),
        ("train", ["--stages", "{recipe}", "--resume", "--overwrite"], "expected --resume or --overwrite, got both"),
        ("train", ["--resume", "--run", "x", "--seed", "3"], "--set, --seed, --seeds: expected together with --stages"),
        ("train", ["--stages", "{recipe}", "--seed", "0,1,0"], "--seeds: expected different seeds, got 0, 1, 0"),
        ("train", ["--stages", "{recipe}", "--seed", "0,,1"], "--set seed=: seed: expected an integer"),
        ("train", ["--stages", "{recipe}", "--seed", "0", "--seeds", "2"], "--seed, --seeds: expected one of them, got both"),
        ("train", ["--stages", "{recipe}", "--seeds", "0"], "'--seeds'"),
        ("train", ["--stages", "{recipe}", "--full"], "--full: expected together with --dry-run"),
        ("train", ["--stages", "{recipe}", "--seeds", "2", "--find-lr"], "--find-lr: expected one seed, got 2"),
        ("train", ["--stages", "{recipe}", "--import", "parts.py"], "--import parts.py: expected a Python file, found none"),
        ("train", ["--stages", "{recipe}", "--data", "x"], "data set digits: it comes with scikit-learn"),
        ("train", ["--stages", "{recipe}", "--set", "dataset.validation=1437"], "dataset.validation: expected fewer than the 1437 training images"),
        ("evaluate", ["none"], "none: expected a run folder"),
        ("export", ["none"], "none: expected a run folder"),
        ("export", ["none", "--format", "savedmodel"], "error: --format: expected one of saved_model, got 'savedmodel'; did you mean 'saved_model'?\n"),
        ("evaluate", ["none", "--split", "tets"], "error: --split: expected one of test, validation, got 'tets'; did you mean 'test'?\n"),
        ("train", ["first.yaml"], "Got unexpected extra argument(s) (first.yaml); did you mean --stages first.yaml? (--help lists"),
        ("train", ["first.yaml", "--dry-run"], "; did you mean --stages first.yaml? (--help lists"),
        ("train", ["--stages", "{recipe}", "second.yaml"], "Got unexpected extra argument(s) (second.yaml) (--help lists"),
        ("bench", ["train", "--precision", "float31"], "--precision: expected one of float32, mixed_bfloat16, mixed_float16, got 'float31'; did you mean 'float32'?"),
        ("bench", ["augment", "--repeats", "0"], "'--repeats'"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_exit_code_2_without_a_backend(command: str, options: list[str], message: str, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe()))
    run = ["--run", str(tmp_path / "run")] if "{recipe}" in options else []
    done, imported = spied(command, *[option.replace("{recipe}", str(recipe)) for option in options], *run)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert not {"keras", "tensorflow", "jax", "torch"} & set(imported)
    assert not (tmp_path / "run").exists()


def test_a_network_that_the_images_do_not_fit_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe()))
    done, _ = spied(
        "train",
        "--stages",
        str(recipe),
        "--run",
        str(tmp_path / "run"),
        "--set",
        "model.widths=[4,4,4,4,4,4]",
        "--set",
        "model.convolutions=[1,1,1,1,1,1]",
    )
    assert done.returncode == 2, done.stderr
    assert "multiples of 64" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_penalty_of_a_later_stage_is_checked_before_the_first(tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe()))
    done, _ = spied("train", "--stages", str(recipe), "--run", str(tmp_path / "run"), "--set", "stages.polish.l2={value: 0.1, layers: convolution*}")
    assert done.returncode == 2, done.stderr
    assert "stages[2].l2.layers: expected a pattern that matches a layer with a kernel" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_users_own_parts_are_registered(tmp_path: Path) -> None:
    parts = tmp_path / "parts.py"
    parts.write_text(
        "import keras\n"
        "from kcifar.models import MODELS\n"
        "@MODELS.register('line')\n"
        "def line(image_shape, num_classes, *, bias: bool = True):\n"
        "    images = keras.Input(image_shape, name='images')\n"
        "    flat = keras.layers.Flatten(name='flatten')(images)\n"
        "    return keras.Model(images, keras.layers.Dense(num_classes, use_bias=bias, dtype='float32', name='logits')(flat), name='line')\n"
    )
    recipe = tmp_path / "line.yaml"
    stages = [{"name": "only", "epochs": 1, "learning_rate": 0.01}]
    recipe.write_text(yaml.safe_dump(tiny_recipe(name="line", model={"name": "line", "bias": False}, stages=stages, defaults={})))
    done, _ = spied("train", "--import", str(parts), "--stages", str(recipe), "--run", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "model.json").read_text())["parameters"] == 32 * 32 * 3 * 10
    parts.write_text("import kcifar.nothing\n")
    done, _ = spied("train", "--import", str(parts), "--stages", str(recipe), "--run", str(tmp_path / "other"))
    assert done.returncode == 2
    assert "ModuleNotFoundError: No module named 'kcifar.nothing'" in done.stderr


def test_the_console_script_names_the_commands() -> None:
    done = subprocess.run([sys.executable, "-m", "kcifar"], capture_output=True, text=True, check=True)
    assert all(command in done.stdout for command in COMMANDS)
    usage = subprocess.run([sys.executable, "-m", "kcifar", "train", "--help"], capture_output=True, text=True, check=True)
    assert usage.stdout.startswith("Usage: python -m kcifar.train [OPTIONS]\n")
    script = "import sys; sys.argv = ['kcifar', 'train', '--help']; from kcifar.__main__ import main; main()"
    usage = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert usage.stdout.startswith("Usage: kcifar train [OPTIONS]\n")
    wrong = subprocess.run([sys.executable, "-m", "kcifar", "trian"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "error: no command 'trian'; did you mean 'train'?" in wrong.stderr
