"""Laws of what the report says of confusions: order by similarity, confused pairs, the matrix as table and figures, scores of the classes.

Run alone with `pytest -n 0 tests/reporting/test_confusion.py`.
"""

import itertools
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from run_folders import CASES, HOSTILE, write_json, write_run
from scipy.cluster.hierarchy import ClusterNode, linkage, to_tree
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from kcifar.pictures.confusion_matrix import choose_ink, color_cells, compute_number_size, compute_scale_end, draw_confusion_matrix
from kcifar.pictures.dark_mode import PAGE, find_counterpart
from kcifar.pictures.saving import render_figure
from kcifar.pictures.style import ERROR_TINT, report_style
from kcifar.reporting.commentary.classes import describe_classes
from kcifar.reporting.page.content import SectionContent
from kcifar.reporting.sections import class_scores, confusion
from kcifar.reporting.sections import classes as classes_section
from kcifar.reporting.sections import confused_pairs as pairs_section
from kcifar.reporting.stats.confusion import normalize_rows, order_by_similarity, rank_confused_pairs
from kcifar.reporting.stats.leaf_order import average_linkage, optimal_leaf_order
from kcifar.runs.load import LoadedRun, load_run

MATRICES = st.integers(2, 9).flatmap(lambda n: arrays(np.int64, (n, n), elements=st.integers(0, 4)))


def run_of(folder: Path, matrix: Sequence[Sequence[int]] | np.ndarray, names: Sequence[str] | None = None) -> LoadedRun:
    rows = np.asarray(matrix).tolist()
    return load_run(write_run(folder, matrix=rows, class_names=names or [f"c{k}" for k in range(len(rows))]), "a run")


def drawn(content: SectionContent, name: str) -> Figure:
    with report_style():
        return next(drawing for drawing in content.figures if drawing.name == name).draw()


def texts_of(figure: Figure) -> list[str]:
    _, svg = render_figure(lambda: figure)
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode())


# Formulas


@given(MATRICES)
@settings(max_examples=50)
def test_fractions_are_those_of_scikit_learn(matrix: np.ndarray) -> None:
    true, predicted = (np.repeat(ids.ravel(), matrix.ravel()) for ids in np.indices(matrix.shape))
    if len(true):
        expected = confusion_matrix(true, predicted, labels=np.arange(len(matrix)), normalize="true")
        np.testing.assert_allclose(normalize_rows(matrix), expected)
    assert (normalize_rows(matrix)[matrix.sum(axis=1) == 0] == 0).all()


@given(MATRICES)
@settings(max_examples=50)
def test_the_order_by_similarity_holds_each_class_once_and_is_the_same_twice(matrix: np.ndarray) -> None:
    order = order_by_similarity(matrix)
    assert sorted(order) == list(range(len(matrix)))
    assert order[0] < order[-1]
    assert order.tolist() == order_by_similarity(matrix.copy()).tolist()


@pytest.mark.parametrize("count", [1, 2, 3, 10, 100])
def test_classes_that_are_alike_in_nothing_keep_their_own_order(count: int) -> None:
    assert order_by_similarity(7 * np.eye(count, dtype=np.int64)).tolist() == list(range(count))
    assert order_by_similarity(np.zeros((count, count), np.int64)).tolist() == list(range(count))


@given(st.permutations(range(12)), st.integers(2, 5))
@settings(max_examples=40)
def test_blocks_of_confused_classes_stand_side_by_side(labels: list[int], count: int) -> None:
    block = np.empty(12, np.int64)
    block[labels] = np.arange(12) % count
    matrix = np.where(block[:, None] == block, 9, 1) + 40 * np.eye(12, dtype=np.int64)
    result = [key for key, _ in itertools.groupby(block[order_by_similarity(matrix)])]
    assert sorted(result) == list(range(count))


@pytest.mark.parametrize(("true", "predicted"), [(0, 3), (3, 0)])
def test_one_direction_of_confusion_is_enough_to_stand_side_by_side(true: int, predicted: int) -> None:
    matrix = 9 * np.eye(5, dtype=np.int64)
    matrix[true, predicted] = 5
    order = order_by_similarity(matrix).tolist()
    assert abs(order.index(true) - order.index(predicted)) == 1


def turned(node: ClusterNode) -> list[list[int]]:
    """Every order of the leaves that turning the nodes of a tree gives."""
    if node.is_leaf():
        return [[node.id]]
    pairs = list(itertools.product(turned(node.left), turned(node.right)))
    return [left + right for left, right in pairs] + [right + left for left, right in pairs]


