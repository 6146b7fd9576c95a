"""Accuracy against its cost (parameters, minutes of training, training images seen), and the runs on the Pareto fronts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from kcifar.pictures.figure import Figure
from kcifar.reporting.analysis.groups import Group, group_by_recipe, rank_by_accuracy
from kcifar.reporting.analysis.hardware import NO_HARDWARE, count_hardware, describe_hardware, describe_origin, find_hardware
from kcifar.reporting.analysis.run_tests import count_correct
from kcifar.reporting.charts.pareto_front import CostPanel, draw_pareto_fronts
from kcifar.reporting.page.columns import COUNT, MINUTES, PERCENT, TEXT, ColumnKind, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.pareto import ClearFront, find_clear_front, find_clear_level
from kcifar.reporting.stats.proportions import Proportion, make_proportion
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL
from kcifar.runs.load import LoadedRun

ORDER = 40
TITLE = "Accuracy and cost"
NOTE = (
    "Front: yes for the cheapest run, and for runs that are clearly more accurate than those on the front that cost less; no if a run at the same or "
    "a lower cost is clearly more accurate; within error if the test images do not tell. Clearly: by the test of two proportions at the level "
    f"{SIGNIFICANCE_LEVEL}, by Holm's method over all pairs of recipes on the same data; runs of one recipe, which differ by chance, are not "
    "compared. Minutes are compared on the same hardware only. Number: in the figure, of a run on a front whose name has no room. Minutes: "
    "time of all completed epochs."
)
COSTS = {"parameters": COUNT, "minutes": MINUTES, "images_seen": COUNT}
AXES = {"parameters": "parameters", "minutes": "minutes of training", "images_seen": "training images seen"}
COLUMNS = {
    "run": TEXT,
    "number": COUNT,
    "dataset": TEXT,
    "test_accuracy": PERCENT,
    **{column: kind for cost, kind in COSTS.items() for column, kind in ((cost, kind), (f"{cost}_front", TEXT))},
}
PAGE_COLUMNS = ("number", "test_accuracy", "minutes", "parameters", "images_seen", "dataset")
_MAX_DRAWN = 3  # data sets, one figure each


@dataclass(frozen=True)
class RunCosts:
    """The runs on one data set: those on any front first, then by accuracy.

    Attributes:
        label: Of the data set.
        runs: In this order.
        accuracies: float64 (runs,).
        costs: float64 (runs,) for each cost; NaN if unknown.
        fronts: Runs on the front of each cost, and near it.
    """

    label: str
    runs: Sequence[LoadedRun]
    accuracies: np.ndarray
    costs: Mapping[str, np.ndarray]
    fronts: Mapping[str, ClearFront]

    @property
    def on_a_front(self) -> np.ndarray:
        """Whether each run is on the front of any cost; bool (runs,)."""
        return np.asarray(np.any([front.on for front in self.fronts.values()], axis=0))


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return costs and fronts, and one figure per data set; nothing if no two runs with a test result and a known cost share a data set."""
    groups = [_measure_costs(group) for group in rank_by_accuracy(runs) if len(group.runs) > 1]
    groups = [group for group in groups if any(not np.isnan(values).all() for values in group.costs.values())]
    if not groups:
        return SectionContent()
    firsts = np.cumsum([1, *(int(group.on_a_front.sum()) for group in groups)]).tolist()  # numbers continue from one data set to the next
    numbered = list(zip(groups, firsts, strict=False))
    rows = [row for group, first in numbered for row in _make_rows(group, first)]
    largest = sorted(numbered, key=lambda entry: -len(entry[0].runs))[:_MAX_DRAWN]
    drawings = [_make_figure(place, group, first) for place, (group, first) in enumerate(largest, start=1)]
    counted = [run for group in groups for run in group.runs]
    paragraphs = [*map(_describe_fronts, groups), *_describe_minutes(counted), *_describe_left_out(runs, counted)]
    return SectionContent(paragraphs, [Table("cost", TITLE, COLUMNS, make_frame(rows, COLUMNS, ("run",)), NOTE, page_columns=PAGE_COLUMNS)], drawings)


def _measure_costs(group: Group) -> RunCosts:
    """Measure the runs of a data set, and sort those on a front before the others; most accurate first."""
    accuracies = [count_correct(run) for run in group.runs]
    run_costs = [_read_costs(run) for run in group.runs]
    costs = {cost: np.array([values[cost] for values in run_costs], np.float64) for cost in COSTS}
    grouped = group_by_recipe(group.runs)
    labels = {id(run): recipe.label for recipe in grouped for run in recipe.runs}
    recipes, level = [labels[id(run)] for run in group.runs], find_clear_level([_average_accuracy(recipe.runs) for recipe in grouped])
    fronts = {cost: find_clear_front(costs[cost], accuracies, recipes, level) for cost in COSTS}
    for kind in {find_hardware(run) for run in group.runs}:
        members = np.flatnonzero([find_hardware(run) == kind for run in group.runs])
        front = find_clear_front(costs["minutes"][members], [accuracies[k] for k in members], [recipes[k] for k in members], level)
        fronts["minutes"].on[members], fronts["minutes"].near[members] = front.on, front.near
    order = np.argsort(~np.any([front.on for front in fronts.values()], axis=0), kind="stable")
    return RunCosts(
        group.label,
        [group.runs[place] for place in order],
        np.array([group.runs[place].test_accuracy for place in order]),
        {cost: values[order] for cost, values in costs.items()},
        {cost: ClearFront(front.on[order], front.near[order]) for cost, front in fronts.items()},
    )


