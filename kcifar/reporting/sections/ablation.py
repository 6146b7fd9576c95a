"""Ablation: recipes on the same data, compared with a reference from which they differ in a few settings."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kcifar.reporting.analysis.ablation import MAX_KEYS, MAX_REFERENCES, Variant, find_studies
from kcifar.reporting.analysis.groups import group_by_data
from kcifar.reporting.analysis.studies import Finding, describe_left_out, is_complete
from kcifar.reporting.charts.ablation import draw_ablation
from kcifar.reporting.page.columns import COUNT, P_VALUE, PERCENT, POINTS, TEXT, UNSIGNED_POINTS, make_frame, write_named_p_value
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.stats.differences import FROM_IMAGES
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL
from kcifar.runs.load import LoadedRun

ORDER = 60
TITLE = "Ablation"
NOTE = (
    "The reference is the recipe that --reference names, else the one with the most tested runs, or the first of several; it is compared with the "
    f"recipes that differ from it in at most {MAX_KEYS} keys, not counting the name, the seed, and what is logged, saved or tested. "
    f"The remaining recipes may form further studies in the same way; up to {MAX_REFERENCES} references are tried. "
    "Accuracies are means over seeds, after averaging the runs of each seed; validation "
    "accuracy is that of the last epoch. Standard deviation, differences and uncertainty are in percentage points. The uncertainty is the half-width "
    "of the 95% confidence interval of the test difference: Welch's interval over seeds if both recipes have at least two, otherwise the binomial "
    "interval over the test images, which does not account for other seeds. The adjusted p value is that of the same test, by Holm's method over the "
    f"recipes of the study; a difference is reported as higher or lower at the significance level {SIGNIFICANCE_LEVEL}. Where several keys differ, "
    "the table does not show which one matters."
)
COLUMNS = {
    "dataset": TEXT,
    "reference": TEXT,
    "recipe": TEXT,
    "changes": TEXT,
    "runs": COUNT,
    "test_accuracy": PERCENT,
    "test_deviation": UNSIGNED_POINTS,
    "difference": POINTS,
    "uncertainty": UNSIGNED_POINTS,
    "uncertainty_from": TEXT,
    "adjusted_p_value": P_VALUE,
    "finding": TEXT,
    "val_accuracy": PERCENT,
    "val_difference": POINTS,
}
PAGE_COLUMNS = ("recipe", "difference", "changes", "test_accuracy", "adjusted_p_value", "finding", "uncertainty", "runs")
_MAX_PARAGRAPHS = 12  # changes described per study
_MAX_STUDIES = 10  # studies described
_MAX_DRAWN = 24  # recipes
_MAX_FIGURES = 3  # studies drawn, the largest


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return a table, figures and the clear effects of single keys; nothing if no two recipes differ in few keys."""
    groups = group_by_data(runs)
    if named := [group for group in groups if any(run.is_reference for run in group.runs)]:
        groups = named
    studies = [study for group in groups for study in find_studies(group.label, [run for run in group.runs if is_complete(run)])]
    if not studies:
        return SectionContent()
    several = {"dataset": len({study.data for study in studies}) > 1, "reference": len(studies) > 1}
    columns = {name: kind for name, kind in COLUMNS.items() if several.get(name, True)}
    rows = ({"dataset": study.data, "reference": study.reference.name} | make_row(variant) for study in studies for variant in study.variants)
    index = [name for name in ("dataset", "reference", "recipe") if name in columns]
    table = Table("ablation", "Recipes compared with the reference", columns, make_frame(rows, columns, index), NOTE, page_columns=PAGE_COLUMNS)
    places = [f"{study.data}: " if several["dataset"] else "" for study in studies]
    first = list(zip(places, studies, strict=True))[:_MAX_STUDIES]
    paragraphs = [text for place, study in first for text in describe_effects(study.variants, place)]
    paragraphs += [f"{len(studies) - len(first):,} more studies are in the table."] if len(first) < len(studies) else []
    paragraphs += describe_left_out(
        [run for group in groups for run in group.runs if group.label in {study.data for study in studies} and not is_complete(run)]
    )
    largest = sorted(range(len(studies)), key=lambda place: -len(studies[place].variants))
    drawn = [
        _make_figure(places[place], studies[place].variants) for place in largest if any(_is_drawn(variant) for variant in studies[place].variants)
    ]
    return SectionContent(paragraphs, [table], _number_figures(drawn[:_MAX_FIGURES], len(drawn)))


