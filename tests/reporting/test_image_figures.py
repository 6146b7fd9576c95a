"""Laws of the figures that show images: every image is that of its caption, chosen as the caption says, whatever its size and its name.

Run alone with `pytest -n 0 tests/reporting/test_image_figures.py`.
"""

import io
import itertools
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from run_folders import CASES, HOSTILE, write_run

from kcifar.pictures.pixels import enlarge
from kcifar.pictures.saving import render_figure
from kcifar.pictures.style import DOTS_PER_INCH, report_style
from kcifar.pictures.text import fit_text, measure_text
from kcifar.pictures.thumbnails import Thumbnail, ThumbnailRow, draw_thumbnails, split_into_rows
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.content import SectionContent
from kcifar.reporting.sections import confused_pairs, gallery
from kcifar.runs.load import LoadedRun, load_run

MATRIX = np.full((10, 10), 3) + np.diag(np.arange(10)) + 2 * np.eye(10, k=1, dtype=np.int64)
NAMES = [f"class {k}" for k in range(10)]


def color_of(index: int) -> tuple[int, int, int]:
    """Return the color that marks an image of the split."""
    return index % 256, index // 256, 77


def marked_run(folder: Path, kept: Sequence[int], matrix: np.ndarray = MATRIX, names: Sequence[str] = NAMES) -> LoadedRun:
    """A run whose kept images, in this order, each have the color of their index."""
    write_run(folder, matrix=matrix.tolist(), class_names=names)
    images = np.array([np.full((8, 8, 3), color_of(index), np.uint8) for index in kept], np.uint8).reshape(-1, 8, 8, 3)
    np.savez(folder / "examples.npz", images=images, indices=np.array(kept, np.int64), split=np.full(len(kept), "test"))
    return load_run(folder, "a run")


def shuffled(count: int) -> list[int]:
    return [int(index) for index in np.random.default_rng(1).permutation(count)]


def shown(figure: Figure, lines: int) -> list[tuple[int, tuple[str, ...]]]:
    """What a figure shows, read off it: the index that the color of each image marks, and the lines below it."""
    (panel,) = figure.axes
    (pixels,) = [artist.pixels for artist in panel.artists if hasattr(artist, "pixels")]
    words = [text for text in panel.texts if text.get_horizontalalignment() == "center"]
    result = []
    for group in zip(*[iter(words)] * lines, strict=True):
        x, y = group[0].get_position()
        red, green, blue = (int(value) for value in pixels[round(y) - 60, round(x), :3])
        assert blue == 77
        result.append((red + 256 * green, tuple(text.get_text() for text in group)))
    return result


def drawn(content: SectionContent, name: str) -> Figure:
    with report_style():
        return next(drawing for drawing in content.figures if drawing.name == name).draw()


# Galleries


def test_correctly_classified_images_are_the_first_and_have_their_own_words(tmp_path: Path) -> None:
    run = marked_run(tmp_path / "a", shuffled(MATRIX.sum())[:150])
    predictions, examples = run.predictions, run.examples
    assert predictions is not None
    assert examples is not None
    content = gallery.of_run(run)
    result = shown(drawn(content, "correct"), 2)
    expected = [index for index in sorted(examples.indices) if predictions.correct[index]][:18]
    assert [index for index, _ in result] == expected
    for index, words in result:
        assert words == (NAMES[predictions.labels[index]], PERCENT.write(predictions.probabilities[index].max()))
    assert "among the 150 test images saved with the run (18 shown)" in content.figures[0].caption


