"""The report as one self-contained page: it loads nothing and runs only its own script."""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup

from kcifar.pictures.dark_mode import follow_color_scheme
from kcifar.reporting.page.arrangement import RESERVED, ArrangedPart, PagePart, arrange_parts, make_id
from kcifar.reporting.page.column_choice import ON_DEMAND, ROOMS
from kcifar.reporting.page.content import Table
from kcifar.reporting.page.html_tables import TEMPLATES, load_templates, to_page_html, to_upright_html
from kcifar.reporting.page.report import RenderedSection

_STYLES = ("page.css", "figures.css", "tables.css", "print.css")  # later files override earlier ones
_MAX_UNBROKEN_ROWS = 12  # of a table that is moved to the next sheet instead of being split
_PRINTED = {"w48", "w58"}  # columns for which paper has room only in small letters
_VIEW_BOX = re.compile(rb'<svg[^>]*\sviewBox="0 0 ([\d.]+) ([\d.]+)"')
_PIXELS_PER_POINT = 96 / 72


def render_page(title: str, parts: Sequence[PagePart], notes: Sequence[str]) -> str:
    """Return the page; the same content gives the same text at any time and on any machine.

    Args:
        title: Heading and title of the page.
        parts: In the order shown; each is listed in the table of contents.
        notes: Unfinished runs, skipped folders and the reasons: a list at the end, linked from the top.
    Returns:
        HTML that UTF-8 can encode, for any input text.
    Raises:
        ValueError: A figure is not an SVG with a size.
    """
    styles, script = Markup("\n").join(map(_read_asset, _STYLES)), _read_asset("page.js")
    arranged = arrange_parts(parts)
    template = load_templates().get_template("page.html.j2")
    return template.render(
        title=title,
        parts=arranged,
        notes=notes,
        styles=styles,
        script=script,
        style_hash=_compute_hash(styles),
        script_hash=_compute_hash(script),
        page_table=_make_page_table,
        unused_id=_make_unused_ids(arranged),
        image=_embed_image,
    )


@dataclass(frozen=True)
class _TableView:
    """A table as the template shows it: its HTML, CSS classes that determine its layout, and when the control for more columns is shown."""

    html: Markup
    looks: str
    control: str


def _make_page_table(table: Table, section: RenderedSection) -> _TableView:
    rows = len(table.frame)
    html, rooms = (to_upright_html(table), ()) if rows == 1 else to_page_html(table)
    looks = {
        "table": True,
        "named": table.title == section.title,  # the caption repeats the heading: only screen readers need both
        "short": (len(table.columns) if rows == 1 else min(rows, table.page_rows)) <= _MAX_UNBROKEN_ROWS,
        "dense": not _PRINTED.isdisjoint(rooms),
    }
    control = "" if not rooms else "always" if ON_DEMAND in rooms else f"until-{max(rooms, key=lambda room: ROOMS[room])}"
    return _TableView(Markup(html), " ".join(name for name, holds in looks.items() if holds), control)


def _make_unused_ids(parts: Sequence[ArrangedPart]) -> Callable[[], str]:
    """Return a function that returns another unused id on each call, for controls, whose labels name them."""
    taken = {*RESERVED, *(part.anchor for part in parts), *(anchor for part in parts for anchor, _ in part.links)}
    return lambda: make_id("columns", taken)


def _embed_image(svg: bytes) -> dict[str, str | int]:
    """Return source, width and height (pixels) of an SVG image."""
    size = _VIEW_BOX.search(svg)
    if size is None:
        raise ValueError(f'expected an SVG with viewBox="0 0 WIDTH HEIGHT", got {svg[:80]!r}')
    width, height = (round(float(points) * _PIXELS_PER_POINT) for points in size.groups())
    return {"source": f"data:image/svg+xml;base64,{base64.b64encode(follow_color_scheme(svg)).decode()}", "width": width, "height": height}


@cache
def _read_asset(name: str) -> Markup:
    """Return a file of the templates unescaped: it is part of the package, so it is trusted."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def _compute_hash(text: str) -> str:
    """Return the hash by which a content security policy allows an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
