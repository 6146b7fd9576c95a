"""`python -m kcifar.datasets`: what it prints, what it draws to the pixel, which files it refuses, and its errors in one line."""

import hashlib
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import archives
import numpy as np
import pytest
import yaml
from PIL import Image
from places import ROOT
from tiny_recipe import RECIPE_TEXT, tiny_recipe

from kcifar.commands.datasets import app
from kcifar.core.command import run_command
from kcifar.datasets.arrays import from_arrays
from kcifar.datasets.cifar_checksums import ARCHIVE_SIZES, OFFICIAL_FILES, OfficialFile
from kcifar.datasets.cifar_layouts import CIFAR10, describe_cifar100
from kcifar.datasets.dataset import Source
from kcifar.datasets.file_inspection import OFFICIAL_DATASETS, inspect_files
from kcifar.datasets.sample_grid import IMAGES_PER_CLASS, select_samples
from kcifar.datasets.verification import inspect_contents
from kcifar.pictures.image_grid import Grid, GridCell, GridRow, draw_grid, save_grid
from kcifar.planning.batches import EpochBatches
from kcifar.planning.plan import Plan, make_plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.recipe.load import load_recipe
from kcifar.training import preview

PAGE = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
Run = Callable[..., tuple[int, str, str]]

MIXED = [{"name": "random_affine", "rotation": 15}, {"name": "mixup", "alpha": 1.0, "probability": 0.7}]
STAGES = [
    {"name": "learn", "epochs": 3, "learning_rate": 1e-3, "augmentation": MIXED, "last_batch": "drop"},
    {"name": "large", "epochs": 1, "learning_rate": 1e-3, "augmentation": MIXED[:1], "image_size": 40, "sampling": "balanced"},
]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in this process and returns exit code, output and errors."""

    def call(*options: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kcifar.datasets", *map(str, options)])
        code = run_command(app)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def refused(run: Run, *options: object) -> str:
    """Return the one line by which the command refuses its options with exit code 2."""
    code, out, errors = run(*options)
    assert code == 2
    assert out == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    return errors


# info


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    """Return a file of 40 images of 32x32 in three classes of different sizes; the first test image is a copy from train, of another class."""
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
    labels = np.array([0] * 14 + [1] * 11 + [2] * 5 + [1] * 10)
    images[30] = images[3]
    path = tmp_path / "own.npz"
    np.savez(path, x_train=images[:30], y_train=labels[:30], x_test=images[30:], y_test=labels[30:], class_names=["a", "b", "c"])
    return path


def test_information_is_that_of_the_data_set(run: Run, own_file: Path) -> None:
    listing = own_file.with_name("pairs.csv")
    code, out, errors = run("info", "npz", "--data", own_file, "--json", "--duplicates", listing)
    information, images = json.loads(out), np.load(own_file)["x_train"]
    assert (code, errors) == (0, f"wrote {listing}\n")
    assert information["counts"] == {"train": 30, "test": 10}
    assert information["class_counts"] == {"train": [14, 11, 5], "test": [0, 10, 0]}
    assert information["image_shape"] == [32, 32, 3]
    np.testing.assert_allclose(information["channel_mean"], images.mean(axis=(0, 1, 2)) / 255)
    np.testing.assert_allclose(information["channel_deviation"], images.std(axis=(0, 1, 2)) / 255)
    between = {"parts": ["train", "test"], "pairs": 1, "exact": 1, "images": 1, "label_conflicts": 1}
    assert between in information["duplicates"]["rows"]
    assert sum(row["pairs"] for row in information["duplicates"]["rows"]) == 1
    assert listing.read_text().splitlines()[1:] == ["train,3,a,test,0,b,1.0000,true,true,false"]
    assert information["duplicates"]["alike_classes"] == []


def test_the_table_shows_counts_fractions_and_duplicates(run: Run) -> None:
    code, out, _ = run("info", "digits", "--similarity", 1)
    assert code == 0
    assert "digits: 1,437 train, 360 test images of 32x32x3, 10 classes" in out
    assert re.search(r"^0 +142 +9\.88% +36 +10\.00%$", out, re.MULTILINE)
    assert re.search(r"^test, with a duplicate in train +0 +0 +0 +0$", out, re.MULTILINE)


def test_images_that_are_alike_are_said_not_counted(run: Run, tmp_path: Path) -> None:
    """Class a: 25 slightly different images of a gray wedge; class b: noise, of which two are copies."""
    random, wedge = np.random.default_rng(0), np.broadcast_to(np.arange(32)[None, None, :, None] * 7, (25, 32, 32, 3))
    noise = random.integers(0, 256, (25, 32, 32, 3))
    noise[1] = noise[0]
    images = np.concatenate([wedge + random.integers(0, 5, wedge.shape), noise]).astype(np.uint8)
    np.savez(tmp_path / "own.npz", x_train=images, y_train=np.repeat([0, 1], 25), class_names=["a", "b"])
    code, out, _ = run("info", "npz", "--data", tmp_path / "own.npz")
    assert code == 0
    assert re.search(r"^train +2 +1 +1 +0$", out, re.MULTILINE)
    assert "Of 1 class (a) only exact copies are counted: more than 25% of their images have another of similarity 0.75" in " ".join(out.split())


def test_samples_are_training_images_of_each_class_pixel_by_pixel(run: Run, own_file: Path) -> None:
    picture = own_file.with_name("classes.png")
    assert run("info", "npz", "--data", own_file, "--samples", picture)[0] == 0
    images, labels = np.load(own_file)["x_train"], np.load(own_file)["y_train"]
    rows = framed_images(np.asarray(Image.open(picture).convert("RGB")))
    assert [len(row) for row in rows] == [IMAGES_PER_CLASS, 11, 5]
    for label, row in enumerate(rows):
        np.testing.assert_array_equal(np.stack(row), images[select_samples(labels, label)])


def framed_images(drawn: np.ndarray, side: int = 128, small: int = 32) -> list[list[np.ndarray]]:
    """Find the framed images of a picture by their left upper corners, and return them at their own size, row by row."""
    grey = (drawn == 176).all(axis=2)
    edge = np.ones(side + 2, bool)
    corners = [
        (y, x)
        for y, x in np.argwhere(grey[: -side - 1, : -side - 1])
        if not (y and grey[y - 1, x])
        and not (x and grey[y, x - 1])
        and (grey[y, x : x + side + 2] == edge).all()
        and (grey[y : y + side + 2, x] == edge).all()
    ]
    tops = sorted({int(y) for y, _ in corners})
    times = side // small
    blocks = {(y, x): drawn[y + 1 : y + 1 + side, x + 1 : x + 1 + side] for y, x in corners}
    for block in blocks.values():
        assert (block == block[::times, ::times].repeat(times, axis=0).repeat(times, axis=1)).all()
    return [[blocks[y, x][::times, ::times] for y, x in sorted(corners) if y == top] for top in tops]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["info", "cifar11"], "datasets: no data set 'cifar11'; did you mean 'cifar10'?"),
        (["info", "digits", "--set", "image_size=3"], "--set image_size=3: image_size: unknown key (it takes no arguments)"),
        (["info", "folder", "--set", "image_size=0"], "--set image_size=0: image_size: expected an integer > 0 and <= 1024, got 0"),
        (["info", "digits", "--set", "image_size"], "--set image_size: expected key=value, got 'image_size'"),
        (["info", "digits", "--samples", "digits.jpg"], "--samples digits.jpg: expected a file that ends in .png or .svg, got 'digits.jpg'"),
        (["info", "digits", "--duplicates", "pairs.txt"], "--duplicates pairs.txt: expected a file that ends in .csv, got 'pairs.txt'"),
        (["info", "digits", "--duplicates", "none/pairs.csv"], "--duplicates none/pairs.csv: expected a folder that exists, got 'none'"),
        (["info", "digits", "--similarity", "2"], "'--similarity'"),
        (["info", "digits", "--data", "."], "data set digits: it comes with scikit-learn"),
        (["info", "folder"], "data set folder: expected --data with a folder or archive of images"),
        (["verify", "cifar10"], "no files of cifar10 in "),
        (["verify", "cifar10", "--data", "nowhere"], "nowhere: no such file or folder"),
        (["verify", "npz", "--data", "nowhere.npz"], "nowhere.npz: expected a .npz file, found nothing"),
        (["verify", "cifar100", "--set", "labels=middle"], "--set labels=middle: labels: expected one of 'fine', 'coarse', got 'middle'"),
        (["preview", "--stages", "none.yaml", "--out", "x.png"], "none.yaml: no such file"),
        (["preview", "--stages", "{recipe}", "--out", "x.gif"], "--out x.gif: expected a file that ends in .png or .svg, got 'x.gif'"),
        (["preview", "--stages", "{recipe}", "--out", "none/x.png"], "--out none/x.png: expected a folder that exists, got 'none'"),
        (["preview", "--stages", "{recipe}", "--out", "x.png", "--stage", "lern"], "--stage: expected 0 to 1 or one of learn, refine, got 'lern'; did you mean 'learn'?"),
        (["preview", "--stages", "{recipe}", "--out", "x.png", "--stage", "2"], "--stage: expected 0 to 1 or one of learn, refine, got '2'"),
        (["preview", "--stages", "{recipe}", "--out", "x.png", "--epoch", "3"], "--epoch: expected 1 to 2, the epochs of stage 'learn', got 3"),
        (["preview", "--stages", "{recipe}", "--out", "x.png", "--count", "0"], "'--count'"),
        (["preview", "--stages", "{recipe}", "--out", "x.png", "--set", "seed=x"], "--set seed=x: seed: expected an integer >= 0"),
    ],
)  # fmt: skip
def test_an_error_is_one_line(run: Run, options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives.private_caches(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(RECIPE_TEXT, encoding="utf-8")
    assert message in refused(run, *[option.replace("{recipe}", "mine.yaml") for option in options])
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in (".yaml", "")] == []


# verify


def as_official(monkeypatch: pytest.MonkeyPatch, files: archives.Files) -> None:
    """Let the small files of a test pass for the official ones."""
    sums = {Path(name).name: OfficialFile(len(content), hashlib.md5(content).hexdigest()) for name, content in files.items() if "readme" not in name}
    monkeypatch.setitem(OFFICIAL_FILES, "cifar-10-batches-py", sums)


@pytest.fixture
def small_cifar(monkeypatch: pytest.MonkeyPatch) -> archives.Files:
    files = archives.cifar10_python(archives.sample())
    as_official(monkeypatch, files)
    return files


def statuses(path: Path) -> dict[str, str]:
    return {finding.name: finding.status for finding in inspect_files(CIFAR10, path)}


def test_whole_files_are_ok(small_cifar: archives.Files, tmp_path: Path) -> None:
    folder = archives.write_folder(tmp_path, small_cifar) / "cifar-10-batches-py"
    assert set(statuses(folder).values()) == {"ok"}
    assert set(statuses(folder)) == set(CIFAR10.layouts[0].files)


def test_files_deeper_than_the_official_folder_do_not_count(small_cifar: archives.Files, tmp_path: Path) -> None:
    deep = {f"backup/{name}": content for name, content in small_cifar.items()}
    path = archives.write_tar(tmp_path / "deep.tar.gz", deep)
    assert {statuses(path)[name] for name in CIFAR10.layouts[0].files} == {"missing"}


def test_a_changed_a_cut_and_a_missing_file_are_told_apart(small_cifar: archives.Files, tmp_path: Path) -> None:
    folder = archives.write_folder(tmp_path, small_cifar) / "cifar-10-batches-py"
    changed = bytearray((folder / "data_batch_2").read_bytes())
    changed[400] ^= 1
    (folder / "data_batch_2").write_bytes(changed)
    (folder / "data_batch_3").write_bytes((folder / "data_batch_3").read_bytes()[:-1])
    (folder / "test_batch").unlink()
    wrong = {name: status for name, status in statuses(folder).items() if status != "ok"}
    assert wrong == {"data_batch_2": "wrong checksum", "data_batch_3": "wrong size", "test_batch": "missing"}


def test_an_archive_is_checked_as_a_whole_and_by_its_files(small_cifar: archives.Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archives.write_tar(tmp_path / "cifar-10-python.tar.gz", small_cifar)
    found = statuses(path)
    assert found.pop(path.name) == "wrong size"
    assert set(found.values()) == {"ok"}
    monkeypatch.setitem(ARCHIVE_SIZES, path.name, path.stat().st_size)
    assert statuses(path)[path.name] == "wrong checksum"
    sums = CIFAR10.archive_checksums | {hashlib.sha256(path.read_bytes()).hexdigest(): "cifar-10-python.tar.gz"}
    assert inspect_files(replace(CIFAR10, archive_checksums=sums), path)[0].is_ok
    path.write_bytes(path.read_bytes()[:-200])
    assert statuses(path)["its files"] == "damaged"


def test_verify_prints_each_file_and_ends_with_one_line_if_one_is_wrong(run: Run, small_cifar: archives.Files, tmp_path: Path) -> None:
    folder = archives.write_folder(tmp_path, small_cifar) / "cifar-10-batches-py"
    code, out, errors = run("verify", "cifar10", "--data", tmp_path)
    assert code == 2  # the files are "official", but 25 images are not 60,000
    assert len(re.findall(r"^\w[\w.]+ +ok +[\d,]+ +MD5 *$", out, re.MULTILINE)) == 7
    assert re.search(r"^train split +wrong counts +19 images 32x32.*; expected 5,000 per class *$", out, re.MULTILINE)
    assert errors.splitlines()[0] == f"checking {folder}"
    assert errors.splitlines()[1].startswith(f"error: {folder}: 3 of 10 checks failed: train split: wrong counts, test split: wrong counts")
    (folder / "data_batch_1").write_bytes(b"")
    code, out, errors = run("verify", "cifar10", "--data", tmp_path)
    assert code == 2
    assert re.search(r"^data_batch_1 +wrong size +0 +expected \d+", out, re.MULTILINE)
    assert "cannot be loaded" in errors


def test_what_has_no_official_sums_is_read_and_counted(run: Run, tmp_path: Path) -> None:
    code, out, errors = run("verify", "digits")
    assert (code, errors) == (0, "")
    assert re.search(r"^test split +ok +360 images 32x32, labels 0 to 9, 35 to 37 in each of 10 classes *$", out, re.MULTILINE)
    np.savez(tmp_path / "mine.npz", x_train=np.zeros((4, 9, 9), np.uint8), y_train=np.array([0, 0, 2, 2]))
    code, out, errors = run("verify", "npz", "--data", tmp_path / "mine.npz")
    assert code == 2
    assert "no image of 1" in out
    assert errors == f"error: {tmp_path / 'mine.npz'}: 1 of 1 checks failed: train split: empty classes\n"


def test_notes_of_a_data_set_are_failures() -> None:
    made = from_arrays((np.zeros((2, 8, 8, 3), np.uint8), [0, 1]))
    assert all(finding.is_ok for finding in inspect_contents(made))
    noted = type(made)(made.name, made.class_names, made.train, notes=("not readable: a.png: cut",))
    assert [finding.status for finding in inspect_contents(noted)] == ["ok", "not as expected"]


def test_only_the_train_split_needs_every_class() -> None:
    image = np.zeros((1, 8, 8, 3), np.uint8)
    assert [finding.status for finding in inspect_contents(from_arrays((image.repeat(2, axis=0), [0, 1]), test=(image, [0])))] == ["ok", "ok"]


@pytest.mark.parametrize(("labels", "status"), [([0, 1, 1, 0], "ok"), ([0, 1, 1, 1], "wrong counts"), ([0, 1], "wrong counts")])
def test_official_splits_have_as_many_images_per_class_as_they_should(labels: list[int], status: str) -> None:
    made = from_arrays((np.zeros((len(labels), 8, 8, 3), np.uint8), labels))
    assert [finding.status for finding in inspect_contents(made, {"train": 4})] == [status]


def test_the_official_tables_are_whole() -> None:
    for cifar in (CIFAR10, describe_cifar100("fine"), describe_cifar100("coarse")):
        assert cifar.name in OFFICIAL_DATASETS
        assert set(cifar.archive_checksums.values()) <= set(ARCHIVE_SIZES)
        for layout in cifar.layouts:
            assert set(layout.files) <= set(OFFICIAL_FILES[layout.folder])
    sums = [expected.md5 for files in OFFICIAL_FILES.values() for expected in files.values() if expected.md5]
    assert len(set(sums)) == len(sums) == 10
    assert all(re.fullmatch(r"[0-9a-f]{32}", md5) for md5 in sums)
    # Records of the binary archives: label bytes and 3,072 pixels.
    assert OFFICIAL_FILES["cifar-10-batches-bin"]["test_batch.bin"].size == 10_000 * 3073
    assert OFFICIAL_FILES["cifar-100-binary"]["train.bin"].size == 50_000 * 3074


# preview


def planned(**changes: Any) -> tuple[Plan, PreparedData]:
    plan = make_plan(load_recipe(tiny_recipe(stages=STAGES, **changes)))
    return plan, prepare_data(plan, Source())


def test_one_image_of_each_class_comes_first() -> None:
    labels = np.array([2, 2, 0, 0, 2, 1, 0])
    indices = np.array([0, 1, 2, 4, 5, 6])
    assert preview.choose_images(labels, indices, 4).tolist() == [2, 5, 0, 6]
    assert sorted(preview.choose_images(labels, indices, 99).tolist()) == indices.tolist()


@pytest.mark.parametrize("stage", [0, 1])
def test_versions_are_the_augmentation_of_the_epochs_own_draws(stage: int) -> None:
    """Against the steps applied one by one to whole batches, as the epoch gives them."""
    from kcifar.augment.pipeline import apply_all
    from kcifar.core.lazy import keras
    from kcifar.layers import ResizeImages

    plan, data = planned()
    chosen = preview.choose_images(data.dataset.train.labels, data.train_indices, 5)
    versions = preview.make_versions(plan, data, plan.stages[stage], range(plan.stages[stage].epochs), chosen)
    size = plan.stages[stage].settings.image_size or 32
    assert versions.images.shape == (5, plan.stages[stage].epochs, size, size, 3)
    for column in range(plan.stages[stage].epochs):
        batches = preview.make_epoch(plan, data, plan.stages[stage], column)
        for row, index in enumerate(chosen):
            places = np.flatnonzero(batches.order == index)
            assert versions.shown[row, column] == bool(len(places))
            if not len(places):
                continue
            batch = batches[int(places[0]) // batches.batch_size]
            images, *others = [
                np.float32(batch.images),
                batch.draws,
                *([np.float32(batch.partners.images), batch.partners.draws] if batch.partners else []),
            ]
            resized = ResizeImages(size, size)(images) if size != 32 else images
            changed = keras.ops.convert_to_numpy(apply_all(plan.stages[stage].operations, resized, *others))[places[0] % batches.batch_size]
            assert np.abs(versions.images[row, column] - changed).max() <= 0.51
            own = batch.targets[places[0] % batches.batch_size]
            expected = np.zeros(10)
            expected[data.dataset.train.labels[index]] += versions.own_shares[row, column]
            expected[data.dataset.train.labels[versions.partners[row, column]]] += 1 - versions.own_shares[row, column]
            np.testing.assert_allclose(own, expected, atol=1e-6)


def test_the_epochs_are_those_that_training_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import kcifar

    seen: dict[tuple[int, int], EpochBatches] = {}
    original = EpochBatches.__getitem__

    def watched(self: EpochBatches, index: int) -> Any:
        seen[self.key.stage, self.key.epoch] = self
        return original(self, index)

    monkeypatch.setattr(EpochBatches, "__getitem__", watched)
    # A network that averages before its logits, since one of the stages resizes.
    model = {"name": "convmixer", "depth": 1, "width": 8, "patch_size": 8, "kernel_size": 3}
    kcifar.train(tiny_recipe(stages=STAGES, model=model, defaults={"batch_size": 256}, test="never"), run=tmp_path / "run")
    plan, data = planned(model=model, defaults={"batch_size": 256})
    assert sorted(seen) == [(0, 0), (0, 1), (0, 2), (1, 0)]
    for (stage, epoch), trained in seen.items():
        shown = preview.make_epoch(plan, data, plan.stages[stage], epoch)
        for field in ("order", "draws", "partners", "partner_draws", "own_shares"):
            np.testing.assert_array_equal(getattr(shown, field), getattr(trained, field), err_msg=field)


def test_the_picture_shows_originals_and_versions_pixel_by_pixel(run: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe(stages=STAGES)), encoding="utf-8")
    code, _, errors = run("preview", "--stages", recipe, "--out", tmp_path / "p.png", "--count", 3, "--versions", 4, "--epoch", 2, "--seed", 5)
    assert code == 0
    assert errors == f"stage 'learn' has 3 epochs: 2 of 4 versions are drawn\nwrote {tmp_path / 'p.png'}\n"
    plan, data = planned(seed=5)
    chosen = preview.choose_images(data.dataset.train.labels, data.train_indices, 3)
    versions = preview.make_versions(plan, data, plan.stages[0], [1, 2], chosen)
    drawn = framed_images(np.asarray(Image.open(tmp_path / "p.png").convert("RGB")))
    for row, index in enumerate(chosen):
        np.testing.assert_array_equal(drawn[row][0], data.dataset.train.images[index])
        shown = [versions.images[row, column] for column in range(2) if versions.shown[row, column]]
        np.testing.assert_array_equal(np.stack(drawn[row][1:]), np.stack(shown))


def test_mixed_targets_are_written_with_their_shares() -> None:
    plan, data = planned()
    chosen = preview.choose_images(data.dataset.train.labels, data.train_indices, 4)
    grid = preview.make_preview(plan, data, plan.stages[0], range(3), chosen)
    versions = preview.make_versions(plan, data, plan.stages[0], range(3), chosen)
    assert grid.columns == ("original", "epoch 1", "epoch 2", "epoch 3")
    assert grid.text == "random_affine(rotation=15) → mixup(probability=0.7)"
    names, labels = data.dataset.class_names, data.dataset.train.labels
    captions = [cell.caption for row in grid.rows for cell in row.cells[1:]]
    for caption, index, partner, share, shown in zip(
        captions, np.repeat(chosen, 3), versions.partners.ravel(), versions.own_shares.ravel(), versions.shown.ravel(), strict=True
    ):
        if not shown:
            assert caption == ("not in this epoch",)
        elif share == 1:
            assert caption == (names[labels[index]],)
        else:
            assert caption == (f"{names[labels[index]]} {share:.2f}", f"+ {names[labels[partner]]} {1 - share:.2f}")
    assert any(len(caption) == 2 for caption in captions)


# pictures


def test_names_that_are_long_or_strange_are_drawn_all_the_same(tmp_path: Path) -> None:
    rows = tuple(
        GridRow((name, "1 image"), (GridCell(np.full((20, 30, 3), 255, np.uint8), (name, "+ x")), GridCell(None)))
        for name in (r"$\frac$", "象" * 60, "a\nb", "")
    )
    for path in (tmp_path / "grid.png", tmp_path / "grid.svg"):
        save_grid(Grid("title " * 30, "text " * 60, rows, ("original", "epoch 1"), first_apart=True), path)
        assert path.stat().st_size > 1000
    height, width = np.asarray(Image.open(tmp_path / "grid.png")).shape[:2]
    assert height > 4 * 20 * 4
    assert width > 2 * 30 * 4


@pytest.mark.parametrize("side", [1, 28, 48, 224, 1024])
def test_images_of_any_size_take_a_bounded_place(side: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    width, height = draw_grid(Grid("t", "", (GridRow((), (GridCell(image),)),))).get_size_inches() * 150
    assert 128 <= max(width, height) < 400


# the rest


@pytest.mark.parametrize("command", ["info", "verify", "preview"])
def test_the_pages_options_exist(run: Run, command: str) -> None:
    used = {option for line in re.findall(rf"kcifar\.datasets {command} ([^#\n]*)", PAGE) for option in re.findall(r"--[\w-]+", line)}
    code, out, _ = run(command, "--help")
    assert code == 0
    assert used <= set(re.findall(r"--[\w-]+", out))
    assert re.search(rf"kcifar\.datasets {command}", PAGE)