@given(
    st.integers(1, 7).flatmap(lambda n: arrays(np.float64, (n, n), elements=st.integers(0, 9).map(float))),
    st.sampled_from(["single", "average", "complete"]),
)
@settings(max_examples=50)
def test_no_other_order_of_the_leaves_has_a_shorter_way(table: np.ndarray, method: str) -> None:
    distances = np.triu(table, 1) + np.triu(table, 1).T
    count = len(distances)

    def way(order: Sequence[int]) -> float:
        return float(sum(distances[a, b] for a, b in itertools.pairwise(order)))

    tree = linkage(distances[np.triu_indices(count, 1)], method) if count > 1 else np.zeros((0, 4))
    result = optimal_leaf_order(tree[:, :2].astype(int).tolist(), distances)
    orders = turned(to_tree(tree)) if count > 1 else [[0]]
    assert result in orders
    assert way(result) == min(map(way, orders))


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_the_tree_of_classes_is_that_of_scipy(count: int, seed: int) -> None:
    table = np.random.default_rng(seed).random((count, count))  # without ties
    distances = np.triu(table, 1) + np.triu(table, 1).T
    expected = linkage(distances[np.triu_indices(count, 1)], "average")[:, :2].astype(int)
    assert average_linkage(distances) == [tuple(pair) for pair in np.sort(expected, axis=1).tolist()]


@given(MATRICES)
@settings(max_examples=50)
def test_confused_pairs_are_all_errors_by_falling_count_then_by_label(matrix: np.ndarray) -> None:
    cells = [(true, predicted) for true, predicted in np.ndindex(matrix.shape) if true != predicted and matrix[true, predicted]]
    expected = sorted(cells, key=lambda cell: (-matrix[cell], cell))
    assert [tuple(pair) for pair in rank_confused_pairs(matrix)] == expected


# Colors and numbers of the figure


@given(MATRICES)
@settings(max_examples=30)
def test_errors_are_blue_the_darker_the_more_and_the_diagonal_is_gray(matrix: np.ndarray) -> None:
    colors = seen_over(color_cells(matrix, 4.0)[0], "white")
    diagonal = np.eye(len(matrix), dtype=bool)
    gray = colors[diagonal]
    np.testing.assert_allclose(gray, gray[:, :1].repeat(3, axis=1))
    for chosen in (diagonal, ~diagonal):
        light = colors[chosen] @ (0.2126, 0.7152, 0.0722)
        assert (np.diff(light[np.argsort(matrix[chosen], kind="stable")]) <= 1e-9).all()
    errors = colors[~diagonal & (matrix > 0)]
    assert (errors[:, 2] > errors[:, 0]).all()


def test_the_largest_error_has_the_darkest_blue_however_many_are_right() -> None:
    matrix = np.array([[5000, 900], [1, 900]])
    colors, _ = color_cells(matrix, compute_scale_end(matrix, 5900))
    np.testing.assert_allclose(colors[0, 1], to_rgba(ERROR_TINT, 1.0))


def test_one_error_in_360_is_not_the_darkest() -> None:
    """Ten digits of 36 images: one error is a fifth of the scale, which ends at five images of a class, 13.9%."""
    digits = np.diag([36] * 10)
    digits[5, 5], digits[5, 9] = 35, 1
    for values, scale_end in ((digits, 5.0), (100 * normalize_rows(digits), 100 * 5 / 36)):
        assert compute_scale_end(values, 36) == pytest.approx(scale_end)
        colors, _ = color_cells(values, compute_scale_end(values, 36))
        np.testing.assert_allclose(colors[5, 9], to_rgba(ERROR_TINT, 0.2), atol=0.5 / 255)


@given(MATRICES.filter(lambda matrix: matrix.any()), st.sampled_from([1, 7, 100]))
@settings(max_examples=50)
def test_the_scale_ends_at_the_largest_error_or_a_tenth_of_a_class_or_five_images(matrix: np.ndarray, times: int) -> None:
    counts = times * matrix
    images, errors = int(counts.sum(axis=1).max()), counts - np.diag(np.diag(counts))
    expected = max(errors.max(), min(images, max(images / 10, 5)))
    assert compute_scale_end(counts, images) == pytest.approx(expected)
    if counts.sum(axis=1).min() == images:  # of classes of one size, fractions have the colors of counts
        percent = 100 * normalize_rows(counts)
        colors = [color_cells(values, compute_scale_end(values, images))[0] for values in (counts, percent)]
        np.testing.assert_allclose(colors[0], colors[1], atol=1 / 255)


