"""Studies of single settings: a reference recipe, and recipes on the same data that differ from it in a few keys."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kcifar.core.errors import one_line
from kcifar.reporting.analysis.recipe_differences import find_differing_keys, flatten, flatten_together, hash_settings, write_setting_change
from kcifar.reporting.analysis.samples import make_test_sample, make_validation_sample
from kcifar.reporting.analysis.studies import Finding
from kcifar.reporting.page.names import make_distinct
from kcifar.reporting.stats.differences import Difference, Sample, compare_samples
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, adjust_holm
from kcifar.runs.load import LoadedRun

MAX_KEYS = 3  # in which a recipe may differ from its reference
MAX_REFERENCES = 30  # recipes tried as the reference


@dataclass(frozen=True)
class Variant:
    """A recipe, compared with the reference.

    Attributes:
        name: Name of the recipe, unique among the recipes on the same data.
        changes: The keys that differ from the reference, written with both values; empty for the reference.
        test: Test accuracies of its runs.
        validation: Validation accuracies of its runs in their last epochs.
        test_difference: Test accuracy minus that of the reference.
        val_difference: Validation accuracy minus that of the reference.
        runs: Number of runs.
        adjusted_p_value: Of the test difference, by Holm's method over the recipes of the study; NaN if unknown.
    """

    name: str
    changes: Sequence[str]
    test: Sample
    validation: Sample
    test_difference: Difference
    val_difference: Difference
    runs: int
    adjusted_p_value: float = math.nan

    @property
    def finding(self) -> Finding:
        """The result of the comparison of test accuracies."""
        if not self.changes:
            return Finding.REFERENCE
        if not self.test_difference.source:
            return Finding.UNKNOWN
        is_clear = self.adjusted_p_value < SIGNIFICANCE_LEVEL
        return Finding.ALIKE if not is_clear else Finding.HIGHER if self.test_difference.value > 0 else Finding.LOWER


@dataclass(frozen=True)
class Study:
    """A reference and the recipes compared with it.

    Attributes:
        data: Label of the data.
        variants: The reference, then the others, those that differ in the fewest keys first; at least two.
    """

    data: str
    variants: Sequence[Variant]

    @property
    def reference(self) -> Variant:
        """The recipe that the others are compared with."""
        return self.variants[0]


def find_studies(data: str, runs: Sequence[LoadedRun]) -> list[Study]:
    """Return the studies among finished runs on the same data; each recipe is in at most one, that of the first reference close to it.

    If the user named a reference (`LoadedRun.is_reference`), it is the only one. Otherwise the `MAX_REFERENCES` recipes with the most tested runs
    are tried as references: to compare each of thousands of unrelated recipes with every other would take minutes.
    """
    by_recipe: dict[Any, list[LoadedRun]] = {}
    for run in runs:
        by_recipe.setdefault(hash_settings(flatten(run.settings)), []).append(run)
    recipes = list(by_recipe.values())
    names = make_distinct([one_line(members[0].recipe.name, 60) for members in recipes])
    named = _is_named(runs)
    remaining = sorted(range(len(recipes)), key=lambda place: (-_is_named(recipes[place]), -sum(run.test is not None for run in recipes[place])))
    studies: list[Study] = []
    for _ in range(min(1 if named else MAX_REFERENCES, len(recipes) - 1)):
        if not remaining:
            break
        reference, *others = remaining
        similar = {place for place in others if _count_differing_keys(recipes[reference][0], recipes[place][0]) <= MAX_KEYS}
        if similar:
            members = [reference, *sorted(similar)]
            studies.append(Study(data, _make_variants([names[place] for place in members], [recipes[place] for place in members])))
        remaining = [place for place in others if place not in similar]
    return studies


def _is_named(runs: Sequence[LoadedRun]) -> bool:
    return any(run.is_reference for run in runs)


def _count_differing_keys(a: LoadedRun, b: LoadedRun) -> int:
    return len(find_differing_keys(flatten_together([a.settings, b.settings])))


def _make_variants(names: Sequence[str], recipes: Sequence[Sequence[LoadedRun]]) -> list[Variant]:
    """Compare recipes with the first of them, and sort them by the number of keys in which they differ from it."""
    reference = recipes[0]
    samples = make_test_sample(reference), make_validation_sample(reference)
    variants = [_make_variant(name, members, reference[0], samples) for name, members in zip(names, recipes, strict=True)]
    return sorted(_adjust(variants), key=lambda variant: len(variant.changes))


def _adjust(variants: Sequence[Variant]) -> list[Variant]:
    """Set the adjusted p-value of the variants that can be tested against the reference."""
    tested = [variant for variant in variants if variant.changes and variant.test_difference.source]
    adjusted = dict(zip(map(id, tested), adjust_holm([variant.test_difference.p_value for variant in tested]).tolist(), strict=True))
    return [replace(variant, adjusted_p_value=adjusted.get(id(variant), math.nan)) for variant in variants]


def _make_variant(name: str, runs: Sequence[LoadedRun], reference: LoadedRun, samples: tuple[Sample, Sample]) -> Variant:
    """Compare the runs of one recipe with the reference's samples: test and validation."""
    before, after = flatten_together([reference.settings, runs[0].settings])
    changes = [write_setting_change(key, before, after) for key in find_differing_keys([before, after])]
    test, validation = make_test_sample(runs), make_validation_sample(runs)
    differences = [compare_samples(sample, reference_sample) for sample, reference_sample in zip((test, validation), samples, strict=True)]
    return Variant(name, changes, test, validation, differences[0], differences[1], len(runs))
