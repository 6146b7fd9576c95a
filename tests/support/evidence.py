"""The measured and claimed facts, grouped by unit, and the numbers printed in a text, each of which must be one of those facts."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from places import ROOT

from kcifar.reporting.stats.intervals import harmonic_mean_rate, summarize
from kcifar.runs.load import LoadedRun, load_run

REPORTS = ROOT / "reports"
PERCENT, MINUTES, SECONDS, RATE, FRACTION = "%", "min", "s", "images/s", ""
OTHER_UNIT = "another unit"  # GiB, points, times: not measured by runs, or derived from other numbers
UNITS = {"%": PERCENT, "min": MINUTES, "s": SECONDS, "seconds": SECONDS, "images/s": RATE}
_NUMBER = re.compile(
    r"(?<![\w.])(?<!e-)(\d+(?:,\d{3})*(?:\.\d+)?)(?!\w|\.\d)(?:\s?(%|(?:min|images/s|seconds|s|GiB|MiB|h|points|times|x)\b))?", re.IGNORECASE
)
_BETWEEN = re.compile(r",? (?:and |to |or )?")  # between two numbers of a list, which share the unit of the last one

Facts = Mapping[str, Sequence[float]]  # values by unit


@dataclass(frozen=True)
class PrintedNumber:
    """A number as printed, such as "93.60", and the unit that follows it or its list; without one, it has `inherited` that of the number before."""

    text: str
    unit: str
    inherited: bool = False

    @property
    def is_decimal(self) -> bool:
        return "." in self.text

    def matches(self, value: float) -> bool:
        """Whether a value rounds to this number at its printed precision; halves may go either way."""
        decimals = len(self.text.partition(".")[2])
        return bool(abs(value - float(self.text.replace(",", ""))) <= 0.5 / 10**decimals + 1e-9)


# Printed numbers


def find_numbers(text: str) -> list[PrintedNumber]:
    """Return the numbers of a text with their units. "2 h 40 min" is 160 min; URLs are skipped."""
    flat = " ".join(re.sub(r"https?://\S+", "", text).split())
    flat = re.sub(r"(\d+) h (\d+) min\b", lambda match: f"{60 * int(match[1]) + int(match[2])} min", flat)
    matches = list(_NUMBER.finditer(flat))
    printed: list[PrintedNumber] = []
    for place in reversed(range(len(matches))):
        unit = matches[place][2]
        in_list = place + 1 < len(matches) and _BETWEEN.fullmatch(flat[matches[place].end() : matches[place + 1].start()])
        known = UNITS.get(unit.lower(), OTHER_UNIT) if unit else printed[-1].unit if in_list else FRACTION
        printed.append(PrintedNumber(matches[place][1], known))
    return list(_inherit_units(reversed(printed)))


def _inherit_units(printed: Iterable[PrintedNumber]) -> Iterator[PrintedNumber]:
    """Give numbers without a unit that of the number before: "93.60 % (standard deviation 0.35)"."""
    last = FRACTION
    for number in printed:
        yield number if number.unit else replace(number, unit=last, inherited=True)
        last = number.unit if number.unit not in (FRACTION, OTHER_UNIT) else last


def find_unbacked(printed: Iterable[PrintedNumber], facts: Facts) -> list[str]:
    """Return the numbers that match no fact, with their units; a number with an inherited unit may be a fraction instead."""
    return [f"{number.text} {number.unit}".strip() for number in printed if not any(map(number.matches, _find_candidates(number, facts)))]


def _find_candidates(number: PrintedNumber, facts: Facts) -> list[float]:
    units = {number.unit, FRACTION} if number.inherited else {number.unit}
    return [value for unit in units for value in facts.get(unit, ())]


# Measured and claimed facts


def read_runs_by_recipe(folder: str) -> dict[str, list[LoadedRun]]:
    """Return the runs in a folder of `reports`, by recipe."""
    runs_by_recipe: dict[str, list[LoadedRun]] = {}
    for path in sorted((REPORTS / folder).iterdir()):
        run = load_run(path, path.name)
        runs_by_recipe.setdefault(run.recipe.name, []).append(run)
    return runs_by_recipe


def collect_facts(runs: Sequence[LoadedRun]) -> Facts:
    """Return the facts of one recipe's runs: those of each run, and their mean and standard deviation (divisor n - 1) over the runs."""
    accuracies = add_mean_and_deviation([_list_accuracies(run) for run in runs])
    minutes = add_mean_and_deviation([_list_minutes(run) for run in runs])
    rates = add_mean_and_deviation([[harmonic_mean_rate(run.history["images_per_second"]), run.history["images_per_second"].max()] for run in runs])
    return _group_by_unit(accuracies, minutes, rates, [value for run in runs for value in run.history["val_accuracy"]])


def _list_accuracies(run: LoadedRun) -> list[float]:
    """Test accuracy with one view and with several; last and best validation accuracy; last training accuracy."""
    test, views = (run.test.accuracy, run.test.views) if run.test else (math.nan, None)
    last = run.history.iloc[-1]
    best = run.history["val_accuracy"].max()
    return [test, views.accuracy if views else math.nan, last["val_accuracy"], best, last["accuracy"]]


def _list_minutes(run: LoadedRun) -> list[float]:
    """Minutes of the run, of its mean epoch and of its fastest; the first two without compilation too; compilation alone."""
    total, epochs = run.minutes, len(run.history)
    compiling = float(run.history["compilation_seconds"].sum(skipna=False)) / 60
    fastest = float(run.history["seconds"].min()) / 60
    return [total, total / epochs, fastest, total - compiling, (total - compiling) / epochs, compiling]


def add_mean_and_deviation(quantities: Sequence[Sequence[float]]) -> list[float]:
    """Return the values of several quantities, one row per run, with the mean and standard deviation of each; a quantity with a NaN is left out."""
    result = []
    for values in zip(*quantities, strict=True):
        if not any(map(math.isnan, values)):
            over = summarize(values)
            result += [*values, over.mean, over.deviation]
    return result


def read_claims() -> list[dict[str, str]]:
    """Return the rows of `reports/claims.csv`: recipe or dataset, quantity, value (accuracies as fractions) and source."""
    with (REPORTS / "claims.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def collect_claimed_facts(rows: Sequence[Mapping[str, str]]) -> Facts:
    """Return the claimed values of some rows of `reports/claims.csv`, by unit."""
    kinds = {kind: [float(row["value"]) for row in rows if kind in row["quantity"]] for kind in ("accuracy", "share", "seconds")}
    fractions = kinds["accuracy"] + kinds["share"]
    return _group_by_unit(fractions, [seconds / 60 for seconds in kinds["seconds"]], [], [])


def _group_by_unit(fractions: Sequence[float], minutes: Sequence[float], rates: Sequence[float], epoch_accuracies: Sequence[float]) -> Facts:
    """Group facts by the unit in which they are printed; the accuracy after a single epoch is printed only as a fraction."""
    return {
        PERCENT: [100 * fraction for fraction in fractions],
        MINUTES: list(minutes),
        SECONDS: [60 * each for each in minutes],
        RATE: list(rates),
        FRACTION: [*fractions, *epoch_accuracies],
    }


def merge_facts(*facts: Facts) -> Facts:
    """Return the facts of all arguments, by unit."""
    return {unit: [value for each in facts for value in each.get(unit, ())] for unit in (PERCENT, MINUTES, SECONDS, RATE, FRACTION)}
