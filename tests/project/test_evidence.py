"""Every measurement printed in README.md, docs/, reports/README.md and the recipes' headers matches the reference runs or a claim.

In a recipe's header the entries "Time:" and "Result:" are checked: every decimal, and every whole number of %, min, s or images/s. Each must
be a fact from that recipe's runs, from the runs of a recipe that the entry names, or from a claim in `reports/claims.csv`. On the pages
the test checks percentages with a decimal, minutes, and fractions after the word accuracy. It compares each paragraph and table row with
the runs and claims of the recipes that it names in backticks (`small_vgg_*` names several), or of all recipes if it names none. Other kinds of
numbers are not checked: benchmarks and their ratios, points, MiB, and numbers in code.

Run it alone with `pytest tests/project/test_evidence.py`. Add runs with `python reports/collect.py RUN_FOLDER …`.
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

import places
import pytest
import yaml
from evidence import (
    MINUTES,
    OTHER_UNIT,
    PERCENT,
    REPORTS,
    Facts,
    PrintedNumber,
    add_mean_and_deviation,
    collect_claimed_facts,
    collect_facts,
    find_numbers,
    find_unbacked,
    merge_facts,
    read_claims,
    read_runs_by_recipe,
)
from made_runs import made
from rich.console import Console
from run_folders import write_run

from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe
from kcifar.reporting.build import build_report
from kcifar.reporting.request import ReportRequest
from kcifar.runs.load import LoadedRun

ROOT = REPORTS.parent
STAGES = ROOT / "stages"
RECIPES = {path.relative_to(STAGES).with_suffix("").as_posix().replace("/", "_"): path for path in sorted(STAGES.rglob("*.yaml"))}
RUNS, STUDIES = read_runs_by_recipe("runs"), read_runs_by_recipe("study_runs")
RUN_FACTS = {name: collect_facts(runs) for name, runs in (*RUNS.items(), *STUDIES.items())}
CLAIMS = read_claims()

# Printed numbers that no run or claim backs. Remove an entry when a run backs it or the text no longer prints it.
EXCEPTIONS = {
    "docs/datasets.md": ["3.3 % of CIFAR-10's test images", "2.3 % (225 images)"],  # a paper; `kcifar.datasets info --duplicates`
}
RUN_FILES = {"recipe.yaml", "history.csv", "test.json", "model.json", "dataset.json", "environment.json", "status.json"}
MAX_RUN_BYTES, MAX_TOTAL_BYTES = 60_000, 1_500_000
# Committed reports: the folder of their runs, and their sections.
COMMITTED_REPORTS = {
    "reference": ("runs", ["comparison", "cost", "recipes", "reproduction", "time_to_accuracy"]),
    "studies": ("study_runs", ["ablation", "epochs", "learning_rates", "reproduction"]),
}


def collect_header_facts(name: str, header: str) -> Facts:
    """Return the facts and claims of a recipe and of those that its header's checked entries name."""
    entries = "\n".join(find_checked_entries(header))
    return collect_named_facts({name} | {other for other in {*RECIPES, *STUDIES} if re.search(rf"\b{re.escape(other)}\b", entries)})


def collect_named_facts(names: set[str]) -> Facts:
    """Return the facts of some recipes' runs and the claims about these recipes."""
    return merge_facts(
        *(RUN_FACTS[name] for name in names if name in RUN_FACTS), collect_claimed_facts([row for row in CLAIMS if row["of"] in names])
    )


def find_checked_entries(header: str) -> list[str]:
    """Return the entries "Time:" and "Result:" of a recipe's header: the text after the word, with the indented lines that follow."""
    return [entry.replace("\n#", "\n") for entry in re.findall(r"^# (?:Time|Result):(.*(?:\n#   .*)*)", header, re.MULTILINE)]


