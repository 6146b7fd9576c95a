"""Which backend, precision and batch size train a recipe fastest on this machine? Each backend measures training updates in its own process."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kcifar.benchmarks.advice import Setting, write_advice
from kcifar.benchmarks.synthetic import ImageKind, find_image_kind
from kcifar.benchmarks.table import print_benchmark
from kcifar.benchmarks.updates import UpdatesRequest, measure_updates
from kcifar.core.checks import expect_choice
from kcifar.core.errors import Failure, UserError
from kcifar.core.lazy import pandas
from kcifar.core.option_names import name_option
from kcifar.engine.backend import BACKENDS, PRECISIONS, get_backend_name, list_device_names, load_backend
from kcifar.planning.plan import Plan
from kcifar.training.environment import describe_environment

BATCH_SIZES = (64, 256, 1024)  # in addition to the recipe's own
# The lines that a backend's process prints for us begin with these; whatever else a library prints is ignored.
_ROW, _FACTS = "kcifar row ", "kcifar facts "


@dataclass(frozen=True)
class Choices:
    """What the user asks to measure; an empty choice stands for its default.

    Attributes:
        backends: Keras backends; by default those installed.
        precisions: Dtype policies; by default float32, the automatic one and the recipe's.
        batch_sizes: Images per batch; by default the recipe's and `BATCH_SIZES`.
        image_size: Height and width; None for the data set's.
        classes: Number of classes; None for the data set's.
        repeats: Turns of each combination, > 0.
    """

    backends: Sequence[str] = ()
    precisions: Sequence[str] = ()
    batch_sizes: Sequence[int] = ()
    image_size: int | None = None
    classes: int | None = None
    repeats: int = 3

    def check(self) -> None:
        """Refuse backends and precisions that do not exist, and backends that are not installed.

        Raises:
            UserError: One line.
        """
        for option, names, allowed in (("precision", self.precisions, PRECISIONS), ("backend", self.backends, BACKENDS)):
            for name in names:
                expect_choice(name_option(option), name, allowed)
        for name in self.backends:
            if name not in find_installed_backends():
                raise UserError(f"{name_option('backend')}: {name} is not installed; install it with pip install 'kcifar[{name}]'")


@dataclass
class Measurements:
    """What the processes of the backends reported.

    Attributes:
        rows: One per combination, as `measure_updates` yields them, with `backend`.
        environments: One per process.
        recipe_precisions: By backend, the precision that the recipe trains with under it.
        failures: A line for each process that failed.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    environments: list[dict[str, Any]] = field(default_factory=list)
    recipe_precisions: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def find_measured(self) -> list[dict[str, Any]]:
        """Return the rows of the combinations that were measured, not skipped."""
        return [row for row in self.rows if "images_per_second" in row]

    def make_notes(self) -> list[str]:
        """Return a line for each reason why combinations were skipped, with their batch sizes, and for each failure."""
        skipped: dict[tuple[str, str, str], list[str]] = {}
        for row in self.rows:
            if "reason" in row:
                skipped.setdefault((row["backend"], row["precision"], row["reason"]), []).append(f"{row['batch_size']:,}")
        lines = [f"{backend}, {precision}, batch size {', '.join(sizes)}: {reason}" for (backend, precision, reason), sizes in skipped.items()]
        return [*lines, *self.failures]

    def find_current_setting(self, batch_size: int) -> Setting:
        """Return what the recipe is trained with now: under KERAS_BACKEND, or the first measured backend if that one was not measured."""
        backend = get_backend_name() if get_backend_name() in self.recipe_precisions else next(iter(self.recipe_precisions))
        return Setting(backend, self.recipe_precisions[backend], batch_size)


def print_update_speeds(plan: Plan, choices: Choices, imports: Sequence[Path]) -> None:
    """Measure the updates of a recipe's first stage and print table, notes and advice.

    Args:
        plan: Of the recipe.
        choices: What to measure; checked.
        imports: The user's files that register parts.
    Raises:
        UserError: The recipe is refused with every combination.
        Failure: Nothing could be measured.
    """
    stage, kind = plan.stages[0], find_image_kind(plan, choices.image_size, choices.classes)
    batch_sizes = sorted(set(choices.batch_sizes or (stage.settings.batch_size, *BATCH_SIZES)))
    request = UpdatesRequest(plan.to_dict(), kind, list(dict.fromkeys(choices.precisions)), batch_sizes, choices.repeats)
    measurements = measure_backends(request, list(dict.fromkeys(choices.backends or find_installed_backends())), imports)
    title = f"Training updates of {plan.recipe.name}, stage {stage.name}: {plan.model.name}, {kind}"
    print_benchmark(title, make_table(measurements), measurements.environments)
    advice = write_advice(measurements.find_measured(), measurements.find_current_setting(stage.settings.batch_size))
    print("\n" + "\n".join([*measurements.make_notes(), f"advice: {advice}"]))


