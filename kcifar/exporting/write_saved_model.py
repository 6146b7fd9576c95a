"""Writes a run's model as a SavedModel; `saved_model.py` runs it in its own process under TensorFlow.

    python -m kcifar.exporting.write_saved_model RUN OUT REFERENCE

REFERENCE receives images and the Keras model's probabilities for them, which the reloaded model must reproduce.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kcifar.core.errors import one_line
from kcifar.datasets.decoding import decode_image
from kcifar.datasets.reading import Reading, recall_reading
from kcifar.exporting.photos import make_photos
from kcifar.exporting.signatures import add_signatures
from kcifar.runs.folder import EXAMPLES_FILE
from kcifar.runs.run import Run, open_run


def write_saved_model(run: Run, out: Path, reference: Path) -> None:
    """Write the SavedModel with its signatures (see `add_signatures`), what it needs to know beside it, and the reference predictions.

    `assets.extra/classes.txt` has a class name a line; `assets.extra/reading.json` says how picture files are read.
    """
    model, reading = run.load_model(), recall_reading(run.dataset, run.recipe)
    archive = keras.export.ExportArchive()
    archive.track(model)
    add_signatures(archive, model, reading)
    archive.write_out(str(out), verbose=False)
    (out / "assets.extra").mkdir()
    write_class_names(run.dataset["class_names"], out / "assets.extra" / "classes.txt")
    (out / "assets.extra" / "reading.json").write_text(json.dumps(reading.describe(), indent=2) + "\n", encoding="utf-8")
    write_reference(run, model, reading, reference)


def write_class_names(names: Sequence[str], path: Path) -> None:
    """Write one line per class, in the order of the labels, whatever an older run allowed in a name."""
    path.write_text("".join(f"{one_line(name)}\n" for name in names), encoding="utf-8")


def write_reference(run: Run, model: Any, reading: Reading, reference: Path) -> None:
    """Save what the reloaded model must reproduce: the Keras model's probabilities for images and for photos, read as the run reads them.

    The images are the run's examples, or noise if it kept none.
    """
    if (run.path / EXAMPLES_FILE).exists():
        with np.load(run.path / EXAMPLES_FILE, allow_pickle=False) as examples:
            images = examples["images"]
    else:
        images = np.random.default_rng(0).integers(0, 256, (16, *model.input_shape[1:]), dtype=np.uint8)
    photos = make_photos(reading, images)
    pixels = np.stack([decode_image(content, reading) for content in photos.values()])
    np.savez(
        reference,
        allow_pickle=False,
        images=images,
        probabilities=_predict(model, images),
        photo_names=np.array(list(photos)),
        photo_pixels=pixels,
        photo_probabilities=_predict(model, pixels),
        **{f"photo_{number}": np.frombuffer(content, np.uint8) for number, content in enumerate(photos.values())},
    )


def _predict(model: Any, images: np.ndarray) -> np.ndarray:
    return np.asarray(model.predict(images.astype(np.float32), verbose=0), np.float32)


if __name__ == "__main__":
    write_saved_model(open_run(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
