"""The comment at the top of a shipped recipe, whose time and result begin in a fixed form:

    # Time: 1.25 min for both epochs …
    # Result: test accuracy 89.30 % over one view …

or "not measured yet." for either.
"""

import re
from dataclasses import dataclass
from itertools import takewhile

_SECONDS = {"s": 1, "min": 60}
_TIME = re.compile(r"^Time: ((\d+(?:\.\d+)?) (s|min))\b", re.MULTILINE)
_ACCURACY = re.compile(r"^Result: test accuracy (\d+\.\d+) %", re.MULTILINE)


@dataclass(frozen=True)
class Header:
    """What a recipe's header says.

    Attributes:
        title: What the recipe is, on one line.
        time: How long it trains on the hardware that the header names, as written there: "1.25 min"; None if that is not measured yet.
        seconds: The same in seconds.
        accuracy: Its test accuracy, in [0, 1]; None if that is not measured yet.
    """

    title: str
    time: str | None
    seconds: float | None
    accuracy: float | None


def parse_header(text: str) -> Header:
    """Return what the comment at the top of a recipe says."""
    lines = [line[1:].strip() for line in takewhile(lambda line: line.startswith("#"), text.splitlines())]
    comment = "\n".join(lines)
    time, accuracy = _TIME.search(comment), _ACCURACY.search(comment)
    return Header(
        " ".join(takewhile(bool, lines)),
        time[1] if time else None,
        round(float(time[2]) * _SECONDS[time[3]], 3) if time else None,
        round(float(accuracy[1]) / 100, 6) if accuracy else None,
    )