def _average_accuracy(runs: Sequence[LoadedRun]) -> Proportion:
    """Return the mean test accuracy of the runs of a recipe, as a proportion of the images of one run."""
    counts = [count_correct(run) for run in runs]
    return make_proportion(fmean(count.value for count in counts), counts[0].trials)


def _read_costs(run: LoadedRun) -> dict[str, float]:
    parameters = run.model.parameters if run.model else np.nan
    return {"parameters": parameters, "minutes": run.minutes, "images_seen": run.history["images_seen"].iloc[-1]}


def _make_rows(group: RunCosts, first: int) -> Iterator[dict[str, Any]]:
    on_a_front = group.on_a_front
    for place, run in enumerate(group.runs):
        row = {
            "run": run.name,
            "dataset": group.label,
            "test_accuracy": group.accuracies[place],
            "number": first + place if on_a_front[place] else None,
        }
        for cost, values in group.costs.items():
            if not np.isnan(values[place]):
                row |= {cost: _convert_cost(values[place], COSTS[cost]), f"{cost}_front": _name_place(group.fronts[cost], place)}
        yield row


def _name_place(front: ClearFront, place: int) -> str:
    return "yes" if front.on[place] else "within error" if front.near[place] else "no"


def _convert_cost(value: float, kind: ColumnKind) -> float | int | None:
    """Return a cost as its column stores it; counts that are too large to be exact are missing."""
    return value if kind is not COUNT else round(value) if value < 2**53 else None


def _describe_fronts(group: RunCosts) -> str:
    """Name the runs on each front, cheapest first, and count those that are within error of it."""
    fronts = []
    for cost in COSTS:
        front = group.fronts[cost]
        members = sorted(np.flatnonzero(front.on).tolist(), key=lambda place: group.costs[cost][place])
        named = [f"{shorten_name(group.runs[place].name)} ({PERCENT.write(group.accuracies[place])})" for place in members]
        near = f", with {front.near.sum():,} more within error" if front.near.any() else ""
        fronts += [f"{AXES[cost]}: {join_names(named)}{near}"] if named and _varies(group.costs[cost]) else []
    if not fronts:
        return f"On {group.label}, the runs have the same costs, so there is no Pareto front."
    return f"Pareto fronts on {group.label}, cheapest first, each clearly more accurate than those that cost less, by {'; by '.join(fronts)}."


def _varies(costs: np.ndarray) -> bool:
    """Whether known costs differ: one that all runs share makes no front."""
    return len(np.unique(costs[~np.isnan(costs)])) > 1


def _describe_minutes(runs: Sequence[LoadedRun]) -> Iterator[str]:
    yield from describe_hardware(runs)
    if len(count_hardware(runs)) > 1:
        yield "Minutes can only be compared on the same hardware: each has its own front, and the figure shows the hardware with the most runs."
    yield from describe_origin(runs)


def _describe_left_out(runs: Sequence[LoadedRun], counted: Sequence[LoadedRun]) -> Iterator[str]:
    counted_ids = set(map(id, counted))
    left_out = [f"{shorten_name(run.name)} ({_explain_left_out(run)})" for run in runs if id(run) not in counted_ids]
    if left_out:
        yield f"Left out: {join_names(left_out)}."


def _explain_left_out(run: LoadedRun) -> str:
    if not run.test:
        return run.progress or "no test result"
    return "no known cost" if np.isnan(list(_read_costs(run).values())).all() else "the only run on its data"


def _make_figure(place: int, group: RunCosts, first: int) -> FigureSpec:
    panels = _make_panels(group)
    names, numbers = [run.name for run in group.runs], list(range(first, first + len(group.runs)))

    def draw() -> Figure:
        return draw_pareto_fronts(panels, group.accuracies, names, numbers)

    costs = ", ".join(AXES[cost] for cost, values in group.costs.items() if not np.isnan(values).all())
    caption = (
        f"Test accuracy on {group.label} against {costs}. Diamonds: runs on the Pareto front, each clearly more accurate than the cheaper ones; "
        "filled circles: runs within error of the front. "
        "Names are next to their dots where there is room, of many runs for those on the front alone; a number is that of the table."
    )
    text = f"Scatter chart of the test accuracy of {len(group.runs):,} runs on {group.label} against {costs}. {_describe_fronts(group)}"
    return FigureSpec("cost" if place == 1 else f"cost_{place}", draw, caption, text)


def _make_panels(group: RunCosts) -> list[CostPanel]:
    """Return one panel per cost that is known for any run."""
    panels = [CostPanel(AXES[cost], values, group.fronts[cost]) for cost, values in group.costs.items()]
    panels[list(AXES).index("minutes")] = _make_minutes_panel(group)
    return [panel for panel in panels if not np.isnan(panel.costs).all()]


def _make_minutes_panel(group: RunCosts) -> CostPanel:
    """Return the panel of minutes, with the runs on the most frequent hardware."""
    kinds = [find_hardware(run) for run in group.runs]
    timed = Counter(kind for kind, known in zip(kinds, ~np.isnan(group.costs["minutes"]), strict=True) if known)
    most = next((kind for kind, _ in timed.most_common(1)), NO_HARDWARE)
    shown = np.array([kind == most for kind in kinds])
    which = "hardware not recorded" if most == NO_HARDWARE else "same hardware"
    axis = AXES["minutes"] + (f" ({timed[most]:,} of {timed.total():,} runs, {which})" if len(timed) > 1 else "")
    front = group.fronts["minutes"]
    return CostPanel(axis, np.where(shown, group.costs["minutes"], np.nan), ClearFront(front.on & shown, front.near & shown))
