"""Recipes over the same data beside one of them from which they differ in a few settings, and what goes with that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.figure import Figure

from kcifar.core.errors import one_line
from kcifar.pictures.style import BLACK, BLUE
from kcifar.reporting.analysis.groups import same_data
from kcifar.reporting.analysis.recipe_differences import differing_keys, fingerprint, flatten, flatten_alike, write_change
from kcifar.reporting.analysis.studies import is_whole, left_out
from kcifar.reporting.page.columns import COUNT, POINTS, SHARE, SPREAD, TEXT, frame
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.page.names import distinct
from kcifar.reporting.stats.differences import IMAGES, Difference, Sample, difference, test_sample, validation_sample
from kcifar.runs.load import SavedRun

ORDER = 60
TITLE = "Ablation"
MAX_KEYS = 3  # in which a recipe differs from its reference at most
_MAX_REFERENCES = 30  # recipes tried as one
NOTE = (
    "The reference is the recipe with the most tested runs, of several the first; beside it are the recipes that differ from it in at most "
    f"{MAX_KEYS} keys, but for the name, the seed, and what is logged, saved or tested. Those that are left may make up further studies likewise; "
    f"{_MAX_REFERENCES} references are tried. Accuracies are means over the seeds, after those over the runs of each; validation is that of the last "
    "epoch. Deviation, differences and uncertainty are in percentage points. The uncertainty is the half-width of the 95 % interval of the test "
    "difference: Welch's from seeds where both recipes have two, else the binomial one from the test images, which says nothing about other seeds. "
    "A difference beyond it is called higher or lower; each is judged by itself, so of twenty changes without effect about one is called so. Where "
    "several keys differ, the table does not tell which of them matters."
)
REFERENCE, HIGHER, LOWER, ALIKE, UNKNOWN = "reference", "higher", "lower", "no clear difference", "not known"
COLUMNS = {
    "dataset": TEXT,
    "reference": TEXT,
    "recipe": TEXT,
    "changes": TEXT,
    "runs": COUNT,
    "test_accuracy": SHARE,
    "test_deviation": SPREAD,
    "difference": POINTS,
    "uncertainty": SPREAD,
    "uncertainty_from": TEXT,
    "finding": TEXT,
    "val_accuracy": SHARE,
    "val_difference": POINTS,
}
_MAX_PARAGRAPHS = 12  # changes described of a study
_MAX_STUDIES = 10  # described
_MAX_DRAWN = 24  # recipes
_MAX_FIGURES = 3  # studies drawn, the largest
_MAX_LETTERS = 34  # of a name beside its row


@dataclass(frozen=True)
class Variant:
    """A recipe beside the reference.

    Attributes:
        name: Of the recipe; no other recipe of the same data has it.
        changes: The keys that differ from the reference, written with both values; empty for the reference.
        test: Accuracies of its runs.
        validation: The same, of the last epochs.
        test_difference: From the reference.
        val_difference: From the reference.
        runs: How many.
    """

    name: str
    changes: Sequence[str]
    test: Sample
    validation: Sample
    test_difference: Difference
    val_difference: Difference
    runs: int

    @property
    def finding(self) -> str:
        """What the test accuracies show."""
        if not self.changes:
            return REFERENCE
        if not self.test_difference.source:
            return UNKNOWN
        return ALIKE if not self.test_difference.is_clear else HIGHER if self.test_difference.value > 0 else LOWER


@dataclass(frozen=True)
class Study:
    """A reference and the recipes beside it.

    Attributes:
        data: Over which data.
        variants: The reference, then those that differ in the fewest keys first; at least two.
    """

    data: str
    variants: Sequence[Variant]

    @property
    def reference(self) -> Variant:
        """The recipe that the others are compared with."""
        return self.variants[0]


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return a table, figures and the clear effects of single keys; nothing where no two recipes differ in few keys."""
    groups = same_data(runs)
    studies = [study for group in groups for study in studies_of(group.label, [run for run in group.runs if is_whole(run)])]
    if not studies:
        return Content()
    several = {"dataset": len({study.data for study in studies}) > 1, "reference": len(studies) > 1}
    columns = {name: kind for name, kind in COLUMNS.items() if several.get(name, True)}
    rows = ({"dataset": study.data, "reference": study.reference.name} | row(variant) for study in studies for variant in study.variants)
    index = [name for name in ("dataset", "reference", "recipe") if name in columns]
    table = Table("ablation", "Recipes beside the reference", columns, frame(rows, columns, index), NOTE)
    places = [f"{study.data}: " if several["dataset"] else "" for study in studies]
    first = list(zip(places, studies, strict=True))[:_MAX_STUDIES]
    paragraphs = [text for place, study in first for text in described(study.variants, place)]
    paragraphs += [f"{len(studies) - len(first):,} more studies are in the table."] if len(first) < len(studies) else []
    paragraphs += left_out([run for group in groups for run in group.runs if group.label in {study.data for study in studies} and not is_whole(run)])
    largest = sorted(range(len(studies)), key=lambda place: -len(studies[place].variants))
    drawn = [_drawing(places[place], studies[place].variants) for place in largest if any(_is_drawn(each) for each in studies[place].variants)]
    return Content(paragraphs, [table], _numbered(drawn[:_MAX_FIGURES], len(drawn)))


