"""The evaluation of a run on images that are not its own: read as its data set reads pictures, written apart from `test.json`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.core.files import write_json
from kcifar.core.option_names import name_option
from kcifar.datasets.checksum import compute_content_sha256
from kcifar.datasets.class_checks import describe_absent_classes
from kcifar.datasets.dataset import Dataset
from kcifar.datasets.known_classes import KnownImages, Pictures, load_known_images
from kcifar.datasets.reading import recall_reading
from kcifar.runs.folder import EVALUATIONS_FOLDER, RunFolder, read_json
from kcifar.runs.run import Run
from kcifar.training.metrics import compute_metrics, softmax
from kcifar.training.test_time_views import Logits

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_DIGITS = 12  # of the checksum that names an evaluation; 48 bits do not meet by chance


def check_name(name: str | None) -> None:
    """Refuse a name that is not that of a file.

    Raises:
        UserError: The name has other characters, or too many.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise UserError(f"{name_option('name')}: expected up to 100 letters, digits, '_', '-' or '.' (not first), got {one_line(repr(name), 60)}")


def load_other_images(run: Run, data: Path, split: str, say: Callable[[str], None]) -> KnownImages:
    """Return images of a run's classes, of the run's size.

    Raises:
        UserError: See `load_known_images`; or images of another size in a form that has only one.
    """
    height, width, _ = run.dataset["image_shape"]
    recipe = run.recipe["dataset"]
    pictures = Pictures(recall_reading(run.dataset, run.recipe), recipe.get("follow_links", False))
    images = load_known_images(data, run.dataset["class_names"], split, pictures, say)
    shape = images.split.images.shape[1:3]
    if shape != (height, width):
        raise UserError(f"{data}: expected images of {height}x{width} pixels, as {run.path} was trained on, got {shape[0]}x{shape[1]}")
    if images.form == "folder":
        reason = "as for training" if "resize" in recipe else f"since the run's data set, {run.dataset['name']}, is not made of picture files"
        say(f"{data}: resize: {pictures.reading.resize}, to {height}x{width} pixels, {reason}")
    return images


def write_evaluation(run: Run, data: Path, split: str, images: KnownImages, logits: Logits, name: str | None) -> dict[str, Any]:
    """Evaluate a run on images of its classes, and write metrics and predictions to its folder `evaluations`.

    Args:
        run: The run.
        data: Where the images are from, for the record.
        split: The split of the data that was chosen.
        images: The images.
        logits: Gives the logits of the images of an array at some indices.
        name: Name of the files; None: the beginning of the checksum of images and labels.
    Returns:
        The contents of `evaluations/<name>.json`: that of `test.json`, and where the images are from.
    Raises:
        UserError: There is an evaluation of other images under this name.
    """
    names, labels = tuple(run.dataset["class_names"]), images.split.labels
    checksum = compute_content_sha256(Dataset("other", names, images.split))
    path = Path(EVALUATIONS_FOLDER) / f"{name or checksum[:_DIGITS]}.json"
    folder = RunFolder(run.path)
    _check_same_images(folder / str(path), checksum)
    indices = np.arange(len(labels))
    predicted = logits(images.split.images, indices)
    metrics = {"split": split, "weights": run.recipe["select"]} | compute_metrics(predicted, labels, names)
    notes = [*images.notes, *describe_absent_classes(names, labels)]
    origin = {"data": str(data.absolute()), "form": images.form, "content_sha256": checksum, "file": str(path), "notes": notes}
    arrays = {"labels": labels, "probabilities": softmax(predicted), "indices": indices}
    if images.files is not None:
        arrays["files"] = np.array(images.files)
    with folder.lock():
        (folder / EVALUATIONS_FOLDER).mkdir(exist_ok=True)
        folder.write_arrays(str(path.with_suffix(".npz")), arrays)
        write_json(folder / str(path), origin | metrics)
    return origin | metrics


def _check_same_images(path: Path, checksum: str) -> None:
    earlier = read_json(path)
    if path.exists() and (not isinstance(earlier, dict) or earlier.get("content_sha256") != checksum):
        raise UserError(f"{path}: this is the evaluation of other images; choose another {name_option('name')}")
