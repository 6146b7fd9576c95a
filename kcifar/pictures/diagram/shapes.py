"""The shapes that a picture consists of, in points; y grows downwards."""

from dataclasses import dataclass, replace

Point = tuple[float, float]

LINE, SMALL, NAME, TITLE = 8.0, 7.5, 7.5, 13.0  # sizes of text: lines of a block, captions and shapes, groups, title


@dataclass(frozen=True)
class Pill:
    """A rounded box with one line of text; x and y are its center."""

    x: float
    y: float
    width: float
    height: float
    text: str
    kind: str
    item: int

    @property
    def reach(self) -> float:
        """How far it extends to each side of x."""
        return self.width / 2


@dataclass(frozen=True)
class Mark:
    """The round sign of a merge; x and y are its center."""

    x: float
    y: float
    radius: float
    kind: str
    item: int

    @property
    def height(self) -> float:
        """Its diameter."""
        return 2 * self.radius

    @property
    def reach(self) -> float:
        """How far it extends to each side of x."""
        return self.radius


@dataclass(frozen=True)
class Wire:
    """A line with rounded corners; a shortcut is an edge of the network outside the main path through its blocks.

    `edges` are the (source, target) items that the line, or its branch, represents.
    """

    points: tuple[Point, ...]
    shortcut: bool
    arrow: bool
    edges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Plate:
    """A background: the box of a block, or the frame of a group, with `copies` behind it."""

    x: float
    y: float
    width: float
    height: float
    frame: bool
    copies: int = 0


@dataclass(frozen=True)
class Note:
    """A line of text; x is the end that `align` names, y the middle."""

    x: float
    y: float
    text: str
    size: float
    align: str
    weight: str = "normal"


@dataclass(frozen=True)
class Dot:
    """The point where a line branches."""

    x: float
    y: float


@dataclass(frozen=True)
class Slab:
    """Feature maps as a slab: the front is one map, the depth their number; x is the left end, y the middle of the front."""

    x: float
    y: float
    side: float
    depth: float


Shape = Pill | Mark | Wire | Plate | Note | Dot | Slab


def move_shape(shape: Shape, x: float, y: float) -> Shape:
    """Return a shape moved by x to the right and by y down."""
    if isinstance(shape, Wire):
        return replace(shape, points=tuple((across + x, down + y) for across, down in shape.points))
    return replace(shape, x=shape.x + x, y=shape.y + y)