def studies_of(data: str, runs: Sequence[SavedRun]) -> list[Study]:
    """Return the studies of finished runs over the same data: each recipe is in one at most, that of the first reference near it.

    Only `_MAX_REFERENCES` recipes are tried as references, those with the most tested runs: of thousands without anything in common, each
    beside each other would take minutes.
    """
    found: dict[Any, list[SavedRun]] = {}
    for run in runs:
        found.setdefault(fingerprint(flatten(run.settings)), []).append(run)
    recipes = list(found.values())
    names = distinct([one_line(members[0].recipe.name, 60) for members in recipes])
    left = sorted(range(len(recipes)), key=lambda place: -sum(run.test is not None for run in recipes[place]))
    studies: list[Study] = []
    for _ in range(min(_MAX_REFERENCES, len(recipes) - 1)):
        if not left:
            break
        reference, *others = left
        near = {place for place in others if _keys_apart(recipes[reference][0], recipes[place][0]) <= MAX_KEYS}
        if near:
            members = [reference, *sorted(near)]
            studies.append(Study(data, _variants([names[place] for place in members], [recipes[place] for place in members])))
        left = [place for place in others if place not in near]
    return studies


def _keys_apart(one: SavedRun, other: SavedRun) -> int:
    return len(differing_keys(flatten_alike([one.settings, other.settings])))


def _variants(names: Sequence[str], recipes: Sequence[Sequence[SavedRun]]) -> list[Variant]:
    """Measure recipes beside the first of them, and sort by the number of keys in which they differ from it."""
    reference = recipes[0]
    samples = test_sample(reference), validation_sample(reference)
    variants = [_variant(name, members, reference[0], samples) for name, members in zip(names, recipes, strict=True)]
    return sorted(variants, key=lambda variant: len(variant.changes))


def _variant(name: str, runs: Sequence[SavedRun], reference: SavedRun, samples: tuple[Sample, Sample]) -> Variant:
    """The samples are those of the reference: test and validation."""
    before, after = flatten_alike([reference.settings, runs[0].settings])
    changes = [write_change(key, before, after) for key in differing_keys([before, after])]
    test, validation = test_sample(runs), validation_sample(runs)
    apart = [difference(own, other) for own, other in zip((test, validation), samples, strict=True)]
    return Variant(name, changes, test, validation, apart[0], apart[1], len(runs))


def row(variant: Variant) -> dict[str, Any]:
    """Return a variant's row; that of the reference has no differences."""
    found = {
        "recipe": variant.name,
        "changes": "; ".join(variant.changes) or None,
        "runs": variant.runs,
        "test_accuracy": variant.test.mean,
        "test_deviation": variant.test.deviation,
        "finding": variant.finding,
        "val_accuracy": variant.validation.mean,
    }
    if not variant.changes:
        return found
    apart = variant.test_difference
    width = {"uncertainty": apart.half_width, "uncertainty_from": apart.source or None}
    return found | {"difference": apart.value, "val_difference": variant.val_difference.value} | width


