"""Stages in panels: their ranges in epochs, the lines between them, and names that do not overlap."""

from itertools import pairwise

import pandas
import pytest
from matplotlib.figure import Figure

from kcifar.pictures.stage_marks import StageRange, find_stage_ranges, mark_boundaries, name_stages


def make_stages(*lengths: float) -> list[StageRange]:
    ends = [sum(lengths[: count + 1]) for count in range(len(lengths))]
    return [StageRange(f"stage {number}", end - length, end) for number, (length, end) in enumerate(zip(lengths, ends, strict=True))]


def written_names(stages: list[StageRange], width: float) -> tuple[list[str], list[float], float]:
    """Return the names above a panel, their places and their rotation."""
    panel = Figure(figsize=(width, 2)).subplots()
    panel.set_xlim(stages[0].begin, stages[-1].end)
    name_stages(panel, stages, width)
    (axis,) = panel.child_axes
    labels = axis.get_xticklabels()
    return [label.get_text() for label in labels], [float(tick) for tick in axis.get_xticks()], float(labels[0].get_rotation())


def test_a_stage_extends_half_an_epoch_to_both_sides() -> None:
    history = pandas.DataFrame({"stage_index": [0, 0, 0, 1, 1], "stage": ["learn"] * 3 + ["refine"] * 2, "epoch": [1, 2, 3, 4, 5]})
    assert find_stage_ranges(history) == [("learn", 0.5, 3.5), ("refine", 3.5, 5.5)]


def test_two_stages_of_one_name_are_two() -> None:
    history = pandas.DataFrame({"stage_index": [0, 1], "stage": ["learn", "learn"], "epoch": [1, 2]})
    assert find_stage_ranges(history) == [("learn", 0.5, 1.5), ("learn", 1.5, 2.5)]


def test_a_line_is_drawn_where_a_stage_follows_another() -> None:
    panel = Figure().subplots()
    mark_boundaries(panel, make_stages(3, 2, 4))
    (lines,) = panel.collections
    assert [segment.tolist() for segment in lines.get_segments()] == [[[3, 0], [3, 1]], [[5, 0], [5, 1]]]


def test_names_that_fit_are_level_in_the_middle_of_their_stages() -> None:
    assert written_names(make_stages(10, 20), 6.0) == (["stage 0", "stage 1"], [5, 20], 0)


def test_names_are_upright_if_one_does_not_fit() -> None:
    assert written_names(make_stages(29, 2), 6.0) == (["stage 0", "stage 1"], [14.5, 30], 90)


@pytest.mark.parametrize("count", [20, 40, 41, 100, 1000])
def test_as_many_upright_names_are_written_as_there_is_room_for(count: int) -> None:
    names, places, rotation = written_names(make_stages(*[1.0] * count), 6.0)
    inches = [place * 6.0 / count for place in places]
    assert rotation == 90
    assert names[0] == "stage 0"
    assert min(after - before for before, after in pairwise(inches)) >= 0.16 - 1e-9
    assert len(names) >= min(count, 6.0 / 0.16) / 2  # steps of stages: at worst every second one that fits


def test_a_long_name_is_cut() -> None:
    names, _, _ = written_names([StageRange("x" * 99, 0, 1)], 6.0)
    assert len(names[0]) <= 18
