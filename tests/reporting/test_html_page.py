"""Laws of the page: well-formed, whole in one file, and whatever text goes in comes out as that text and nothing else."""

import base64
import hashlib
import itertools
import math
import re
import time
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pandas
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from run_folders import HOSTILE

from kcifar.core.errors import one_line
from kcifar.reporting.page.arrangement import PagePart
from kcifar.reporting.page.columns import COUNT, LOSS, PERCENT, TEXT, ColumnKind, format_table, make_frame
from kcifar.reporting.page.content import Table
from kcifar.reporting.page.html_page import render_page
from kcifar.reporting.page.html_tables import clean_text, to_html, to_page_html, to_upright_html
from kcifar.reporting.page.report import RenderedFigure, RenderedSection

SVG = b'<?xml version="1.0"?>\n<svg xmlns:x="http://www.w3.org/1999/xlink" width="576pt" height="540.5pt" viewBox="0 0 576 540.5"></svg>'
WORSE = f"""</style></script></title>--><img src=x onerror=alert(1)>"' {HOSTILE} {{{{ 7 * 7 }}}} &amp; \0\x1b[31m\ud800\u202eright to left"""
COLUMNS = {"class": TEXT, "images": COUNT, "recall": PERCENT, "loss": LOSS}
VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}
ANY_TEXT = st.text(st.characters(codec=None), max_size=12) | st.sampled_from([WORSE, HOSTILE, "", " ", "main", "notes", "a-b"])

Attributes = dict[str, str | None]


