"""What changes from update to update, tabulated for a stage and looked up inside the compiled step."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kcifar.core.lazy import keras


class Tables:
    """The scheduled values of an optimizer: a table each, and the update that the tables begin at.

    They are variables of the optimizer, so that every backend passes them into the compiled step: a stage that changes only its
    numbers assigns new ones and compiles nothing.

    Args:
        optimizer: A Keras optimizer.
        names: What is scheduled: "learning_rate", "momentum", "rate_multipliers.0.value", …
        length: Updates of the longest stage.
        accumulate: Batches an update.
    """

    def __init__(self, optimizer: Any, names: Iterable[str], length: int, accumulate: int) -> None:
        self._iterations, self._accumulate = optimizer._iterations, accumulate
        self._tables = {name: optimizer.add_variable((length,), name=f"{name.replace('.', '_')}_table", dtype="float32") for name in names}
        self._start = optimizer.add_variable((), name="table_start", dtype="int")

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def updates(self) -> Any:
        """Return how many updates there were since the tables' start, an integer tensor."""
        return self._iterations // self._accumulate - self._start

    def completes_update(self) -> Any:
        """Return whether the batch that was counted last completed an update, a bool tensor."""
        return keras.ops.equal(self._iterations % self._accumulate, 0)

    def value(self, name: str) -> Any:
        """Return the present update's value, a float32 scalar tensor."""
        table = self._tables[name]
        return keras.ops.take(table, keras.ops.clip(self.updates(), 0, table.shape[0] - 1))

    def begin(self) -> None:
        """Let the next batch be the first of the tables' first update."""
        updates = -(-int(self._iterations) // self._accumulate)
        self._iterations.assign(updates * self._accumulate)
        self._start.assign(updates)

    def fill(self, values: Mapping[str, np.ndarray]) -> None:
        """Write what the schedules give, each float (updates,), at most as many as the tables are long."""
        for name, table in self._tables.items():
            padded = np.full(table.shape, values[name][-1], np.float32)
            padded[: len(values[name])] = values[name]
            table.assign(padded)


def table_rate() -> Any:
    """Return a Keras learning-rate schedule that gives the present value of the table "learning_rate" of its `tables`."""

    class TableRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        tables: Tables

        def __call__(self, step: Any) -> Any:
            return self.tables.value("learning_rate")

        def get_config(self) -> dict[str, Any]:
            return {}

    return TableRate()
