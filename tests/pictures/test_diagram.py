"""Pictures of architectures: every layer and edge is drawn, no other, and nothing overlaps."""

import fnmatch
import json
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import keras
import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from kcifar.core.errors import UserError
from kcifar.models.build import sketch, sketch_model
from kcifar.models.summary import summarize_model
from kcifar.pictures.diagram.page import Page, compose_page
from kcifar.pictures.diagram.paint import draw_network
from kcifar.pictures.diagram.shapes import Mark, Note, Pill, Plate, Wire
from kcifar.pictures.diagram.words import describe_layer, format_shape
from kcifar.pictures.saving import save_figure

NAMES = (
    *("residual_cnn", "lenet", "vgg16", "resnet18", "resnet110", "densenet121", "wrn_28_10", "resnext29_32x4d", "quizdnn", "cct_7_3x1", "vit"),
    *("convmixer_256_8", "airbench96", "preact_resnet50"),
)
SMALLEST_TEXT = 7.0  # points


@cache
def summary_of(name: str) -> dict[str, Any]:
    return summarize_model(sketch_model(name, (32, 32, 3), 10))


@cache
def page_of(name: str) -> Page:
    return compose_page(summary_of(name))


def residual(blocks: tuple[int, ...]) -> keras.Model:
    """Return a small ResNet: a group for each number, its first block with a projection if it halves the image."""
    layers = keras.layers
    images = keras.Input((32, 32, 3), name="images")
    hidden = layers.Conv2D(8, 3, padding="same", name="stem_conv")(images)
    for group, count in enumerate(blocks, start=1):
        for block in range(1, count + 1):
            name, width = f"group{group}_block{block}", 8 * group
            strides = 2 if group > 1 and block == 1 else 1
            branch = layers.Conv2D(width, 3, strides, "same", name=f"{name}_conv1")(hidden)
            branch = layers.Conv2D(width, 3, padding="same", name=f"{name}_conv2")(layers.ReLU(name=f"{name}_act1")(branch))
            if strides > 1:
                hidden = layers.Conv2D(width, 1, strides, name=f"{name}_projection")(hidden)
            hidden = layers.ReLU(name=f"{name}_act2")(layers.Add(name=f"{name}_add")([hidden, branch]))
    hidden = layers.GlobalAveragePooling2D(name="head_pool")(hidden)
    return keras.Model(images, layers.Dense(10, name="logits")(hidden), name="small")


@cache
def small_page(blocks: tuple[int, ...]) -> Page:
    return compose_page(summarize_model(sketch(lambda: residual(blocks))))


def item_of(page: Page, row: str) -> int:
    """Return the index of the drawn item that a layer is part of."""
    return next(index for unit in page.units for index in unit.items if row in page.items[index].rows)


def shapes_of(page: Page, kind: type) -> list[Any]:
    return [shape for shape in page.shapes if isinstance(shape, kind)]


