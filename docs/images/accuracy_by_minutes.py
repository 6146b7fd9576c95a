"""Draw accuracy_by_minutes.png, the figure of the README: what each reference recipe reaches on CIFAR-10, against its training time.

Run it in the root of the repository: `python docs/images/accuracy_by_minutes.py`. The runs are those of `reports/runs`.
"""

from collections import defaultdict
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from kcifar.core.files import complete_file
from kcifar.pictures.saving import render_figure
from kcifar.pictures.style import BLUE, VERMILION
from kcifar.runs.run import Run, open_run

FOLDER = Path(__file__).parent
RUNS = FOLDER.parents[1] / "reports" / "runs"
CLAIM = 88.74  # three stages of the residual network: the2roock/Cifar10-Classification, one run (reports/claims.csv)
# Where a recipe's name stands relative to its point, in points of 1/72 inch, and its alignment.
LABELS = {"three_stage": (4, -16, "right"), "seed_in_minutes": (-5, 9, "left"), "fast94": (-8, 4, "right")}
LOWEST = 84  # percent: below it are the small networks of the seed projects


def main() -> None:
    """Write the figure beside this file."""
    png, _ = render_figure(draw)
    with complete_file(FOLDER / "accuracy_by_minutes.png") as partial:
        partial.write_bytes(png)


def draw() -> Figure:
    """Return the figure."""
    figure = Figure(figsize=(7.2, 3.4))
    axes = figure.add_subplot()
    axes.axhline(CLAIM, color=VERMILION, linewidth=1, linestyle="--")
    axes.text(6.5, CLAIM + 0.15, "claim of the project that three_stage is taken from: 88.74 %", color=VERMILION, fontsize=9)
    for name, runs in read_runs().items():
        draw_recipe(axes, name, runs)
    axes.set_title("CIFAR-10: 94 % in six minutes, without a GPU", loc="left", fontsize=12)
    axes.set_xscale("log")
    axes.set(xlim=(0.7, 180), ylim=(LOWEST, 96), xlabel="Minutes of training on two processor cores", ylabel="Test accuracy (%)")
    axes.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 60, 120]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    return figure


def read_runs() -> dict[str, list[Run]]:
    """Return the runs on CIFAR-10 that the figure has room for, by recipe."""
    result = defaultdict(list)
    for run in map(open_run, sorted(RUNS.iterdir())):
        if run.recipe["dataset"]["name"] == "cifar10" and 100 * find_accuracy(run) > LOWEST:
            result[run.recipe["name"]].append(run)
    return dict(result)


def draw_recipe(axes: Axes, name: str, runs: list[Run]) -> None:
    """Draw one point per seed, and the recipe's name with its mean accuracy beside the last one."""
    minutes = [float(run.history["seconds"].sum()) / 60 for run in runs]
    accuracies = [100 * find_accuracy(run) for run in runs]
    axes.plot(minutes, accuracies, "o", color=BLUE, markersize=6, alpha=0.8)
    right, up, alignment = LABELS.get(name, (8, -4, "left"))
    views = ", 6 views" if "views" in runs[0].test else ""
    text = f"{name}  {sum(accuracies) / len(accuracies):.2f} %{views}"
    axes.annotate(
        text, (max(minutes) if alignment == "left" else min(minutes), accuracies[-1]), (right, up), textcoords="offset points", ha=alignment
    )


def find_accuracy(run: Run) -> float:
    """Return the test accuracy, over six views where the recipe asks for them."""
    return float(run.test.get("views", run.test)["accuracy"])


if __name__ == "__main__":
    main()
