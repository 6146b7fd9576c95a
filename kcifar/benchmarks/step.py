"""What should a recipe be trained with on this machine? Each backend measures training updates in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kcifar.benchmarks.advice import Setting
from kcifar.benchmarks.synthetic import ImageKind
from kcifar.benchmarks.updates import Request, measure_updates
from kcifar.core.errors import Failure, UserError
from kcifar.core.lazy import pandas
from kcifar.engine.backend import BACKENDS, backend_name, device_names, load_backend
from kcifar.training.environment import describe_environment

BATCH_SIZES = (64, 256, 1024)  # beside the recipe's own
# What the process of a backend says on standard output begins with these; all else that a library writes there is passed over.
_ROW, _FACTS = "kcifar row ", "kcifar facts "


@dataclass
class Measured:
    """What the processes of the backends said.

    Attributes:
        rows: Of every combination; see `measure_updates`, and its `backend`.
        environments: Of each process.
        own_precisions: By backend, what the recipe trains with under it.
        failures: A line for each process that ended badly.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    environments: list[dict[str, Any]] = field(default_factory=list)
    own_precisions: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def speeds(self) -> list[dict[str, Any]]:
        """Return the rows that were measured, not left out."""
        return [row for row in self.rows if "images_per_second" in row]

    def notes(self) -> list[str]:
        """Return a line for each reason why something was not measured, with the batch sizes that it left out."""
        left_out: dict[tuple[str, str, str], list[str]] = {}
        for row in self.rows:
            if "reason" in row:
                left_out.setdefault((row["backend"], row["precision"], row["reason"]), []).append(f"{row['batch_size']:,}")
        lines = [f"{backend}, {precision}, batch size {', '.join(sizes)}: {reason}" for (backend, precision, reason), sizes in left_out.items()]
        return [*lines, *self.failures]


def installed_backends() -> list[str]:
    """Return the backends that can be measured."""
    return [name for name in BACKENDS if importlib.util.find_spec(name) is not None]


def check_installed(names: Sequence[str]) -> None:
    """Refuse a backend that is not installed.

    Raises:
        UserError: One line.
    """
    for name in names:
        if name not in installed_backends():
            raise UserError(f"--backend: {name} is not installed; install it with pip install 'kcifar[{name}]'")


def compare(request: Request, backends: Sequence[str], imports: Sequence[Path]) -> Measured:
    """Measure a recipe's updates under each backend, one process after the other.

    Args:
        request: What to measure; its recipe was checked.
        backends: Installed ones.
        imports: The user's files that register parts.
    Raises:
        UserError: The recipe is refused with every combination; the message is that of the first.
        Failure: Nothing could be measured; the message says why of the first combination.
    """
    measured = Measured()
    for backend in backends:
        _ask(backend, request, imports, measured)
    if measured.rows and all(row.get("is_mistake") for row in measured.rows):
        raise UserError(measured.rows[0]["reason"])
    if not measured.speeds():
        raise Failure(f"bench step: nothing was measured: {measured.notes()[0]}")
    return measured


def table(measured: Measured) -> Any:
    """Return a DataFrame, a row for each combination that was measured or left out.

    `gigaflops` is 6 times the multiply-accumulates of the forward pass (it, and two backward passes of the same size), per second;
    `share_of_peak` is its share of the fastest matrix product or convolution that was measured in the same precision and process;
    `times_convolutions` is the update's time over that of its convolutions alone, each pass measured by itself.
    """
    frame = pandas.DataFrame([{"images_per_second": None} | row for row in measured.rows]).drop(columns=["reason", "is_mistake"], errors="ignore")
    frame["share_of_peak"] = frame["gigaflops"] / frame["peak_gigaflops"]
    columns = ["images_per_second", "compilation_seconds", "gigaflops", "peak_gigaflops", "share_of_peak", "times_convolutions"]
    return frame[["backend", "precision", "batch_size"]].join(frame[columns].astype(float))


def present_setting(measured: Measured, batch_size: int) -> Setting:
    """Return what the recipe is trained with now: by KERAS_BACKEND, or the first backend measured where that one was not."""
    backend = backend_name() if backend_name() in measured.own_precisions else next(iter(measured.own_precisions))
    return Setting(backend, measured.own_precisions[backend], batch_size)


def answer(request: dict[str, Any]) -> None:
    """Measure what a process was asked for, in that process: rows on standard output, progress on standard error."""
    backend, checked = load_backend(), Request(**request | {"kind": ImageKind(**request["kind"])})
    facts = {"environment": describe_environment(backend, device_names(), "", ()), "own_precision": checked.own_precision()}
    print(f"{_FACTS}{json.dumps(facts)}", flush=True)
    for row in measure_updates(checked):
        said = row.get("reason") or f"{row['images_per_second']:,.0f} images/s"
        print(f"{backend}, {row['precision']}, batch size {row['batch_size']:,}: {said}", file=sys.stderr, flush=True)
        print(f"{_ROW}{json.dumps(row)}", flush=True)


def _ask(backend: str, request: Request, imports: Sequence[Path], measured: Measured) -> None:
    """Let a process measure one backend; what it said before it failed counts."""
    command = [sys.executable, "-m", "kcifar.bench", "step-of-one-backend"]
    question = json.dumps({"imports": [str(path.absolute()) for path in imports], "request": asdict(request)})
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(command, input=question, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    for line in done.stdout.splitlines():
        if line.startswith(_FACTS):
            facts = json.loads(line.removeprefix(_FACTS))
            measured.environments.append(facts["environment"])
            measured.own_precisions[backend] = facts["own_precision"]
        elif line.startswith(_ROW):
            measured.rows.append({"backend": backend} | json.loads(line.removeprefix(_ROW)))
    if done.returncode != 0:
        measured.failures.append(f"{backend}: its process ended with exit code {done.returncode}")
