"""The scheduled values of a stage: computed once, stored in tables, and looked up inside the compiled step."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kcifar.core.keras_internals import get_batch_counter
from kcifar.core.lazy import keras


class ScheduleTables:
    """One table per scheduled value of an optimizer, and the update at which the tables start.

    They are variables of the optimizer, so every backend passes them into the compiled step: a stage that changes only numbers
    assigns new tables and compiles nothing.

    Args:
        optimizer: A Keras optimizer.
        names: The scheduled values: "learning_rate", "momentum", "rate_multipliers.0.value", …
        length: Updates of the longest stage.
        accumulate: Batches per update.
    """

    def __init__(self, optimizer: Any, names: Iterable[str], length: int, accumulate: int) -> None:
        self._batches, self._accumulate = get_batch_counter(optimizer), accumulate
        self._tables = {name: optimizer.add_variable((length,), name=f"{name.replace('.', '_')}_table", dtype="float32") for name in names}
        self._start = optimizer.add_variable((), name="table_start", dtype="int")

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def count_updates(self) -> Any:
        """Return the number of updates since the start of the tables, an integer tensor."""
        return self._batches // self._accumulate - self._start

    def is_update_complete(self) -> Any:
        """Return whether the last batch completed an update, a bool tensor."""
        return keras.ops.equal(self._batches % self._accumulate, 0)

    def look_up(self, name: str) -> Any:
        """Return the value for the current update, a float32 scalar tensor."""
        table = self._tables[name]
        return keras.ops.take(table, keras.ops.clip(self.count_updates(), 0, table.shape[0] - 1))

    def count_all_updates(self) -> int:
        """Return the number of complete updates since the optimizer's state was reset."""
        return int(self._batches) // self._accumulate

    def restart(self, updates: int) -> None:
        """Make the next batch the first one of the tables' first update.

        Args:
            updates: Complete updates since the optimizer's state was reset; Adam's bias correction continues from it.
        """
        self._batches.assign(updates * self._accumulate)
        self._start.assign(updates)

    def fill(self, values: Mapping[str, np.ndarray]) -> None:
        """Write the values of the schedules, each float (updates,) and at most as long as the tables; the last value fills the rest."""
        for name, table in self._tables.items():
            padded = np.full(table.shape, values[name][-1], np.float32)
            padded[: len(values[name])] = values[name]
            table.assign(padded)


def make_table_rate() -> Any:
    """Return a Keras learning-rate schedule that looks up "learning_rate" in its attribute `tables`, which the caller sets."""

    class TableRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        tables: ScheduleTables

        def __call__(self, step: Any) -> Any:
            return self.tables.look_up("learning_rate")

        def get_config(self) -> dict[str, Any]:
            return {}

    return TableRate()
