"""How long a run will take and how much memory it needs, before anything is computed: estimates, with what they rest on."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kcifar.core.processor import count_cores, read_processor_name
from kcifar.runs.folder import ENVIRONMENT_FILE, HISTORY_FILE, MODEL_SUMMARY_FILE, STATUS_FILE, read_json

# A rule where no run of the network is there: seconds per image = OVERHEAD + 3 multiply-accumulates / RATE, as a backward pass costs twice a
# forward pass. On two cores of a Xeon with AMX it is within a factor of 2.6 of every run in `reports/runs`, from LeNet to the
# 17.0M-parameter residual network; other processors differ more, so that the range is a factor of 4 either way.
OVERHEAD, RATES, RULE_CORES, RULE_FACTOR = 0.25e-3, {"float32": 100e9, "mixed_bfloat16": 300e9, "mixed_float16": 100e9}, 2, 4.0
# What TensorFlow, Keras and a small compiled program take, in bytes: the peak of a run of the quickstart, less its network and images.
BACKEND_BYTES = 1.2e9


@dataclass(frozen=True)
class Estimate:
    """An estimate of a duration.

    Attributes:
        lowest: Seconds.
        highest: Seconds.
        basis: What it rests on.
    """

    lowest: float
    highest: float
    basis: str


def estimate_seconds(size: Mapping[str, Any], images: int, backend: str, precision: str, runs: Path) -> Estimate:
    """Estimate how long the training of `images` images takes on this machine.

    Args:
        size: The network, as `summarize_model` returns it.
        images: Of all epochs.
        backend: That will train.
        precision: The dtype policy that will be used.
        runs: The folder of earlier runs; those of the same network on this machine are looked at first.
    """
    speeds = {folder.name: speed for folder in _list_folders(runs) if (speed := _measure_run(folder, size, backend, precision))}
    if speeds:
        name = max(speeds, key=lambda run: (runs / run / STATUS_FILE).stat().st_mtime)
        basis = f"the speed of {runs / name}" + (f" and {len(speeds) - 1} more" if len(speeds) > 1 else "")
        return Estimate(images / max(speeds.values()), images / min(speeds.values()), basis)
    seconds = images * (OVERHEAD + 3 * size["multiply_accumulates"] / RATES[precision]) * RULE_CORES / count_cores()
    return Estimate(seconds / RULE_FACTOR, seconds * RULE_FACTOR, f"a rule of thumb; {runs}/ has no run of this network")


def estimate_bytes(size: Mapping[str, Any], batch_size: int, slots: int, data_bytes: int, precision: str) -> float:
    """Estimate the memory that training takes.

    Args:
        size: The network, as `summarize_model` returns it.
        batch_size: Images per batch.
        slots: Numbers that the optimizer keeps for each weight.
        data_bytes: Of all images.
        precision: The dtype policy; activations of mixed precision take half.
    Returns:
        Bytes: weights, gradients and slots, the outputs of all layers and their gradients for a batch, the images, and the backend.
    """
    weights = 4.0 * size["parameters"] * (2 + slots)
    numbers: int = sum(math.prod(row["output_shape"]) for row in size["layers"])
    activations = 2.0 * batch_size * numbers * (4 if precision == "float32" else 2)
    return float(BACKEND_BYTES + data_bytes + weights + activations)


def _list_folders(runs: Path) -> list[Path]:
    return sorted(entry for entry in runs.iterdir() if entry.is_dir()) if runs.is_dir() else []


def _measure_run(folder: Path, size: Mapping[str, Any], backend: str, precision: str) -> float | None:
    """Return the images per second of a run, with validation and compilation; None if network, machine or setting is another, or on a GPU."""
    summary, environment = read_json(folder / MODEL_SUMMARY_FILE), read_json(folder / ENVIRONMENT_FILE)
    if not isinstance(summary, dict) or not isinstance(environment, dict):
        return None
    keys = ("name", "parameters", "multiply_accumulates")
    settings = {"processor": read_processor_name(), "cores": count_cores(), "backend": backend, "precision": precision, "devices": ["cpu:0"]}
    if any(summary.get(key) != size[key] for key in keys) or any(environment.get(key) != value for key, value in settings.items()):
        return None
    return _read_speed(folder / HISTORY_FILE)


def _read_speed(history: Path) -> float | None:
    """Return images per second over all epochs; None if no epoch is complete or the file is damaged."""
    try:
        with history.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return float(rows[-1]["images_seen"]) / sum(float(row["seconds"]) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, IndexError, ZeroDivisionError):
        return None
