"""Writes a run's model as a SavedModel; `saved_model.py` runs it in its own process under TensorFlow.

    python -m kcifar.exporting.write_saved_model RUN OUT REFERENCE

REFERENCE receives images and the Keras model's probabilities for them, which the reloaded model must reproduce.
"""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from kcifar.core.errors import one_line
from kcifar.runs.folder import EXAMPLES_FILE
from kcifar.runs.run import Run, open_run


def write_saved_model(run: Run, out: Path, reference: Path) -> None:
    """Write the SavedModel with its two signatures, the class names, and the reference predictions.

    `serving_default`: uint8 (batch, height, width, 3) -> probabilities float32 (batch, classes), class_ids int64 (batch,).
    `serve_image_bytes`: encoded PNG or JPEG strings (batch,) -> the same; decoded, and resized bilinearly to the network's size.
    """
    model = run.load_model()
    height, width = model.input_shape[1:3]
    archive = keras.export.ExportArchive()
    archive.track(model)
    images = tf.TensorSpec((None, height, width, 3), tf.uint8, name="images")
    archive.add_endpoint("serving_default", lambda images: _predict(model, images), [images])
    encoded = tf.TensorSpec((None,), tf.string, name="image_bytes")
    archive.add_endpoint("serve_image_bytes", lambda image_bytes: _predict(model, _decode(image_bytes, height, width)), [encoded])
    archive.write_out(str(out), verbose=False)
    (out / "assets.extra").mkdir()
    write_class_names(run.dataset["class_names"], out / "assets.extra" / "classes.txt")
    _write_reference(run, model, reference)


def write_class_names(names: Sequence[str], path: Path) -> None:
    """Write one line per class, in the order of the labels, whatever an older run allowed in a name."""
    path.write_text("".join(f"{one_line(name)}\n" for name in names), encoding="utf-8")


def _predict(model: Any, images: tf.Tensor) -> dict[str, tf.Tensor]:
    probabilities = model(tf.cast(images, tf.float32), training=False)
    return {"probabilities": probabilities, "class_ids": tf.argmax(probabilities, axis=1, output_type=tf.int64)}


def _decode(image_bytes: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Return float32 images 0..255 of the network's size; EXIF orientation is ignored."""

    def decode_image(encoded: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        return tf.image.resize(tf.cast(image, tf.float32), (height, width), method="bilinear")

    return tf.map_fn(decode_image, image_bytes, fn_output_signature=tf.TensorSpec((height, width, 3), tf.float32))


def _write_reference(run: Run, model: Any, reference: Path) -> None:
    """Save images, also encoded as PNG, and the Keras model's probabilities: the run's examples, or noise if it kept none."""
    if (run.path / EXAMPLES_FILE).exists():
        with np.load(run.path / EXAMPLES_FILE, allow_pickle=False) as examples:
            images = examples["images"]
    else:
        images = np.random.default_rng(0).integers(0, 256, (16, *model.input_shape[1:]), dtype=np.uint8)
    probabilities = np.asarray(model.predict(images.astype(np.float32), verbose=0), np.float32)
    encoded = {f"png_{k}": np.frombuffer(_encode_png(image), np.uint8) for k, image in enumerate(images[:16])}
    np.savez(reference, allow_pickle=False, images=images, probabilities=probabilities, **encoded)


def _encode_png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    write_saved_model(open_run(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
