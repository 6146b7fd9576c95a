"""Shapes drawn with matplotlib, in colours that everyone can tell apart."""

from collections.abc import Sequence
from functools import singledispatch

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from kcifar.pictures.diagram.page import Page
from kcifar.pictures.diagram.shapes import Dot, Mark, Note, Pill, Plate, Point, Shape, Slab, Wire
from kcifar.pictures.diagram.words import ATTENTION, CONVOLUTION, DENSE, IMAGES, NORM_OR_ACTIVATION, OTHER, POOLING
from kcifar.pictures.text_width import FONT, LINE

# M. Okabe and K. Ito, Color Universal Design, 2008: https://jfly.uni-koeln.de/color/; light tints behind text.
COLOURS = {
    CONVOLUTION: "#56B4E9",
    DENSE: "#E69F00",
    ATTENTION: "#CC79A7",
    POOLING: "#009E73",
    NORM_OR_ACTIVATION: "#F0E442",
    OTHER: "#999999",
    IMAGES: "#B8C2CC",
}
INK, GREY, SHORTCUT = "#222222", "#5F6B76", "#D55E00"
TINT = 0.32  # how much of the colour is left
ROUND = 7.0  # radius of a line's corners, in points
HEAD = 4.0  # length of an arrow's head


def paint(page: Page) -> Figure:
    """Draw a page; a point of it is a point of the figure."""
    figure = Figure(figsize=(page.width / 72, page.height / 72), facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, page.width)
    axes.set_ylim(page.height, 0)
    for shape in page.shapes:
        _draw(shape, axes)
    return figure


@singledispatch
def _draw(shape: Shape, axes: Axes) -> None:
    """Draw one shape."""
    raise TypeError(f"no way to draw {shape!r}")


@_draw.register
def _plate(shape: Plate, axes: Axes) -> None:
    if shape.frame:
        _rounded(axes, shape.x, shape.y, shape.width, shape.height, 6.0, "#F1F3F5", "#CBD2D9", 0.8)
        return
    for copy in range(shape.copies, -1, -1):
        shift = 2.2 * copy
        _rounded(axes, shape.x + shift, shape.y + shift, shape.width, shape.height, 5.0, "white", "#8795A1", 0.9)


@_draw.register
def _pill(shape: Pill, axes: Axes) -> None:
    colour = COLOURS[shape.kind]
    _rounded(axes, shape.x - shape.reach, shape.y - shape.height / 2, shape.width, shape.height, 3.5, _tint(colour), colour, 0.9)
    _text(axes, shape.x, shape.y, shape.text, LINE, "center", "normal", INK)


@_draw.register
def _mark(shape: Mark, axes: Axes) -> None:
    axes.add_patch(Circle((shape.x, shape.y), shape.radius, facecolor="white", edgecolor=INK, linewidth=1.0))
    size = shape.radius * 0.62
    for points in SIGNS.get(shape.kind, ()):
        line = [(shape.x + size * across, shape.y + size * down) for across, down in points]
        axes.add_patch(PathPatch(Path(line), facecolor="none", edgecolor=INK, linewidth=1.1, capstyle="round"))


# Strokes inside a merge's circle, in shares of its size.
_CROSS: tuple[tuple[Point, Point], ...] = (((-1, 0), (1, 0)), ((0, -1), (0, 1)))
_SLANTED: tuple[tuple[Point, Point], ...] = (((-0.75, -0.75), (0.75, 0.75)), ((-0.75, 0.75), (0.75, -0.75)))
SIGNS: dict[str, tuple[tuple[Point, Point], ...]] = {
    "add": _CROSS,
    "multiply": _SLANTED,
    "concatenate": (((-0.45, -0.8), (-0.45, 0.8)), ((0.45, -0.8), (0.45, 0.8))),
    "dot product": (((-0.12, 0), (0.12, 0)), ((0, -0.12), (0, 0.12))),
    "subtract": (((-1, 0), (1, 0)),),
}


@_draw.register
def _dot(shape: Dot, axes: Axes) -> None:
    axes.add_patch(Circle((shape.x, shape.y), 1.7, facecolor=SHORTCUT, edgecolor="none"))


@_draw.register
def _note(shape: Note, axes: Axes) -> None:
    _text(axes, shape.x, shape.y, shape.text, shape.size, shape.align, shape.weight, INK if shape.weight == "bold" else GREY)


@_draw.register
def _slab(shape: Slab, axes: Axes) -> None:
    x, y, side, across, up = shape.x, shape.y - shape.side / 2, shape.side, shape.depth, -0.45 * shape.depth
    front = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    top = [(x, y), (x + across, y + up), (x + side + across, y + up), (x + side, y)]
    flank = [(x + side, y), (x + side + across, y + up), (x + side + across, y + side + up), (x + side, y + side)]
    for points, colour in ((front, "#DCE3EA"), (top, "#C3CDD7"), (flank, "#A9B6C2")):
        axes.add_patch(Polygon(points, closed=True, facecolor=colour, edgecolor=GREY, linewidth=0.6, joinstyle="round"))


@_draw.register
def _wire(shape: Wire, axes: Axes) -> None:
    colour, width = (SHORTCUT, 1.2) if shape.shortcut else (INK, 1.1)
    axes.add_patch(PathPatch(_smooth(shape.points), facecolor="none", edgecolor=colour, linewidth=width, capstyle="butt"))
    if shape.arrow:
        (x, y), (before_x, before_y) = shape.points[-1], shape.points[-2]
        across, down = _sign(x - before_x), _sign(y - before_y)
        back = (x - HEAD * across, y - HEAD * down)
        wing = (0.5 * HEAD * down, 0.5 * HEAD * across)
        head = [(x, y), (back[0] + wing[0], back[1] + wing[1]), (back[0] - wing[0], back[1] - wing[1]), (x, y)]
        axes.add_patch(PathPatch(Path(head), facecolor=colour, edgecolor="none"))


def _sign(number: float) -> float:
    return (number > 0) - (number < 0)


def _smooth(points: Sequence[Point]) -> Path:
    """Return a line whose corners are rounded; each as much as its shorter leg allows."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(ROUND, *(max(abs(corner[0] - end[0]), abs(corner[1] - end[1])) / 2 for end in (before, after)))
        vertices += [_toward(corner, before, radius), corner, _toward(corner, after, radius)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*vertices, points[-1]], [*codes, Path.LINETO])


def _toward(corner: Point, end: Point, radius: float) -> Point:
    return corner[0] + radius * _sign(end[0] - corner[0]), corner[1] + radius * _sign(end[1] - corner[1])


def _rounded(axes: Axes, x: float, y: float, width: float, height: float, radius: float, face: str, edge: str, line: float) -> None:
    style = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=face, edgecolor=edge, linewidth=line))


def _text(axes: Axes, x: float, y: float, text: str, size: float, align: str, weight: str, colour: str) -> None:
    if text:
        axes.text(x, y, text, fontsize=size, ha=align, va="center_baseline", family=FONT, weight=weight, color=colour, parse_math=False)


def _tint(colour: str) -> str:
    """Mix a colour with white."""
    parts = [round(255 - TINT * (255 - int(colour[start : start + 2], 16))) for start in (1, 3, 5)]
    return "#" + "".join(f"{part:02X}" for part in parts)