def make_row(variant: Variant) -> dict[str, Any]:
    """Return the row of a variant; that of the reference has no differences."""
    columns = {
        "recipe": variant.name,
        "changes": "; ".join(variant.changes) or None,
        "runs": variant.runs,
        "test_accuracy": variant.test.mean,
        "test_deviation": variant.test.deviation,
        "finding": variant.finding,
        "val_accuracy": variant.validation.mean,
    }
    if not variant.changes:
        return columns
    difference = variant.test_difference
    width = {
        "uncertainty": difference.half_width,
        "uncertainty_from": difference.source or None,
        "adjusted_p_value": variant.adjusted_p_value,
    }
    return columns | {"difference": difference.value, "val_difference": variant.val_difference.value} | width


def describe_effects(variants: Sequence[Variant], place: str) -> list[str]:
    """Return a sentence, with `place` in front, for each change of a single key with a clear effect, or one that says that no change has one."""
    single = [variant for variant in variants if len(variant.changes) == 1]
    clear = [variant for variant in single if variant.finding in (Finding.HIGHER, Finding.LOWER)]
    unclear, unknown = (sum(variant.finding == finding for variant in single) for finding in (Finding.ALIKE, Finding.UNKNOWN))
    texts = [place + _describe_effect(variant, variants[0]) for variant in clear[:_MAX_PARAGRAPHS]]
    if len(clear) > len(texts):
        texts.append(f"{place}{len(clear) - len(texts)} more changes of a single key have a clear effect; see the table.")
    compared = f"{place}Compared with {variants[0].name}, "
    if unclear and not clear:
        texts.append(f"{compared}no change of a single key has a clear effect on test accuracy ({unclear} tried).")
    if unknown:
        count = "1 change" if unknown == 1 else f"{unknown} changes"
        texts.append(f"{compared}the effect of {count} of a single key is unknown because test results are missing.")
    return texts


def _describe_effect(variant: Variant, reference: Variant) -> str:
    difference = variant.test_difference
    means = f"{PERCENT.write(variant.test.mean)} compared with {PERCENT.write(reference.test.mean)} for {reference.name}"
    p_value = write_named_p_value(variant.adjusted_p_value)
    source = "over seeds" if difference.source != FROM_IMAGES else "over the test images only; other seeds may differ"
    return (
        f"{variant.changes[0]}: test accuracy is {UNSIGNED_POINTS.write(abs(difference.value))} points {variant.finding}, {means}, "
        f"with an uncertainty of {UNSIGNED_POINTS.write(difference.half_width)} points ({source}; adjusted {p_value})."
    )


def _is_drawn(variant: Variant) -> bool:
    return bool(variant.changes and variant.test_difference.source)


def _make_figure(place: str, variants: Sequence[Variant]) -> FigureSpec:
    """Return the figure of the variants with a known interval, as many as fit."""
    name, rest = variants[0].name, [variant for variant in variants if _is_drawn(variant)]
    shown = rest[:_MAX_DRAWN]
    more = f" {len(variants) - 1 - len(shown)} more recipes are in the table." if len(shown) < len(variants) - 1 else ""
    measured = f"{place}Test accuracy minus that of {name}, in percentage points"
    caption = f"{measured}, with its 95% interval; filled if it is clear after adjustment for the number of recipes.{more}"
    numbers = (
        f"{variant.name} {POINTS.write(variant.test_difference.value)} ± {UNSIGNED_POINTS.write(variant.test_difference.half_width)}"
        for variant in shown
    )
    return FigureSpec(
        "ablation",
        lambda: draw_ablation(name, shown),
        caption,
        f"{measured}: {'; '.join(numbers)}.",
    )


def _number_figures(drawings: Sequence[FigureSpec], studies: int) -> list[FigureSpec]:
    """Give each figure its own name, and state in the last caption how many studies are not drawn."""
    more = f" The {len(drawings)} largest of {studies} studies are drawn." if len(drawings) < studies else ""
    return [
        replace(drawing, name=drawing.name if place == 1 else f"{drawing.name}_{place}", caption=drawing.caption + more * (place == len(drawings)))
        for place, drawing in enumerate(drawings, start=1)
    ]
