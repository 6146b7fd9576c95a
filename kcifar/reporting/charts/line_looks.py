"""How the lines of several recipes in one panel are told apart: by color and by dashes, so that gray paper and color blindness lose nothing."""

from collections.abc import Sequence

from kcifar.pictures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILION

Dashes = str | tuple[float, tuple[float, ...]]

# The dashes are the four of matplotlib, then lengths on and off in points.
LINE_LOOKS: Sequence[tuple[str, Dashes]] = (
    (BLUE, "-"),
    (VERMILION, "--"),
    (GREEN, "-."),
    (BLACK, ":"),
    (PURPLE, (0, (6, 1, 1, 1, 1, 1))),
    (ORANGE, (0, (8, 4))),
    (SKY_BLUE, (0, (2, 3))),
)
MAX_LINES = len(LINE_LOOKS)
