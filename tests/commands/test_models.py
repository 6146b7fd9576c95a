"""`kcifar models`: the list, one network, its picture; what it says is what the networks are."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import keras
import pytest

from kcifar.commands import models as command
from kcifar.core.command import run_command
from kcifar.engine import backend, sketching
from kcifar.models import MODELS, catalog, size_cache, sketch_backend
from kcifar.models.arguments import MAX_IMAGE_SIZE
from kcifar.models.build import build_model, sketch_model
from kcifar.models.summary import summarize_model

HEAVY = ("keras", "tensorflow", "jax", "torch", "numpy", "pandas", "sklearn", "matplotlib")
SOME = ["cct", "convmixer", "lenet", "lenet_bn", "quizdnn", "residual_cnn", "resnet20", "resnet32"]
Run = Callable[..., tuple[int, str, str]]

# Runs the command and reports, on the last line, which heavy modules it imported.
SPY = f"""
import json, runpy, sys
sys.argv = ["kcifar.models", *sys.argv[1:]]
try:
    runpy.run_module("kcifar.models", run_name="__main__")
finally:
    print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Return a call that runs the command in this process: options to exit code, standard output, standard error."""

    def call(*options: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kcifar models", *options])
        code = run_command(command.app)
        return code, *capsys.readouterr()

    monkeypatch.setenv("KCIFAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(MODELS, "_factories", dict(MODELS._factories) if MODELS.names() else {})  # imported networks are gone afterwards
    return call


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Return the list of some networks, sketched once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODELS, "names", lambda: SOME)
        return catalog.list_networks((32, 32, 3), 10)


@pytest.fixture
def listed(rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let the command take the list that is there already."""
    families = [list(members) for _, members in groupby(rows, lambda row: row["family"])]
    monkeypatch.setattr(catalog, "sketch_families", lambda image_shape, num_classes: iter(families))
    return rows


