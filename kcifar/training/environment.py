"""What a run's numbers depend on besides its recipe: versions, devices, processor, code."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn", "pillow")


def describe_environment(backend: str, devices: Sequence[str], precision: str, command: Sequence[str]) -> dict[str, Any]:
    """Return what `environment.json` holds.

    Args:
        backend: The Keras backend.
        devices: Names of the devices it computes on.
        precision: The dtype policy in use.
        command: The command line that started the run.
    """
    return {
        "kcifar": _version("kcifar"),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "backend": backend,
        "devices": list(devices),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": {name: value for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS") if (value := os.environ.get(name))},
        "precision": precision,
        "git_commit": _git_commit(),
        "command": list(command),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _git_commit() -> str | None:
    """Return the commit of the checkout that this code was imported from, or None for an installed copy."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
