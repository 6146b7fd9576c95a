"""Laws of the columns that a page shows: rows keep their names, the chosen columns come first, and what is shown fits its room."""

import re
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kcifar.reporting.page import html_tables
from kcifar.reporting.page.column_choice import ON_DEMAND, ROOMS, choose_columns, estimate_width

LOOKS = st.sampled_from(["number", "text", "long"])
TABLES = st.dictionaries(
    st.text("abc de", min_size=1, max_size=20), st.tuples(LOOKS, st.lists(st.text("a1_ ", max_size=30), min_size=1, max_size=3)), min_size=1
)


@given(TABLES, st.integers(1, 2), st.data())
def test_names_of_rows_are_always_shown_and_columns_that_are_shown_fit(
    table: dict[str, tuple[str, list[str]]], heads: int, data: st.DataObject
) -> None:
    texts, looks = ({name: part[place] for name, part in table.items()} for place in (1, 0))
    chosen = data.draw(st.lists(st.sampled_from(list(table)), unique=True))
    classes = choose_columns(texts, looks, heads, chosen)  # type: ignore[arg-type]
    names = list(texts)
    assert list(classes) == names
    assert all(classes[name] == "" for name in names[:heads])
    assert set(classes.values()) <= {*ROOMS, ON_DEMAND}
    if chosen:
        assert all(classes[name] == ON_DEMAND for name in names[heads:] if name not in chosen)
    for room, width in ROOMS.items():
        shown = [name for name in names if classes[name] != ON_DEMAND and ROOMS[classes[name]] <= width]
        needed = sum(estimate_width(name, texts[name], looks[name], width < 37) for name in shown)  # type: ignore[arg-type]
        assert len(shown) <= heads or needed <= width + 1e-9, room


@given(TABLES, st.data())
def test_a_more_important_column_is_never_hidden_where_a_less_important_one_is_shown(
    table: dict[str, tuple[str, list[str]]], data: st.DataObject
) -> None:
    texts, looks = ({name: part[place] for name, part in table.items()} for place in (1, 0))
    chosen = data.draw(st.permutations(list(table)[1:]))
    classes = choose_columns(texts, looks, 1, chosen)  # type: ignore[arg-type]
    rooms = [ROOMS.get(classes[name], 1e9) for name in chosen]
    assert all(before <= after for before, after in pairwise(rooms))


def test_the_style_hides_columns_at_the_rooms_that_they_need() -> None:
    style = (Path(html_tables.__file__).parent / "templates" / "tables.css").read_text(encoding="utf-8")
    hidden = dict(re.findall(r"@container \(width < (\d+)rem\) \{ \.(w\d+) \{ display: none; \} \}", style))
    controls = dict(re.findall(r"@container \(width >= (\d+)rem\) \{ \.until-(w\d+), \.until-w\d+ \+ label \{ display: none; \} \}", style))
    expected = {f"{room:g}": name for name, room in ROOMS.items() if name}
    assert hidden == controls == expected
    assert f".{ON_DEMAND} {{\n  display: none;" in style
