"""The trained weights that get a gradient, and the biases that cannot, because a later layer removes every constant."""

import keras
import numpy as np
import tensorflow as tf

LAYERS = keras.layers
# Hand a constant that is added to a channel on to what comes behind them.
SHIFTING = (
    *(LAYERS.MaxPooling2D, LAYERS.AveragePooling2D, LAYERS.GlobalMaxPooling2D, LAYERS.GlobalAveragePooling2D),
    *(LAYERS.Add, LAYERS.Concatenate, LAYERS.Cropping2D, LAYERS.Identity),
)


def largest_gradients(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the largest absolute gradient of the cross-entropy in training, by the path of each trained weight; 0 if there is none."""
    weights = network.trainable_variables
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, network(images, training=True))
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    pairs = zip(weights, gradients, strict=True)
    return {weight.path: 0.0 if gradient is None else float(np.abs(gradient.numpy()).max()) for weight, gradient in pairs}


def cancelled_biases(network: keras.Model) -> set[str]:
    """Return the paths of trained biases that later layers remove on every path.

    Batch normalization subtracts its channels' means, and a bias with them; a softmax over other axes than the channels' divides it
    out, and so does attention's own with the bias of the keys.
    """
    cancelled = set()
    for layer in network.layers:
        if isinstance(layer, LAYERS.MultiHeadAttention):
            cancelled |= {weight.path for weight in layer.trainable_weights if weight.path.endswith("key/bias")}
        elif getattr(layer, "bias", None) is not None and is_linear(layer) and is_cancelled(layer):
            cancelled.add(layer.bias.path)
    return cancelled


def is_linear(layer: keras.Layer) -> bool:
    return getattr(layer, "activation", keras.activations.linear) is keras.activations.linear


def is_cancelled(layer: keras.Layer) -> bool:
    """Whether a constant added to the channels of a layer's output changes nothing in training."""
    readers = [node.operation for node in layer._outbound_nodes]
    return bool(readers) and all(cancels(reader) or (isinstance(reader, SHIFTING) and is_cancelled(reader)) for reader in readers)


def cancels(layer: keras.Layer) -> bool:
    return isinstance(layer, LAYERS.BatchNormalization) or (isinstance(layer, LAYERS.Softmax) and layer.axis != -1)
