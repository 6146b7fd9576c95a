"""How wide text is, in points; the same on every machine, since matplotlib brings the font."""

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

FONT = "DejaVu Sans"
LINE, SMALL, NAME, TITLE = 8.0, 7.5, 7.5, 13.0  # sizes in points: lines of a block, captions and shapes, groups, title


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a line of text in points."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(family=FONT, size=size, weight=weight), ismath=False)
    return float(width)
