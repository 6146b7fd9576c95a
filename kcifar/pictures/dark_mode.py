"""SVG figures on a dark page: each color of a figure gets a counterpart, and the reader's browser chooses.

The files of figures stay as they were drawn. In a page, a color is a variable, whose value depends on `prefers-color-scheme`: in an image,
that is the scheme of the page around it, which is light on paper.
"""

import re
from collections.abc import Sequence

from matplotlib.colors import to_hex, to_rgb

from kcifar.pictures.style import BLUE, GREEN, INK_ON_DARK, INK_ON_LIGHT, PURPLE, SKY_BLUE, VERMILION

PAGE, INK = "#15181c", "#e3e6ea"  # of the dark page, as in `page.css`
# The hues stay, lighter where they would be too dark to be seen on the page; numbers in cells are white on every tint.
_COUNTERPARTS = {
    BLUE: "#3d97de",
    SKY_BLUE: "#8fd0f5",
    GREEN: "#1fc295",
    VERMILION: "#f2683a",
    PURPLE: "#dd94bd",
    INK_ON_LIGHT: "#ffffff",
    INK_ON_DARK: "#ffffff",
}
_DARK = {light.lower().encode(): dark for light, dark in _COUNTERPARTS.items()}
_COLOR = re.compile(rb"(?<=: )#[0-9a-f]{6}(?=[;\"])")
_FONT_LIST = re.compile(rb"font-family: [^;\"]*;? ?")
_ROOT = re.compile(rb"<svg[^>]*>")
_FONTS = b"text{font-family:'DejaVu Sans',Verdana,sans-serif}"  # alike in width


def follow_color_scheme(svg: bytes) -> bytes:
    """Return an SVG of matplotlib whose colors suit a light and a dark page; one without colors is returned unchanged."""
    colors = sorted(set(_COLOR.findall(svg)) | {b"#000000"}) if _COLOR.search(svg) else []
    if not colors:
        return svg
    names = {color: b"var(--c%d)" % place for place, color in enumerate(colors)}
    drawn = _FONT_LIST.sub(b"", _COLOR.sub(lambda match: names[match.group()], svg))
    return _ROOT.sub(lambda match: match.group() + _make_style(colors), drawn, count=1)


def find_counterpart(color: str) -> str:
    """Return the color, "#rrggbb", that a color becomes on a dark page.

    Gray takes its place between the ink and the page; other colors stay unless they would be too dark.

    Example:
        >>> find_counterpart("#ffffff"), find_counterpart("#000000"), find_counterpart("#e69f00")
        ('#15181c', '#e3e6ea', '#e69f00')
    """
    if (known := _DARK.get(color.lower().encode())) is not None:
        return known
    red, green, blue = to_rgb(color)
    if not red == green == blue:
        return color.lower()
    (page_red, page_green, page_blue), (ink_red, ink_green, ink_blue) = to_rgb(PAGE), to_rgb(INK)
    dark = 1 - red
    return to_hex((red * page_red + dark * ink_red, red * page_green + dark * ink_green, red * page_blue + dark * ink_blue))


def _make_style(colors: Sequence[bytes]) -> bytes:
    """Return a style with both values of each variable; what names no color is drawn in black, so in ink."""
    light = b"".join(b"--c%d:%b;" % (place, color) for place, color in enumerate(colors))
    dark = b"".join(b"--c%d:%b;" % (place, find_counterpart(color.decode()).encode()) for place, color in enumerate(colors))
    ink = b"fill:var(--c%d)" % colors.index(b"#000000")
    return b"<style>:root{%b%b}%b@media (prefers-color-scheme:dark){:root{%b}}</style>" % (light, ink, _FONTS, dark)
