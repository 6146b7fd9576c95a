"""The answer first: how accurate a run is, on which images, with which network, and how long it took."""

import math
from collections.abc import Iterator

from kcifar.core.errors import one_line
from kcifar.reporting.page.columns import COUNT, PERCENT, write_duration
from kcifar.reporting.page.content import Fact, SectionContent
from kcifar.reporting.stats.intervals import compute_fraction_interval
from kcifar.runs.load import LoadedRun
from kcifar.runs.schemas import MetricsFile

ORDER = 100
TITLE = "Result"
PRINTED = True
ESSENTIAL = True

_MAX_NAME, _MAX_HARDWARE = 40, 60  # letters


def of_run(run: LoadedRun) -> SectionContent:
    """Return accuracy, data, network and time of the run."""
    return SectionContent(facts=[_find_accuracy(run), _describe_data(run), _describe_network(run), _describe_time(run)])


def _find_accuracy(run: LoadedRun) -> Fact:
    """Return the accuracy of the run: on the test split, else on the validation split, else in training."""
    if run.test:
        return Fact("test accuracy", PERCENT.write(run.test.accuracy), list(_describe_test(run.test)))
    untested = "test split not evaluated"
    if best := run.best_validation:
        return Fact("best validation accuracy", PERCENT.write(best[0]), [f"in epoch {best[1]}", untested])
    last = float(run.history["accuracy"].iloc[-1])
    return Fact("training accuracy", "not finite" if math.isnan(last) else PERCENT.write(last), ["in the last epoch", untested])


def _describe_test(test: MetricsFile) -> Iterator[str]:
    low, high = map(PERCENT.write, compute_fraction_interval(test.accuracy, test.samples))
    yield f"95% interval {low} to {high}"
    yield f"{COUNT.write(test.samples)} test images"
    if test.views:
        yield f"{PERCENT.write(test.views.accuracy)} over {test.views.count} views"


def _describe_data(run: LoadedRun) -> Fact:
    counts = run.dataset.counts if run.dataset else {}
    classes = [f"{len(run.class_names):,} classes"] if run.class_names else []
    images = [
        f"{COUNT.write(counts[split])} {name} images" for split, name in (("train", "training"), ("validation", "validation")) if counts.get(split)
    ]
    return Fact("data", one_line(run.dataset_name, _MAX_NAME), [*images, *classes])


def _describe_network(run: LoadedRun) -> Fact:
    parameters = [f"{COUNT.write(run.model.parameters)} parameters"] if run.model else []
    recipe = f"recipe {one_line(run.recipe.name, _MAX_NAME)}, seed {run.recipe.seed}"
    return Fact("network", one_line(run.recipe.model.name, _MAX_NAME), [*parameters, recipe])


def _describe_time(run: LoadedRun) -> Fact:
    epochs = run.progress or f"{len(run.history):,} epoch{'s' * (len(run.history) != 1)}"
    hardware = [one_line(run.environment.hardware, _MAX_HARDWARE)] if run.environment and run.environment.hardware else []
    return Fact("training time", "unknown" if math.isnan(run.minutes) else write_duration(run.minutes), [epochs, *hardware])
