"""Which class of model trains a stage: Keras' own, or one with a custom step for settings that Keras' step does not support.

Sharpness-aware minimization takes two passes (Foret et al., 2021, algorithm 1). Averages must include the statistics of batch
normalization, which Keras' optimizers leave out, and must count updates instead of batches.
"""

import importlib
from typing import Any

from kcifar.core.lazy import keras
from kcifar.recipe.stage_settings import Stage


def needs_custom_step(settings: Stage) -> bool:
    """Whether Keras' own step does not support a stage's settings."""
    return settings.sam is not None or settings.ema is not None or settings.lookahead is not None


def find_model_class(settings: Stage) -> Any:
    """Return the class of a stage's training model; one with a custom step has the attributes `radius` and `averages`."""
    if not needs_custom_step(settings):
        return keras.Model
    return importlib.import_module(f"kcifar.engine.{keras.config.backend()}.step").StepModel


def find_averaged_variables(network: Any) -> list[Any]:
    """Return the variables to average: weights and the statistics of normalization layers, but no counters or random seeds."""
    return [variable for variable in network.variables if keras.backend.is_float_dtype(variable.dtype)]
