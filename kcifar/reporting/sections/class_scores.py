"""Precision, recall and F1 of each class in one figure, best class first."""

import math
from dataclasses import asdict

from kcifar.core.errors import one_line
from kcifar.reporting.charts.class_scores import MAX_SHOWN, NamedScores, count_classes, draw_class_scores
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.content import FigureSpec, SectionContent
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.load import LoadedRun

ORDER = 205
TITLE = "Class scores"

_MAX_NAME = 40


def of_run(run: LoadedRun) -> SectionContent:
    """Return the figure; nothing if no split was evaluated."""
    evaluation = run.evaluation
    ranked = rank_scores(evaluation) if evaluation else []
    if evaluation is None or not ranked:
        return SectionContent()
    words = f"{evaluation.samples:,} {evaluation.split} images"
    return SectionContent(
        figures=[
            FigureSpec(
                "class_scores", lambda: draw_class_scores(run.name, words, ranked), _write_caption(evaluation, ranked), _describe_figure(ranked)
            )
        ]
    )


def rank_scores(evaluation: EvaluationResult) -> list[NamedScores]:
    """Return the scores of the classes with images by decreasing F1, ties in the order of the labels."""
    all_scores = [NamedScores(**asdict(result.scores), name=result.name) for result in evaluation.classes]
    return sorted((scores for scores in all_scores if not math.isnan(scores.f1)), key=lambda scores: -scores.f1)


def _write_caption(evaluation: EvaluationResult, ranked: list[NamedScores]) -> str:
    parts = ["Precision, recall and F1 of each class, sorted by F1."]
    if len(ranked) > MAX_SHOWN:
        parts = [f"Precision, recall and F1 of the {MAX_SHOWN // 2} classes with the highest F1 and the {MAX_SHOWN // 2} with the lowest."]
        parts += [f"Left out between them: {count_classes(len(ranked) - MAX_SHOWN)}."]
    unpredicted, empty = sum(math.isnan(score.precision) for score in ranked), len(evaluation.classes) - len(ranked)
    parts += [f"Never predicted, so without precision: {count_classes(unpredicted)}."] * bool(unpredicted)
    parts += [f"Without {evaluation.split} images, so without recall and F1, and left out: {count_classes(empty)}."] * bool(empty)
    return " ".join(parts)


def _describe_figure(ranked: list[NamedScores]) -> str:
    first, last = (f"{one_line(score.name, _MAX_NAME)}, F1 {PERCENT.write(score.f1)}" for score in (ranked[0], ranked[-1]))
    ends = f"from {first}, down to {last}" if len(ranked) > 1 else first
    return f"Dot plot of precision, recall and F1 of {count_classes(len(ranked))}: {ends}."
