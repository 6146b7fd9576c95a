"""Figures as files and bytes: letters that the font lacks are no warning, and the user's settings do not apply."""

from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure

from kcifar.pictures.saving import render_figure, save_figure


def draw_name() -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.subplots().set_title("漢字 $x")
    return figure


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_letter_that_the_font_lacks_is_no_warning(suffix: str, tmp_path: Path) -> None:
    save_figure(draw_name(), tmp_path / f"name{suffix}")
    assert (tmp_path / f"name{suffix}").stat().st_size > 0
    assert all(render_figure(draw_name))


def test_rendered_figures_are_the_same_whatever_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    png, svg = render_figure(draw_name)
    for name, value in {"font.size": 31.0, "axes.grid": False, "svg.fonttype": "path", "savefig.dpi": 33, "text.parse_math": True}.items():
        monkeypatch.setitem(matplotlib.rcParams, name, value)
    assert render_figure(draw_name) == (png, svg)
    assert ">漢字 $x</text>" in svg.decode()


def test_a_rendered_png_has_150_dots_per_inch() -> None:
    png, _ = render_figure(draw_name)
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (450, 300)
