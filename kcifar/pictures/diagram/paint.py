"""The picture of an architecture, drawn with matplotlib in colors that everyone can tell apart."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from kcifar.pictures.diagram.page import Page, compose_page
from kcifar.pictures.diagram.shapes import LINE, Dot, Mark, Note, Pill, Plate, Point, Shape, Slab, Wire
from kcifar.pictures.diagram.words import ATTENTION, CONVOLUTION, DENSE, IMAGES, NORM_OR_ACTIVATION, OTHER, POOLING
from kcifar.pictures.style import FONT, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILION, YELLOW, plain_style

# Drawn as light tints behind text.
COLORS = {
    CONVOLUTION: SKY_BLUE,
    DENSE: ORANGE,
    ATTENTION: PURPLE,
    POOLING: GREEN,
    NORM_OR_ACTIVATION: YELLOW,
    OTHER: "#999999",
    IMAGES: "#B8C2CC",
}
INK, GRAY = "#222222", "#5F6B76"
TINT = 0.32  # how much of the color remains
ROUND = 7.0  # radius of a line's corners, in points
HEAD = 4.0  # length of an arrow's head


def draw_network(summary: Mapping[str, Any]) -> Figure:
    """Draw a network: blocks, resolutions, channels, shortcuts; successive equal blocks are drawn once.

    Args:
        summary: As `kcifar.models.summary.summarize_model` returns it and a run's `model.json` contains it.
    Returns:
        A figure of its own size, for `kcifar.pictures.saving.save_figure`; the same summary gives the same figure.
    """
    with plain_style():
        return _paint_page(compose_page(summary))


def _paint_page(page: Page) -> Figure:
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
def _draw_plate(shape: Plate, axes: Axes) -> None:
    if shape.frame:
        _add_box(axes, shape.x, shape.y, shape.width, shape.height, 6.0, "#F1F3F5", "#CBD2D9", 0.8)
        return
    for copy in range(shape.copies, -1, -1):
        shift = 2.2 * copy
        _add_box(axes, shape.x + shift, shape.y + shift, shape.width, shape.height, 5.0, "white", "#8795A1", 0.9)


@_draw.register
def _draw_pill(shape: Pill, axes: Axes) -> None:
    color = COLORS[shape.kind]
    _add_box(axes, shape.x - shape.reach, shape.y - shape.height / 2, shape.width, shape.height, 3.5, _tint(color), color, 0.9)
    _write(axes, shape.x, shape.y, shape.text, LINE, "center", "normal", INK)


@_draw.register
def _draw_mark(shape: Mark, axes: Axes) -> None:
    axes.add_patch(Circle((shape.x, shape.y), shape.radius, facecolor="white", edgecolor=INK, linewidth=1.0))
    size = shape.radius * 0.62
    for points in SIGNS.get(shape.kind, ()):
        line = [(shape.x + size * across, shape.y + size * down) for across, down in points]
        axes.add_patch(PathPatch(Path(line), facecolor="none", edgecolor=INK, linewidth=1.1, capstyle="round"))


# Strokes inside a merge's circle, as fractions of its size.
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
def _draw_dot(shape: Dot, axes: Axes) -> None:
    axes.add_patch(Circle((shape.x, shape.y), 1.7, facecolor=VERMILION, edgecolor="none"))


@_draw.register
def _draw_note(shape: Note, axes: Axes) -> None:
    _write(axes, shape.x, shape.y, shape.text, shape.size, shape.align, shape.weight, INK if shape.weight == "bold" else GRAY)


@_draw.register
def _draw_slab(shape: Slab, axes: Axes) -> None:
    x, y, side, across, up = shape.x, shape.y - shape.side / 2, shape.side, shape.depth, -0.45 * shape.depth
    front = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    top = [(x, y), (x + across, y + up), (x + side + across, y + up), (x + side, y)]
    flank = [(x + side, y), (x + side + across, y + up), (x + side + across, y + side + up), (x + side, y + side)]
    for points, color in ((front, "#DCE3EA"), (top, "#C3CDD7"), (flank, "#A9B6C2")):
        axes.add_patch(Polygon(points, closed=True, facecolor=color, edgecolor=GRAY, linewidth=0.6, joinstyle="round"))


@_draw.register
def _draw_wire(shape: Wire, axes: Axes) -> None:
    color, width = (VERMILION, 1.2) if shape.shortcut else (INK, 1.1)
    axes.add_patch(PathPatch(_round_corners(shape.points), facecolor="none", edgecolor=color, linewidth=width, capstyle="butt"))
    if shape.arrow:
        (x, y), (before_x, before_y) = shape.points[-1], shape.points[-2]
        across, down = _sign(x - before_x), _sign(y - before_y)
        back = (x - HEAD * across, y - HEAD * down)
        wing = (0.5 * HEAD * down, 0.5 * HEAD * across)
        head = [(x, y), (back[0] + wing[0], back[1] + wing[1]), (back[0] - wing[0], back[1] - wing[1]), (x, y)]
        axes.add_patch(PathPatch(Path(head), facecolor=color, edgecolor="none"))


def _sign(number: float) -> float:
    return (number > 0) - (number < 0)


def _round_corners(points: Sequence[Point]) -> Path:
    """Return a line with rounded corners, each as round as its shorter leg allows."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(ROUND, *(max(abs(corner[0] - end[0]), abs(corner[1] - end[1])) / 2 for end in (before, after)))
        vertices += [_move_toward(corner, before, radius), corner, _move_toward(corner, after, radius)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*vertices, points[-1]], [*codes, Path.LINETO])


def _move_toward(corner: Point, end: Point, radius: float) -> Point:
    return corner[0] + radius * _sign(end[0] - corner[0]), corner[1] + radius * _sign(end[1] - corner[1])


def _add_box(axes: Axes, x: float, y: float, width: float, height: float, radius: float, face: str, edge: str, line: float) -> None:
    style = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=face, edgecolor=edge, linewidth=line))


def _write(axes: Axes, x: float, y: float, text: str, size: float, align: str, weight: str, color: str) -> None:
    if text:
        axes.text(x, y, text, fontsize=size, ha=align, va="center_baseline", family=FONT, weight=weight, color=color, parse_math=False)


def _tint(color: str) -> str:
    """Mix a color with white."""
    parts = [round(255 - TINT * (255 - int(color[start : start + 2], 16))) for start in (1, 3, 5)]
    return "#" + "".join(f"{part:02X}" for part in parts)
