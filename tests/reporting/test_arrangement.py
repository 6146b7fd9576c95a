"""Laws of the order of a page: the answer first, nothing twice, nothing lost, how to train again last."""

import json
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from run_folders import write_json, write_run

from kcifar.reporting.build import choose_runs, render_report
from kcifar.reporting.page.arrangement import MAX_LEADING, ArrangedPart, PagePart, arrange_parts
from kcifar.reporting.page.content import Fact
from kcifar.reporting.page.output_files import ALL_RUNS, REPRODUCTION, _make_page_parts
from kcifar.reporting.page.report import RenderedFigure, RenderedSection
from kcifar.reporting.request import ReportRequest

FIGURES = st.lists(st.booleans(), max_size=3)
SECTIONS = st.lists(st.tuples(st.integers(0, 2), FIGURES, st.booleans()), max_size=6)


def figure(name: str, leads: bool) -> RenderedFigure:
    return RenderedFigure(name, b"", b"", name, name, leads=leads)


def arranged(sections: list[RenderedSection]) -> ArrangedPart:
    (part,) = arrange_parts([PagePart("run", sections)])
    return part


@given(SECTIONS)
def test_every_fact_paragraph_and_figure_is_shown_once_and_every_section_has_one_anchor(shapes: list[tuple[int, list[bool], bool]]) -> None:
    sections = [
        RenderedSection(
            f"s{k}", f"S{k}", False, ["text"] * count, [], [figure(f"f{k}{n}", leads) for n, leads in enumerate(drawn)], [Fact("a", "1")] * fact
        )
        for k, (count, drawn, fact) in enumerate(shapes)
    ]
    part = arranged(sections)
    top = [figure.name for lead in part.leads for figure in lead.figures]
    below = [figure.name for _, section in part.sections for figure in section.figures]
    assert Counter(top + below) == Counter(figure.name for section in sections for figure in section.figures)
    assert top == [figure.name for section in sections for figure in section.figures if figure.leads][:MAX_LEADING]
    assert sum(len(lead.facts) for lead in part.leads) == sum(len(section.facts) for section in sections)
    assert sum(len(section.paragraphs) for _, section in part.sections) == sum(len(section.paragraphs) for section in sections)
    anchors = [lead.anchor for lead in part.leads if lead.anchor] + [anchor for anchor, _ in part.sections]
    assert Counter(anchors) == Counter(anchor for anchor, _ in part.links)
    assert [title for _, title in part.links] == [section.title for section in sections]


def parts_of(folder: Path, runs: int) -> list[PagePart]:
    for seed in range(runs):
        environment = write_run(folder / "runs" / f"seed{seed}", seed=seed) / "environment.json"
        write_json(environment, json.loads(environment.read_text()) | {"command": ["python", "-m", "kcifar.train"]})
    request = ReportRequest((), folder / "runs")
    report = render_report(request, choose_runs(request), ["svg"])
    return _make_page_parts(report)


def test_the_page_of_one_run_begins_with_its_result_and_ends_with_how_to_train_it_again(tmp_path: Path) -> None:
    (part,) = arrange_parts(parts_of(tmp_path, 1))
    assert [fact.name for lead in part.leads for fact in lead.facts] == ["test accuracy", "data", "network", "training time"]
    assert [figure.name for lead in part.leads for figure in lead.figures] == ["history", "confusion_counts"]
    titles = [title for _, title in part.links]
    assert titles[:3] == ["Result", "Learning curves", "Commentary"]
    assert titles[-2:] == ["Summary", "How to reproduce the runs"]


def test_the_page_of_several_runs_begins_with_recipes_and_their_curves_and_ends_with_how_to_train_them_again(tmp_path: Path) -> None:
    parts = arrange_parts(parts_of(tmp_path, 2))
    assert [part.title for part in parts] == [ALL_RUNS, "seed0", "seed1", REPRODUCTION]
    assert [title for _, title in parts[0].links][:3] == ["Recipes", "Learning curves of the recipes", "Comparison"]
    assert [figure.name for lead in parts[0].leads for figure in lead.figures] == ["recipes", "curves"]
    assert [fact.name for lead in parts[0].leads for fact in lead.facts] == ["mean test accuracy on cifar10"]
    assert [title for _, title in parts[-1].links] == ["How to reproduce the runs"]
