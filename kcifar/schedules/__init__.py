"""The registry of schedules: a stage's `learning_rate: {name: …}`, and every other number that may change from update to update.

A schedule is one registered function: `def name(span, *, …its own arguments) -> np.ndarray`. It returns the value for each update of the span,
float64 (span.steps,), which depends only on the step within the stage (`plateau`: also on the stage's completed epochs).
"""

from kcifar.core.registry import Registry

SCHEDULES = Registry("schedule", "kcifar.schedules", supplied=["span"])
