"""A benchmark's table with the machines that it was measured on."""

from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.core.lazy import keras
from kcifar.engine.backend import list_device_names
from kcifar.training.environment import describe_environment


def print_benchmark(title: str, table: Any, environments: Sequence[Mapping[str, Any]] = ()) -> None:
    """Print a DataFrame under its title, with processor, cores, devices and versions.

    Args:
        title: What was measured.
        table: One row per contender.
        environments: What `describe_environment` returned in each process that measured; none for this process.
    """
    lines = dict.fromkeys(map(_describe_machine, environments or [describe_environment(keras.config.backend(), list_device_names(), "", ())]))
    print("\n".join([title, *lines]) + "\n")
    print(table.to_string(index=False, float_format=lambda value: f"{value:,.2f}" if value < 100 else f"{value:,.0f}", na_rep="-"))


def _describe_machine(environment: Mapping[str, Any]) -> str:
    shown = ("keras", environment["backend"])
    versions = ", ".join(f"{name} {version}" for name, version in environment["packages"].items() if name in shown)
    return f"{environment['processor']}, {environment['cores']} cores, {', '.join(environment['devices'])}; {versions}"
