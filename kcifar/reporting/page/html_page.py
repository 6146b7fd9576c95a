"""The report as one self-contained page: it loads nothing and runs only its own script."""

import base64
import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup

from kcifar.reporting.page.content import Table
from kcifar.reporting.page.html_tables import TEMPLATES, load_templates, to_html, to_upright_html
from kcifar.reporting.page.report import RenderedSection

_RESERVED = ("main", "contents", "notes")  # ids of the template itself
_ID_LENGTH = 60
_STYLES = ("page.css", "tables.css", "print.css")  # later files override earlier ones
_MAX_UNBROKEN_ROWS = 30  # of a table that is moved to the next sheet instead of being split
_MANY_COLUMNS = {"wide": 9, "wider": 14, "widest": 20}  # tables with more columns are printed smaller, smaller still, and in landscape
_VIEW_BOX = re.compile(rb'<svg[^>]*\sviewBox="0 0 ([\d.]+) ([\d.]+)"')
_PIXELS_PER_POINT = 96 / 72


@dataclass(frozen=True)
class PagePart:
    """One part of the page: the sections of all runs together, or of one run."""

    title: str
    sections: Sequence[RenderedSection]


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
    template = load_templates().get_template("page.html.j2")
    return template.render(
        title=title,
        parts=_add_anchors(parts),
        notes=notes,
        styles=styles,
        script=script,
        style_hash=_compute_hash(styles),
        script_hash=_compute_hash(script),
        table_html=_render_table,
        table_looks=_choose_table_classes,
        image=_embed_image,
    )


def _add_anchors(parts: Sequence[PagePart]) -> list[tuple[str, PagePart, list[tuple[str, RenderedSection]]]]:
    """Give every part and section an id; parts first, so that their ids do not depend on sections."""
    taken = set(_RESERVED)
    anchors = [_make_id(part.title, taken) for part in parts]
    return [
        (anchor, part, [(_make_id(f"{anchor}-{section.name}", taken), section) for section in part.sections])
        for anchor, part in zip(anchors, parts, strict=True)
    ]


def _make_id(name: str, taken: set[str]) -> str:
    """Return an unused id of letters, digits and "-", and add it to `taken`."""
    stem = re.sub("[^a-z0-9]+", "-", name.lower())[:_ID_LENGTH].strip("-") or "part"
    numbered: Iterator[str] = (f"{stem}-{number}" for number in itertools.count(2))
    anchor = next(candidate for candidate in itertools.chain((stem,), numbered) if candidate not in taken)
    taken.add(anchor)
    return anchor


def _render_table(table: Table) -> Markup:
    return Markup(to_upright_html(table) if len(table.frame) == 1 else to_html(table, table.page_rows))


def _choose_table_classes(table: Table, section: RenderedSection) -> str:
    """Return the CSS classes of a table, which determine its layout on screen and paper."""
    rows, columns = len(table.frame), len(table.columns)
    looks = {
        "table": True,
        "named": table.title == section.title,  # the caption repeats the heading: only screen readers need both
        "short": min(rows, table.page_rows) <= _MAX_UNBROKEN_ROWS,
        **{name: rows != 1 and columns > limit for name, limit in _MANY_COLUMNS.items()},
    }
    return " ".join(name for name, holds in looks.items() if holds)


def _embed_image(svg: bytes) -> dict[str, str | int]:
    """Return source, width and height (pixels) of an SVG image."""
    size = _VIEW_BOX.search(svg)
    if size is None:
        raise ValueError(f'expected an SVG with viewBox="0 0 WIDTH HEIGHT", got {svg[:80]!r}')
    width, height = (round(float(points) * _PIXELS_PER_POINT) for points in size.groups())
    return {"source": f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}", "width": width, "height": height}


@cache
def _read_asset(name: str) -> Markup:
    """Return a file of the templates unescaped: it is part of the package, so it is trusted."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def _compute_hash(text: str) -> str:
    """Return the hash by which a content security policy allows an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