def described(variants: Sequence[Variant], place: str) -> list[str]:
    """Return a sentence, begun by `place`, for each change of a single key with a clear effect, or one that says that none of those measured has."""
    single = [variant for variant in variants if len(variant.changes) == 1]
    clear = [variant for variant in single if variant.finding in (HIGHER, LOWER)]
    unclear, unknown = (sum(variant.finding == finding for variant in single) for finding in (ALIKE, UNKNOWN))
    texts = [place + _effect(variant, variants[0]) for variant in clear[:_MAX_PARAGRAPHS]]
    if len(clear) > len(texts):
        texts.append(f"{place}{len(clear) - len(texts)} more changes of one key have a clear effect; the table has them.")
    beside = f"{place}Beside {variants[0].name}, "
    if unclear and not clear:
        texts.append(f"{beside}no change of a single key has a clear effect on test accuracy ({unclear} tried).")
    if unknown:
        count = "1 change" if unknown == 1 else f"{unknown} changes"
        texts.append(f"{beside}the effect of {count} of a single key is not known, as test results are missing.")
    return texts


def _effect(variant: Variant, reference: Variant) -> str:
    apart = variant.test_difference
    means = f"{SHARE.write(variant.test.mean)} against {SHARE.write(reference.test.mean)} of {reference.name}"
    seeds = "of seeds" if apart.source != IMAGES else "of the test images alone; other seeds may differ"
    return (
        f"{variant.changes[0]}: test accuracy is {SPREAD.write(abs(apart.value))} points {variant.finding}, {means}, "
        f"beyond the uncertainty of {SPREAD.write(apart.half_width)} points ({seeds})."
    )


def _is_drawn(variant: Variant) -> bool:
    return bool(variant.changes and variant.test_difference.source)


def _drawing(place: str, variants: Sequence[Variant]) -> Drawing:
    """Return the figure of the variants whose interval is known, as many as there is room for."""
    name, rest = variants[0].name, [variant for variant in variants if _is_drawn(variant)]
    shown = rest[:_MAX_DRAWN]
    left = f" {len(variants) - 1 - len(shown)} more recipes are in the table." if len(shown) < len(variants) - 1 else ""
    caption = f"{place}Test accuracy less that of {name}, in points, with the 95 % interval; filled where the interval leaves out zero.{left}"
    numbers = (f"{each.name} {POINTS.write(each.test_difference.value)} ± {SPREAD.write(each.test_difference.half_width)}" for each in shown)
    return Drawing("ablation", lambda: draw(name, shown), caption, f"{place}Test accuracy less that of {name}, in points: {'; '.join(numbers)}.")


def _numbered(drawings: Sequence[Drawing], studies: int) -> list[Drawing]:
    """Give figures names of their own, and say in the last of them how many studies have none."""
    more = f" The {len(drawings)} largest of {studies} studies are drawn." if len(drawings) < studies else ""
    return [
        replace(drawing, name=drawing.name if place == 1 else f"{drawing.name}_{place}", caption=drawing.caption + more * (place == len(drawings)))
        for place, drawing in enumerate(drawings, start=1)
    ]


def draw(reference: str, variants: Sequence[Variant]) -> Figure:
    """Draw the difference of each variant from the reference, with its interval, one below the other."""
    drawn = Figure(figsize=(6.4, 1.3 + 0.28 * len(variants)))
    panel = drawn.subplots()
    panel.axvline(0, color=BLACK, linewidth=1)
    for place, apart in enumerate(variant.test_difference for variant in variants):
        face = BLUE if apart.is_clear else "white"
        panel.errorbar(100 * apart.value, place, xerr=100 * apart.half_width, fmt="o", color=BLUE, markerfacecolor=face, capsize=3)
    panel.set_yticks(range(len(variants)), [one_line(variant.name, _MAX_LETTERS) for variant in variants], fontsize=9)
    panel.set(ylim=(len(variants) - 0.5, -0.5), xlabel="difference in test accuracy, points")
    drawn.suptitle(f"beside {one_line(reference, 60)}", fontsize=10)
    panel.grid(axis="y", visible=False)
    return drawn
