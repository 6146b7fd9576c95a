"""Which model trains a stage: Keras' own, or one with a step of our own where the stage asks for what Keras' cannot carry.

Sharpness-aware minimisation takes two passes (Foret et al., 2021, algorithm 1). Averages must hold the statistics of batch normalisation,
which Keras' optimizers leave out, and count updates, not batches.
"""

import importlib
from typing import Any

from kcifar.core.lazy import keras
from kcifar.recipe.stage_settings import Stage


def needs_own_step(settings: Stage) -> bool:
    """Whether a stage asks for more than Keras' step does."""
    return settings.sam is not None or settings.ema is not None or settings.lookahead is not None


def model_class(settings: Stage) -> Any:
    """Return the class of a stage's training model; one with a step of our own has `radius` and `averages` to set."""
    if not needs_own_step(settings):
        return keras.Model
    return importlib.import_module(f"kcifar.engine.{keras.config.backend()}.step").StepModel


def averaged_variables(network: Any) -> list[Any]:
    """Return what an average holds: a network's weights and the statistics of its normalisations, nothing that counts or draws."""
    return [variable for variable in network.variables if keras.backend.is_float_dtype(variable.dtype)]
