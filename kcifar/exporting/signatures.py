"""The functions that an exported model offers; each checks its request before it computes, as TensorFlow would end the process over some."""

from typing import Any

import tensorflow as tf

from kcifar.datasets.reading import Reading
from kcifar.exporting.reading_graph import read_images


def add_signatures(archive: Any, model: Any, reading: Reading) -> None:
    """Add the signatures to a Keras `ExportArchive` that tracks a model.

    `serving_default`: images uint8 (batch, height, width, 3) -> probabilities float32 (batch, classes), class_ids int64 (batch,).
    `serve_image_bytes`: image_bytes, PNG or JPEG files, string (batch,) -> the same for the images that `read_image_bytes` makes of them.
    `read_image_bytes`: image_bytes, string (batch,) -> images uint8 (batch, height, width, 3), as the run reads its picture files.
    """
    image_spec = tf.TensorSpec((None, reading.height, reading.width, 3), tf.uint8, name="images")
    file_spec = tf.TensorSpec((None,), tf.string, name="image_bytes")

    def predict(images: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model(tf.cast(images, tf.float32), training=False)
        return {"probabilities": probabilities, "class_ids": tf.argmax(probabilities, axis=1, output_type=tf.int64)}

    def read(image_bytes: tf.Tensor) -> tf.Tensor:
        return read_images(_check_request(image_bytes, file_spec), reading)

    archive.add_endpoint("serving_default", lambda images: predict(_check_request(images, image_spec)), [image_spec])
    archive.add_endpoint("serve_image_bytes", lambda image_bytes: predict(read(image_bytes)), [file_spec])
    archive.add_endpoint("read_image_bytes", lambda image_bytes: {"images": read(image_bytes)}, [file_spec])


def _check_request(values: tf.Tensor, spec: tf.TensorSpec) -> tf.Tensor:
    """Return a request's values, which are refused when the graph runs if they have another shape or there are none.

    The shapes of a signature are not checked by `tf.saved_model.load`; without the batch's axis, a convolution ends the process.
    """
    checked = tf.ensure_shape(values, spec.shape)
    count = tf.shape(checked)[0]
    with tf.control_dependencies([tf.debugging.Assert(count > 0, [f"{spec.name}: expected a batch of at least one, got an empty one"])]):
        return tf.identity(checked)
