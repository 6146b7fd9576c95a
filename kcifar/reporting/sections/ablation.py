"""Recipes over the same data beside one of them from which they differ in a few settings, and what goes with that."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kcifar.reporting.analysis.ablation import MAX_KEYS, MAX_REFERENCES, Variant, find_studies
from kcifar.reporting.analysis.groups import group_by_data
from kcifar.reporting.analysis.studies import Finding, describe_left_out, is_complete
from kcifar.reporting.charts.ablation import draw_ablation
from kcifar.reporting.page.columns import COUNT, PERCENT, POINTS, TEXT, UNSIGNED_POINTS, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.stats.differences import FROM_IMAGES
from kcifar.runs.load import LoadedRun

ORDER = 60
TITLE = "Ablation"
NOTE = (
    "The reference is the recipe with the most tested runs, of several the first; beside it are the recipes that differ from it in at most "
    f"{MAX_KEYS} keys, but for the name, the seed, and what is logged, saved or tested. Those that are left may make up further studies likewise; "
    f"{MAX_REFERENCES} references are tried. Accuracies are means over the seeds, after those over the runs of each; validation is that of the last "
    "epoch. Deviation, differences and uncertainty are in percentage points. The uncertainty is the half-width of the 95 % interval of the test "
    "difference: Welch's from seeds where both recipes have two, else the binomial one from the test images, which says nothing about other seeds. "
    "A difference beyond it is called higher or lower; each is judged by itself, so of twenty changes without effect about one is called so. Where "
    "several keys differ, the table does not tell which of them matters."
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
    "finding": TEXT,
    "val_accuracy": PERCENT,
    "val_difference": POINTS,
}
_MAX_PARAGRAPHS = 12  # changes described of a study
_MAX_STUDIES = 10  # described
_MAX_DRAWN = 24  # recipes
_MAX_FIGURES = 3  # studies drawn, the largest


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return a table, figures and the clear effects of single keys; nothing where no two recipes differ in few keys."""
    groups = group_by_data(runs)
    studies = [study for group in groups for study in find_studies(group.label, [run for run in group.runs if is_complete(run)])]
    if not studies:
        return SectionContent()
    several = {"dataset": len({study.data for study in studies}) > 1, "reference": len(studies) > 1}
    columns = {name: kind for name, kind in COLUMNS.items() if several.get(name, True)}
    rows = ({"dataset": study.data, "reference": study.reference.name} | make_row(variant) for study in studies for variant in study.variants)
    index = [name for name in ("dataset", "reference", "recipe") if name in columns]
    table = Table("ablation", "Recipes beside the reference", columns, make_frame(rows, columns, index), NOTE)
    places = [f"{study.data}: " if several["dataset"] else "" for study in studies]
    first = list(zip(places, studies, strict=True))[:_MAX_STUDIES]
    paragraphs = [text for place, study in first for text in describe_effects(study.variants, place)]
    paragraphs += [f"{len(studies) - len(first):,} more studies are in the table."] if len(first) < len(studies) else []
    paragraphs += describe_left_out(
        [run for group in groups for run in group.runs if group.label in {study.data for study in studies} and not is_complete(run)]
    )
    largest = sorted(range(len(studies)), key=lambda place: -len(studies[place].variants))
    drawn = [_make_figure(places[place], studies[place].variants) for place in largest if any(_is_drawn(each) for each in studies[place].variants)]
    return SectionContent(paragraphs, [table], _number_figures(drawn[:_MAX_FIGURES], len(drawn)))


def make_row(variant: Variant) -> dict[str, Any]:
    """Return a variant's row; that of the reference has no differences."""
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
    width = {"uncertainty": difference.half_width, "uncertainty_from": difference.source or None}
    return columns | {"difference": difference.value, "val_difference": variant.val_difference.value} | width


def describe_effects(variants: Sequence[Variant], place: str) -> list[str]:
    """Return a sentence, begun by `place`, for each change of a single key with a clear effect, or one that says that none of those measured has."""
    single = [variant for variant in variants if len(variant.changes) == 1]
    clear = [variant for variant in single if variant.finding in (Finding.HIGHER, Finding.LOWER)]
    unclear, unknown = (sum(variant.finding == finding for variant in single) for finding in (Finding.ALIKE, Finding.UNKNOWN))
    texts = [place + _describe_effect(variant, variants[0]) for variant in clear[:_MAX_PARAGRAPHS]]
    if len(clear) > len(texts):
        texts.append(f"{place}{len(clear) - len(texts)} more changes of one key have a clear effect; the table has them.")
    beside = f"{place}Beside {variants[0].name}, "
    if unclear and not clear:
        texts.append(f"{beside}no change of a single key has a clear effect on test accuracy ({unclear} tried).")
    if unknown:
        count = "1 change" if unknown == 1 else f"{unknown} changes"
        texts.append(f"{beside}the effect of {count} of a single key is not known, as test results are missing.")
    return texts


def _describe_effect(variant: Variant, reference: Variant) -> str:
    difference = variant.test_difference
    means = f"{PERCENT.write(variant.test.mean)} against {PERCENT.write(reference.test.mean)} of {reference.name}"
    seeds = "of seeds" if difference.source != FROM_IMAGES else "of the test images alone; other seeds may differ"
    return (
        f"{variant.changes[0]}: test accuracy is {UNSIGNED_POINTS.write(abs(difference.value))} points {variant.finding}, {means}, "
        f"beyond the uncertainty of {UNSIGNED_POINTS.write(difference.half_width)} points ({seeds})."
    )


def _is_drawn(variant: Variant) -> bool:
    return bool(variant.changes and variant.test_difference.source)


def _make_figure(place: str, variants: Sequence[Variant]) -> FigureSpec:
    """Return the figure of the variants whose interval is known, as many as there is room for."""
    name, rest = variants[0].name, [variant for variant in variants if _is_drawn(variant)]
    shown = rest[:_MAX_DRAWN]
    left = f" {len(variants) - 1 - len(shown)} more recipes are in the table." if len(shown) < len(variants) - 1 else ""
    caption = f"{place}Test accuracy less that of {name}, in points, with the 95 % interval; filled where the interval leaves out zero.{left}"
    numbers = (f"{each.name} {POINTS.write(each.test_difference.value)} ± {UNSIGNED_POINTS.write(each.test_difference.half_width)}" for each in shown)
    return FigureSpec(
        "ablation", lambda: draw_ablation(name, shown), caption, f"{place}Test accuracy less that of {name}, in points: {'; '.join(numbers)}."
    )


def _number_figures(drawings: Sequence[FigureSpec], studies: int) -> list[FigureSpec]:
    """Give figures names of their own, and say in the last of them how many studies have none."""
    more = f" The {len(drawings)} largest of {studies} studies are drawn." if len(drawings) < studies else ""
    return [
        replace(drawing, name=drawing.name if place == 1 else f"{drawing.name}_{place}", caption=drawing.caption + more * (place == len(drawings)))
        for place, drawing in enumerate(drawings, start=1)
    ]
