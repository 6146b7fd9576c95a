"""What a run's numbers depend on apart from its recipe: versions, devices, processor, code."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kcifar.core.processor import count_cores, read_processor_name

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn", "pillow")


def describe_environment(backend: str, devices: Sequence[str], precision: str, command: Sequence[str]) -> dict[str, Any]:
    """Return the contents of `environment.json`.

    Args:
        backend: The Keras backend.
        devices: Names of the devices it computes on.
        precision: The dtype policy in use.
        command: The command line that started the run.
    """
    return {
        "kcifar": _find_version("kcifar"),
        "python": platform.python_version(),
        "packages": {name: number for name in PACKAGES if (number := _find_version(name))},
        "backend": backend,
        "devices": list(devices),
        "platform": platform.platform(),
        "processor": read_processor_name(),
        "cores": count_cores(),
        "threads": {name: value for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS") if (value := os.environ.get(name))},
        "precision": precision,
        "git_commit": _find_git_commit(),
        "command": list(command),
    }


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _find_git_commit() -> str | None:
    """Return the commit of the checkout that this code was imported from, or None for an installed copy."""
    if not (CHECKOUT / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
