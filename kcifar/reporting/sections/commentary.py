"""What the numbers of a run say, in sentences."""

from kcifar.reporting.commentary.classes import describe_classes
from kcifar.reporting.commentary.confidence import describe_confidence
from kcifar.reporting.commentary.confusions import describe_confusions
from kcifar.reporting.commentary.generalization_gap import describe_gap
from kcifar.reporting.commentary.next_steps import suggest_mending, suggest_seeds, suggest_tuning
from kcifar.reporting.commentary.progress import describe_outcome, describe_progress, describe_validation
from kcifar.reporting.commentary.stages import describe_stages
from kcifar.reporting.page.content import Content
from kcifar.runs.load import SavedRun

ORDER = 110
TITLE = "Commentary"
PRINTED = True
ESSENTIAL = True


def of_run(run: SavedRun) -> Content:
    """Return a paragraph for each topic that there is something to say about."""
    topics = [
        _reached(run),
        describe_stages(run.history),
        *_outcome(run),
        describe_gap(run.history, run.settings, _validation_images(run)),
        *_confidence(run),
    ]
    return Content(paragraphs=[" ".join(sentences) for sentences in (*topics, _next_steps(run)) if sentences])


def _reached(run: SavedRun) -> list[str]:
    weights = run.test.weights if run.test else str(run.settings.get("select"))
    return [
        *describe_progress(run.history, run.recipe.stages, run.status, run.settings),
        *describe_outcome(run.outcome, weights, run.test.views if run.test else None),
        *describe_validation(run.history),
    ]


def _outcome(run: SavedRun) -> list[list[str]]:
    return [describe_classes(run.outcome), describe_confusions(run.outcome)] if run.outcome else []


def _confidence(run: SavedRun) -> list[list[str]]:
    return [describe_confidence(run.predictions)] if run.predictions else []


def _next_steps(run: SavedRun) -> list[str]:
    first = suggest_mending(run.history, run.status, run.outcome, run.planned_epochs)
    # What did not come to an end, or learnt nothing, is no ground for tuning.
    tuning = [] if first or run.status.state != "finished" else suggest_tuning(run.history, run.settings, _validation_images(run))
    return [*first, *tuning, *(suggest_seeds(run.outcome) if run.outcome else [])]


def _validation_images(run: SavedRun) -> int | None:
    if run.dataset and "validation" in run.dataset.counts:
        return run.dataset.counts["validation"]
    return len(run.validation_predictions.labels) if run.validation_predictions else None
