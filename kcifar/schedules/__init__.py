"""The registry of learning-rate schedules: a stage's `learning_rate: {name: …}`; a plain number stands for `constant`.

A schedule is one registered function: `def name(steps, *, …its own arguments) -> np.ndarray`, the rate at each of the stage's
`steps` updates, float64 (steps,): a pure function of the step within the stage.
"""

from kcifar.registry import Registry

SCHEDULES = Registry("schedule", "kcifar.schedules")
