"""Every number that was measured, in README.md, reports/README.md and the recipes' headers, is found again in the reference runs.

Covered are, in the parts "Time:" and "Result:" of a recipe's header: every decimal, and every whole number of %, min, s or images/s; it
must be a fact of that recipe's runs, of the runs of a recipe that the part names, or a claim in `reports/claims.csv`. In the two
README files: percentages with a decimal, minutes, and fractions after the word accuracy; in each paragraph and row of a table, against
the runs and claims of the recipes that it names in backticks (`small_vgg_*` names several), or of all if it names none. Not covered
are numbers of other kinds: benchmarks and their ratios, points, MiB, what stands in code.

Run alone with `pytest tests/project/test_evidence.py`. To add runs: `python reports/collect.py RUN_FOLDER …`.
"""

import importlib.util
import io
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from evidence import (
    ELSEWHERE,
    MINUTES,
    PERCENT,
    REPORTS,
    Facts,
    Printed,
    claims,
    facts_of,
    facts_of_claims,
    measured,
    numbers,
    repeated,
    together,
    unbacked,
)
from made_runs import made
from rich.console import Console
from run_folders import write_run

from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe
from kcifar.reporting.build import build_report
from kcifar.reporting.request import Request
from kcifar.runs.load import SavedRun

ROOT = REPORTS.parent
STAGES = ROOT / "stages"
RECIPES = {path.relative_to(STAGES).with_suffix("").as_posix().replace("/", "_"): path for path in sorted(STAGES.rglob("*.yaml"))}
RUNS, STUDIES = measured("runs"), measured("study_runs")
OF_RUNS = {name: facts_of(runs) for name, runs in (*RUNS.items(), *STUDIES.items())}
CLAIMS = claims()

# Printed, and in no run or claim: remove an entry when a run backs it, or the text no longer has it.
EXCEPTIONS = {
    "README.md": ["2.3 % (225 images)"],  # of `kcifar.datasets info --duplicates`, not of a run
}
KEPT = {"recipe.yaml", "history.csv", "test.json", "model.json", "dataset.json", "environment.json", "status.json"}
MAX_BYTES_OF_A_RUN, MAX_BYTES = 60_000, 1_500_000
# Committed reports: the runs that they are of, and their sections.
REPORTED = {
    "reference": ("runs", ["comparison", "cost", "recipes", "reproduction", "time_to_accuracy"]),
    "studies": ("study_runs", ["ablation", "epochs", "learning_rates", "reproduction"]),
}


def header_facts(name: str, header: str) -> Facts:
    """Facts of the recipe, and of those that its header's parts name, with their claims."""
    parts = "\n".join(measured_parts(header))
    named = {name} | {other for other in {*RECIPES, *STUDIES} if re.search(rf"\b{re.escape(other)}\b", parts)}
    return together(*(OF_RUNS[other] for other in named if other in OF_RUNS), facts_of_claims([row for row in CLAIMS if row["of"] in named]))


def measured_parts(header: str) -> list[str]:
    """Return the parts "Time:" and "Result:" of a recipe's header: from those words on, as far as lines are indented."""
    return [part.replace("\n#", "\n") for part in re.findall(r"^# (?:Time|Result):(.*(?:\n#   .*)*)", header, re.MULTILINE)]