def find_installed_backends() -> list[str]:
    """Return the backends that can be measured."""
    return [name for name in BACKENDS if importlib.util.find_spec(name) is not None]


def measure_backends(request: UpdatesRequest, backends: Sequence[str], imports: Sequence[Path]) -> Measurements:
    """Measure a recipe's updates under each backend, in one process after another.

    Args:
        request: What to measure; its recipe was checked.
        backends: Installed ones.
        imports: The user's files that register parts.
    Raises:
        UserError: The recipe is refused with every combination; the message is that of the first.
        Failure: Nothing could be measured; the message gives the reason for the first combination.
    """
    measurements = Measurements()
    for backend in backends:
        _measure_backend(backend, request, imports, measurements)
    if measurements.rows and all(row.get("is_user_error") for row in measurements.rows):
        raise UserError(measurements.rows[0]["reason"])
    if not measurements.find_measured():
        raise Failure(f"bench step: nothing was measured: {measurements.make_notes()[0]}")
    return measurements


def make_table(measurements: Measurements) -> Any:
    """Return a DataFrame, one row for each combination that was measured or skipped.

    `gigaflops` is 6 times the multiply-accumulates of the forward pass (it, and two backward passes of the same size), per second;
    `share_of_peak` is its fraction of the fastest matrix product or convolution that was measured in the same precision and process;
    `times_convolutions` is the update's time divided by that of its convolutions alone, each pass measured separately.
    """
    rows = [{"images_per_second": None} | row for row in measurements.rows]
    frame = pandas.DataFrame(rows).drop(columns=["reason", "is_user_error"], errors="ignore")
    frame["share_of_peak"] = frame["gigaflops"] / frame["peak_gigaflops"]
    columns = ["images_per_second", "compilation_seconds", "gigaflops", "peak_gigaflops", "share_of_peak", "times_convolutions"]
    return frame[["backend", "precision", "batch_size"]].join(frame[columns].astype(float))


def answer_request(request: dict[str, Any]) -> None:
    """Measure one backend in its own process: rows on standard output, progress on standard error.

    Args:
        request: The fields of an `UpdatesRequest`, as JSON gives them.
    """
    backend, checked = load_backend(), UpdatesRequest(**request | {"kind": ImageKind(**request["kind"])})
    facts = {"environment": describe_environment(backend, list_device_names(), "", ()), "recipe_precision": checked.find_recipe_precision()}
    print(f"{_FACTS}{json.dumps(facts)}", flush=True)
    for row in measure_updates(checked):
        result = row.get("reason") or f"{row['images_per_second']:,.0f} images/s"
        print(f"{backend}, {row['precision']}, batch size {row['batch_size']:,}: {result}", file=sys.stderr, flush=True)
        print(f"{_ROW}{json.dumps(row)}", flush=True)


def _measure_backend(backend: str, request: UpdatesRequest, imports: Sequence[Path], measurements: Measurements) -> None:
    """Let a process measure one backend; what it reported before it failed counts."""
    command = [sys.executable, "-m", "kcifar.bench", "step-of-one-backend"]
    question = json.dumps({"imports": [str(path.absolute()) for path in imports], "request": asdict(request)})
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(command, input=question, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    for line in done.stdout.splitlines():
        if line.startswith(_FACTS):
            facts = json.loads(line.removeprefix(_FACTS))
            measurements.environments.append(facts["environment"])
            measurements.recipe_precisions[backend] = facts["recipe_precision"]
        elif line.startswith(_ROW):
            measurements.rows.append({"backend": backend} | json.loads(line.removeprefix(_ROW)))
    if done.returncode != 0:
        measurements.failures.append(f"{backend}: its process ended with exit code {done.returncode}")
