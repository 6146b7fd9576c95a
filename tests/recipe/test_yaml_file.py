"""Reading YAML: values, their lines, and that any file gives a value or a UserError."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT

from kcifar.core.errors import UserError
from kcifar.recipe import yaml_file
from kcifar.recipe.yaml_file import MAX_VALUES, parse_scalar, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),  # YAML 1.1 reads a text
        ("1.0e-4", 1e-4),
        ("3", 3),
        ("-2.5", -2.5),
        ("010", 10),  # YAML 1.1 reads an octal number
        ("1:30", "1:30"),  # ... and a number of base 60
        ("no", "no"),  # ... and a boolean
        ("true", True),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ("[1, a]", [1, "a"]),
        ("{a: 1}", {"a": 1}),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    parsed = parse_scalar(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_lines_are_those_of_the_keys() -> None:
    _, lines = parse_yaml("a: 1\nb:\n  - c: 2\n    d: 3\n", "x")
    assert lines[("a",)] == 1
    assert lines[("b",)] == 2
    assert lines[("b", 0, "c")] == 3
    assert lines[("b", 0, "d")] == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "x.yaml:1: not valid YAML"),
        (b"a: 1\na: 2\n", "x.yaml:2: the key 'a' is given twice"),
        (b"a: \xff\n", "x.yaml:1: expected UTF-8 text, got the byte 0xff"),
        (b"a: 1\nb: \xc3\x28\n", "x.yaml:2: expected UTF-8"),
        (b"a: !!python/object/apply:os.system [ls]\n", ""),
        (b"a: !mine 3\n", "x.yaml:1: expected a plain value, got the tag '!mine'"),
        (b"? [1, 2]\n: 3\n", "expected a plain word as a key"),
        (b"a: &x [1]\nb: {<<: *x}\n", "expected a plain word as a key"),
        (b"[" * 3000, ""),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    if content.startswith(b"a: !!python"):
        assert read_yaml(path)[0] == {"a": ["ls"]}  # just a list: nothing is called
        return
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_aliases_that_explode_are_refused_quickly() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 12)]
    with pytest.raises(UserError, match=f"at most {MAX_VALUES:,} values"):
        parse_yaml("\n".join(levels), "bomb.yaml")


def test_an_alias_of_itself_is_refused() -> None:
    with pytest.raises(UserError, match="values"):
        parse_yaml("a: &a [*a]", "loop.yaml")


def test_a_missing_file_suggests_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "three_stage.yaml").write_text("")
    with pytest.raises(UserError, match=r"no such file; did you mean 'three_stage.yaml'\?"):
        read_yaml(tmp_path / "threestage.yaml")


def test_a_folder_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_yaml(tmp_path)
    (tmp_path / "huge.yaml").write_bytes(b"#" * 100_001)
    with pytest.raises(UserError, match="at most 100,000 bytes, got 100,001"):
        read_yaml(tmp_path / "huge.yaml")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_user_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    message = ""
    try:
        read_yaml(path)
    except UserError as error:
        message = str(error)
    assert "\n" not in message


RECIPE = """name: r
dataset: {name: cifar10, validation: 0.2}
stages:
- {name: "learn: 1", epochs: 3, learning_rate: 1e-3}
-   name: refine
    l2: {value: 1.0e-4, layers: "*_conv*"}
    augmentation: []
"""
SHARED = " :-[]{},*\"'\n._/+x1"  # signs that both parsers read alike


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(RECIPE)), st.integers(0, 2), st.text(SHARED, max_size=2)), max_size=4))
def test_the_quick_parser_reads_what_the_other_reads(edits: list[tuple[int, int, str]]) -> None:
    text = RECIPE
    for place, removed, added in edits:
        text = text[:place] + added + text[place + removed :]
    assert yaml_file._SIGNS_OF_BOTH.fullmatch(text)
    assert _read(text, quick=True) == _read(text, quick=False)


@pytest.mark.parametrize("text", ["a: b\tc", "a: {b?: c}", "a: |#\n b", "#\n\ufeffa: b", "a: \tb"])
def test_texts_that_the_parsers_read_otherwise_are_left_to_the_careful_one(text: str) -> None:
    assert not yaml_file._SIGNS_OF_BOTH.fullmatch(text)


def test_the_recipes_of_run_folders_are_for_the_quick_parser() -> None:
    """Each of a thousand runs would otherwise take 8 ms longer; recipes are the most that a report of many runs reads."""
    recipes = sorted((ROOT / "reports" / "runs").glob("*/recipe.yaml"))
    assert len(recipes) > 20
    assert [path for path in recipes if not yaml_file._SIGNS_OF_BOTH.fullmatch(path.read_text(encoding="utf-8"))] == []


def _read(text: str, quick: bool) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_file.yaml, "__with_libyaml__", quick)
        try:
            return parse_yaml(text, "x")
        except UserError as error:
            return str(error)
