"""Training batch by batch: accuracy and loss over updates with named stages, and the learning rate below."""

import numpy as np
import pandas

from kcifar.reporting.charts.batches import compute_window, draw_batches, select_usable
from kcifar.reporting.page.columns import LOSS, PERCENT
from kcifar.reporting.page.content import FigureSpec, SectionContent
from kcifar.runs.load import LoadedRun

ORDER = 135
TITLE = "Batches"


def of_run(run: LoadedRun) -> SectionContent:
    """Return the figure over updates; nothing if the run logged no batches."""
    rows = select_usable(run.batches)
    if rows.empty:
        return SectionContent()
    return SectionContent(figures=[FigureSpec("batches", lambda: draw_batches(run), _write_caption(rows), _describe_figure(rows))])


def _write_caption(rows: pandas.DataFrame) -> str:
    longest = int(np.diff(rows["step"], prepend=0).max())
    points = f"Accuracy and loss on training batches; each point is the mean over the updates since the previous point (up to {longest:,})"
    mean = f", drawn light; the bold line is the running mean of {compute_window(rows)} points within each stage" if compute_window(rows) > 1 else ""
    return f"{points}{mean}. Dashed lines separate the stages; the learning rate is the last one of each completed epoch."


def _describe_figure(rows: pandas.DataFrame) -> str:
    measures = (("accuracy", PERCENT), ("loss", LOSS))
    ends = [(name, *(kind.write(value) for value in rows[name].dropna().iloc[[0, -1]])) for name, kind in measures if rows[name].notna().any()]
    changes = " and ".join(f"{name} from {first} to {last}" for name, first, last in ends) or "no finite value"
    updates = int(rows["step"].iloc[-1])
    return f"Line chart of accuracy, loss and learning rate over {updates:,} update{'s' * (updates != 1)}: {changes}."
