"""The order of a page: in each part, the answer and the leading figures first, then the rest of its sections."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kcifar.reporting.page.content import Fact
from kcifar.reporting.page.report import RenderedFigure, RenderedSection

RESERVED = ("main", "contents", "notes")  # ids of the template itself
MAX_LEADING = 2  # figures at the top of a part; they stand next to each other
_ID_LENGTH = 60


@dataclass(frozen=True)
class PagePart:
    """One part of the page: the sections of all runs together, or of one run."""

    title: str
    sections: Sequence[RenderedSection]


@dataclass(frozen=True)
class Lead:
    """What a section puts at the top of its part.

    Attributes:
        title: Of the section.
        anchor: Id of the section if all of it is here, else None.
        facts: The answer in numbers.
        figures: In the order shown.
    """

    title: str
    anchor: str | None
    facts: Sequence[Fact]
    figures: Sequence[RenderedFigure]


@dataclass(frozen=True)
class ArrangedPart:
    """A part as the template shows it.

    Attributes:
        anchor: Id of its heading.
        title: Text of its heading.
        leads: What is at the top.
        sections: Ids of the sections below, and what is left of each.
        links: Id and title of every section, for the contents.
    """

    anchor: str
    title: str
    leads: Sequence[Lead]
    sections: Sequence[tuple[str, RenderedSection]]
    links: Sequence[tuple[str, str]]


def arrange_parts(parts: Sequence[PagePart]) -> list[ArrangedPart]:
    """Give every part and section an id, parts first, so that their ids do not depend on sections, and put the answers at the top."""
    taken = set(RESERVED)
    anchors = [make_id(part.title, taken) for part in parts]
    named = [
        [(make_id(f"{anchor}-{section.name}", taken), section) for section in part.sections] for anchor, part in zip(anchors, parts, strict=True)
    ]
    return [_arrange(anchor, part.title, sections) for anchor, part, sections in zip(anchors, parts, named, strict=True)]


def make_id(name: str, taken: set[str]) -> str:
    """Return an unused id of letters, digits and "-", and add it to `taken`."""
    stem = re.sub("[^a-z0-9]+", "-", name.lower())[:_ID_LENGTH].strip("-") or "part"
    numbered: Iterator[str] = (f"{stem}-{number}" for number in itertools.count(2))
    anchor = next(candidate for candidate in itertools.chain((stem,), numbered) if candidate not in taken)
    taken.add(anchor)
    return anchor


def _arrange(anchor: str, title: str, sections: Sequence[tuple[str, RenderedSection]]) -> ArrangedPart:
    chosen = [figure for _, section in sections for figure in section.figures if figure.leads][:MAX_LEADING]
    leads, kept = [], []
    for name, section in sections:
        top, rest = _split(section, chosen)
        stays = bool(rest.paragraphs or rest.tables or rest.figures) or not (top or section.facts)
        if top or section.facts:
            leads.append(Lead(section.title, None if stays else name, section.facts, top))
        if stays:
            kept.append((name, rest))
    return ArrangedPart(anchor, title, leads, kept, [(name, section.title) for name, section in sections])


def _split(section: RenderedSection, chosen: Sequence[RenderedFigure]) -> tuple[list[RenderedFigure], RenderedSection]:
    """Return those figures of a section that are among the chosen ones, and the section without them."""
    top = [figure for figure in section.figures if any(figure is leading for leading in chosen)]
    return top, replace(section, figures=[figure for figure in section.figures if not any(figure is leading for leading in top)])
