"""Claims: a difference together with its test. A sentence that ranks, praises or advises is written only for a claim that holds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kcifar.reporting.page.columns import is_change
from kcifar.reporting.stats.proportions import Proportion, compare_proportions, make_proportion
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL


@dataclass(frozen=True)
class Claim:
    """A difference between two fractions, and how probable one as large is by chance alone.

    Attributes:
        difference: In [-1, 1]; NaN if unknown.
        p_value: In [0, 1], adjusted for the comparisons that might have been made instead; 1 where nothing is known.
    """

    difference: float
    p_value: float

    @property
    def holds(self) -> bool:
        """Whether the difference exceeds chance at `SIGNIFICANCE_LEVEL`, and is not written as zero."""
        return self.p_value < SIGNIFICANCE_LEVEL and is_change(self.difference)


def claim_difference(a: Proportion, b: Proportion, comparisons: int = 1) -> Claim:
    """Return the claim that two proportions differ, a minus b.

    Args:
        a: Any.
        b: Any.
        comparisons: From how many this one was chosen by its size; the p-value is multiplied by their number (Bonferroni).
    """
    difference = a.value - b.value
    return Claim(difference, 1.0 if math.isnan(difference) else min(1.0, comparisons * compare_proportions(a, b)))


def claim_change(before: float, after: float, images: int | None, comparisons: int = 1) -> Claim:
    """Return the claim that an accuracy changed, measured twice on a number of images; it does not hold if that is unknown.

    The images are taken as independent. As they are the same ones, a change that is not claimed may be real; one that is claimed is clear.
    """
    if not images or math.isnan(after - before):
        return Claim(after - before, 1.0)
    return Claim(after - before, claim_difference(make_proportion(after, images), make_proportion(before, images), comparisons).p_value)


@dataclass(frozen=True)
class Extremes:
    """The highest and the lowest of several proportions, by their keys, and those that are not clearly apart from them.

    Attributes:
        highest: Key of the highest, the first of several.
        near_highest: Keys of the others that are not clearly lower, in the given order.
        lowest: Key of the lowest, the first of several.
        near_lowest: Keys of the others that are not clearly higher, in the given order.
        claim: The claim that the highest and the lowest differ.
    """

    highest: int
    near_highest: Sequence[int]
    lowest: int
    near_lowest: Sequence[int]
    claim: Claim


def find_clear_extremes(proportions: Mapping[int, Proportion]) -> Extremes:
    """Compare the highest and the lowest of at least two proportions with all others.

    Highest and lowest are chosen by their size from all pairs, so each p-value is multiplied by the number of pairs: of proportions that are
    truly equal, any is called higher than another in at most one case in twenty.
    """
    pairs = math.comb(len(proportions), 2)
    highest = max(proportions, key=lambda key: proportions[key].value)
    lowest = min(proportions, key=lambda key: proportions[key].value)

    def find_near(end: int) -> list[int]:
        others = (key for key in proportions if key != end)
        return [key for key in others if not claim_difference(proportions[end], proportions[key], pairs).holds]

    return Extremes(highest, find_near(highest), lowest, find_near(lowest), claim_difference(proportions[highest], proportions[lowest], pairs))
