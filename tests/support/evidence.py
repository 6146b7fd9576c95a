"""What was measured and claimed, as numbers by unit; and the numbers that a text prints, each of which must be one of those."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from places import ROOT

from kcifar.reporting.stats.intervals import mean_rate
from kcifar.reporting.stats.significance import spread
from kcifar.runs.load import SavedRun, read_run
from kcifar.runs.measures import minutes_of

REPORTS = ROOT / "reports"
PERCENT, MINUTES, SECONDS, RATE, FRACTION = "%", "min", "s", "images/s", ""
ELSEWHERE = "another unit"  # GiB, points, times: not measured by runs, or a product of other numbers
UNITS = {"%": PERCENT, "min": MINUTES, "s": SECONDS, "seconds": SECONDS, "images/s": RATE}
_NUMBER = re.compile(
    r"(?<![\w.])(?<!e-)(\d+(?:,\d{3})*(?:\.\d+)?)(?!\w|\.\d)(?:\s?(%|(?:min|images/s|seconds|s|GiB|MiB|h|points|times|x)\b))?", re.IGNORECASE
)
_BETWEEN = re.compile(r",? (?:and |to |or )?")  # two numbers of a list, which share the unit of the last

Facts = Mapping[str, Sequence[float]]  # values by unit


@dataclass(frozen=True)
class Printed:
    """A number as a text has it, such as "93.60", and its unit: that which follows it, or its list; `inherited` from a number before it if none does."""

    text: str
    unit: str
    inherited: bool = False

    @property
    def is_decimal(self) -> bool:
        return "." in self.text

    def is_rounded(self, value: float) -> bool:
        """Whether a value is this number at the precision at which it is printed; halves may go either way."""
        decimals = len(self.text.partition(".")[2])
        return bool(abs(value - float(self.text.replace(",", ""))) <= 0.5 / 10**decimals + 1e-9)


# What a text prints


def numbers(text: str) -> list[Printed]:
    """Return the numbers of a text with their units. "2 h 40 min" is 160 min; addresses are passed over."""
    flat = " ".join(re.sub(r"https?://\S+", "", text).split())
    flat = re.sub(r"(\d+) h (\d+) min\b", lambda found: f"{60 * int(found[1]) + int(found[2])} min", flat)
    matches = list(_NUMBER.finditer(flat))
    printed: list[Printed] = []
    for place in reversed(range(len(matches))):
        unit = matches[place][2]
        in_list = place + 1 < len(matches) and _BETWEEN.fullmatch(flat[matches[place].end() : matches[place + 1].start()])
        known = UNITS.get(unit.lower(), ELSEWHERE) if unit else printed[-1].unit if in_list else FRACTION
        printed.append(Printed(matches[place][1], known))
    return list(_inherit(reversed(printed)))


def _inherit(printed: Iterable[Printed]) -> Iterator[Printed]:
    """Give numbers without a unit that of the number before: "93.60 % (deviation 0.35)"."""
    last = FRACTION
    for number in printed:
        yield number if number.unit else replace(number, unit=last, inherited=True)
        last = number.unit if number.unit not in (FRACTION, ELSEWHERE) else last


def unbacked(printed: Iterable[Printed], facts: Facts) -> list[str]:
    """Return the numbers that are no fact, with their units; one whose unit is that of the number before may be a fraction instead."""
    return [f"{number.text} {number.unit}".strip() for number in printed if not any(map(number.is_rounded, _candidates(number, facts)))]


def _candidates(number: Printed, facts: Facts) -> list[float]:
    units = {number.unit, FRACTION} if number.inherited else {number.unit}
    return [value for unit in units for value in facts.get(unit, ())]


# What was measured and claimed


def measured(place: str) -> dict[str, list[SavedRun]]:
    """Return the runs of a folder in `reports`, by recipe."""
    runs = [read_run(folder, folder.name) for folder in sorted((REPORTS / place).iterdir())]
    found: dict[str, list[SavedRun]] = {}
    for run in runs:
        found.setdefault(run.recipe.name, []).append(run)
    return found


def facts_of(runs: Sequence[SavedRun]) -> Facts:
    """Return what the runs of one recipe measured: each by itself, and mean and deviation (divisor n - 1) over the runs."""
    shares = repeated([_shares(run) for run in runs])
    minutes = repeated([_minutes(run) for run in runs])
    rates = repeated([[mean_rate(run.history["images_per_second"]), run.history["images_per_second"].max()] for run in runs])
    return _by_unit(shares, minutes, rates, [value for run in runs for value in run.history["val_accuracy"]])


def _shares(run: SavedRun) -> list[float]:
    """Test accuracy over one view and over several; validation accuracy, last and best; training accuracy, last."""
    test, views = (run.test.accuracy, run.test.views) if run.test else (math.nan, None)
    last = run.history.iloc[-1]
    best = run.history["val_accuracy"].max()
    return [test, views.accuracy if views else math.nan, last["val_accuracy"], best, last["accuracy"]]


def _minutes(run: SavedRun) -> list[float]:
    """Of the run, of an epoch, and of its fastest; the first two without compilation too; of compilation alone."""
    whole, epochs = minutes_of(run), len(run.history)
    compiling = float(run.history["compilation_seconds"].sum(skipna=False)) / 60
    fastest = float(run.history["seconds"].min()) / 60
    return [whole, whole / epochs, fastest, whole - compiling, (whole - compiling) / epochs, compiling]


def repeated(quantities: Sequence[Sequence[float]]) -> list[float]:
    """Return the values of several quantities, a row for each run, and mean and deviation of each quantity; what is NaN in a run is left out."""
    found = []
    for values in zip(*quantities, strict=True):
        if not any(map(math.isnan, values)):
            over = spread(values)
            found += [*values, over.mean, over.deviation]
    return found


def claims() -> list[dict[str, str]]:
    """Return the rows of `reports/claims.csv`: of which recipe or data set, the quantity, its value (accuracies as fractions), its source."""
    with (REPORTS / "claims.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def facts_of_claims(rows: Sequence[Mapping[str, str]]) -> Facts:
    """Return what others claim, by unit."""
    kinds = {kind: [float(row["value"]) for row in rows if kind in row["quantity"]] for kind in ("accuracy", "share", "seconds")}
    shares = kinds["accuracy"] + kinds["share"]
    return _by_unit(shares, [seconds / 60 for seconds in kinds["seconds"]], [], [])


def _by_unit(shares: Sequence[float], minutes: Sequence[float], rates: Sequence[float], epochs: Sequence[float]) -> Facts:
    """Sort facts by the unit that they are printed in; the accuracy after a single epoch is printed as a fraction alone."""
    return {
        PERCENT: [100 * share for share in shares],
        MINUTES: list(minutes),
        SECONDS: [60 * each for each in minutes],
        RATE: list(rates),
        FRACTION: [*shares, *epochs],
    }


def together(*facts: Facts) -> Facts:
    """Return all of several facts."""
    return {unit: [value for each in facts for value in each.get(unit, ())] for unit in (PERCENT, MINUTES, SECONDS, RATE, FRACTION)}