def test_the_caption_names_the_darkest_blue(tmp_path: Path) -> None:
    digits = np.diag([36] * 10)
    digits[5, 5], digits[5, 9] = 35, 1
    captions = [figure.caption for figure in confusion.of_run(run_of(tmp_path / "run", digits)).figures]
    assert [re.findall(r"the strongest blue stands for (\S+)", caption) for caption in captions] == [["5"], ["13.9%."]]


@pytest.mark.parametrize("page", ["white", PAGE])
def test_numbers_stand_out_on_every_cell_of_a_light_and_a_dark_page(page: str) -> None:
    values = np.arange(100).reshape(10, 10)
    for color in [*color_cells(values, 99.0)[0].reshape(-1, 4), *color_cells(values[::-1], 99.0)[0].reshape(-1, 4)]:
        ink = choose_ink(color) if page == "white" else find_counterpart(choose_ink(color))
        low, high = sorted(map(luminance, (to_rgb(ink), seen_over(color, page))))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (color, ink)


def seen_over(colors: np.ndarray, page: str) -> np.ndarray:
    """What is seen of colors with an opacity, float (…, 4), over a page."""
    return colors[..., 3:] * colors[..., :3] + (1 - colors[..., 3:]) * np.array(to_rgb(page))


def luminance(color: Any) -> float:
    linear = np.where(np.array(color) <= 0.04045, np.array(color) / 12.92, ((np.array(color) + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_numbers_are_left_out_where_they_would_be_too_small() -> None:
    assert compute_number_size(np.full((10, 10), 100), str) > 9
    assert compute_number_size(np.full((20, 20), 100), str) >= 5
    assert compute_number_size(np.full((20, 20), 10**9), str) == 0
    assert compute_number_size(np.full((21, 21), 1), str) == 0


@pytest.mark.parametrize("count", [2, 20, 150])
def test_long_names_are_neither_cut_off_nor_laid_over_one_another(count: int) -> None:
    names = [*("W" * 50, "画" * 40, HOSTILE * 3, ""), *(f"class {k}" for k in range(count))][:count]
    with report_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure = draw_confusion_matrix("W" * 90, "10 images", names, np.arange(count**2).reshape(count, count), str, "images", count**2)
        figure.draw_without_rendering()
        panel = figure.axes[0]
        rows = [label.get_window_extent() for label in panel.get_yticklabels()]
        words = [*panel.get_xticklabels(), panel.xaxis.label, panel.yaxis.label, figure.texts[0]]
        boxes = [*rows, *(word.get_window_extent() for word in words)]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in itertools.pairwise(rows) if upper.width and lower.width)
    assert not any(panel.yaxis.label.get_window_extent().overlaps(box) for box in rows if box.width)


# Section: the matrix


@given(matrix=MATRICES.filter(lambda matrix: matrix.sum() > 0))
@settings(max_examples=20)
def test_the_table_is_the_matrix_in_long_form(matrix: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = run_of(tmp_path_factory.mktemp("runs") / "a", matrix)
    table = confusion.of_run(run).tables[0].frame.reset_index()
    cells = [(int(true[1:]), int(predicted[1:])) for true, predicted in zip(table["true"], table["predicted"], strict=True)]
    assert cells == [tuple(cell) for cell in np.argwhere(matrix)]
    assert table["images"].tolist() == [matrix[cell] for cell in cells]
    assert table["share"].tolist() == pytest.approx([matrix[cell] / matrix[cell[0]].sum() for cell in cells])


def test_the_figures_hold_the_numbers_and_say_the_largest_errors(tmp_path: Path) -> None:
    matrix = [[90, 0, 10, 0], [0, 41, 0, 1500], [6, 0, 4, 0], [0, 0, 0, 7]]
    content = confusion.of_run(run_of(tmp_path / "a", matrix, ["ant", "bee", "cow", "dog"]))
    counts, shares = (texts_of(drawn(content, name)) for name in ("confusion_counts", "confusion_shares"))
    assert {"90", "10", "41", "1,500", "6", "4", "7", "ant", "bee", "cow", "dog", "1,658 test images, counts"} <= set(counts)
    assert {"90.0", "10.0", "2.7", "97.3", "60.0", "40.0", "100.0"} <= set(shares)
    assert not {"0", "0.0"} & set(counts + shares)
    order = [name for name in shares if name in {"ant", "bee", "cow", "dog"}]
    assert order == 2 * ["ant", "cow", "dog", "bee"]
    assert "142 (8.56%) of them on the diagonal; no error is more frequent than bee predicted as dog: 1,500." in content.figures[0].text
    assert content.figures[1].text.endswith("no error is more frequent than bee predicted as dog: 97.34%.")
    assert "Cells without a number contain no image." in content.figures[0].caption


def test_every_number_stands_in_the_cell_of_its_classes(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).integers(1, 90, (7, 7))
    content = confusion.of_run(run_of(tmp_path / "a", matrix))
    for name, values in (("confusion_counts", matrix), ("confusion_shares", 100 * matrix / matrix.sum(axis=1, keepdims=True))):
        panel = drawn(content, name).axes[0]
        order = [int(label.get_text()[1:]) for label in panel.get_yticklabels()]
        assert order == [int(label.get_text()[1:]) for label in panel.get_xticklabels()]
        assert len(panel.texts) == 49
        for text in panel.texts:
            column, row = text.get_position()
            assert float(text.get_text()) == pytest.approx(values[order[round(row)], order[round(column)]], abs=0.051)


def test_many_classes_are_drawn_without_numbers_and_some_without_names(tmp_path: Path) -> None:
    matrix = 5 * np.eye(120, dtype=np.int64) + np.eye(120, k=1, dtype=np.int64)
    content = confusion.of_run(run_of(tmp_path / "a", matrix))
    words = texts_of(drawn(content, "confusion_counts"))
    assert "One class in 6 is named on the axes." in content.figures[0].caption
    assert "without a number" not in content.figures[0].caption
    assert [word for word in words if re.fullmatch(r"c\d+", word)] == 2 * [f"c{k}" for k in range(0, 120, 6)]
    pixels = np.asarray(drawn(content, "confusion_counts").axes[0].images[0].get_array())
    assert pixels.shape[:2] == (120, 120)


def test_a_single_class_an_unknown_matrix_and_one_too_large_to_draw_are_handled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, section in (("confusion", confusion), ("confused_pairs", pairs_section)):
        assert section.of_run(run_of(tmp_path / f"{name} single", [[5]])) == SectionContent()
        assert section.of_run(load_run(CASES["interrupted"](tmp_path / f"{name} none"), "x")) == SectionContent()
    monkeypatch.setattr(confusion, "MAX_CLASSES", 2)
    content = confusion.of_run(run_of(tmp_path / "large", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]))
    assert content.paragraphs == ["The matrix of 3 classes is too large to be drawn; see the table."]
    assert content.tables
    assert not content.figures


@pytest.mark.parametrize("section", [confusion, pairs_section])
def test_a_perfect_run_has_nothing_confused(section: object, tmp_path: Path) -> None:
    content = section.of_run(run_of(tmp_path / "a", [[5, 0], [0, 3]]))  # type: ignore[attr-defined]
    if section is confusion:
        assert all(drawing.text.endswith("no classes are confused.") for drawing in content.figures)
    else:
        assert content == SectionContent(["Nothing is confused: all 8 test images are predicted correctly."])


# Section: confused pairs


def test_pairs_come_with_their_reverse_and_those_left_out_are_counted(tmp_path: Path) -> None:
    matrix = np.arange(36).reshape(6, 6)
    table = pairs_section.of_run(run_of(tmp_path / "a", matrix)).tables[0]
    rows = table.frame.reset_index()
    assert len(rows) == 20
    assert "10 rarer pairs are left out." in table.note
    for row in rows.to_dict("records"):
        true, predicted = int(row["true"][1:]), int(row["predicted"][1:])
        assert (row["images"], row["reverse_images"]) == (matrix[true, predicted], matrix[predicted, true])
        assert row["share"] == pytest.approx(matrix[true, predicted] / matrix[true].sum())
    assert rows["images"].is_monotonic_decreasing


# Section: scores of the classes


@given(matrix=MATRICES.filter(lambda matrix: matrix.sum() > 0))
@settings(max_examples=30)
def test_scores_are_those_of_scikit_learn_and_sorted(matrix: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = run_of(tmp_path_factory.mktemp("runs") / "a", matrix)
    assert run.evaluation is not None
    true, predicted = (np.repeat(ids.ravel(), matrix.ravel()) for ids in np.indices(matrix.shape))
    expected = precision_recall_fscore_support(true, predicted, labels=np.arange(len(matrix)), zero_division=np.nan)
    ranked = class_scores.rank_scores(run.evaluation)
    for score in ranked:
        label = int(score.name[1:])
        np.testing.assert_allclose([score.precision, score.recall, score.f1], [measure[label] for measure in expected[:3]])
    keys = [(-score.f1, int(score.name[1:])) for score in ranked]
    assert keys == sorted(keys)
    assert {score.name for score in ranked} == {f"c{k}" for k in range(len(matrix)) if matrix[k].sum()}


@given(matrix=MATRICES.filter(lambda matrix: matrix.sum() > 0))
@settings(max_examples=20)
def test_table_figure_and_commentary_have_one_rule_for_classes_without_images(matrix: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = run_of(tmp_path_factory.mktemp("runs") / "a", matrix)
    assert run.evaluation is not None
    table = classes_section.of_run(run).tables[0].frame
    scored = {f"c{k}" for k in np.flatnonzero(matrix.sum(axis=1))}
    assert set(table.index[table["recall"].notna()]) == set(table.index[table["f1"].notna()]) == scored
    assert set(table.index[table["precision"].notna()]) == {f"c{k}" for k in np.flatnonzero(matrix.sum(axis=0))}
    ranked = class_scores.rank_scores(run.evaluation)
    assert {score.name: score.f1 for score in ranked} == table["f1"].dropna().to_dict()
    said = " ".join(describe_classes(run.evaluation))
    assert ("without recall and F1" in said) == (len(scored) < len(matrix))
    shown = {f"{share:.2%}" for share in table["f1"].dropna()}
    claimed = re.search(r"F1 is .*?\.(?= |$)|F1 is defined.*?\.(?= |$)", said)
    assert claimed
    assert set(re.findall(r"[\d.]+%", claimed[0])) <= shown


def test_a_class_without_images_that_is_predicted_has_no_f1(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a", [[8, 2, 0], [0, 0, 0], [1, 0, 9]])
    table = classes_section.of_run(run).tables[0]
    assert table.frame.loc["c1", ["precision", "recall", "f1"]].isna().tolist() == [False, True, True]
    assert "one without images has neither recall nor F1" in table.note


def test_classes_without_a_score_are_named_in_the_caption_and_draw_no_mark(tmp_path: Path) -> None:
    matrix = [[8, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0], [3, 0, 0, 0]]
    drawing = class_scores.of_run(run_of(tmp_path / "a", matrix, ["ant", "bee", "cow", "dog"])).figures[0]
    assert "Never predicted, so without precision: 1 class." in drawing.caption
    assert "Without test images, so without recall and F1, and left out: 2 classes." in drawing.caption
    assert "from ant, F1 76.19%, down to dog, F1 0.00%" in drawing.text
    with report_style():
        shares = {line.get_label(): np.asarray(line.get_xdata()) for line in drawing.draw().axes[0].lines}
    assert np.isnan(shares["precision"]).tolist() == [False, True]
    assert np.isnan(shares["recall"]).tolist() == [False, False]


def test_of_many_classes_the_best_and_the_worst_are_shown(tmp_path: Path) -> None:
    matrix = np.diag(np.arange(50) + 1)
    matrix[:, 0] += 1
    drawing = class_scores.of_run(run_of(tmp_path / "a", matrix)).figures[0]
    assert "the 20 classes with the highest F1 and the 20 with the lowest. Left out between them: 10 classes." in drawing.caption
    with report_style():
        panel = drawing.draw().axes[0]
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert names[0] == "c49"
    assert names[-1] == "c0"
    assert len(names) == 40
    assert [text.get_text() for text in panel.texts] == ["10 classes between them"]


def test_a_test_without_classes_has_no_scores(tmp_path: Path) -> None:
    folder = CASES["one epoch"](tmp_path / "a")
    write_json(folder / "test.json", {"samples": 3, "accuracy": 1.0, "cross_entropy": 0.1, "classes": []})
    run = load_run(folder, "a")
    assert [section.of_run(run) for section in (class_scores, confusion, pairs_section)] == 3 * [SectionContent()]


def test_words_about_scores_are_not_cut_off(tmp_path: Path) -> None:
    names = ["W" * 50, "画" * 40, HOSTILE * 3, ""]
    run = replace(run_of(tmp_path / "a", np.arange(16).reshape(4, 4), names), name="W" * 90)
    with report_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure = class_scores.of_run(run).figures[0].draw()
        figure.draw_without_rendering()
        words = [*figure.axes[0].get_yticklabels(), *figure.texts, *figure.legends]
        boxes = [word.get_window_extent() for word in words]
    assert len(words) == 6
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
