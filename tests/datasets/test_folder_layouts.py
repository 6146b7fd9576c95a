"""Laws of folders without `train`, of the test split that is split off, and of links."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from archives import encoded, private_caches, refusal, write_folder, write_tar, write_zip
from hypothesis import given
from hypothesis import strategies as st

from kcifar.datasets import archives, folder_files
from kcifar.datasets.archives import iterate_members
from kcifar.datasets.checksum import compute_content_sha256
from kcifar.datasets.dataset import Dataset, Source
from kcifar.datasets.folder import folder
from kcifar.datasets.folder_files import find_images

COUNTS = {"cat": 10, "dog": 20, "hen": 5}
RANDOM = np.random.default_rng(0)
PIXELS = {f"{name}/{number:02}.png": RANDOM.integers(0, 256, (32, 32, 3), np.uint8) for name, count in COUNTS.items() for number in range(count)}
FILES = {name: encoded(pixels) for name, pixels in PIXELS.items()}


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_caches(tmp_path, monkeypatch)


def below(top: str, files: dict[str, bytes] = FILES) -> dict[str, bytes]:
    return {f"{top}/{name}": content for name, content in files.items()}


FORMS: dict[str, Callable[[Path], Path]] = {
    "folder": lambda root: write_folder(root / "f", FILES),
    "folder in a folder": lambda root: write_folder(root / "f", below("my photos")),
    "tar": lambda root: write_tar(root / "a.tar", below("my photos"), "w"),
    "zip": lambda root: write_zip(root / "a.zip", FILES),
}


@pytest.mark.parametrize("form", FORMS)
def test_folders_of_classes_are_read_as_such_and_this_is_said(form: str, tmp_path: Path) -> None:
    said: list[str] = []
    loaded = folder(Source(FORMS[form](tmp_path), say=said.append))
    assert loaded.class_names == ("cat", "dog", "hen")
    assert (loaded.test, loaded.validation) == (None, None)
    np.testing.assert_array_equal(loaded.train.images, np.stack(list(PIXELS.values())))
    assert np.bincount(loaded.train.labels).tolist() == list(COUNTS.values())
    assert said[0].endswith(
        "no train folder: each folder is a class: 3 classes (cat, dog, hen), 35 train images; "
        "without test images (dataset.test: 0.2 splits some off), and validation as dataset.validation says"
    )


def test_files_beside_the_classes_are_ignored_with_a_message(tmp_path: Path) -> None:
    said: list[str] = []
    data = write_folder(tmp_path, FILES | {"labels.csv": b"", "cover.png": FILES["cat/00.png"], "cat/list.txt": b"", "drafts/list.txt": b""})
    assert folder(Source(data, say=said.append)).class_names == ("cat", "dog", "hen")
    assert "4 files ignored; only images in <class>/… are used: cat/list.txt, cover.png, drafts/list.txt, and 1 more" in said[0]
    assert "no image of 'drafts': left out of the classes" in said[1]


@pytest.mark.parametrize("name", ["val", "test", "validation", "Train", "testing", "training", "VALID", "dev"])
def test_splits_of_other_names_do_not_pass_for_classes(name: str, tmp_path: Path) -> None:
    message = refusal(folder, Source(write_folder(tmp_path / "f", below("other") | below(name))))
    assert "expected images in train/<class>/…, got folders" in message
    assert ("rename" in message) == (name not in ("test", "validation"))


@pytest.mark.parametrize("layout", [FILES, below("train"), below("train") | {"validation/cat/1.png": FILES["cat/00.png"]}])
@pytest.mark.parametrize(("test", "counts"), [(0.2, [2, 4, 1]), (7, [2, 4, 1]), (0.4, [4, 8, 2])])
def test_test_images_are_split_off_by_class(layout: dict[str, bytes], test: float, counts: list[int], tmp_path: Path) -> None:
    """Every image is in one split, with its label; which ones are test images depends on nothing but the files."""
    said: list[str] = []
    data = write_folder(tmp_path / "f", layout)
    whole, loaded = folder(Source(data)), folder(Source(data, say=said.append), test=test)  # type: ignore[arg-type]
    assert loaded.test is not None
    assert np.bincount(loaded.test.labels).tolist() == counts
    assert identify(loaded) == identify(whole)
    assert compute_content_sha256(folder(Source(data), test=test)) == compute_content_sha256(loaded)  # type: ignore[arg-type]
    assert f"{35 - sum(counts)} train, " in said[0]
    assert f"{sum(counts)} test images" in said[0]


def identify(dataset: Dataset) -> list[tuple[bytes, int]]:
    """Return all images of train and test with their labels."""
    splits = [split for split in (dataset.train, dataset.test) if split is not None]
    return sorted((image.tobytes(), int(label)) for split in splits for image, label in zip(split.images, split.labels, strict=True))


def test_a_cached_split_is_not_taken_for_another(tmp_path: Path) -> None:
    for data in (write_folder(tmp_path / "f", FILES), write_tar(tmp_path / "a.tar", FILES, "w")):
        sizes = [len(folder(Source(data), test=test).test or ()) for test in (0.2, 0, 0.4, 3, 0.2)]
        assert sizes == [7, 0, 14, 3, 7]


@pytest.mark.parametrize(
    ("files", "test", "expected"),
    [
        (below("train") | below("test"), 0.2, "test: expected 0, since there is a test folder already, got 0.2"),
        (FILES, 35, "test: expected fewer than the 35 training images"),
        (FILES, 0.001, "test: expected at least one image of the 35"),
    ],
)
def test_a_test_split_that_cannot_be_made_is_refused(files: dict[str, bytes], test: float, expected: str, tmp_path: Path) -> None:
    assert expected in refusal(folder, Source(write_folder(tmp_path, files)), test=test)


@given(st.permutations(sorted(FILES)), st.sampled_from([0.1, 0.25, 9]))
def test_test_images_do_not_depend_on_the_order_of_the_files(order: list[str], test: float) -> None:
    class Members:
        """The files in another order, as an archive may hold them."""

        def __init__(self, names: list[str]) -> None:
            self.names = names

        def __call__(self, source: Path, follow_links: bool = False) -> list[archives.Entry]:
            return [archives.Entry(archives.PurePosixPath(name), bytes) for name in self.names]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_files, "iterate_members", Members(order))
        one = find_images(Path("x"), lambda line: None, test=test)
        patch.setattr(folder_files, "iterate_members", Members(sorted(FILES)))
        assert list(find_images(Path("x"), lambda line: None, test=test).labels.items()) == list(one.labels.items())


def make_linked(tmp_path: Path) -> Path:
    """Return a folder of links: to the folder of a class, to files, back to itself and to nothing."""
    photos, data = write_folder(tmp_path / "photos", FILES), tmp_path / "linked"
    (data / "train" / "dog").mkdir(parents=True)
    (data / "train" / "cat").symlink_to(photos / "cat")
    for number in range(20):
        (data / "train" / "dog" / f"{number:02}.png").symlink_to(photos / "dog" / f"{number:02}.png")
    (data / "train" / "hen").symlink_to("../../photos/hen")
    return data


def test_links_are_followed_on_request(tmp_path: Path) -> None:
    data = make_linked(tmp_path)
    shutil.copytree(data, tmp_path / "copied")  # follows links
    assert compute_content_sha256(folder(Source(data), follow_links=True)) == compute_content_sha256(folder(Source(tmp_path / "copied")))
    message = refusal(folder, Source(data))
    assert "no image" in message or "at least two classes" in message
    assert "follow_links: true" in message


def test_a_class_that_is_a_link_is_not_dropped_silently(tmp_path: Path) -> None:
    said: list[str] = []
    data = write_folder(tmp_path / "f", below("train"))
    (data / "train" / "owl").symlink_to(write_folder(tmp_path / "photos", FILES) / "cat")
    assert folder(Source(data, say=said.append)).class_names == ("cat", "dog", "hen")
    assert said[0].endswith("train/owl (links to folders are followed only with follow_links: true)")
    assert folder(Source(data), follow_links=True).class_names == ("cat", "dog", "hen", "owl")


def test_a_linked_folder_of_files_says_how_to_follow_the_links(tmp_path: Path) -> None:
    photos = write_folder(tmp_path / "photos", FILES)
    for name in FILES:
        path = tmp_path / "f" / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(photos / name)
    said: list[str] = []
    message = refusal(folder, Source(tmp_path / "f", say=said.append))
    assert "no readable image of cat, dog, hen (train/cat/00.png: a link that leaves the folder; set follow_links: true to follow it)" in message
    assert len(folder(Source(tmp_path / "f"), follow_links=True).train) == 35


def test_links_that_lead_back_broken_links_and_devices_end(tmp_path: Path) -> None:
    data = make_linked(tmp_path)
    (data / "train" / "dog" / "up").symlink_to(data)
    (data / "train" / "dog" / "self").symlink_to(".")
    (tmp_path / "photos" / "hen" / "round").symlink_to(tmp_path / "photos" / "cat")
    (tmp_path / "photos" / "cat" / "about").symlink_to(tmp_path / "photos" / "hen")
    (data / "train" / "dog" / "gone.png").symlink_to(tmp_path / "gone.png")
    (data / "train" / "dog" / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    (data / "train" / "dog" / "pipe.png").symlink_to(tmp_path / "pipe")
    loaded = folder(Source(data), follow_links=True)
    # Each class of the ring cat -> hen -> cat also shows the other one's images, once.
    assert np.bincount(loaded.train.labels).tolist() == [15, 20, 15]
    assert [note.split(": ")[1] for note in loaded.notes] == ["train/dog/gone.png", "train/dog/pipe.png", "train/dog/zero.png"]


def test_a_link_to_a_pipe_inside_the_folder_is_not_read(tmp_path: Path) -> None:
    data = write_folder(tmp_path / "f", FILES)
    os.mkfifo(data / "cat" / "pipe")
    (data / "cat" / "link.png").symlink_to("pipe")
    assert [note.split(": ")[1] for note in folder(Source(data)).notes] == ["cat/link.png"]


def test_links_that_multiply_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two links to the next folder in each of 40 would be 2^40 ways."""
    monkeypatch.setattr(archives, "MAX_FOLDERS", 100)
    for depth in range(40):
        (tmp_path / f"{depth}").mkdir()
    for depth in range(39):
        for name in "ab":
            (tmp_path / f"{depth}" / name).symlink_to(tmp_path / f"{depth + 1}")
    assert "more than 100 folders" in refusal(lambda: list(iterate_members(tmp_path / "0", follow_links=True)))


def test_links_of_an_archive_are_never_followed(tmp_path: Path) -> None:
    assert "follow_links: true needs a folder" in refusal(folder, Source(write_tar(tmp_path / "a.tar", FILES, "w")), follow_links=True)