class TestList:
    def test_has_every_network_once_by_family(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lenet = sketch_model("lenet", (32, 32, 3), 10)
        asked: list[tuple[Any, ...]] = []
        monkeypatch.setattr(catalog, "sketch_model", lambda *arguments: asked.append(arguments) or lenet)
        rows = catalog.list_networks((24, 24, 3), 7)
        assert sorted(asked) == [(name, (24, 24, 3), 7) for name in MODELS.names()]
        assert [row["name"] for row in rows] == sorted(MODELS.names(), key=lambda name: (file_of(name), name))
        assert [row["family"] for row in rows] == [file_of(row["name"]) for row in rows]

    def test_sorts_a_family_by_size(self, rows: list[dict[str, Any]]) -> None:
        assert [row["name"] for row in rows] == ["cct", "convmixer", "lenet", "lenet_bn", "quizdnn", "residual_cnn", "resnet20", "resnet32"]
        assert [row["name"] for row in rows if row["refused"]] == []

    @pytest.mark.parametrize("name", ["lenet_bn", "resnet20", "convmixer", "cct"])
    def test_numbers_are_those_of_the_network(self, rows: list[dict[str, Any]], name: str) -> None:
        (row,) = [row for row in rows if row["name"] == name]
        network = build_model(name, (32, 32, 3), 10)
        assert row["parameters"] == sum(values.size for values in network.get_weights())
        assert row["trainable_parameters"] == network.count_params() - sum(keras.ops.size(w) for w in network.non_trainable_weights)
        assert row["bytes"] == sum(values.nbytes for values in network.get_weights())
        assert row["layers"] == len(network.layers)
        assert row["multiply_accumulates"] == summarize_model(network)["multiply_accumulates"]

    def test_prints_the_same_as_csv_and_json(self, run: Run, listed: list[dict[str, Any]]) -> None:
        code, out, err = run("--json")
        assert (code, err, json.loads(out)) == (0, "", listed)
        code, out, err = run("--csv")
        assert (code, err) == (0, "")
        read = list(csv.DictReader(io.StringIO(out)))
        assert read == [{key: "" if value is None else str(value) for key, value in row.items()} for row in listed]

    def test_prints_a_table_that_fits(self, run: Run, listed: list[dict[str, Any]]) -> None:
        code, out, err = run()
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= 80
        lines = [line.split() for line in out.splitlines() if line.strip()]
        for row in listed:
            numbers = f"{row['bytes'] / 1e6:,.1f}", f"{row['multiply_accumulates'] / 1e6:,.1f}", f"{row['layers']}"
            assert lines.count([row["name"], f"{row['parameters']:,}", f"{row['trainable_parameters']:,}", *numbers]) == 1
            assert [row["family"]] in lines

    def test_the_zoo_fits_its_columns(self) -> None:
        assert max(len(name) for name in MODELS.names()) <= 18

    def test_prints_a_family_before_the_next_is_sketched(self, run: Run, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        def sketch_slowly(image_shape: Any, num_classes: int) -> Any:
            yield rows[:1]
            raise KeyboardInterrupt

        monkeypatch.setattr(catalog, "sketch_families", sketch_slowly)
        code, out, _ = run()
        assert code == 130
        assert out.splitlines()[-1].split()[0] == "cct"
        assert run("--json")[0] == 130  # half a list was not kept

    def test_sketches_the_list_once(self, run: Run, listed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        first = run("--json")

        def refuse(image_shape: Any, num_classes: int) -> Any:
            raise AssertionError("sketched again")

        with monkeypatch.context() as patch:
            patch.setattr(catalog, "sketch_families", refuse)
            assert run("--json") == first
            assert run("--csv")[0] == 0
            with pytest.raises(AssertionError, match="sketched again"):
                run("--json", "--classes", "11")
            patch.setattr(size_cache, "version", lambda package: "4.0")
            with pytest.raises(AssertionError, match="sketched again"):
                run("--json")
        for path in (Path(os.environ["KCIFAR_CACHE"]) / "networks").iterdir():
            path.write_text("[{", encoding="utf-8")
        assert run("--json") == first  # a damaged file is replaced

    def test_needs_no_cache_folder(self, run: Run, listed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KCIFAR_CACHE", "/proc/none")
        assert run("--json")[0] == 0

    def test_says_why_a_network_cannot_take_a_size(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(MODELS, "names", lambda: ["lenet", "quizdnn"])
        code, out, err = run("--image-size", "12", "--classes", "7", "--json")
        found = {row["name"]: row for row in json.loads(out)}
        assert (code, err) == (0, "")
        assert found["quizdnn"]["parameters"] == summarize_model(sketch_model("quizdnn", (12, 12, 3), 7))["parameters"]
        assert found["quizdnn"]["refused"] is None
        assert found["lenet"]["refused"].startswith("expected height and width of 13 to 1024 pixels")
        assert {found["lenet"][key] for key in (*catalog.SIZE_KEYS, "layers")} == {None}
        code, out, err = run("--image-size", "12")
        assert (code, err) == (0, "")
        assert re.search(r"^ +lenet +-( +-){4}$", out, re.MULTILINE)
        assert re.search(r"^ +quizdnn +300,170 ", out, re.MULTILINE)
        assert "\n  lenet: expected height and width of 13 to 1024 pixels" in out
        assert "got images of 12x12" in out
        code, out, _ = run("--image-size", "12", "--csv")
        assert {row["name"]: row["parameters"] for row in csv.DictReader(io.StringIO(out))}["lenet"] == ""

    def test_goes_on_past_a_users_network_that_fails(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "mine.py").write_text(OWN_NETWORKS)
        monkeypatch.setattr(MODELS, "names", lambda: ["broken", "lenet", "line"])
        code, out, err = run("--import", str(tmp_path / "mine.py"), "--json")
        found = {row["name"]: row for row in json.loads(out)}
        assert (code, err) == (0, "")
        assert found["broken"]["refused"] == "ZeroDivisionError: division by zero"
        assert (found["line"]["family"], found["line"]["parameters"]) == ("mine", 30_730)
        assert found["lenet"]["family"] == "lenet"


OWN_NETWORKS = '''"""Networks of one layer.

Paper: none.
"""

import keras

from kcifar.models import MODELS


@MODELS.register("line")
def line(image_shape, num_classes, *, bias: bool = True):
    """Draw a line."""
    images = keras.Input(image_shape, name="images")
    flat = keras.layers.Flatten(name="flatten")(images)
    return keras.Model(images, keras.layers.Dense(num_classes, use_bias=bias, name="logits")(flat), name="line")


@MODELS.register("broken")
def broken(image_shape, num_classes):
    return 1 / 0
'''


class TestNetwork:
    def test_prints_numbers_source_arguments_and_layers(self, run: Run) -> None:
        code, out, err = run("vgg13", "--classes", "7")
        assert (code, err) == (0, "")
        summary = summarize_model(sketch_model("vgg13", (32, 32, 3), 7))
        assert out.startswith(f"vgg13 (vgg)\n{summary['parameters']:,} parameters, {summary['trainable_parameters']:,} trainable, ")
        assert f", {summary['multiply_accumulates'] / 1e6:,.1f} M multiply-accumulates, {len(summary['layers'])} layers\n" in out
        assert "VGG: groups of 3x3 convolutions" in out
        assert "https://arxiv.org/abs/1409.1556" in out
        lines = [line.split() for line in out.splitlines() if line.strip()]
        assert ["dropout_rate", "0.5", "a", "number", ">=", "0", "and", "<", "1"] in lines
        for row in summary["layers"]:
            shape = "x".join(map(str, row["output_shape"]))
            assert [row["name"], row["type"], shape, f"{row['parameters']:,}", f"{row['multiply_accumulates']:,}"] in lines
        assert lines[-1] == ["total", f"{summary['parameters']:,}", f"{summary['multiply_accumulates']:,}"]

    def test_prints_lists_with_what_each_item_may_be(self, run: Run) -> None:
        _, out, _ = run("airbench")
        shown = " ".join(out.split())
        assert "widths [64, 256, 256] a list of 1 to 6 items, each an integer > 0 and <= 8192" in shown
        assert "activation gelu one of 'relu', 'leaky_relu'" in shown

    def test_prints_the_same_as_csv_and_json(self, run: Run) -> None:
        code, out, err = run("quizdnn", "--json")
        summary = summarize_model(sketch_model("quizdnn", (32, 32, 3), 10))
        assert (code, err, json.loads(out)) == (0, "", summary)
        code, out, err = run("quizdnn", "--csv")
        assert (code, err) == (0, "")
        read = list(csv.DictReader(io.StringIO(out)))
        for row, line in zip(summary["layers"], read, strict=True):
            plain = {key: str(row[key]) for key in ("name", "type", "parameters", "multiply_accumulates")}
            assert line == plain | {"output_shape": "x".join(map(str, row["output_shape"])), "inputs": " ".join(row["inputs"])}

    def test_sets_arguments_as_a_recipe_does(self, run: Run) -> None:
        options = (
            "--set",
            "widths=[8, 8]",
            "--set",
            "convolutions=[1, 2]",
            "--set",
            "dropout_rate=1e-1",
            "--set",
            "dense_units=[]",
            "--image-size",
            "16",
        )
        code, out, err = run("residual_cnn", *options, "--json")
        arguments = {"widths": [8, 8], "convolutions": [1, 2], "dropout_rate": 0.1, "dense_units": []}
        assert (code, err) == (0, "")
        assert json.loads(out) == summarize_model(sketch_model("residual_cnn", (16, 16, 3), 10, **arguments))

    def test_shows_a_users_own_network(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text(OWN_NETWORKS)
        code, out, err = run("line", "--import", str(tmp_path / "mine.py"), "--set", "bias=false")
        assert (code, err) == (0, "")
        assert out.startswith("line (mine)\n30,720 parameters, ")
        assert re.search(r"^bias +true +true or false *$", out, re.MULTILINE)

    @pytest.mark.parametrize("ending", [".png", ".svg"])
    def test_draws_the_architecture(self, run: Run, tmp_path: Path, ending: str) -> None:
        path = tmp_path / f"lenet{ending}"
        path.write_bytes(b"an older one")
        code, out, err = run("lenet", "--diagram", str(path), "--json")
        assert (code, err, json.loads(out)["name"]) == (0, f"wrote {path}\n", "lenet")
        assert path.read_bytes()[:5] == {".png": b"\x89PNG\r", ".svg": b"<?xml"}[ending]
        assert list(tmp_path.iterdir()) == [path]


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["resnet81"], "no model 'resnet81'; did you mean 'resnet18'?"),
            (["LeNet"], "no model 'LeNet'; did you mean 'lenet'?"),
            ([""], "no model ''"),
            (["lenet", "vgg16"], "vgg16"),
            (["--image-size", "0"], "'--image-size'"),
            (["--image-size", "1025"], "'--image-size'"),
            (["--image-size", "32x32"], "'--image-size'"),
            (["lenet", "--image-size", "8"], "lenet: expected height and width of 13 to 1024 pixels"),
            (["--classes", "0"], "'--classes'"),
            (["--classes", "1000001"], "'--classes'"),
            (["--classes", "ten"], "'--classes'"),
            (["--csv", "--json"], "--csv, --json: expected at most one of them, got both"),
            (["--table"], "No such option: --table"),
            (["lenet", "--set", "dropout_rate"], "--set dropout_rate: expected key=value, got 'dropout_rate'"),
            (["lenet", "--set", "=1"], "--set =1: expected key=value"),
            (["lenet", "--set", "dropout_rate=1.5"], "--set dropout_rate=1.5: dropout_rate: expected a number >= 0 and < 1, got 1.5"),
            (["lenet", "--set", "dropout=0"], "--set dropout=0: dropout: unknown key; did you mean 'dropout_rate'?"),
            (["lenet", "--set", "image_shape=[8, 8, 3]"], "image_shape: unknown key"),
            (["lenet", "--set", "activation=[relu"], "--set activation=[relu:1: not valid YAML"),
            (["vgg", "--set", "widths=[8, 8, 0]"], "--set widths=[8, 8, 0]: widths[2]: expected an integer > 0"),
            (["vgg", "--set", "widths=[8, 8]"], "vgg: convolutions: expected"),
            (["--set", "widths=[8]"], "--set: expected together with NAME"),
            (["--diagram", "all.png"], "--diagram: expected together with NAME"),
            (["lenet", "--diagram", "lenet.pdf"], "--diagram lenet.pdf: expected a file that ends in .png or .svg, got 'lenet.pdf'"),
            (["lenet", "--diagram", "lenet"], "--diagram lenet: expected a file that ends in .png or .svg, got 'lenet'"),
            (["lenet", "--diagram", "none/lenet.png"], "--diagram none/lenet.png: expected a folder that exists, got 'none'"),
            (["lenet", "--diagram", "folder.svg"], "--diagram folder.svg: expected a file, got a folder"),
            (["--import", "none.py"], "--import none.py: expected a Python file, found none"),
            (["--import", "folder.svg"], "--import folder.svg: expected a Python file, found none"),
            (["--import", "broken.py"], "ModuleNotFoundError: No module named 'kcifar.nothing'"),
        ],
        ids=" ".join,
    )  # fmt: skip
    def test_is_one_line_before_anything_is_built(
        self, run: Run, options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "folder.svg").mkdir()
        (tmp_path / "broken.py").write_text("\nimport kcifar.nothing\n")
        monkeypatch.setattr(keras, "Model", None)
        code, out, err = run(*options)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert message in err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.py", "folder.svg"]


class TestProcess:
    def test_help_imports_nothing_heavy(self) -> None:
        done, imported = spied("--help")
        assert done.returncode == 0, done.stderr
        assert all(option in done.stdout for option in ("--image-size", "--classes", "--set", "--import", "--csv", "--json", "--diagram"))
        assert imported == []

    def test_the_console_script_runs_it(self) -> None:
        done = subprocess.run([sys.executable, "-m", "kcifar", "models", "--help"], capture_output=True, text=True, check=True, timeout=120)
        assert "--diagram FILE" in done.stdout

    def test_an_error_imports_no_backend(self) -> None:
        done, imported = spied("resnet18", "--set", "activation=rule")
        assert done.returncode == 2
        assert "--set activation=rule: activation: expected one of 'relu'" in done.stderr
        assert not {"keras", "tensorflow", "jax", "torch"} & set(imported)

    @pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
    def test_sketches_with_the_fastest_backend_and_silently(self) -> None:
        done, imported = spied("lenet", "--csv", keras_backend=None)
        assert (done.returncode, done.stderr) == (0, "")
        assert {"keras", "jax"} <= set(imported)
        assert not {"tensorflow", "torch"} & set(imported)

    @pytest.mark.parametrize(
        ("asked", "own", "taken"), [("torch", False, "torch"), (None, False, "swift"), (None, True, None), ("torch", True, "torch")]
    )
    def test_takes_the_backend_that_was_asked_for(self, asked: str | None, own: bool, taken: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str | None] = []
        monkeypatch.setattr(backend, "load_backend", lambda: seen.append(os.environ.get("KERAS_BACKEND")))
        monkeypatch.setattr(sketch_backend, "find_fastest_backend", lambda: "swift")
        monkeypatch.delitem(sys.modules, "keras")
        monkeypatch.setenv("JAX_PLATFORMS", "")
        monkeypatch.setenv("KERAS_BACKEND", asked or "")
        monkeypatch.delenv("KERAS_BACKEND") if asked is None else None
        sketching.load_sketch_backend(own)
        assert seen == [taken]

    def test_does_without_jax(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "jax", None)
        assert sketch_backend.find_fastest_backend() == "tensorflow"

    def test_image_sizes_go_as_far_as_the_networks_allow(self) -> None:
        assert command.MAX_IMAGE_SIZE == MAX_IMAGE_SIZE


def file_of(name: str) -> str:
    return MODELS.get(name).__module__.rsplit(".", 1)[1]


def spied(*options: str, keras_backend: str | None = "tensorflow") -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the command in a process of its own; return also the heavy modules that it imported."""
    environment = {key: value for key, value in os.environ.items() if key not in ("KERAS_BACKEND", "JAX_PLATFORMS")}
    environment |= {"KERAS_BACKEND": keras_backend} if keras_backend else {}
    done = subprocess.run([sys.executable, "-c", SPY, *options], capture_output=True, text=True, check=False, timeout=120, env=environment)
    return done, json.loads(done.stdout.splitlines()[-1])
