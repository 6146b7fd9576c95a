"""Accuracy against what it costs: parameters, minutes of training, images seen in training; and the runs that no other beats."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.reporting.analysis.groups import Group, ranked
from kcifar.reporting.analysis.hardware import UNKNOWN, hardware_of, hardware_sentences, origin_sentences, timed_hardware
from kcifar.reporting.charts.pareto_front import Panel, draw
from kcifar.reporting.page.columns import COUNT, DECIMAL, SHARE, TEXT, Kind, frame
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.page.names import called, listed
from kcifar.reporting.stats.significance import pareto_front
from kcifar.runs.load import SavedRun
from kcifar.runs.measures import accuracy_of, minutes_of

ORDER = 40
TITLE = "Accuracy and cost"
NOTE = (
    "Front: yes where no other run over the same data is at least as accurate at no more of this cost, with one of both strictly better "
    "(minutes: no other run on the same hardware). A small lead may be chance, of which the pairs of runs tell. "
    "Number: of the runs on a front, as in the figure. Minutes: of all completed epochs."
)
COSTS = {"parameters": COUNT, "minutes": DECIMAL, "images_seen": COUNT}
AXES = {"parameters": "parameters", "minutes": "minutes of training", "images_seen": "training images seen"}
COLUMNS = {
    "run": TEXT,
    "number": COUNT,
    "dataset": TEXT,
    "test_accuracy": SHARE,
    **{column: kind for cost, kind in COSTS.items() for column, kind in ((cost, kind), (f"{cost}_front", TEXT))},
}
MAX_DRAWN = 3  # data sets, a figure each


@dataclass(frozen=True)
class Costed:
    """The runs over one data set: those that are on some front first, then by accuracy.

    Attributes:
        label: Of the data set.
        runs: In this order.
        accuracies: float64 (runs,).
        costs: float64 (runs,) of each cost; NaN where unknown.
        fronts: bool (runs,) of each cost.
    """

    label: str
    runs: Sequence[SavedRun]
    accuracies: np.ndarray
    costs: Mapping[str, np.ndarray]
    fronts: Mapping[str, np.ndarray]

    @property
    def on_a_front(self) -> np.ndarray:
        """Which runs are on a front of some cost; bool (runs,)."""
        return np.asarray(np.any(list(self.fronts.values()), axis=0))


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return costs and fronts, and a figure for each data set; nothing where no two runs with a test result and a known cost share one."""
    groups = [_costed(group) for group in ranked(runs) if len(group.runs) > 1]
    groups = [group for group in groups if any(not np.isnan(values).all() for values in group.costs.values())]
    if not groups:
        return Content()
    firsts = np.cumsum([1, *(int(group.on_a_front.sum()) for group in groups)]).tolist()  # the numbers go on from one data set to the next
    numbered = list(zip(groups, firsts, strict=False))
    rows = [row for group, first in numbered for row in _rows(group, first)]
    largest = sorted(numbered, key=lambda entry: -len(entry[0].runs))[:MAX_DRAWN]
    drawings = [_drawing(place, group, first) for place, (group, first) in enumerate(largest, start=1)]
    counted = [run for group in groups for run in group.runs]
    paragraphs = [*map(_front_sentence, groups), *_minutes_sentences(counted), *_left_out_sentences(runs, counted)]
    return Content(paragraphs, [Table("cost", TITLE, COLUMNS, frame(rows, COLUMNS, ("run",)), NOTE)], drawings)


def _costed(group: Group) -> Costed:
    """Measure the runs of a data set, most accurate first, and put those on a front before the others."""
    accuracies = np.array([accuracy_of(run) for run in group.runs])
    measured = [_costs(run) for run in group.runs]
    costs = {cost: np.array([each[cost] for each in measured], np.float64) for cost in COSTS}
    fronts = {cost: pareto_front(costs[cost], accuracies) for cost in COSTS}
    fronts["minutes"] = _fronts_within([hardware_of(run) for run in group.runs], costs["minutes"], accuracies)
    order = np.argsort(~np.any(list(fronts.values()), axis=0), kind="stable")
    return Costed(
        group.label,
        [group.runs[place] for place in order],
        accuracies[order],
        {cost: values[order] for cost, values in costs.items()},
        {cost: front[order] for cost, front in fronts.items()},
    )


