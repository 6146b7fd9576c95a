"""Laws of figures on a dark page: every color is a variable with two values, both of which can be told from the page."""

import itertools
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from kcifar.pictures import style
from kcifar.pictures.dark_mode import INK, PAGE, find_counterpart, follow_color_scheme
from kcifar.pictures.saving import render_figure

PALETTE = ["BLACK", "BLUE", "GREEN", "ORANGE", "PURPLE", "SKY_BLUE", "VERMILION"]


def contrast(a: str, b: str) -> float:
    """As in W3C, Web Content Accessibility Guidelines 2.1."""
    light = []
    for color in (a, b):
        parts = np.array(to_rgb(color))
        light.append(float(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)))
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("name", PALETTE)
def test_lines_stand_out_on_the_dark_page(name: str) -> None:
    assert contrast(find_counterpart(getattr(style, name)), PAGE) >= 3


# How linear RGB is seen without the cones for green or for red: F. Viénot, H. Brettel and J. Mollon, Color Research & Application 24, 1999.
SEEN = {
    "everyone": np.eye(3),
    "deuteranopia": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    "protanopia": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(color: str, seen: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of a color as it is seen; a difference of 2 is just noticed."""
    parts = np.array(to_rgb(color))
    linear = np.clip(seen @ np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4), 0, 1)
    x, y, z = np.cbrt(TO_XYZ @ linear / (0.9505, 1, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", SEEN)
def test_colors_differ_on_a_dark_page_for_everyone(eyes: str) -> None:
    colors = [lab(find_counterpart(getattr(style, name)), SEEN[eyes]) for name in PALETTE]
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(colors, 2)) > 15


def test_gray_is_turned_around() -> None:
    assert find_counterpart("#FFFFFF") == PAGE
    assert find_counterpart("#000000") == INK
    levels = [to_rgb(find_counterpart(f"#{level:02x}{level:02x}{level:02x}"))[0] for level in range(0, 256, 5)]
    assert levels == sorted(levels, reverse=True)
    assert contrast(find_counterpart("#404040"), PAGE) >= 4.5  # the names of stages


def draw() -> Figure:
    figure = Figure(figsize=(2, 2))
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color=style.BLUE, marker="o")
    panel.text(0.5, 0.5, "a #123456 b")
    return figure


def test_every_color_of_a_figure_is_a_variable_with_two_values_and_nothing_else_changes() -> None:
    _, svg = render_figure(draw)
    page = follow_color_scheme(svg).decode()
    (rules,) = re.findall(r"<style>(:root.*?)</style>", page)
    light, dark = (dict(re.findall(r"--(c\d+):(#[0-9a-f]{6})", rule)) for rule in rules.split("@media (prefers-color-scheme:dark)"))
    assert set(light) == set(dark) == set(re.findall(r"var\(--(c\d+)\)", page))
    assert all(dark[name] == find_counterpart(color) for name, color in light.items())
    assert not re.findall(r"(?:fill|stroke): #", page)
    assert "a #123456 b" in page
    undone = re.sub(r"(?<=: )var\(--(c\d+)\)", lambda match: light[match[1]], page.replace(f"<style>{rules}</style>", ""))
    assert undone == re.sub(r"font-family: [^;\"]*;? ?", "", svg.decode())


def test_what_names_no_color_is_drawn_in_ink_and_a_picture_without_colors_stays() -> None:
    page = follow_color_scheme(render_figure(draw)[1]).decode()
    black = re.search(r"--(c\d+):#000000", page)
    assert black
    assert f"fill:var(--{black[1]})}}" in page
    assert follow_color_scheme(b'<svg viewBox="0 0 1 1"/>') == b'<svg viewBox="0 0 1 1"/>'
