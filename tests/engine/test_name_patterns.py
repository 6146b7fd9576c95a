"""Patterns that match nothing: those that are offered instead match something, and together everything."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcifar.core.errors import UserError
from kcifar.engine.name_patterns import check_match, list_patterns, suggest_pattern

WORDS = st.sampled_from(["stem", "block1", "block10", "block2", "head", "logits"])
NAMES = st.lists(st.builds(lambda first, rest: first + rest, WORDS, st.sampled_from(["", "_conv", "_conv/kernel", "/bias", "_norm1"])), min_size=1)


@given(NAMES)
def test_the_patterns_match_every_name_and_none_is_idle(names: list[str]) -> None:
    patterns = list_patterns(names)
    assert len(patterns) == len({name.split("_")[0].split("/")[0] for name in names})
    assert all(any(fnmatchcase(name, pattern) for pattern in patterns) for name in names)
    assert all(any(fnmatchcase(name, pattern) for name in names) for pattern in patterns)


@given(NAMES, st.text("stemblock12_*?[]!Cconv", max_size=8))
def test_a_suggestion_matches_something(names: list[str], pattern: str) -> None:
    suggestion = suggest_pattern(pattern, names)
    if suggestion:
        offered = suggestion.removeprefix("; did you mean '").removesuffix("'?")
        assert any(fnmatchcase(name, offered) for name in names)


RESNET = ["stem_conv", "stem_norm", "group1_block1_conv1", "group1_block1_norm1", "group2_block1_conv1", "group2_block1_norm1", "logits"]


@pytest.mark.parametrize(
    ("pattern", "suggestion"),
    [
        ("stage*", ""),
        ("stm_*", "; did you mean 'stem_*'?"),
        ("grup1_*", "; did you mean 'group1_*'?"),
        ("conv*", "; did you mean '*conv*'?"),
        ("CONV1", "; did you mean '*conv1*'?"),
        ("logit", "; did you mean '*logit*'?"),
        ("xyz", ""),
        ("*?", ""),
    ],
)
def test_the_message_lists_the_parts_of_the_network(pattern: str, suggestion: str) -> None:
    message = f"here: expected a pattern that matches a layer, such as 'stem_*', 'group1_*', 'group2_*', 'logits', got '{pattern}'{suggestion}"
    names = RESNET if pattern != "*?" else []
    if not names:
        message = "here: expected a pattern that matches a layer, of which this network has none, got '*?'"
    with pytest.raises(UserError) as caught:
        check_match("here", "a layer", pattern, names)
    assert str(caught.value) == message


def test_a_pattern_that_matches_is_taken() -> None:
    check_match("here", "a layer", "group?_*", RESNET)