class Outline(HTMLParser):
    """What a page consists of; fails where elements do not nest.

    Attributes:
        elements: Name, attributes and text (its own and that of what is inside) of each element, in order.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes, list[str]]] = []
        self._open: list[tuple[str, Attributes, list[str]]] = []
        self.feed(source)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag}: an attribute twice"
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> ends nothing"
        assert self._open.pop()[0] == tag, f"</{tag}> out of place"

    def handle_data(self, data: str) -> None:
        for _, _, texts in self._open:
            texts.append(data)

    def texts(self, tag: str) -> list[str]:
        return ["".join(texts).strip() for name, _, texts in self.elements if name == tag]

    def attributes(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes, _ in self.elements if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] or "" for _, attributes, _ in self.elements if attribute in attributes]


def table_of(rows: Sequence[tuple[Any, ...]], title: str = "Classes", note: str = "", page_rows: int = 60) -> Table:
    values = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return Table("classes", title, COLUMNS, make_frame(values, COLUMNS, ("class",)), note, page_rows)


def page_of(text: str, rows: int = 3) -> str:
    """A page that says `text` wherever a run folder, a user or a section may have a say."""
    tables = [table_of([(text, 3, 0.5, 1.0)] * rows, text, f"{text}."), table_of([(text, 3, 0.5, None)], text)]
    section = RenderedSection(text, text, False, [text, text], tables, [RenderedFigure(text, b"", SVG, text, text)])
    return render_page(text, [PagePart(text, [section, section]), PagePart(text, [section])], [text])


def shown(text: str) -> str:
    """What a reader sees of a text: spaces fall together."""
    return " ".join(clean_text(text).split())


# The page


@settings(max_examples=30, deadline=None)
@given(ANY_TEXT)
@example(WORSE)
@example("")
def test_any_text_comes_out_as_that_text_and_nothing_else(text: str) -> None:
    source = page_of(text)
    assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", source)
    outline, harmless = Outline(source), Outline(page_of("harmless"))
    tags, harmless_tags = ([(tag, set(attributes)) for tag, attributes, _ in each.elements if tag != "wbr"] for each in (outline, harmless))
    assert tags == harmless_tags
    for tag in ("title", "h1", "h2", "h3", "figcaption", "caption"):
        assert {" ".join(result.split()) for result in outline.texts(tag)} - {"Notes"} == {shown(text)} - {"Notes"}, tag
    assert [attributes["alt"] for attributes in outline.attributes("img")] == [clean_text(text)] * 3
    cells = {result for result, attributes in zip(outline.texts("th"), outline.attributes("th"), strict=True) if "data-value" not in attributes}
    assert shown(one_line(text)) in {" ".join(cell.split()) for cell in cells}


def test_text_of_templates_is_never_a_template() -> None:
    assert "{{ 7 * 7 }}" in Outline(page_of(WORSE)).texts("h1")[0]
    assert "alert" not in {name for _, attributes, _ in Outline(page_of(WORSE)).elements for name in attributes}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ANY_TEXT, st.lists(ANY_TEXT, max_size=3)), max_size=5), st.lists(ANY_TEXT, max_size=2))
@example([("x" * 999, ["y" * 999, "z" * 999])], [])
@example([("main", ["x"]), ("main", ["x"]), ("a", ["b"]), ("a-b", []), ("画", [""]), ("", ["画"])], [])
def test_every_id_is_unique_and_every_link_leads_to_one(names: list[tuple[str, list[str]]], notes: list[str]) -> None:
    parts = [PagePart(title, [RenderedSection(name, name, False, [], [], []) for name in sections]) for title, sections in names]
    outline = Outline(render_page("runs", parts, notes))
    ids = outline.values("id")
    assert max(Counter(ids).values()) == 1
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)
    assert max(map(len, ids)) <= 64
    targets = [href.removeprefix("#") for href in outline.values("href")]
    assert set(targets) <= set(ids)
    headings = [attributes["id"] for attributes in outline.attributes("h2") + outline.attributes("h3")]
    assert set(headings) <= set(targets)
    assert len(headings) == len(parts) + sum(len(sections) for _, sections in names) + bool(notes)


def test_headings_go_down_one_step_at_a_time_and_the_first_is_the_only_of_its_kind() -> None:
    levels = [int(tag[1]) for tag, _, _ in Outline(page_of("runs")).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_the_page_needs_no_other_file_and_runs_only_its_own_script() -> None:
    source = page_of("harmless")
    outline = Outline(source)
    assert "://" not in source
    assert all(address.startswith("data:image/svg+xml;base64,") for address in outline.values("src"))
    assert not {name for _, attributes, _ in outline.elements for name in attributes if name.startswith("on") or name in ("style", "srcset")}
    policy = next(result["content"] for result in outline.attributes("meta") if result.get("http-equiv") == "Content-Security-Policy") or ""
    for tag, allowed in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        assert f"{allowed} 'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_the_same_content_gives_the_same_page() -> None:
    assert page_of(WORSE) == page_of(WORSE)


def test_what_a_reader_who_does_not_see_is_told() -> None:
    outline = Outline(page_of("runs"))
    assert [attributes["lang"] for attributes in outline.attributes("html")] == ["en"]
    assert all(attributes["alt"] for attributes in outline.attributes("img"))
    assert len(outline.texts("caption")) == len(outline.texts("table"))
    assert {attributes.get("scope") for attributes in outline.attributes("th")} == {"row", "col"}
    regions = [attributes for attributes in outline.attributes("div") if attributes.get("role") == "region"]
    assert all(attributes["tabindex"] == "0" and attributes["aria-label"] for attributes in regions)
    assert len(regions) == 3


def test_a_figure_takes_its_room_before_it_is_drawn() -> None:
    image = Outline(page_of("runs")).attributes("img")[0]
    assert (image["width"], image["height"]) == ("768", "721")  # 576 and 540.5 points
    assert base64.b64decode((image["src"] or "").split(",")[1]) == SVG  # which names no color


def test_names_in_cells_may_be_broken_where_their_words_end_and_are_else_unchanged() -> None:
    table = table_of([("a_b<c", 1, 0.5, 1.0), ("__", 2, 0.5, 1.0)])
    source = to_page_html(table).html
    assert "a_<wbr>b&lt;c" in source
    assert Outline(source).texts("th")[4:] == ["a_b<c", "__"]


def test_a_figure_without_a_size_is_refused() -> None:
    section = RenderedSection("s", "S", False, [], [], [RenderedFigure("f", b"", b"<svg></svg>", "", "")])
    with pytest.raises(ValueError, match=r"viewBox.*got b'<svg></svg>'"):
        render_page("runs", [PagePart("run", [section])], [])


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (4, None),
        (5, "1 more row: --format csv writes all rows to classes.csv."),
        (1_004, "1,000 more rows: --format csv writes all rows to classes.csv."),
    ],
)
def test_rows_that_the_page_leaves_out_are_counted(rows: int, line: str | None) -> None:
    table = table_of([(f"class {number}", number, 0.5, 1.0) for number in range(rows)], page_rows=4)
    outline = Outline(render_page("runs", [PagePart("run", [RenderedSection("s", "S", False, [], [table], [])])], []))
    assert len(outline.texts("tr")) == 1 + 4
    assert [text for text in outline.texts("p") if ".csv" in text] == ([line] if line else [])


@pytest.mark.parametrize(
    ("columns", "rows", "page_rows", "looks"),
    [
        (4, 2, 60, "short"),
        (4, 13, 60, ""),
        (4, 13, 12, "short"),
        (12, 12, 60, "short dense"),
        (30, 13, 60, "dense"),
        (12, 1, 60, "short"),
        (13, 1, 60, ""),
    ],
)
def test_tables_of_many_columns_are_printed_smaller_and_those_of_few_lines_whole(columns: int, rows: int, page_rows: int, looks: str) -> None:
    kinds = {f"c{number}": COUNT for number in range(columns)}
    table = Table("t", "T", kinds, make_frame([dict.fromkeys(kinds, 1)] * rows, kinds, ("c0",)), page_rows=page_rows)
    outline = Outline(render_page("runs", [PagePart("run", [RenderedSection("s", "S", False, [], [table], [])])], []))
    assert [attributes["class"] for attributes in outline.attributes("div") if attributes["class"] != "room"] == [f"table {looks}".strip()]


def test_hidden_columns_come_with_a_labeled_control_and_others_without() -> None:
    wide = {f"column_{number}": COUNT for number in range(40)}
    frames = [
        (kinds, make_frame([dict.fromkeys(kinds, 1)] * 2, kinds, (next(iter(kinds)),))) for kinds in (wide, COLUMNS | {}, {"a": COUNT, "b": COUNT})
    ]
    tables = [Table("t", f"Table {place}", kinds, frame) for place, (kinds, frame) in enumerate(frames)]
    outline = Outline(render_page("runs", [PagePart("columns", [RenderedSection("s", "S", False, [], [*tables, tables[0]], [])])], []))
    boxes = outline.attributes("input")
    assert [box["class"] for box in boxes] == ["always", "until-w21", "always"]
    assert {box["type"] for box in boxes} == {"checkbox"}
    assert [label["for"] for label in outline.attributes("label")] == [box["id"] for box in boxes]
    assert len({box["id"] for box in boxes} | {"columns"}) == 4  # the part's own id is another
    assert outline.texts("label")[0] == "Show all 40 columns of Table 0"


def test_one_row_stands_upright() -> None:
    table = table_of([("bird", 1_000, 0.4545, None)])
    outline = Outline(render_page("runs", [PagePart("run", [RenderedSection("s", "S", False, [], [table], [])])], []))
    assert list(zip(outline.texts("th"), outline.texts("td"), strict=True)) == [
        ("class", "bird"),
        ("images", "1,000"),
        ("recall", "45.45%"),
        ("loss", "-"),
    ]


def test_the_page_of_one_run_does_not_show_its_name_twice() -> None:
    parts = [PagePart("lenet", [RenderedSection("s", "S", False, ["Text."], [], [])])]
    assert Outline(render_page("lenet", parts, [])).attributes("h2") == [{"id": "lenet", "class": "hidden"}]
    assert Outline(render_page("Report", parts, [])).attributes("h2") == [{"id": "lenet"}]


def test_notes_are_listed_and_the_top_points_at_them() -> None:
    outline = Outline(render_page("runs", [], ["unfinished: a", "skipped: b"]))
    assert outline.texts("li")[-2:] == ["unfinished: a", "skipped: b"]
    assert outline.texts("header") == ["runs\nThe notes list what is unfinished or left out."]
    assert "notes" not in Outline(render_page("runs", [], [])).values("id")


def test_twelve_runs_of_twelve_figures_take_less_than_a_second() -> None:
    table = table_of([(f"class {number}", number, 0.5, 1.0) for number in range(1_000)])
    figures = [RenderedFigure("f", b"", SVG + b" " * 100_000, "caption", "text")] * 12
    parts = [PagePart(f"run {number}", [RenderedSection("s", "S", False, ["Text."] * 5, [table] * 5, figures)]) for number in range(12)]
    started = time.process_time()
    assert len(render_page("runs", parts, ["note"] * 100)) > 144 * 100_000
    assert time.process_time() - started < 1


# Tables

VALUES = st.none() | st.floats(allow_nan=False)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(ANY_TEXT, st.none() | st.integers(-(2**62), 2**62), VALUES, VALUES), min_size=1, max_size=6))
def test_cells_say_what_people_read_and_numbers_carry_what_they_are(rows: list[tuple[Any, ...]]) -> None:
    table = table_of(rows)
    cells = [
        (attributes, text) for tag, attributes, text in Outline(to_html(table)).elements if tag in ("th", "td") and attributes.get("scope") != "col"
    ]
    assert ["".join(text) for _, text in cells] == [
        clean_text(text) for line in format_table(table.frame, COLUMNS).itertuples(index=False) for text in line
    ]
    for (attributes, _), value in zip(cells, [value for row in rows for value in row], strict=True):
        number = not isinstance(value, str)
        missing = value is None
        assert ("missing" in (attributes["class"] or "").split()) == missing
        assert ("number" in (attributes["class"] or "").split()) == number
        read = attributes.get("data-value")
        assert (read is not None) == (number and not missing)
        assert read is None or float(read) == value
        assert read not in ("inf", "-inf")  # JavaScript says Infinity


def test_nan_and_nothing_of_any_kind_are_missing() -> None:
    source = to_html(table_of([("a", None, math.nan, None), (None, 1, 0.0, 0.0)]))
    assert source.count("missing") == 4
    assert source.count("data-value") == 3


def test_a_table_alone_has_caption_headings_and_rows() -> None:
    table = table_of([("bird", 1_000, 0.25, None), ("a < b", None, math.nan, 2.0)], title="Classes & more")
    assert to_html(table) == (
        '<table>\n<caption>Classes &amp; more</caption>\n<thead>\n<tr>\n<th scope="col" class="text">class</th>\n<th scope="col" class="number">images</th>\n'
        '<th scope="col" class="number">recall</th>\n<th scope="col" class="number">loss</th>\n</tr>\n</thead>\n<tbody>\n'
        '<tr>\n<th scope="row" class="text">bird</th>\n<td class="number" data-value="1000">1,000</td>\n<td class="number" data-value="0.25">25.00%</td>\n'
        '<td class="number missing">-</td>\n</tr>\n'
        '<tr>\n<th scope="row" class="text">a &lt; b</th>\n<td class="number missing">-</td>\n<td class="number missing">-</td>\n'
        '<td class="number" data-value="2.0">2.0000</td>\n</tr>\n</tbody>\n</table>\n'
    )


def test_only_the_first_rows_where_so_many_are_asked_for() -> None:
    table = table_of([(name, 1, 0.5, 1.0) for name in "abc"])
    assert Outline(to_html(table, 2)).texts("th")[4:] == ["a", "b"]
    assert Outline(to_html(table, 9)).texts("th")[4:] == Outline(to_html(table)).texts("th")[4:] == ["a", "b", "c"]
    assert Outline(to_html(table, 0)).texts("tr") == ["class\nimages\nrecall\nloss"]


def test_every_column_of_the_index_heads_its_row_and_long_text_may_break() -> None:
    columns = {"true": TEXT, "k": COUNT, "predicted": TEXT}
    table = Table("pairs", "Pairs", columns, make_frame([{"true": "x" * 25, "k": 1, "predicted": "x" * 24}], columns, ("true", "k")))
    heads = [attributes for attributes in Outline(to_html(table)).attributes("th") if attributes["scope"] == "row"]
    assert heads == [{"scope": "row", "class": "long"}, {"scope": "row", "class": "number", "data-value": "1"}]
    assert Outline(to_html(table)).attributes("td") == [{"class": "text"}]


def test_what_a_kind_writes_is_escaped_too() -> None:
    columns = {"name": TEXT, "odd": ColumnKind("float64", "<b>{}</b>".format)}
    table = Table("odd", "Odd", columns, make_frame([{"name": "a", "odd": 1.0}], columns, ("name",)))
    for source in (to_html(table), to_upright_html(table)):
        assert Outline(source).texts("td")[-1] == "<b>1.0</b>"
        assert "b" not in {tag for tag, _, _ in Outline(source).elements}


def test_upright_shows_the_first_row_and_says_what_is_missing() -> None:
    outline = Outline(to_upright_html(table_of([("bird", None, 0.5, 1.0), ("cat", 1, 0.5, 1.0)])))
    assert outline.texts("th") == ["class", "images", "recall", "loss"]
    assert outline.texts("td") == ["bird", "-", "50.00%", "1.0000"]
    assert {attributes["scope"] for attributes in outline.attributes("th")} == {"row"}


def test_a_table_without_rows_keeps_its_headings() -> None:
    table = Table("none", "None", COLUMNS, pandas.DataFrame(make_frame([], COLUMNS, ("class",))))
    assert Outline(to_html(table)).texts("tr") == ["class\nimages\nrecall\nloss"]
