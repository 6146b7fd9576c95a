"""Tests between recipes on the same data, by the test accuracies of their seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from kcifar.reporting.analysis.groups import Group
from kcifar.reporting.analysis.samples import make_test_sample
from kcifar.reporting.page.columns import is_change
from kcifar.reporting.stats.differences import Sample, can_compare_seeds, welch_half_width, welch_test
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, adjust_holm

ENOUGH_SEEDS = 3  # with two, Student's distribution has hardly more than one degree of freedom: only very large differences show


@dataclass(frozen=True)
class RecipePair:
    """Two recipes on the same data, the one with the higher mean first.

    Attributes:
        a: Label of the first.
        b: Label of the second.
        samples: The test accuracies of both, one per seed.
        p_value: Of Welch's test; NaN if a recipe has a single seed, or none of the accuracies vary.
        adjusted: The same, by Holm's method over all pairs that can be tested.
    """

    a: str
    b: str
    samples: tuple[Sample, Sample]
    p_value: float
    adjusted: float

    @property
    def difference(self) -> float:
        """Mean of the first minus mean of the second, a difference of fractions."""
        return self.samples[0].mean - self.samples[1].mean

    @property
    def half_width(self) -> float:
        """Half-width of Welch's 95% interval of the difference; NaN where there is no test."""
        return math.nan if math.isnan(self.p_value) else welch_half_width(*self.samples)

    @property
    def holds(self) -> bool:
        """Whether the first is better by more than chance over seeds."""
        return self.adjusted < SIGNIFICANCE_LEVEL and is_change(self.difference)

    @property
    def seeds(self) -> int:
        """Number of seeds of the recipe with fewer."""
        return min(len(sample.accuracies) for sample in self.samples)


def compare_recipes(data: Sequence[Sequence[Group]]) -> list[list[RecipePair]]:
    """Compare every pair of recipes of each data set, adjusted over all of them together.

    Args:
        data: The runs of each recipe with a test result, by data set; the recipe with the highest mean first.
    """
    pairs = [[_make_pair(a, b) for a, b in combinations(recipes, 2)] for recipes in data]
    tested = [pair.p_value for group in pairs for pair in group if not math.isnan(pair.p_value)]
    adjusted = iter(adjust_holm(tested).tolist())
    return [[pair if math.isnan(pair.p_value) else replace(pair, adjusted=next(adjusted)) for pair in group] for group in pairs]


def _make_pair(a: Group, b: Group) -> RecipePair:
    samples = make_test_sample(a.runs), make_test_sample(b.runs)
    p_value = welch_test(*samples) if can_compare_seeds(*samples) else math.nan
    return RecipePair(a.label, b.label, samples, p_value, math.nan)