def read_without_exceptions(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    for phrase in EXCEPTIONS.get(path.relative_to(ROOT).as_posix(), ()):
        assert phrase in text, f"the exception {phrase!r} is no longer needed"
        text = text.replace(phrase, "")
    return text


def find_header_numbers(header: str) -> list[PrintedNumber]:
    """Return the checked numbers of a recipe's header."""
    printed = [number for entry in find_checked_entries(header) for number in find_numbers(entry)]
    return [number for number in printed if number.unit != OTHER_UNIT and (number.is_decimal or (number.unit and not number.inherited))]


def find_page_numbers(text: str) -> Iterator[PrintedNumber]:
    """Yield the checked numbers of a block of a README."""
    yield from (
        number for number in find_numbers(text) if not number.inherited and (number.unit == MINUTES or (number.unit == PERCENT and number.is_decimal))
    )
    for fractions in re.findall(r"\baccuracy ((?:0\.\d+(?:, and |, | and )?)+)", " ".join(text.split())):
        yield from find_numbers(fractions)


@pytest.mark.parametrize("name", RECIPES)
def test_header_numbers_are_measured_or_claimed(name: str) -> None:
    header = read_without_exceptions(RECIPES[name])
    assert len(find_checked_entries(header)) == 2
    assert find_unbacked(find_header_numbers(header), collect_header_facts(name, header)) == []


PAGES = [path.relative_to(ROOT).as_posix() for path in places.PAGES]


def split_blocks(text: str) -> list[str]:
    """Return the paragraphs of a page and the rows of its tables, without code."""
    prose = re.sub(r"^    [^\n]*$", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return [block for paragraph in prose.split("\n\n") for block in (paragraph.splitlines() if "\n|" in paragraph else [paragraph])]


def test_blocks_are_paragraphs_and_rows_before_and_after_code() -> None:
    blocks = [block.strip() for block in split_blocks("a\nb\n\n    code\n    more\n\n|r|\n|s|\n\n```\nx\n```\n\nc")]
    assert [block for block in blocks if block] == ["a\nb", "|r|", "|s|", "c"]
    assert split_blocks("t\n|r|\n|s|") == ["t", "|r|", "|s|"]


def collect_block_facts(block: str) -> Facts:
    """Return the facts and claims of the recipes that a block names, or all of them if it names no recipe that has any."""
    patterns = re.findall(r"`([\w*-]+)`", block)
    known = {*RUN_FACTS, *(row["of"] for row in CLAIMS)}
    return collect_named_facts({name for name in known if any(fnmatch(name, pattern) for pattern in patterns)} or known)


@pytest.mark.parametrize("page", PAGES)
def test_page_numbers_are_measured_or_claimed(page: str) -> None:
    numbers = {block: list(find_page_numbers(block)) for block in split_blocks(read_without_exceptions(ROOT / page))}
    assert [(number, block) for block, printed in numbers.items() for number in find_unbacked(printed, collect_block_facts(block))] == []


def test_nearly_every_wrong_number_on_the_pages_is_detected() -> None:
    """A last digit that is off by 5 may match another fact: seeds of one recipe give similar results."""
    blocks = [block for page in PAGES for block in split_blocks(read_without_exceptions(ROOT / page))]
    printed = [(number, collect_block_facts(block)) for block in blocks for number in find_page_numbers(block)]
    wrong = [(replace(number, text=number.text[:-1] + str((int(number.text[-1]) + 5) % 10)), facts) for number, facts in printed]
    detected = [bool(find_unbacked([number], facts)) for number, facts in wrong]
    assert len(detected) > 50
    assert sum(detected) / len(detected) > 0.9


# The check itself

TEXT = """# Time: 6.1 min (mean of seeds 0 to 2: 4.3, 5.8 and 8.3; 2.9 without compilation), 612 images/s.
# Result: test accuracy 90.54 % over one view (mean of seeds 0 to 2: 90.84, 90.62, 90.16 %, standard deviation 0.35; validation 89.70, 89.36,
#   89.58 %). Its log: accuracy 0.486. Peak memory 1.73 GiB, 0.28 points.
# Differs from the original: 12.5 % of it.
"""
FACTS: Facts = {
    "%": [*add_mean_and_deviation([[90.84, 89.70], [90.62, 89.36], [90.16, 89.58]])],
    "min": [4.31, 5.82, 8.29, 6.14, 2.94],
    "images/s": [611.7],
    "": [0.4861],
}


def test_a_text_whose_numbers_are_facts_passes() -> None:
    printed = find_header_numbers(TEXT)
    assert find_unbacked(printed, FACTS) == []
    assert [number.text for number in printed if number.unit == "%" and number.text != "0.486"] == [
        "90.54",
        "90.84",
        "90.62",
        "90.16",
        "0.35",
        "89.70",
        "89.36",
        "89.58",
    ]


def test_any_changed_digit_in_a_header_is_detected() -> None:
    for number in find_header_numbers(TEXT):
        for place, digit in enumerate(number.text):
            if digit != ".":
                changed = number.text[:place] + str((int(digit) + 1) % 10) + number.text[place + 1 :]
                assert find_unbacked(find_header_numbers(TEXT.replace(number.text, changed)), FACTS) == [f"{changed} {number.unit}"]


def test_a_changed_digit_on_a_page_is_detected() -> None:
    text = " ".join(split_blocks("`a` takes 16 min for 93.66 % (3 % less).\n```\n1.5 %\n```\nIts validation accuracy 0.434, 0.567\nand 0.609."))
    facts: Facts = {"%": [93.66], "min": [16.1], "": [0.4338, 0.567, 0.6093]}
    assert find_unbacked(find_page_numbers(text), facts) == []
    for number in ("16", "93.66", "0.434", "0.567", "0.609"):
        changed = number[:-1] + str((int(number[-1]) + 2) % 10)
        assert len(find_unbacked(find_page_numbers(text.replace(number, changed)), facts)) == 1


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
def test_numbers_have_the_units_that_a_reader_would_give_them(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(number.text, number.unit) for number in find_numbers(text)] == expected


@pytest.mark.parametrize(("text", "value", "expected"), [("90.5", 90.54, True), ("90.6", 90.54, False), ("16", 16.5, True), ("0.35", 0.3549, True)])
def test_a_number_matches_a_value_at_its_printed_precision(text: str, value: float, expected: bool) -> None:
    assert PrintedNumber(text, "%").matches(value) == expected


def test_facts_are_those_of_each_run_with_mean_and_standard_deviation() -> None:
    runs = [made(str(seed), right, seed=seed, seconds=seconds) for seed, right, seconds in ((0, 50, 120.0), (1, 54, 240.0))]
    for run in runs:
        run.history["compilation_seconds"] = [30.0, 0.0]
    facts = collect_facts(runs)
    for percent in (50, 54, 52, 2.8284, 40):  # each run, mean, standard deviation; validation
        assert any(value == pytest.approx(percent, abs=1e-4) for value in facts["%"])
    for minutes in (2, 4, 3, 1.5, 3.5, 2.5, 0.75):  # each run, mean; without compilation, mean; an epoch of the first run, without compilation
        assert any(value == pytest.approx(minutes) for value in facts["min"])
    assert facts["images/s"][:3] == pytest.approx([50, 50, 50])
    assert 0.3 in facts[""]  # validation accuracy after the first epoch, which is not printed as a percentage
    assert not any(value == pytest.approx(30) for value in facts["%"])


# The reference runs


@pytest.mark.parametrize("name", [name for name in RECIPES if name in RUNS])
def test_reference_runs_match_the_current_recipe(name: str) -> None:
    """Keys added later have their defaults; a run stores the precision that was chosen."""
    for run in RUNS[name]:
        assert (run.name, run.status.state) == (f"{name}-seed{run.recipe.seed}", "finished")
        trained, written = (make_plan(load_recipe(path)).to_dict() for path in (run.folder / "recipe.yaml", RECIPES[name]))
        assert trained | {"seed": 0, "precision": "auto"} == written | {"seed": 0, "precision": "auto"}


@pytest.mark.parametrize("name", STUDIES)
def test_study_runs_match_the_recipe_and_settings_of_their_command(name: str) -> None:
    for run in STUDIES[name]:
        assert (run.name, run.status.state) == (f"{name}-seed{run.recipe.seed}", "finished")
        path, *_ = _find_option_values("--stages", run)
        recipes = (load_recipe(run.folder / "recipe.yaml"), load_recipe(ROOT / path, _find_option_values("--set", run)))
        trained, written = (make_plan(recipe).to_dict() for recipe in recipes)
        assert trained | {"seed": 0, "precision": "auto"} == written | {"seed": 0, "precision": "auto"}
        assert _find_option_values("--seed", run) in ([], [str(run.recipe.seed)])


def _find_option_values(option: str, run: LoadedRun) -> list[str]:
    """Return the values of an option in the command that trained a run."""
    return [value for name, value in itertools.pairwise(run.environment.command if run.environment else []) if name == option]


def test_every_reference_run_and_claim_belongs_to_a_recipe_or_dataset() -> None:
    assert set(RUNS) <= set(RECIPES)
    assert {row["of"] for row in CLAIMS} <= {*RECIPES, "cifar10"}
    assert all(row["source"] and float(row["value"]) > 0 for row in CLAIMS)


def test_reference_runs_are_small_and_reveal_no_paths_host_or_process() -> None:
    files = [path for folder in ("runs", "study_runs") for path in (REPORTS / folder).rglob("*") if path.is_file()]
    assert {path.name for path in files} == RUN_FILES
    for folder in {path.parent for path in files}:
        assert sum(path.stat().st_size for path in folder.iterdir()) < MAX_RUN_BYTES, folder
    assert sum(path.stat().st_size for path in files) < MAX_TOTAL_BYTES
    for path in files:
        assert not re.search(r"(?<![\w:/])[/~]\w|\"(host|pid)\"", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("report", COMMITTED_REPORTS)
def test_committed_tables_match_a_new_report_on_the_committed_runs(report: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures and pages contain the same numbers, but their bytes also depend on the fonts and versions that drew them."""
    runs, sections = COMMITTED_REPORTS[report]
    monkeypatch.chdir(ROOT)  # where the committed commands start
    build_report(ReportRequest([], Path("reports") / runs, tmp_path, ["md", "csv"], sections), Console(file=io.StringIO()))
    rebuilt = sorted(path.name for path in tmp_path.iterdir())
    assert {f"{section}.{ending}" for section in sections for ending in ("md", "csv")} <= set(rebuilt)
    assert rebuilt == sorted(path.name for path in (REPORTS / report).iterdir() if path.suffix in (".md", ".csv"))
    for name in rebuilt:
        assert (tmp_path / name).read_text(encoding="utf-8") == (REPORTS / report / name).read_text(encoding="utf-8"), name


@pytest.fixture
def collect_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("collect", REPORTS / "collect.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_collecting_keeps_facts_and_drops_machine_details(collect_module: ModuleType, tmp_path: Path) -> None:
    run = write_run(tmp_path / "trained", seed=3, changes={"init_from": "/home/me/other run"})
    facts = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    command = ["python", "--data", "/data/cifar 10", "--run=/home/me/runs/a", "stages/a.yaml", "https://a.b/c", "seed=3"]
    (run / "environment.json").write_text(json.dumps(facts | {"command": command}), encoding="utf-8")
    copy = collect_module.collect(run, tmp_path / "kept")
    assert copy == tmp_path / "kept" / "fixture-seed3"
    assert {path.name for path in copy.iterdir()} == RUN_FILES
    assert (copy / "history.csv").read_bytes() == (run / "history.csv").read_bytes()
    kept: dict[str, Any] = json.loads((copy / "environment.json").read_text(encoding="utf-8"))
    assert kept == facts | {"command": ["python", "--data", "cifar 10", "--run=a", "stages/a.yaml", "https://a.b/c", "seed=3"]}
    assert yaml.safe_load((copy / "recipe.yaml").read_text(encoding="utf-8"))["init_from"] == "other run"
    status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    assert json.loads((copy / "status.json").read_text(encoding="utf-8")) == {key: status[key] for key in status if key not in ("pid", "host")}
