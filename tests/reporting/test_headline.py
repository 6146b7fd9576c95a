"""Laws of the result of a run: its accuracy with the interval, and what it says where something is unknown."""

import io
import json
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from matplotlib.text import Text
from rich.console import Console
from run_folders import CASES, write_run
from scipy.stats import binomtest

from kcifar.pictures.style import report_style
from kcifar.reporting.page.columns import MINUTES, write_duration
from kcifar.reporting.page.content import Fact
from kcifar.reporting.page.report import Report
from kcifar.reporting.page.terminal import print_section
from kcifar.reporting.rendering import render_run
from kcifar.reporting.result import ReportResult
from kcifar.reporting.section import find_sections
from kcifar.reporting.sections import comparison, cost, headline, history, recipes, reproduction, summary, time_to_accuracy
from kcifar.runs.load import LoadedRun, load_run


def facts_of(run: LoadedRun) -> dict[str, Fact]:
    content = headline.of_run(run)
    assert bool(content)
    return {fact.name: fact for fact in content.facts}


def test_the_accuracy_comes_with_its_interval_and_number_of_images(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "a"), "a")
    assert run.test
    low, high = binomtest(round(run.test.accuracy * run.test.samples), run.test.samples).proportion_ci(method="wilson")
    fact = facts_of(run)["test accuracy"]
    assert fact.value == f"{run.test.accuracy:.2%}"
    assert fact.details[:2] == [f"95% interval {low:.2%} to {high:.2%}", f"{run.test.samples:,} test images"]


def test_without_a_test_the_best_validation_is_the_answer_and_is_called_so(tmp_path: Path) -> None:
    run = replace(load_run(write_run(tmp_path / "a"), "a"), test=None)
    assert run.best_validation
    fact = facts_of(run)["best validation accuracy"]
    assert fact == Fact(
        "best validation accuracy", f"{run.best_validation[0]:.2%}", [f"in epoch {run.best_validation[1]}", "test split not evaluated"]
    )


def test_the_data_are_named_as_dataset_json_does_since_arrays_may_take_the_place_of_those_of_the_recipe(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a")
    path = folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": "arrays"}))
    run = load_run(folder, "a")
    assert run.recipe.dataset.name != "arrays"
    assert facts_of(run)["data"].value == "arrays"
    assert summary.of_run(run).tables[0].frame["dataset"].tolist() == ["arrays"]
    with report_style():
        text = " ".join(part.get_text() for part in history.of_run(run).figures[0].draw().findobj(Text))
    assert "arrays · " in text
    path.unlink()
    assert facts_of(load_run(folder, "a"))["data"].value == run.recipe.dataset.name


@pytest.mark.parametrize("case", sorted(CASES))
def test_every_run_has_four_facts_that_a_line_holds(case: str, tmp_path: Path) -> None:
    run = load_run(CASES[case](tmp_path / "a"), "a")
    facts = facts_of(run)
    assert len(facts) == 4
    assert all("\n" not in text and "nan" not in text for fact in facts.values() for text in (fact.name, fact.value, *fact.details))
    assert (run.progress or f"{len(run.history)} epoch") in facts["training time"].details[0]


def test_terminal_and_notebook_say_them_too(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "a"), "a")
    sections = render_run(run, [section for section in find_sections() if section.name == "headline"], [])
    console = Console(file=io.StringIO(), width=500)
    print_section(console, "a", sections[0])
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "Result: a"
    assert lines[1:5] == [str(fact) for fact in sections[0].facts]
    assert lines[1].startswith("test accuracy: ")
    assert "95% interval" in lines[1]
    result = ReportResult(Report("a", [run], [], [sections], []))
    assert result["headline"].facts == tuple(sections[0].facts)
    assert escape(str(sections[0].facts[0])) in result._repr_html_()


def test_times_are_written_in_the_unit_that_suits_them() -> None:
    assert write_duration(0.0) == "0.0 seconds"
    assert write_duration(59.4 / 60) == "59 seconds"
    assert write_duration(1) == "1.0 minutes"
    assert write_duration(89.94) == "89.9 minutes"
    assert write_duration(90) == "1.5 hours"


def test_columns_of_minutes_tell_runs_of_seconds_apart() -> None:
    written = {4.1 / 60: "0.068", 9.1 / 60: "0.15", 1.04: "1.0", 1234.56: "1,234.6", 0.0: "0"}
    assert [MINUTES.write(minutes) for minutes in written] == list(written.values())
    for section in (comparison, cost, recipes, reproduction, summary, time_to_accuracy):
        assert section.COLUMNS["minutes"] is MINUTES