def test_errors_are_the_most_confident_and_have_their_own_words(tmp_path: Path) -> None:
    run = marked_run(tmp_path / "a", shuffled(MATRIX.sum())[:150])
    predictions, examples = run.predictions, run.examples
    assert predictions is not None
    assert examples is not None
    content = gallery.of_run(run)
    result = shown(drawn(content, "mistakes"), 3)
    wrong = [index for index in sorted(examples.indices) if not predictions.correct[index]]
    assert [index for index, _ in result] == sorted(wrong, key=lambda index: -predictions.confidence[index])[:18]
    for index, words in result:
        label, predicted = predictions.labels[index], predictions.predicted[index]
        both = [PERCENT.write(predictions.probabilities[index, k]) for k in (predicted, label)]
        assert words == (f"pred. {NAMES[predicted]}", f"true {NAMES[label]}", f"{both[0]} vs {both[1]}")
    first = result[0][0]
    spoken = (
        f"{NAMES[predictions.labels[first]]} predicted as {NAMES[predictions.predicted[first]]} ({PERCENT.write(predictions.confidence[first])}), "
    )
    assert f"18 misclassified images: {spoken}" in content.figures[1].text


def test_errors_are_called_the_most_confident_of_all_only_where_they_are(tmp_path: Path) -> None:
    every, some = marked_run(tmp_path / "a", shuffled(MATRIX.sum())), marked_run(tmp_path / "b", shuffled(MATRIX.sum())[:150])
    predictions = every.predictions
    assert predictions is not None
    titles = [drawn(gallery.of_run(run), "mistakes").axes[0].texts[0].get_text() for run in (every, some)]
    captions = [gallery.of_run(run).figures[1].caption for run in (every, some)]
    assert captions[0].startswith(f"The most confident errors of all {predictions.quantity} (")
    assert captions[1].startswith("The most confident errors among the 150 test images saved with the run, though not of all its images (")
    assert ["saved errors" in title for title in titles] == [False, True]
    pairs = [confused_pairs.of_run(run).figures[0].caption for run in (every, some)]
    assert "errors that were not saved" not in pairs[0]
    unsaved = re.search(r"\(in (\d+) of (\d+) pairs, errors that were not saved are more confident\)", pairs[1])
    assert unsaved
    assert 0 < int(unsaved[1]) <= int(unsaved[2])


def test_examples_of_pairs_are_of_those_pairs(tmp_path: Path) -> None:
    run = marked_run(tmp_path / "a", shuffled(MATRIX.sum()))
    predictions = run.predictions
    assert predictions is not None
    content = confused_pairs.of_run(run)
    figure = drawn(content, "confused_pairs")
    headings = [text.get_text() for text in figure.axes[0].texts if text.get_horizontalalignment() == "left"][1:]
    assert headings == [f"class {k} predicted as class {k + 1}: 5 ({PERCENT.write(5 / MATRIX[k].sum())})" for k in range(8)]
    result = shown(figure, 1)
    assert len(result) == 40
    for row, group in enumerate(np.reshape(np.arange(40), (8, 5))):
        indices = [result[place][0] for place in group]
        assert {(predictions.labels[index], predictions.predicted[index]) for index in indices} == {(row, row + 1)}
        confidence = [predictions.confidence[index] for index in indices]
        assert confidence == sorted(confidence, reverse=True)
        assert [result[place][1] for place in group] == [(PERCENT.write(value),) for value in confidence]


def test_pairs_without_a_kept_image_are_passed_over(tmp_path: Path) -> None:
    everything = marked_run(tmp_path / "a", shuffled(MATRIX.sum()))
    predictions = everything.predictions
    assert predictions is not None
    of_second = [index for index in range(MATRIX.sum()) if (predictions.labels[index], predictions.predicted[index]) == (1, 2)]
    run = marked_run(tmp_path / "b", of_second[:2])
    content = confused_pairs.of_run(run)
    assert "from the 2 test images saved with the run" in content.figures[0].caption
    assert content.figures[0].text == "Thumbnails of misclassified images, one row for each of 1 pair; first: class 1 predicted as class 2 (5)."
    assert len(shown(drawn(content, "confused_pairs"), 1)) == 2


