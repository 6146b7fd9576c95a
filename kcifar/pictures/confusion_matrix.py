"""A confusion matrix as a picture: errors in blue, the diagonal in gray, numbers in the cells if they fit.

The color scale of the errors ends at the largest error, so the many images on the diagonal do not make the errors pale, but not below a tenth
of a class and not below a few images, so a few errors do not look like many. The colors are tints of what is
behind them, so that the cells are also right on a dark page (`dark_mode`).
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kcifar.pictures.style import CORRECT_TINT, DOTS_PER_INCH, ERROR_TINT, INK_ON_DARK, INK_ON_LIGHT
from kcifar.pictures.text import fit_text, measure_text

MAX_CLASSES = 1000  # classes; a page has less than one dot for each of more

# Lengths in dots, at 150 per inch.
_SIDE, _BORDER, _AXIS_NAME, _BAR = 550, 14, 36, 20
_DOTS_PER_POINT = DOTS_PER_INCH / 72
_NAME, _TITLE = 9.0, 10.0  # sizes in points
_NAME_ROOM = 105.0  # points
_MAX_NUMBERED = 20  # classes; the cells of more have no numbers
_LARGEST_NUMBER, _SMALLEST_NUMBER = 9.5, 5.0  # points
_DIGIT = 0.64  # width of a digit per point of its size
_LEAST_FRACTION, _LEAST_IMAGES = 0.1, 5  # of the largest class: where the color scale of the errors ends at the earliest
_CORRECT = (0.12, 0.5)  # opacity of the diagonal; dark text is readable on all of it
_ERRORS = LinearSegmentedColormap.from_list("errors", [to_rgba(ERROR_TINT, 0), to_rgba(ERROR_TINT, 1)])
_BAD_LUMINANCE = 0.179  # at which black and white have the same contrast


def draw_confusion_matrix(
    name: str, words: str, names: Sequence[str], values: np.ndarray, write: Callable[[float], str], unit: str, scale_end: float
) -> Figure:
    """Draw a confusion matrix: one row per true class, one column per predicted class.

    Args:
        name: Of the run; truncated if it is too wide.
        words: Description in one short line.
        names: Of the classes, in the order of rows and columns; at least two, at most `MAX_CLASSES`.
        values: (classes, classes), >= 0; cells of 0 stay empty.
        write: Returns the text of a value, for the cells.
        unit: Unit of the color scale of the errors.
        scale_end: The error with the darkest color, > 0; see `compute_scale_end`.
    """
    labels = [fit_text(name, _NAME_ROOM, _NAME) for name in names[:: compute_label_step(len(names))]]
    side = len(names) * max(1, round(_SIDE / len(names)))  # a cell is an integer number of dots wide
    size = compute_number_size(values, write)
    figure, panel, bar = _make_panels(side, max(measure_text(label, _NAME) for label in labels), scaled=not size)
    title = f"{fit_text(name, 72 * figure.get_figwidth() - _BORDER, _TITLE)}\n{words}"
    figure.text(0.5, 1 - _BORDER / (figure.get_figheight() * DOTS_PER_INCH), title, ha="center", va="top", fontsize=_TITLE, linespacing=1.4)
    colors, errors = color_cells(values, scale_end)
    panel.imshow(colors, interpolation="none", aspect="auto")
    ticks = range(0, len(names), compute_label_step(len(names)))
    panel.set_xticks(ticks, labels, rotation=90, fontsize=_NAME)
    panel.set_yticks(ticks, labels, fontsize=_NAME)
    panel.set(xlabel="predicted class", ylabel="true class")
    if size:
        _write_numbers(panel, values, write, size, colors)
    if bar:
        integer = np.issubdtype(values.dtype, np.integer)
        figure.colorbar(errors, cax=bar, ticks=MaxNLocator(6, steps=[1, 2, 5, 10], integer=integer, min_n_ticks=1))
        bar.set_ylabel(f"errors, {unit}")
        bar.grid(visible=False)
    return figure


def compute_label_step(count: int) -> int:
    """Return the step between classes that are named on the axes: 1 for every class, 2 for every second, …"""
    return -(-count * round(_NAME * 1.25 * _DOTS_PER_POINT) // _SIDE)


def compute_number_size(values: np.ndarray, write: Callable[[float], str]) -> float:
    """Return the size in points at which every number fits its cell; 0 if that is too small to read, or there are too many classes."""
    if len(values) > _MAX_NUMBERED:
        return 0.0
    cell = _SIDE / len(values) / _DOTS_PER_POINT
    size = min(_LARGEST_NUMBER, 0.55 * cell, 0.9 * cell / (_DIGIT * max(len(write(value)) for value in values.flat)))
    return size if size >= _SMALLEST_NUMBER else 0.0


def compute_scale_end(values: np.ndarray, images: int) -> float:
    """Return the error with the darkest color: the largest, but at least a tenth of a class, and at least five images.

    Args:
        values: (classes, classes), >= 0: numbers of images, or their fractions of the true class in any unit, such as percent.
        images: Of the class with the most images, > 0.
    Example:
        >>> compute_scale_end(np.array([[35, 1], [0, 36]]), 36), compute_scale_end(np.array([[900, 100], [300, 700]]), 1000)
        (5.0, 300.0)
    """
    whole = float(values.sum(axis=1).max())  # a class, in the unit of the values
    least = whole * min(1.0, max(_LEAST_FRACTION, _LEAST_IMAGES / images))
    return max(least, float(np.where(np.eye(len(values), dtype=bool), 0, values).max()))


def color_cells(values: np.ndarray, scale_end: float) -> tuple[np.ndarray, ScalarMappable]:
    """Return tint and opacity of each cell, float (classes, classes, 4), and the color scale, from 0 to `scale_end`, of those off the diagonal."""
    diagonal = np.eye(len(values), dtype=bool)
    errors = ScalarMappable(Normalize(0, scale_end), _ERRORS)
    colors = np.array(errors.to_rgba(values))
    correct = values[diagonal]
    low, high = _CORRECT
    colors[diagonal, :3] = to_rgba(CORRECT_TINT)[:3]
    colors[diagonal, 3] = low + (high - low) * correct / (correct.max() or 1)
    return colors, errors


def choose_ink(color: np.ndarray) -> str:
    """Return dark or light ink, the one with more contrast on a color (r, g, b, opacity) in [0, 1] over white: at least 4.5 : 1.

    Source: W3C, Web Content Accessibility Guidelines 2.1, relative luminance and contrast ratio.
    """
    seen = color[3] * color[:3] + 1 - color[3]
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    return INK_ON_LIGHT if linear @ (0.2126, 0.7152, 0.0722) > _BAD_LUMINANCE else INK_ON_DARK


def _make_panels(side: int, label: float, scaled: bool) -> tuple[Figure, Axes, Axes | None]:
    """Return a figure with a square panel of `side` dots, room for labels (points) on the left and below, and a color scale if `scaled`."""
    room = _BORDER + _AXIS_NAME + round((label + 6) * _DOTS_PER_POINT)
    width, height = room + side + (_BAR * 6 if scaled else 0) + _BORDER, 2 * _AXIS_NAME + _BORDER + side + room
    figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH))
    figure.set_layout_engine("none")
    panel = figure.add_axes((room / width, room / height, side / width, side / height))
    panel.grid(visible=False)
    panel.tick_params(length=2)
    for spine in panel.spines.values():
        spine.set(visible=True, color="0.7")
    bar = ((room + side + _BAR) / width, room / height, _BAR / width, side / height)
    return figure, panel, figure.add_axes(bar) if scaled else None


def _write_numbers(panel: Axes, values: np.ndarray, write: Callable[[float], str], size: float, colors: np.ndarray) -> None:
    """Write the numbers, those of the diagonal in bold, and separate the cells by white lines."""
    edges = np.arange(1, len(values)) - 0.5
    panel.hlines(edges, -0.5, len(values) - 0.5, color="white", linewidth=1)
    panel.vlines(edges, -0.5, len(values) - 0.5, color="white", linewidth=1)
    for row, column in np.argwhere(values):
        weight = "bold" if row == column else "normal"
        ink = choose_ink(colors[row, column])
        panel.text(column, row, write(values[row, column]), color=ink, fontsize=size, fontweight=weight, ha="center", va="center")
