"""The registry of schedules: a stage's `learning_rate: {name: …}`, and every other number that may change from update to update.

A schedule is one registered function: `def name(span, *, …its own arguments) -> np.ndarray`, the value at each of the span's updates,
float64 (span.steps,): a pure function of the step within the stage (`plateau`: and of the stage's completed epochs).
"""

from kcifar.core.registry import Registry

SCHEDULES = Registry("schedule", "kcifar.schedules")