def _costs(run: SavedRun) -> dict[str, float]:
    parameters = run.model.parameters if run.model else np.nan
    return {"parameters": parameters, "minutes": minutes_of(run), "images_seen": run.history["images_seen"].iloc[-1]}


def _fronts_within(kinds: Sequence[str], costs: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """Return the fronts of each kind by itself; bool (runs,)."""
    front = np.zeros(len(kinds), bool)
    for kind in set(kinds):
        members = np.array([other == kind for other in kinds])
        front[members] = pareto_front(costs[members], accuracies[members])
    return front


def _rows(group: Costed, first: int) -> Iterator[dict[str, Any]]:
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
                row |= {cost: _kept(values[place], COSTS[cost]), f"{cost}_front": "yes" if group.fronts[cost][place] else "no"}
        yield row


def _kept(value: float, kind: Kind) -> float | int | None:
    """Return a cost as its column keeps it; counts that are too large to be exact are missing."""
    return value if kind is not COUNT else round(value) if value < 2**53 else None


def _front_sentence(group: Costed) -> str:
    """Name the runs on each front, the cheapest first."""
    fronts = []
    for cost in COSTS:
        members = sorted(np.flatnonzero(group.fronts[cost]).tolist(), key=lambda place: group.costs[cost][place])
        named = [f"{called(group.runs[place].name)} ({SHARE.write(group.accuracies[place])})" for place in members]
        fronts += [f"over {AXES[cost]} {listed(named)}"] if named else []
    return f"On the fronts of {group.label}, the cheapest first: {'; '.join(fronts)}."


def _minutes_sentences(runs: Sequence[SavedRun]) -> Iterator[str]:
    yield from hardware_sentences(runs)
    if len(timed_hardware(runs)) > 1:
        yield "Minutes compare runs on the same hardware alone: their front is one for each, and their panel shows the hardware of the most runs."
    yield from origin_sentences(runs)


def _left_out_sentences(runs: Sequence[SavedRun], counted: Sequence[SavedRun]) -> Iterator[str]:
    known = set(map(id, counted))
    left_out = [f"{called(run.name)} ({_why_left_out(run)})" for run in runs if id(run) not in known]
    if left_out:
        yield f"Left out: {listed(left_out)}."


def _why_left_out(run: SavedRun) -> str:
    if not run.test:
        return run.progress or "no test result"
    return "no cost of it is known" if np.isnan(list(_costs(run).values())).all() else "the only one over its data"


def _drawing(place: int, group: Costed, first: int) -> Drawing:
    panels = _panels(group)
    numbers = list(range(first, first + len(group.runs)))
    over = ", ".join(AXES[cost] for cost, values in group.costs.items() if not np.isnan(values).all())
    caption = (
        f"Test accuracy on {group.label} against {over}. Diamonds: runs that no other beats, joined by the best accuracy to be had for as much; "
        "their numbers, where there is room, are those of the table."
    )
    text = f"Scatter chart of the test accuracy of {len(group.runs):,} runs on {group.label} against {over}. {_front_sentence(group)}"
    return Drawing("cost" if place == 1 else f"cost_{place}", lambda: draw(panels, group.accuracies, numbers), caption, text)


def _panels(group: Costed) -> list[Panel]:
    """Return a panel for each cost that is known of some run."""
    panels = [Panel(AXES[cost], values, group.fronts[cost]) for cost, values in group.costs.items()]
    panels[list(AXES).index("minutes")] = _minutes_panel(group)
    return [panel for panel in panels if not np.isnan(panel.costs).all()]


def _minutes_panel(group: Costed) -> Panel:
    """Return the panel of the minutes, with the runs on the hardware that most runs had."""
    kinds = [hardware_of(run) for run in group.runs]
    timed = Counter(kind for kind, known in zip(kinds, ~np.isnan(group.costs["minutes"]), strict=True) if known)
    most = next((kind for kind, _ in timed.most_common(1)), UNKNOWN)
    shown = np.array([kind == most for kind in kinds])
    which = "those whose hardware is not recorded" if most == UNKNOWN else "those on one hardware"
    axis = AXES["minutes"] + (f" ({timed[most]:,} of {timed.total():,} runs: {which})" if len(timed) > 1 else "")
    return Panel(axis, np.where(shown, group.costs["minutes"], np.nan), group.fronts["minutes"] & shown)
