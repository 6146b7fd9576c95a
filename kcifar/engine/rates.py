"""Learning rates tabulated for a stage and looked up inside the compiled step."""

from typing import Any

import numpy as np

from kcifar.lazy import keras


def attach_rate_table(optimizer: Any, schedule: "Any", length: int) -> None:
    """Give the optimizer the variables that its `TableSchedule` reads.

    They belong to the optimizer so that every backend passes them into the compiled step: a stage that changes only its rates
    assigns new numbers and compiles nothing.

    Args:
        optimizer: A Keras optimizer whose learning rate is `schedule`.
        schedule: What `table_schedule` made.
        length: Updates of the longest stage.
    """
    schedule.table = optimizer.add_variable((length,), name="learning_rate_table", dtype="float32")
    schedule.start = optimizer.add_variable((), name="learning_rate_start", dtype="int64")


def set_rates(schedule: Any, rates: np.ndarray, start: int) -> None:
    """Let the next updates use `rates`, float (steps,), counted from the optimizer's update number `start`."""
    table = np.full(schedule.table.shape, rates[-1], np.float32)
    table[: len(rates)] = rates
    schedule.table.assign(table)
    schedule.start.assign(start)


def table_schedule() -> Any:
    """Return a Keras learning-rate schedule that looks the rate of an update up in a table."""

    class TableSchedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        table: Any
        start: Any

        def __call__(self, step: Any) -> Any:
            index = keras.ops.cast(step, "int64") - keras.ops.cast(self.start, "int64")
            return keras.ops.take(self.table, keras.ops.clip(index, 0, self.table.shape[0] - 1))

        def get_config(self) -> dict[str, Any]:
            return {}

    return TableSchedule()