def without_exceptions(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    for phrase in EXCEPTIONS.get(path.relative_to(ROOT).as_posix(), ()):
        assert phrase in text, f"the exception {phrase!r} is no longer needed"
        text = text.replace(phrase, "")
    return text


def header_numbers(header: str) -> list[Printed]:
    """Those of a recipe's header that are covered."""
    found = [number for part in measured_parts(header) for number in numbers(part)]
    return [number for number in found if number.unit != ELSEWHERE and (number.is_decimal or (number.unit and not number.inherited))]


def page_numbers(text: str) -> Iterator[Printed]:
    """Those of a block of a README that are covered."""
    yield from (
        number for number in numbers(text) if not number.inherited and (number.unit == MINUTES or (number.unit == PERCENT and number.is_decimal))
    )
    for found in re.findall(r"\baccuracy ((?:0\.\d+(?:, and |, | and )?)+)", " ".join(text.split())):
        yield from numbers(found)


@pytest.mark.parametrize("name", RECIPES)
def test_a_header_prints_what_was_measured_or_claimed(name: str) -> None:
    header = without_exceptions(RECIPES[name])
    assert len(measured_parts(header)) == 2
    assert unbacked(header_numbers(header), header_facts(name, header)) == []


PAGES = ("README.md", "reports/README.md")


def blocks(text: str) -> list[str]:
    """Return the paragraphs of a page and the rows of its tables, without what stands in code."""
    prose = re.sub(r"^    [^\n]*$", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return [block for paragraph in prose.split("\n\n") for block in (paragraph.splitlines() if "\n|" in paragraph else [paragraph])]


def test_blocks_are_paragraphs_and_rows_before_and_after_code() -> None:
    found = [block.strip() for block in blocks("a\nb\n\n    code\n    more\n\n|r|\n|s|\n\n```\nx\n```\n\nc")]
    assert [block for block in found if block] == ["a\nb", "|r|", "|s|", "c"]
    assert blocks("t\n|r|\n|s|") == ["t", "|r|", "|s|"]


def block_facts(block: str) -> Facts:
    """Return the facts of the recipes that a block names, and the claims on them; all facts where it names none that has some."""
    patterns = re.findall(r"`([\w*-]+)`", block)
    named = {name for name in {*OF_RUNS, *(row["of"] for row in CLAIMS)} if any(fnmatch(name, pattern) for pattern in patterns)}
    named = named or {*OF_RUNS, *(row["of"] for row in CLAIMS)}
    return together(*(OF_RUNS[name] for name in named if name in OF_RUNS), facts_of_claims([row for row in CLAIMS if row["of"] in named]))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_prints_what_was_measured_or_claimed(page: str) -> None:
    found = {block: list(page_numbers(block)) for block in blocks(without_exceptions(ROOT / page))}
    assert sum(map(len, found.values())) > 10
    assert [(number, block) for block, printed in found.items() for number in unbacked(printed, block_facts(block))] == []


def test_nearly_every_wrong_number_on_the_pages_would_be_found() -> None:
    """A last digit that is 5 more or less may be that of another fact: seeds of one recipe lie close together."""
    printed = [(number, block_facts(block)) for page in PAGES for block in blocks(without_exceptions(ROOT / page)) for number in page_numbers(block)]
    wrong = [(replace(number, text=number.text[:-1] + str((int(number.text[-1]) + 5) % 10)), facts) for number, facts in printed]
    found = [bool(unbacked([number], facts)) for number, facts in wrong]
    assert sum(found) / len(found) > 0.9


# The check itself

TEXT = """# Time: 6.1 min (mean of seeds 0 to 2: 4.3, 5.8 and 8.3; 2.9 without compilation), 612 images/s.
# Result: test accuracy 90.54 % over one view (mean of seeds 0 to 2: 90.84, 90.62, 90.16 %, deviation 0.35; validation 89.70, 89.36,
#   89.58 %). Its log: accuracy 0.486. Peak memory 1.73 GiB, 0.28 points.
# Differs from the original: 12.5 % of it.
"""
FACTS: Facts = {
    "%": [*repeated([[90.84, 89.70], [90.62, 89.36], [90.16, 89.58]])],
    "min": [4.31, 5.82, 8.29, 6.14, 2.94],
    "images/s": [611.7],
    "": [0.4861],
}


def test_a_text_whose_numbers_are_facts_passes() -> None:
    found = header_numbers(TEXT)
    assert unbacked(found, FACTS) == []
    assert [number.text for number in found if number.unit == "%" and number.text != "0.486"] == [
        "90.54",
        "90.84",
        "90.62",
        "90.16",
        "0.35",
        "89.70",
        "89.36",
        "89.58",
    ]


def test_a_changed_digit_is_found_wherever_it_stands() -> None:
    for number in header_numbers(TEXT):
        for place, digit in enumerate(number.text):
            if digit != ".":
                changed = number.text[:place] + str((int(digit) + 1) % 10) + number.text[place + 1 :]
                assert unbacked(header_numbers(TEXT.replace(number.text, changed)), FACTS) == [f"{changed} {number.unit}"]


def test_a_changed_digit_on_a_page_is_found() -> None:
    text = " ".join(blocks("`a` takes 16 min for 93.66 % (3 % less).\n```\n1.5 %\n```\nIts validation accuracy 0.434, 0.567\nand 0.609."))
    facts: Facts = {"%": [93.66], "min": [16.1], "": [0.4338, 0.567, 0.6093]}
    assert unbacked(page_numbers(text), facts) == []
    for number in ("16", "93.66", "0.434", "0.567", "0.609"):
        changed = number[:-1] + str((int(number[-1]) + 2) % 10)
        assert len(unbacked(page_numbers(text.replace(number, changed)), facts)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("85.65 and 85.77 % for seeds 0 and 1", [("85.65", "%"), ("85.77", "%"), ("0", "%"), ("1", "%")]),
        ("2 h 40 min", [("160", "min")]),
        ("1,204.5 images/s at 6.65e-4, https://a.b/2404.00498", [("1,204.5", "images/s")]),
        ("22.7 to 30.3 s, 1.73 GiB", [("22.7", "s"), ("30.3", "s"), ("1.73", "another unit")]),
        ("0.486, 0.614, and 0.8874 of it", [("0.486", ""), ("0.614", ""), ("0.8874", "")]),
    ],
)
def test_numbers_have_the_units_that_a_reader_gives_them(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(number.text, number.unit) for number in numbers(text)] == expected


@pytest.mark.parametrize(("text", "value", "expected"), [("90.5", 90.54, True), ("90.6", 90.54, False), ("16", 16.5, True), ("0.35", 0.3549, True)])
def test_a_number_is_a_fact_at_its_printed_precision(text: str, value: float, expected: bool) -> None:
    assert Printed(text, "%").is_rounded(value) == expected


def test_facts_are_those_of_each_run_with_mean_and_deviation() -> None:
    runs = [made(str(seed), right, seed=seed, seconds=seconds) for seed, right, seconds in ((0, 50, 120.0), (1, 54, 240.0))]
    for run in runs:
        run.history["compilation_seconds"] = [30.0, 0.0]
    facts = facts_of(runs)
    for percent in (50, 54, 52, 2.8284, 40):  # each, mean, deviation; validation
        assert any(value == pytest.approx(percent, abs=1e-4) for value in facts["%"])
    for minutes in (2, 4, 3, 1.5, 3.5, 2.5, 0.75):  # each, mean; less compilation, mean; an epoch of the first, less compilation
        assert any(value == pytest.approx(minutes) for value in facts["min"])
    assert facts["images/s"][:3] == pytest.approx([50, 50, 50])
    assert 0.3 in facts[""]  # validation accuracy after the first epoch, of which no percentage is made
    assert not any(value == pytest.approx(30) for value in facts["%"])


# The reference runs


@pytest.mark.parametrize("name", [name for name in RECIPES if name in RUNS])
def test_reference_runs_are_of_the_recipe_as_it_stands(name: str) -> None:
    """Keys that came later have their defaults; a run stores which precision was taken."""
    for run in RUNS[name]:
        assert (run.name, run.status.state) == (f"{name}-seed{run.recipe.seed}", "finished")
        trained, written = (make_plan(load_recipe(path)).to_dict() for path in (run.folder / "recipe.yaml", RECIPES[name]))
        assert trained | {"seed": 0, "precision": "auto"} == written | {"seed": 0, "precision": "auto"}


@pytest.mark.parametrize("name", STUDIES)
def test_study_runs_are_of_the_recipe_and_settings_that_their_command_names(name: str) -> None:
    for run in STUDIES[name]:
        assert (run.name, run.status.state) == (f"{name}-seed{run.recipe.seed}", "finished")
        recipe, *_ = _typed("--stages", run)
        trained, written = (
            make_plan(found).to_dict() for found in (load_recipe(run.folder / "recipe.yaml"), load_recipe(ROOT / recipe, _typed("--set", run)))
        )
        assert trained | {"seed": 0, "precision": "auto"} == written | {"seed": 0, "precision": "auto"}
        assert _typed("--seed", run) in ([], [str(run.recipe.seed)])


def _typed(option: str, run: SavedRun) -> list[str]:
    """Return what an option was given in the command that trained a run."""
    return [value for name, value in itertools.pairwise(run.environment.command if run.environment else []) if name == option]


def test_every_reference_run_and_claim_is_of_a_recipe_or_data_set() -> None:
    assert set(RUNS) <= set(RECIPES)
    assert {row["of"] for row in CLAIMS} <= {*RECIPES, "cifar10"}
    assert all(row["source"] and float(row["value"]) > 0 for row in CLAIMS)


def test_the_reference_runs_are_small_and_tell_nothing_of_a_machines_files() -> None:
    files = [path for place in ("runs", "study_runs") for path in (REPORTS / place).rglob("*") if path.is_file()]
    assert {path.name for path in files} == KEPT
    for folder in {path.parent for path in files}:
        assert sum(path.stat().st_size for path in folder.iterdir()) < MAX_BYTES_OF_A_RUN, folder
    assert sum(path.stat().st_size for path in files) < MAX_BYTES
    for path in files:
        assert not re.search(r"(?<![\w:/])[/~]\w|\"(host|pid)\"", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("report", REPORTED)
def test_the_committed_tables_are_what_the_report_makes_of_the_committed_runs(report: str, tmp_path: Path) -> None:
    """Figures and pages hold the same numbers, but their bytes are also of the fonts and versions that drew them."""
    runs, sections = REPORTED[report]
    build_report(Request([], REPORTS / runs, tmp_path, ["md", "csv"], sections), Console(file=io.StringIO()))
    made_anew = sorted(path.name for path in tmp_path.iterdir())
    assert made_anew == sorted(f"{section}.{ending}" for section in sections for ending in ("md", "csv"))
    assert made_anew == sorted(path.name for path in (REPORTS / report).iterdir() if path.suffix in (".md", ".csv"))
    for name in made_anew:
        assert (tmp_path / name).read_text(encoding="utf-8") == (REPORTS / report / name).read_text(encoding="utf-8"), name


@pytest.fixture
def collecting() -> ModuleType:
    spec = importlib.util.spec_from_file_location("collect", REPORTS / "collect.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_collecting_keeps_facts_and_drops_what_is_of_the_machine(collecting: ModuleType, tmp_path: Path) -> None:
    run = write_run(tmp_path / "whatever", seed=3, changes={"init_from": "/home/me/other run"})
    facts = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    command = ["python", "--data", "/data/cifar 10", "--run=/home/me/runs/a", "stages/a.yaml", "https://a.b/c", "seed=3"]
    (run / "environment.json").write_text(json.dumps(facts | {"command": command}), encoding="utf-8")
    copy = collecting.collect(run, tmp_path / "kept")
    assert copy == tmp_path / "kept" / "fixture-seed3"
    assert {path.name for path in copy.iterdir()} == KEPT
    assert (copy / "history.csv").read_bytes() == (run / "history.csv").read_bytes()
    kept: dict[str, Any] = json.loads((copy / "environment.json").read_text(encoding="utf-8"))
    assert kept == facts | {"command": ["python", "--data", "cifar 10", "--run=a", "stages/a.yaml", "https://a.b/c", "seed=3"]}
    assert yaml.safe_load((copy / "recipe.yaml").read_text(encoding="utf-8"))["init_from"] == "other run"
    status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    assert json.loads((copy / "status.json").read_text(encoding="utf-8")) == {key: status[key] for key in status if key not in ("pid", "host")}
