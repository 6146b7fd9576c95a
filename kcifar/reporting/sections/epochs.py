"""Recipes that differ in their numbers of epochs alone: where accuracy peaks, and what lies on either side."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kcifar.reporting.analysis.studies import Point, first_ones, is_whole, left_out, point, runs_alike, study_names
from kcifar.reporting.charts.study_panels import MAX_PANELS, draw_test, draw_training, draw_validation, finish, mark_best, study_figure
from kcifar.reporting.page.columns import COUNT, POINTS, SHARE, SPREAD, TEXT, frame
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.page.names import listed
from kcifar.reporting.stats.differences import Sample, below_best
from kcifar.runs.load import SavedRun

ORDER = 50
TITLE = "Number of epochs"
NOTE = (
    "Runs whose recipes differ in nothing but epochs, name, seed, and what is logged, saved or tested. Means over the seeds, after those over the "
    "runs of each; training and validation are those of the last epoch, and training accuracy is that of the images as they were augmented. "
    "Deviations, gap (training minus validation) and uncertainty are in percentage points. Best: the highest mean validation accuracy (test "
    "accuracy where not every row has one), of equal ones that with the fewest epochs. Another row differs clearly if it lies below the best by "
    "more than the uncertainty, the half-width of the interval of the difference: Welch's from seeds where both have two, else the binomial one "
    "from the images, which says nothing about other seeds. As the best is chosen by the same numbers, the interval's confidence is "
    "1 - 0.05 / (rows of the study - 1): a row that is truly as good as any other is called clearly lower in at most one study of twenty. Clearly "
    "below, with fewer epochs and a lower training accuracy: underfitting; with more epochs and a higher training accuracy: overfitting."
)
BEST, UNDER, OVER, LOWER, ALIKE, UNKNOWN = "best", "underfitting", "overfitting", "lower, cause not shown", "no clear difference", "not known"
COLUMNS = {
    "study": TEXT,
    "epochs": COUNT,
    "epochs_of_stages": TEXT,
    "runs": COUNT,
    "training_accuracy": SHARE,
    "val_accuracy": SHARE,
    "val_deviation": SPREAD,
    "test_accuracy": SHARE,
    "test_deviation": SPREAD,
    "gap": POINTS,
    "below_best": SPREAD,
    "uncertainty": SPREAD,
    "uncertainty_from": TEXT,
    "finding": TEXT,
}
BY_TEST = (
    "Not every number of epochs has a validation accuracy, so the test accuracy judges here; to choose the epochs by it would be wrong, as it "
    "would no longer tell how the network does on images that had no part in the choice."
)
_WORDS = {
    UNDER: "Underfitting",
    OVER: "Overfitting",
    LOWER: "Clearly lower, though not by the signs of under- or overfitting",
    ALIKE: "Not clearly different from the best",
    UNKNOWN: "Not known whether different, as seeds and number of images do not tell",
}


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return a table, a figure and a paragraph of each study; nothing where no recipes differ in their epochs alone."""
    groups = [group for group in runs_alike(runs, is_epochs) if len({run.planned_epochs for run in group if is_whole(run)}) > 1]
    if not groups:
        return Content()
    studies = dict(zip(study_names(groups, is_epochs), map(points_of, groups), strict=True))
    paragraphs = first_ones([_described(name, points) for name, points in studies.items()])
    paragraphs += left_out([run for group in groups for run in group if not is_whole(run)])
    rows = [row for name, points in studies.items() for row in _rows(name, points)]
    columns = {name: kind for name, kind in COLUMNS.items() if name != "epochs_of_stages" or any("+" in row[name] for row in rows)}
    index = [name for name in ("study", "epochs", "epochs_of_stages") if name in columns]
    table = Table("epochs", "Number of epochs", columns, frame(rows, columns, index), NOTE)
    return Content(paragraphs, [table], [_drawing(dict(list(studies.items())[:MAX_PANELS]), len(studies))])


def is_epochs(key: str) -> bool:
    """Whether a key of a recipe is a stage's number of epochs."""
    return bool(re.fullmatch(r"stages\[\d+\]\.epochs", key))


def points_of(runs: Sequence[SavedRun]) -> list[Point]:
    """Return the points of a study, fewest epochs first; a point is what the recipe orders of each stage."""
    found: dict[tuple[int, ...], list[SavedRun]] = {}
    for run in filter(is_whole, runs):
        found.setdefault(tuple(stage.epochs for stage in run.recipe.stages), []).append(run)
    return [point(epochs, sum(epochs), found[epochs]) for epochs in sorted(found, key=lambda epochs: (sum(epochs), epochs))]


def judging_samples(points: Sequence[Point]) -> tuple[str, list[Sample]]:
    """Return the part by which points are judged, and what each reached there: validation, else test, whichever all have; else neither."""
    for part, samples in (("validation", [each.validation for each in points]), ("test", [each.test for each in points])):
        if all(sample.accuracies for sample in samples):
            return part, samples
    return "", []


