"""Texts of messages: one line, of limited length, with the nearest allowed name."""

from hypothesis import given
from hypothesis import strategies as st

from kcifar.core.errors import did_you_mean, one_line


@given(st.text(max_size=300), st.integers(1, 250))
def test_one_line_is_printable_and_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert all(character.isprintable() for character in line)


def test_a_longer_text_is_truncated_with_an_ellipsis() -> None:
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"
    assert one_line("a\n\tb\x00c") == "a b c"


def test_only_a_near_name_is_suggested() -> None:
    assert did_you_mean("adma", ["sgd", "adam"]) == "; did you mean 'adam'?"
    assert did_you_mean("x", ["sgd", "adam"]) == ""
