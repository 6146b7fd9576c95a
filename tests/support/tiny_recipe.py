"""A recipe that trains real images in seconds, as containers and as a file's text."""

from typing import Any

TINY_MODEL = {"name": "residual_cnn", "widths": [4, 8], "convolutions": [1, 1], "dense_units": [16], "dropout_rate": 0.2}
AUGMENTATION = [{"name": "random_affine", "rotation": 10, "width_shift": 0.1, "height_shift": 0.1}, {"name": "horizontal_flip"}]


def tiny_recipe(**changes: Any) -> dict[str, Any]:
    """Return a recipe that trains real images in seconds: digits, three stages, four epochs, dropout and augmentation at work."""
    recipe: dict[str, Any] = {
        "name": "tiny",
        "dataset": {"name": "digits", "validation": 0.2},
        "model": TINY_MODEL,
        "precision": "float32",
        "log_every": 3,
        "defaults": {"batch_size": 128, "l2": {"value": 1e-4, "layers": "*_conv*"}, "augmentation": AUGMENTATION},
        "stages": [
            {"name": "learn", "epochs": 2, "learning_rate": 3e-3},
            {"name": "refine", "epochs": 1, "learning_rate": 1e-3},
            {"name": "polish", "epochs": 1, "learning_rate": 1e-4, "optimizer": {"name": "sgd", "momentum": 0.9}},
        ],
    }
    return recipe | changes


RECIPE_TEXT = """\
name: mine
seed: 0
dataset: {name: digits, validation: 0.2}
model:
  name: residual_cnn
  widths: [4, 8]
  convolutions: [1, 1]
defaults:
  batch_size: 64
  augmentation:
    - {name: horizontal_flip}
stages:
  - {name: learn, epochs: 2, learning_rate: 1e-3}
  - name: refine
    epochs: 1
    learning_rate: 1e-4
"""