def overlapping_signs(page: Page) -> list[tuple[Bbox, Bbox]]:
    boxes = [Bbox.from_bounds(s.x - s.reach, s.y - s.height / 2, 2 * s.reach, s.height) for s in page.shapes if isinstance(s, Pill | Mark)]
    return [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def assert_complete(page: Page, rows: list[dict[str, Any]]) -> None:
    """Every layer is in one block, every item of a drawn block has one sign, every edge between these is drawn, and no other."""
    covered = [row for unit in page.units for block in unit.blocks for index in block for row in page.items[index].rows]
    assert Counter(covered) == Counter(row["name"] for row in rows)
    shown = [index for unit in page.units for index in unit.items]
    signs = [shape.item for shape in page.shapes if isinstance(shape, Pill | Mark) and shape.item >= 0]
    assert sorted(signs) == sorted(shown)
    edges = {(source, index) for index in shown for source in page.items[index].inputs}
    assert {edge for wire in shapes_of(page, Wire) for edge in wire.edges} == edges
    # The items that feed an item are those of the layers that feed its layers; its output is that of its last layer.
    homes = {row: index for index, item in enumerate(page.items) for row in item.rows}
    seen: set[str] = set()
    links = set()
    for row in rows:
        outside = [source for source in row["inputs"] if source in seen and homes[source] != homes[row["name"]]]
        links |= {(homes[source], homes[row["name"]]) for source in outside}
        assert [source for source in outside if page.items[homes[source]].rows[-1] != source] == []
        seen.add(row["name"])
    assert {(source, index) for index, item in enumerate(page.items) for source in item.inputs} == links


@pytest.mark.parametrize("name", NAMES)
class TestRegisteredNetworks:
    def test_nothing_is_lost(self, name: str) -> None:
        page, summary = page_of(name), summary_of(name)
        assert_complete(page, summary["layers"])
        weighted = sum(page.items[index].weights for unit in page.units for block in unit.blocks for index in block)
        assert weighted == sum(row["parameters"] > 0 for row in summary["layers"])

    def test_counts_of_folded_blocks_add_up(self, name: str) -> None:
        named = {row["name"].rsplit("_", 1)[0] for row in summary_of(name)["layers"] if "block" in row["name"]}
        labels = {page_of(name).items[block[0]].label for unit in page_of(name).units for block in unit.blocks}
        blocks = sum(unit.count for unit in page_of(name).units if unit.label[1].startswith("block"))
        assert blocks == len([label for label in labels if label[1].startswith("block")])
        assert all(any(fnmatch.fnmatch(text, f"{'_'.join(filter(None, label))}*") for text in named) for label in labels if "block" in label[1])

    def test_is_a_page(self, name: str) -> None:
        page = page_of(name)
        assert max(page.width, page.height) <= 13 * 72
        assert 0.4 <= page.width / page.height <= 1.5

    def test_signs_do_not_overlap(self, name: str) -> None:
        page = page_of(name)
        assert overlapping_signs(page) == []
        plates = [Bbox.from_bounds(plate.x, plate.y, plate.width, plate.height) for plate in shapes_of(page, Plate) if not plate.frame]
        assert [pair for pair in combinations(plates, 2) if pair[0].overlaps(pair[1])] == []

    def test_texts_are_legible_apart_and_inside(self, name: str) -> None:
        figure = draw_network(summary_of(name))
        canvas = FigureCanvasAgg(figure)
        texts = [text for text in figure.findobj(Text) if text.get_text()]
        boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
        assert min(text.get_fontsize() for text in texts) >= SMALLEST_TEXT
        overlapping = [(a.get_text(), b.get_text()) for (a, x), (b, y) in combinations(zip(texts, boxes, strict=True), 2) if x.overlaps(y)]
        assert overlapping == []
        width, height = canvas.get_width_height()
        assert [t.get_text() for t, box in zip(texts, boxes, strict=True) if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height] == []

    def test_lines_end_at_signs(self, name: str) -> None:
        page = page_of(name)
        places = {shape.item: shape for shape in page.shapes if isinstance(shape, Pill | Mark)}
        shortcuts = [wire for wire in shapes_of(page, Wire) if wire.shortcut and wire.arrow]
        assert all(abs(abs(wire.points[-1][0] - places[wire.edges[-1][1]].x) - places[wire.edges[-1][1]].reach) < 1e-6 for wire in shortcuts)
        assert all(abs(wire.points[-1][1] - places[wire.edges[-1][1]].y) < 1e-6 for wire in shortcuts)


class TestSmallResidualNetwork:
    def test_each_skip_is_a_shortcut_to_a_plus(self) -> None:
        page = small_page((1, 1))
        shortcuts = {wire.edges for wire in shapes_of(page, Wire) if wire.shortcut}
        stem, first, second = (item_of(page, row) for row in ("stem_conv", "group1_block1_add", "group2_block1_add"))
        before, projection = item_of(page, "group1_block1_act2"), item_of(page, "group2_block1_projection")
        assert shortcuts == {((stem, first),), ((before, projection), (projection, second))}
        assert {mark.item: mark.kind for mark in shapes_of(page, Mark) if mark.item >= 0} == {first: "add", second: "add"}

    def test_a_shortcut_goes_around_what_it_skips(self) -> None:
        page = small_page((1,))
        (shortcut,) = [wire for wire in shapes_of(page, Wire) if wire.shortcut]
        signs = {shape.item: shape for shape in page.shapes if isinstance(shape, Pill | Mark)}
        first, second = signs[item_of(page, "group1_block1_conv1")], signs[item_of(page, "group1_block1_conv2")]
        (start, corner, other, end) = shortcut.points
        assert start[1] < first.y - first.height / 2
        assert end[1] > second.y + second.height / 2
        assert corner[0] == other[0] > max(first.x + first.reach, second.x + second.reach)

    @pytest.mark.parametrize(
        ("blocks", "counts"), [((5, 5), [1, 1, 5, 1, 4, 1]), ((1, 2), [1, 1, 1, 1, 1, 1]), ((18, 18, 18), [1, 1, 18, 1, 17, 1, 17, 1])]
    )
    def test_equal_blocks_are_drawn_once_with_their_number(self, blocks: tuple[int, ...], counts: list[int]) -> None:
        page = small_page(blocks)
        assert [unit.count for unit in page.units] == counts
        texts = [note.text for note in shapes_of(page, Note)]
        assert [text for text in texts if text.startswith("×") and text[1:].isdecimal()] == [f"×{count}" for count in counts if count > 1]

    def test_unlike_blocks_are_not_folded(self) -> None:
        summary = summarize_model(sketch(lambda: residual((3,))))
        rows = {row["name"]: row for row in summary["layers"]}
        rows["group1_block2_conv2"]["kernel_size"] = [5, 5]
        assert [unit.count for unit in compose_page(summary).units] == [1, 1, 1, 1, 1, 1]

    def test_resolutions_and_channels_are_written_where_they_change(self) -> None:
        texts = [note.text for note in shapes_of(small_page((2, 2)), Note)]
        assert sorted(text for text in texts if "×" in text[1:]) == sorted(["group 1 · 32×32", "32×32×8", "group 2 · 16×16", "16×16×16"])
        assert shapes_of(small_page((2, 2)), Pill)[0].text == "images · 32×32×3"

    def test_the_legend_explains_the_signs_of_the_picture_and_no_others(self) -> None:
        texts = {note.text for note in shapes_of(small_page((1, 2)), Note)}
        assert {"convolution", "dense", "pooling", "normalization, activation", "add", "/2: stride 2"} <= texts
        assert not {"attention", "other", "concatenate", "BN: batch normalization", "×n: n such blocks in a row"} & texts


class TestOtherNetworks:
    def test_blocks_are_found_without_names(self) -> None:
        summary = summarize_model(sketch(lambda: unnamed(3)))
        page = compose_page(summary)
        assert_complete(page, summary["layers"])
        assert [unit.count for unit in page.units] == [1, 1, 3, 1]
        assert [len(unit.items) for unit in page.units] == [1, 1, 4, 2]

    def test_a_branch_within_a_branch_is_one(self) -> None:
        layers = keras.layers
        images = keras.Input((8, 8, 3), name="images")
        first = layers.Conv2D(4, 1, name="block1_conv1")(images)
        second = layers.Conv2D(4, 3, padding="same", name="block1_conv2")(first)
        wide = layers.Conv2D(4, (1, 3), padding="same", name="block1_conv3")(second)
        high = layers.Conv2D(4, (3, 1), padding="same", name="block1_conv4")(second)
        total = layers.Concatenate(name="block1_concat")([wide, high, images])
        summary = summarize_model(keras.Model(images, layers.Conv2D(2, 1, name="block2_conv1")(total), name="branched"))
        page = compose_page(summary)
        assert_complete(page, summary["layers"])
        shortcuts = {wire.edges for wire in shapes_of(page, Wire) if wire.shortcut}
        first_item, split, aside, end = (item_of(page, f"block1_{row}") for row in ("conv1", "conv2", "conv4", "concat"))
        assert shortcuts == {((split, aside), (aside, end)), ((item_of(page, "images"), end),)}
        assert first_item not in {edge[0] for edges in shortcuts for edge in edges}

    def test_parallel_branches_do_not_overlap(self) -> None:
        layers = keras.layers
        images = keras.Input((8, 8, 3), name="images")
        branches = [layers.Conv2D(4, 3, padding="same", name=f"block1_conv{number}")(images) for number in range(1, 6)]
        summary = summarize_model(keras.Model(images, layers.Concatenate(name="block1_concat")(branches), name="parallel"))
        page = compose_page(summary)
        assert_complete(page, summary["layers"])
        assert overlapping_signs(page) == []

    def test_equal_blocks_are_not_folded_if_a_later_block_uses_the_first(self) -> None:
        layers = keras.layers
        hidden = images = keras.Input((8, 8, 4), name="images")
        outputs = []
        for number in (1, 2):
            hidden = layers.Conv2D(4, 3, padding="same", name=f"block{number}_conv")(hidden)
            outputs.append(hidden)
        summary = summarize_model(keras.Model(images, layers.Concatenate(name="head_concat")(outputs), name="reused"))
        page = compose_page(summary)
        assert_complete(page, summary["layers"])
        assert [unit.count for unit in page.units] == [1, 1, 1, 1]

    def test_an_edge_past_blocks_runs_next_to_them(self) -> None:
        page = page_of("quizdnn")
        target = item_of(page, "group2_block3_add")
        sources = {item_of(page, f"group2_block{number}_norm1") for number in (1, 2)}
        lanes = [wire for wire in shapes_of(page, Wire) if wire.edges and wire.edges[0][0] in sources and wire.edges[0][1] == target]
        assert {wire.edges[0][0] for wire in lanes} == sources
        plates = [plate for plate in shapes_of(page, Plate) if plate.frame]
        turns = [wire.points[1][0] for wire in lanes]
        assert len(set(turns)) == 2
        assert max(turns) < min(plate.x for plate in plates if plate.x > 72 * 3)

    def test_a_shortcut_from_another_column_names_its_source(self) -> None:
        texts = [pill.text for pill in shapes_of(page_of("residual_cnn"), Pill)]
        assert texts.count("from images") == 2

    @pytest.mark.parametrize(("option", "text"), [("squeeze_excitation", "squeeze-and-excitation, 4 hidden"), ("eca", "efficient channel attention")])
    def test_attention_over_channels_is_a_line(self, option: str, text: str) -> None:
        summary = summarize_model(sketch_model("resnet20", (32, 32, 3), 10, attention=option))
        page = compose_page(summary)
        assert_complete(page, summary["layers"])
        assert text in {pill.text for pill in shapes_of(page, Pill)}
        assert {mark.kind for mark in shapes_of(page, Mark)} == {"add"}

    def test_layers_used_twice_make_no_cycle(self) -> None:
        images = keras.Input((8, 8, 3), name="images")
        shared, other = keras.layers.Conv2D(3, 1, name="block1_conv1"), keras.layers.Conv2D(3, 3, padding="same", name="block2_conv1")
        summary = summarize_model(keras.Model(images, shared(other(shared(images))), name="round"))
        assert summary["layers"][1]["inputs"] == ["images", "block2_conv1"]
        assert_complete(compose_page(summary), summary["layers"])

    @given(st.data())
    def test_every_graph_is_drawn_completely(self, data: st.DataObject) -> None:
        rows = data.draw(graphs())
        page = compose_page({"name": "any", "parameters": 1, "multiply_accumulates": 1, "layers": rows})
        assert_complete(page, rows)
        pills = [shape for shape in page.shapes if isinstance(shape, Pill | Mark)]
        assert all(shape.reach <= shape.x <= page.width - shape.reach and 0 < shape.y < page.height for shape in pills)


def unnamed(blocks: int) -> keras.Model:
    """Return a residual network whose layers have the names that Keras gives."""
    layers = keras.layers
    images = keras.Input((8, 8, 3))
    hidden = layers.ReLU()(layers.Conv2D(4, 3, padding="same")(images))
    for _ in range(blocks):
        branch = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(hidden))
        branch = layers.Conv2D(4, 3, padding="same")(layers.ReLU()(branch))
        hidden = layers.ReLU()(layers.Add()([hidden, branch]))
    return keras.Model(images, layers.Dense(2)(layers.GlobalMaxPooling2D()(hidden)), name="unnamed")


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return layers of a summary with any edges and names."""
    prefixes = ["block1_", "block2_", "group1_block1_", "group1_block2_", "group2_", "group2_block1_", "stem_", "head_", "other_", ""]
    rows: list[dict[str, Any]] = [row_of("images", "InputLayer", [])]
    for number in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(["Conv2D", "BatchNormalization", "Add", "Dense", "MaxPooling2D", "Reshape", "Multiply", "Average"]))
        inputs = draw(st.lists(st.sampled_from(rows[-5:]), min_size=1, max_size=3, unique_by=lambda row: row["name"]))
        rows.append(row_of(f"{draw(st.sampled_from(prefixes))}layer{number}", kind, [row["name"] for row in inputs]))
    return rows


def row_of(name: str, kind: str, inputs: list[str]) -> dict[str, Any]:
    settings = {"Conv2D": {"kernel_size": [3, 3], "strides": [1, 1]}, "MaxPooling2D": {"pool_size": [2, 2], "strides": [2, 2]}}.get(kind, {})
    return {
        "name": name,
        "type": kind,
        "inputs": inputs,
        "output_shape": [4, 4, 8],
        "parameters": kind == "Conv2D",
        "multiply_accumulates": 0,
        **settings,
    }


class TestWords:
    @pytest.mark.parametrize(
        ("layer", "words"),
        [
            (keras.layers.Conv2D(64, 3, strides=2, groups=4, activation="leaky_relu"), "3×3 conv 64 /2, 4 groups · leaky ReLU"),
            (keras.layers.Conv2D(64, (1, 7), strides=(1, 2)), "1×7 conv 64 /1×2"),
            (keras.layers.DepthwiseConv2D(9), "9×9 depthwise conv"),
            (keras.layers.Conv2DTranspose(64, 2, strides=2), "2×2 transposed conv 64 /2"),
            (keras.layers.Dense(64, activation="softmax"), "dense 64 · softmax"),
            (keras.layers.MaxPooling2D(3, strides=2), "3×3 max pool /2"),
            (keras.layers.AveragePooling2D(2), "2×2 average pool"),
            (keras.layers.GlobalMaxPooling2D(), "global max pool"),
            (keras.layers.Dropout(0.25), "dropout 0.25"),
            (keras.layers.Dropout(0.25, name="block1_drop_path"), "drop path"),
            (keras.layers.BatchNormalization(), "BN"),
            (keras.layers.Activation("hard_silu"), "hard SiLU"),
            (keras.layers.Activation("linear"), "linear"),
            (keras.layers.UpSampling2D(2), "up sampling"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )  # fmt: skip
    def test_a_layer_in_words(self, layer: keras.layers.Layer, words: str) -> None:
        images = keras.Input((32, 32, 64))
        assert describe_layer(summarize_model(keras.Model(images, layer(images)))["layers"][1]) == words

    def test_attention_has_heads(self) -> None:
        tokens = keras.Input((16, 32))
        rows = summarize_model(keras.Model(tokens, keras.layers.MultiHeadAttention(4, 8)(tokens, tokens)))["layers"]
        assert describe_layer(rows[1]) == "attention, 4 heads of 8"

    @pytest.mark.parametrize(("shape", "words"), [([32, 32, 3], "32×32×3"), ([65, 256], "65 tokens × 256"), ([10], "10")])
    def test_a_shape_in_words(self, shape: list[int], words: str) -> None:
        assert format_shape(shape) == words


class TestFiles:
    def test_text_in_an_svg_stays_text(self, tmp_path: Path) -> None:
        save_figure(draw_network(summary_of("residual_cnn")), tmp_path / "network.svg")
        written = (tmp_path / "network.svg").read_text(encoding="utf-8")
        assert all(f">{text}</text>" in written for text in ("residual_cnn", "3×3 conv 64 · ReLU", "block 5", "4×4×256", "10 logits", "from images"))
        assert written.startswith("<?xml")

    def test_the_same_summary_gives_the_same_bytes_anywhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In a separate process, without a backend, and with any matplotlib settings of the user."""
        summary = summary_of("quizdnn")
        (tmp_path / "model.json").write_text(json.dumps(summary), encoding="utf-8")
        code = """
import json, sys
from pathlib import Path
from kcifar.pictures.diagram.paint import draw_network
from kcifar.pictures.saving import save_figure
save_figure(draw_network(json.loads(Path("model.json").read_text(encoding="utf-8"))), Path("first.svg"))
print([name for name in ("keras", "tensorflow", "jax", "torch", "pandas") if name in sys.modules])
"""
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
        assert done.stdout == "[]\n"
        assert done.stderr == ""
        monkeypatch.setitem(matplotlib.rcParams, "font.size", 31.0)
        monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "path")
        monkeypatch.setitem(matplotlib.rcParams, "path.sketch", (1.0, 100.0, 2.0))
        save_figure(draw_network(summary), tmp_path / "second.svg")
        assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()

    def test_a_png_has_150_dots_per_inch(self, tmp_path: Path) -> None:
        from PIL import Image

        page = page_of("lenet")
        save_figure(draw_network(summary_of("lenet")), tmp_path / "network.PNG")
        with Image.open(tmp_path / "network.PNG") as image:
            assert image.size == (int(page.width / 72 * 150), int(page.height / 72 * 150))
        assert [path.name for path in tmp_path.iterdir()] == ["network.PNG"]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("network.pdf", "expected a file that ends in .png or .svg, got 'network.pdf'"),
            ("network", "expected a file that ends in .png or .svg, got 'network'"),
            ("none/network.png", "expected a folder that exists"),
            ("folder.svg", "expected a file, got a folder"),
        ],
    )
    def test_other_files_are_refused(self, tmp_path: Path, name: str, message: str) -> None:
        (tmp_path / "folder.svg").mkdir()
        with pytest.raises(UserError) as caught:
            save_figure(draw_network(summary_of("lenet")), tmp_path / name)
        assert message in str(caught.value)
        assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]