def test_a_run_shows_at_most_eighty_images(tmp_path: Path) -> None:
    run = marked_run(tmp_path / "a", shuffled(MATRIX.sum()))
    counts = [len(shown(drawn(gallery.of_run(run), name), lines)) for name, lines in (("correct", 2), ("mistakes", 3))]
    assert sum(counts) + len(shown(drawn(confused_pairs.of_run(run), "confused_pairs"), 1)) == 76


# Which images are kept


def test_kept_images_are_those_of_the_part_in_its_order(tmp_path: Path) -> None:
    run = marked_run(tmp_path / "a", [9, 3, 400, 5])
    examples, predictions = run.examples, run.predictions
    assert examples is not None
    assert predictions is not None
    examples.split[1] = "validation"
    kept = run.kept_images
    assert kept is not None
    assert kept.indices.tolist() == [5, 9]  # 3 is of another split, 400 was not predicted
    assert [tuple(kept.get_image(place)[0, 0]) for place in (0, 1)] == [color_of(5), color_of(9)]
    assert kept.labels.tolist() == predictions.labels[[5, 9]].tolist()
    assert kept.quantity == "2 test images"


def test_the_order_in_which_predictions_are_saved_is_of_no_account(tmp_path: Path) -> None:
    run = marked_run(tmp_path / "a", [9, 3, 7, 5])
    again = marked_run(tmp_path / "b", [5, 9, 3, 7])
    with np.load(again.folder / "predictions.npz") as saved:
        arrays = {name: array[::-1] for name, array in saved.items()}
    np.savez(again.folder / "predictions.npz", **arrays)
    kept, kept_again = run.kept_images, again.kept_images
    assert kept is not None
    assert kept_again is not None
    for name in ("indices", "labels", "predicted", "confidence", "label_probability"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(kept_again, name))
    assert kept.indices.tolist() == [3, 5, 7, 9]
    assert [tuple(kept_again.get_image(place)[0, 0]) for place in range(4)] == [color_of(index) for index in (3, 5, 7, 9)]


def test_of_equal_confidence_the_first_image_comes_first(tmp_path: Path) -> None:
    run = marked_run(tmp_path / "a", [30, 20, 10, 0])
    kept = run.kept_images
    assert kept is not None
    kept.confidence[:] = 0.5
    assert kept.find_most_confident(np.array([True, False, True, True]), 2) == [0, 2]


@pytest.mark.parametrize("missing", ["predictions.npz", "examples.npz"])
def test_without_predictions_or_images_there_is_no_gallery(missing: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a")
    (folder / missing).unlink()
    run = load_run(folder, "a")
    assert gallery.of_run(run) == SectionContent()
    pairs = confused_pairs.of_run(run)
    assert pairs.tables
    assert not pairs.figures


def test_images_of_which_none_is_predicted_are_no_gallery(tmp_path: Path) -> None:
    assert gallery.of_run(marked_run(tmp_path / "a", [1000, 1001])) == SectionContent()
    assert gallery.of_run(marked_run(tmp_path / "b", [])) == SectionContent()


@pytest.mark.parametrize(
    ("matrix", "missing", "shown"), [([[9, 0], [0, 1]], "misclassified", "correct"), ([[0, 9], [1, 0]], "classified correctly", "mistakes")]
)
def test_a_kind_of_which_no_image_is_kept_is_said_in_words(matrix: list[list[int]], missing: str, shown: str, tmp_path: Path) -> None:
    content = gallery.of_run(load_run(write_run(tmp_path / "a", matrix=matrix, class_names=["b", "c"]), "a"))
    assert content.paragraphs == [f"No image is {missing} among the 10 test images saved with the run."]
    assert [drawing.name for drawing in content.figures] == [shown]


# Every kind of run, image and name


def test_figures_are_whole_and_the_same_twice(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "a"), HOSTILE)
    for section in (gallery, confused_pairs):
        for drawing in section.of_run(run).figures:
            png, svg = render_figure(drawing.draw)
            assert (png, svg) == render_figure(drawing.draw)
            assert ElementTree.fromstring(svg).tag.endswith("svg")