def findings(points: Sequence[Point]) -> list[str]:
    """Return what is to be said of each point, by the rule in `NOTE`."""
    _, samples = judging_samples(points)
    if not samples:
        return [UNKNOWN] * len(points)
    best = _place_of_best(samples)
    return [BEST if place == best else _finding(points, samples, place, best) for place in range(len(points))]


def _place_of_best(samples: Sequence[Sample]) -> int:
    return max(range(len(samples)), key=lambda place: (samples[place].mean, -place))


def _finding(points: Sequence[Point], samples: Sequence[Sample], place: int, best_place: int) -> str:
    own, best = points[place], points[best_place]
    apart = below_best(samples[best_place], samples[place], len(samples))
    if not apart.source:
        return UNKNOWN
    if not apart.is_clear:
        return ALIKE
    if own.x < best.x and own.training.mean < best.training.mean:
        return UNDER
    return OVER if own.x > best.x and own.training.mean > best.training.mean else LOWER


def _rows(name: str, points: Sequence[Point]) -> Iterator[dict[str, Any]]:
    _, samples = judging_samples(points)
    best = _place_of_best(samples) if samples else 0
    for place, (own, finding) in enumerate(zip(points, findings(points), strict=True)):
        row = {"study": name, "epochs": int(own.x), "epochs_of_stages": _stages(own), "runs": len(own.runs), "finding": finding} | _accuracies(own)
        if samples and place != best:
            apart = below_best(samples[best], samples[place], len(samples))
            row |= {"below_best": apart.value, "uncertainty": apart.half_width, "uncertainty_from": apart.source or None}
        yield row


def _accuracies(own: Point) -> dict[str, Any]:
    return {
        "training_accuracy": own.training.mean,
        "val_accuracy": own.validation.mean,
        "val_deviation": own.validation.deviation,
        "test_accuracy": own.test.mean,
        "test_deviation": own.test.deviation,
        "gap": own.training.mean - own.validation.mean,
    }


def _stages(own: Point) -> str:
    return " + ".join(map(str, own.setting)) if isinstance(own.setting, tuple) else ""


def _described(name: str, points: Sequence[Point]) -> str:
    part, samples = judging_samples(points)
    if not samples:
        return f"{name}: neither validation nor test accuracy is there for every number of epochs, so none is called the best."
    best = _place_of_best(samples)
    sentences = [f"{name}: the highest mean {part} accuracy, {SHARE.write(samples[best].mean)}, is that of {_epochs([points[best]])}."]
    found = findings(points)
    for finding in (UNDER, OVER, LOWER, ALIKE, UNKNOWN):
        if alike := [own for own, other in zip(points, found, strict=True) if other == finding]:
            sentences.append(f"{_WORDS[finding]}: {_epochs(alike)}.")
    if points[best].x == points[-1].x:
        sentences.append("More epochs were not tried, and may do better still.")
    if part == "test":
        sentences.append(BY_TEST)
    return " ".join(sentences + _stopped_early(points))


def _epochs(points: Sequence[Point]) -> str:
    """Write numbers of epochs, with those of each stage where there are several: "5, 15 (10 + 5) epochs"."""
    texts = [f"{int(own.x):,}" + (f" ({_stages(own)})" if "+" in _stages(own) else "") for own in points]
    return listed(texts) + (" epoch" if texts == ["1"] else " epochs")


def _stopped_early(points: Sequence[Point]) -> list[str]:
    early = [run.name for own in points for run in own.runs if len(run.history) < run.planned_epochs]
    return [f"Stopped before the epochs that the recipe orders: {listed(early)}."] if early else []


def _drawing(studies: Mapping[str, Sequence[Point]], count: int) -> Drawing:
    shown = f" The first {len(studies)} of {count} studies." if len(studies) < count else ""
    caption = f"Mean accuracy against the number of epochs; bars reach one deviation over seeds to either side, the star marks the best.{shown}"
    text = " ".join(_described(name, points) for name, points in studies.items())
    return Drawing("epochs", lambda: draw(studies), caption, text)


def draw(studies: Mapping[str, Sequence[Point]]) -> Figure:
    """Draw a panel for each study: training, validation and test accuracy against epochs."""
    drawn, panels = study_figure(list(studies))
    for panel, points in zip(panels, studies.values(), strict=True):
        draw_training(panel, points)
        draw_validation(panel, points)
        draw_test(panel, points)
        part, samples = judging_samples(points)
        if samples:
            best = _place_of_best(samples)
            mark_best(panel, points[best].x, samples[best].mean, f"best {part}: {SHARE.write(samples[best].mean)}, {_epochs([points[best]])}")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(panel, "epochs")
    return drawn
