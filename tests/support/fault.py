"""Runs `kcifar.train` and kills it at a named point: `python fault.py POINT COUNT [TRAIN OPTIONS]`.

The process is killed by SIGKILL (nothing is caught, flushed or cleaned up) when it reaches the point for the COUNT-th time. With BLOCK set
in the environment it says so instead and computes for minutes outside of Python, as a compiled update of a large network does.
"""

import hashlib
import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# For each point: module, attribute (inside a class after a dot), and whether the process dies before the call.
POINTS = {
    "load-data": ("kcifar.training.trainer", "prepare_data", "before"),
    "first-files": ("kcifar.training.run_description", "write_json", "before"),
    "mid-epoch": ("kcifar.runs.records", "BatchRecorder.record", "before"),
    "validation": ("kcifar.engine.training_loop", "TrainingLoop.compute_logits", "before"),
    "best-model": ("kcifar.core.files", "os.fsync", "model"),
    "checkpoint-arrays": ("kcifar.runs.checkpoint", "np.savez", "before"),
    "checkpoint-state": ("kcifar.runs.checkpoint", "write_json", "before"),
    "checkpoint-rename": ("kcifar.runs.checkpoint", "os.replace", "before"),
    "after-checkpoint": ("kcifar.runs.folder", "RunFolder.write_history", "before"),
    "between-stages": ("kcifar.engine.training_loop", "TrainingLoop.begin_stage", "before"),
    "predictions": ("kcifar.runs.folder", "RunFolder.write_arrays", "before"),
    "test-metrics": ("kcifar.training.results", "write_json", "before"),
    "never": ("kcifar.runs.records", "truncate_records", "never"),
}


def is_model(handle: int) -> bool:
    """Whether an open file is a saved model under its temporary name."""
    return Path(f"/proc/self/fd/{handle}").resolve().suffix == ".keras"


def block() -> None:
    """Compute outside of Python for minutes; the main thread handles no signal meanwhile."""
    print("blocked", file=sys.stderr, flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


def die_at(point: str, count: int) -> None:
    """Replace the function at a point by one that kills the process at its `count`-th call."""
    module_name, attribute, when = POINTS[point]
    owner: Any = importlib.import_module(module_name)
    *parents, name = attribute.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def wrapper(*args: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += when != "model" or is_model(args[0])
        if when != "never" and calls == count:
            block() if os.environ.get("BLOCK") else os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **keywords)

    setattr(owner, name, wrapper)


if __name__ == "__main__":
    from kcifar.engine.backend import load_backend

    point, count = sys.argv[1], int(sys.argv[2])
    sys.argv[1:3] = []
    load_backend()
    die_at(point, count)
    from kcifar.commands.train import app
    from kcifar.core.command import run_app

    print_imports = os.environ.get("PRINT_IMPORTS")
    try:
        run_app(app)
    finally:
        if print_imports:
            print(sorted({"tensorflow", "jax", "torch"} & set(sys.modules)))