@pytest.mark.parametrize("case", list(CASES))
def test_no_kind_of_run_stops_a_gallery(case: str, tmp_path: Path) -> None:
    run = load_run(CASES[case](tmp_path / "a"), case)
    for section in (gallery, confused_pairs):
        names = [drawing.name for drawing in section.of_run(run).figures if drawn(section.of_run(run), drawing.name)]
        assert len(names) == (0 if run.predictions is None else 2 if section is gallery else 1)


def test_no_word_leaves_its_place_whatever_the_names(tmp_path: Path) -> None:
    names = ["W" * 60, "画" * 60, HOSTILE * 4, "", "\u202eright to left", "i" * 200, "a", "b\nc", "$x$", "class with a long name"]
    run = replace(marked_run(tmp_path / "a", shuffled(MATRIX.sum()), names=names), name="W" * 90)
    for section, name in ((gallery, "correct"), (gallery, "mistakes"), (confused_pairs, "confused_pairs")):
        with warnings.catch_warnings(), report_style():
            warnings.filterwarnings("ignore", message="Glyph")
            figure = drawn(section.of_run(run), name)
            figure.set_dpi(DOTS_PER_INCH)
            figure.draw_without_rendering()
            boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
        if name == "confused_pairs":
            headings = [text.get_text() for text in figure.axes[0].texts if text.get_fontsize() == 9.5]
            assert all(re.search(r" predicted as .*: 5 \(\d+\.\d\d%\)$", heading) for heading in headings)
        assert [(a, b) for a, b in itertools.combinations(boxes, 2) if a.padded(-1).overlaps(b.padded(-1))] == []


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)), st.integers(8, 200))
@settings(max_examples=40)
def test_enlarged_images_fit_their_place_and_show_every_pixel(size: tuple[int, int], side: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    result = enlarge(image, side)
    assert max(result.shape[:2]) <= side
    assert 2 * max(result.shape[:2]) > side or max(size) < side
    if max(size) <= side:
        times = side // max(size)
        np.testing.assert_array_equal(result[::times, ::times], image)
        assert result.shape == (times * size[0], times * size[1], 3)
    else:
        block = -(-max(size) // side)
        np.testing.assert_array_equal(result[0, 0], np.rint(image[:block, :block].mean(axis=(0, 1))))
        np.testing.assert_array_equal(result[-1, -1], np.rint(image[(len(result) - 1) * block :, (result.shape[1] - 1) * block :].mean(axis=(0, 1))))


@pytest.mark.parametrize("size", [(1, 1), (4096, 3), (1, 4096), (28, 28), (96, 96), (500, 333)])
def test_images_of_any_size_are_drawn(size: tuple[int, int]) -> None:
    thumbnail = Thumbnail(np.full((*size, 3), 255, np.uint8), ("pred. a", "true b"))
    png, _ = render_figure(lambda: draw_thumbnails("T", "right", split_into_rows([thumbnail] * 6, 4), 4))
    assert png.startswith(b"\x89PNG")


@given(st.text(max_size=80), st.floats(20, 200), st.sampled_from(["", "pred. "]))
@settings(max_examples=50)
def test_fitted_names_are_no_wider_than_their_room(name: str, room: float, before: str) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        line = fit_text(name, room, 9.0, before, ": 5")
        assert line.startswith(before)
        assert line.endswith(": 5")
        kept = line[len(before) : -3]
        assert measure_text(line, 9.0) <= room or len(kept) <= 1
    assert not re.search(r"[\n\r\t]", line)


def test_pictures_are_laid_dot_by_dot() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    png, _ = render_figure(lambda: draw_thumbnails("T", "right", [ThumbnailRow("heading", [Thumbnail(image, ("a",))])], 4))
    with Image.open(io.BytesIO(png)) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    rows, columns = np.nonzero((pixels == 176).all(axis=2))
    top, left = rows.min() + 1, columns.min() + 1
    np.testing.assert_array_equal(pixels[top : top + 128 : 4, left : left + 128 : 4], image)
