"""The history of a run: accuracy and loss over epochs with named stages, and the learning rate below."""

import pandas

from kcifar.core.errors import one_line
from kcifar.pictures.figure import Figure
from kcifar.pictures.history import draw_history
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.content import FigureSpec, SectionContent
from kcifar.runs.load import LoadedRun

ORDER = 105
TITLE = "Learning curves"
ESSENTIAL = True
_CAPTION = (
    "Training and validation accuracy and loss of every completed epoch; dashed lines separate the stages, and the learning rate is the last one "
    "of each epoch."
)


def of_run(run: LoadedRun) -> SectionContent:
    """Return the figure over epochs."""

    def draw() -> Figure:
        return draw_history(run.name, _summarize(run), run.history, run.best_validation)

    return SectionContent(figures=[FigureSpec("history", draw, _CAPTION, _describe_figure(run), leads=True)])


def _describe_figure(run: LoadedRun) -> str:
    last, epochs = run.history.iloc[-1], len(run.history)
    named = (("training", "accuracy"), ("validation", "val_accuracy"))
    reached = [f"{name} accuracy {PERCENT.write(last[column])}" for name, column in named if pandas.notna(last[column])]
    text = f"Line chart of accuracy, loss and learning rate over {epochs} epoch{'s' * (epochs != 1)}"
    best = run.best_validation
    at_best = f"; the best validation accuracy is {PERCENT.write(best[0])}, in epoch {best[1]}" if best else ""
    return f"{text}. The last epoch has {' and '.join(reached) or 'no finite accuracy'}{at_best}."


def _summarize(run: LoadedRun) -> str:
    epochs = len(run.history)
    test = f"test accuracy {PERCENT.write(run.test.accuracy)}" if run.test else "test split not evaluated"
    parts = (run.dataset_name, run.recipe.model.name, run.progress or f"{epochs} epoch{'s' * (epochs != 1)}", test)
    return " · ".join(one_line(part, 40) for part in parts)
