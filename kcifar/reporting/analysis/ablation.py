"""Studies of single settings: recipes over the same data beside one of them from which they differ in a few keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kcifar.core.errors import one_line
from kcifar.reporting.analysis.recipe_differences import find_differing_keys, flatten, flatten_together, hash_settings, write_setting_change
from kcifar.reporting.analysis.samples import make_test_sample, make_validation_sample
from kcifar.reporting.analysis.studies import Finding
from kcifar.reporting.page.names import make_distinct
from kcifar.reporting.stats.differences import Difference, Sample, compare_samples
from kcifar.runs.load import LoadedRun

MAX_KEYS = 3  # in which a recipe differs from its reference at most
MAX_REFERENCES = 30  # recipes tried as one


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
    def finding(self) -> Finding:
        """What the test accuracies show."""
        if not self.changes:
            return Finding.REFERENCE
        if not self.test_difference.source:
            return Finding.UNKNOWN
        return Finding.ALIKE if not self.test_difference.is_clear else Finding.HIGHER if self.test_difference.value > 0 else Finding.LOWER


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


def find_studies(data: str, runs: Sequence[LoadedRun]) -> list[Study]:
    """Return the studies of finished runs over the same data: each recipe is in one at most, that of the first reference near it.

    Only `MAX_REFERENCES` recipes are tried as references, those with the most tested runs: of thousands without anything in common, each
    beside each other would take minutes.
    """
    by_recipe: dict[Any, list[LoadedRun]] = {}
    for run in runs:
        by_recipe.setdefault(hash_settings(flatten(run.settings)), []).append(run)
    recipes = list(by_recipe.values())
    names = make_distinct([one_line(members[0].recipe.name, 60) for members in recipes])
    left = sorted(range(len(recipes)), key=lambda place: -sum(run.test is not None for run in recipes[place]))
    studies: list[Study] = []
    for _ in range(min(MAX_REFERENCES, len(recipes) - 1)):
        if not left:
            break
        reference, *others = left
        near = {place for place in others if _count_differing_keys(recipes[reference][0], recipes[place][0]) <= MAX_KEYS}
        if near:
            members = [reference, *sorted(near)]
            studies.append(Study(data, _make_variants([names[place] for place in members], [recipes[place] for place in members])))
        left = [place for place in others if place not in near]
    return studies


def _count_differing_keys(a: LoadedRun, b: LoadedRun) -> int:
    return len(find_differing_keys(flatten_together([a.settings, b.settings])))


def _make_variants(names: Sequence[str], recipes: Sequence[Sequence[LoadedRun]]) -> list[Variant]:
    """Measure recipes beside the first of them, and sort by the number of keys in which they differ from it."""
    reference = recipes[0]
    samples = make_test_sample(reference), make_validation_sample(reference)
    variants = [_make_variant(name, members, reference[0], samples) for name, members in zip(names, recipes, strict=True)]
    return sorted(variants, key=lambda variant: len(variant.changes))


def _make_variant(name: str, runs: Sequence[LoadedRun], reference: LoadedRun, samples: tuple[Sample, Sample]) -> Variant:
    """The samples are those of the reference: test and validation."""
    before, after = flatten_together([reference.settings, runs[0].settings])
    changes = [write_setting_change(key, before, after) for key in find_differing_keys([before, after])]
    test, validation = make_test_sample(runs), make_validation_sample(runs)
    differences = [compare_samples(sample, reference_sample) for sample, reference_sample in zip((test, validation), samples, strict=True)]
    return Variant(name, changes, test, validation, differences[0], differences[1], len(runs))
