"""What Linux says of the processor, in `/proc/cpuinfo`."""

import os
import platform
from pathlib import Path


def read_processor_name() -> str:
    """Return the processor's name, such as "Intel(R) Xeon(R) Platinum 8481C"; elsewhere than on Linux, what Python knows of it."""
    return _read_entry("model name") or platform.processor()


def read_processor_features() -> set[str]:
    """Return the processor's feature flags, such as "avx512_bf16"; empty elsewhere than on Linux."""
    return set(_read_entry("flags").split())


def count_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read_entry(key: str) -> str:
    """Return an entry of the first core; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")
