"""Comments on the numbers of a run, in sentences."""

from kcifar.reporting.commentary.classes import describe_classes
from kcifar.reporting.commentary.confidence import describe_confidence
from kcifar.reporting.commentary.confusions import describe_confusions
from kcifar.reporting.commentary.generalization_gap import Conditions, describe_gap
from kcifar.reporting.commentary.next_steps import suggest_fixes, suggest_seeds, suggest_tuning
from kcifar.reporting.commentary.progress import describe_evaluation, describe_progress, describe_validation
from kcifar.reporting.commentary.stages import describe_stages
from kcifar.reporting.page.content import SectionContent
from kcifar.runs.load import LoadedRun

ORDER = 110
TITLE = "Commentary"
PRINTED = True
ESSENTIAL = True
_TESTED = (
    "Ranks, gains and falls are stated where a test shows them at the 5% level, adjusted for the number of comparisons; what is not stated may still "
    "be real, but these images do not show it."
)


def of_run(run: LoadedRun) -> SectionContent:
    """Return one paragraph for each topic with something to say."""
    topics = [
        _describe_progress(run),
        describe_stages(run.history, _count_validation_images(run)),
        *_describe_evaluation(run),
        describe_gap(run.history, run.settings, _count_validation_images(run), _find_conditions(run)),
        *_describe_confidence(run),
    ]
    return SectionContent(paragraphs=[" ".join(sentences) for sentences in (*topics, _suggest_next_steps(run), [_TESTED]) if sentences])


def _describe_progress(run: LoadedRun) -> list[str]:
    weights = run.test.weights if run.test else str(run.settings.get("select"))
    return [
        *describe_progress(run.history, run.recipe.stages, run.status, run.settings),
        *describe_evaluation(run.evaluation, weights, run.test.views if run.test else None),
        *describe_validation(run.history, _count_validation_images(run)),
    ]


def _describe_evaluation(run: LoadedRun) -> list[list[str]]:
    return [describe_classes(run.evaluation), describe_confusions(run.evaluation)] if run.evaluation else []


def _describe_confidence(run: LoadedRun) -> list[list[str]]:
    stage = int(run.history["stage_index"].iloc[-1])
    return [describe_confidence(run.predictions, run.settings, stage)] if run.predictions else []


def _suggest_next_steps(run: LoadedRun) -> list[str]:
    first = suggest_fixes(run.history, run.status, run.evaluation, run.planned_epochs)
    # A run that did not finish, or learned nothing, is no basis for tuning.
    known = (run.history, run.settings, _count_validation_images(run), _find_conditions(run))
    tuning = [] if first or run.status.state != "finished" else suggest_tuning(*known)
    return [*first, *tuning, *(suggest_seeds(run.evaluation) if run.evaluation else [])]


def _count_validation_images(run: LoadedRun) -> int | None:
    if run.dataset and "validation" in run.dataset.counts:
        return run.dataset.counts["validation"]
    return len(run.validation_predictions.labels) if run.validation_predictions else None


def _find_conditions(run: LoadedRun) -> Conditions:
    return Conditions(run.dataset.counts.get("train") if run.dataset else None, bool(run.model and run.model.normalizes_batches))
