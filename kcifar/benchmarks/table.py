"""A benchmark's table with the machine that it was measured on."""

from collections.abc import Mapping, Sequence
from typing import Any

from kcifar.core.lazy import keras
from kcifar.engine.backend import device_names
from kcifar.training.environment import describe_environment


def show_table(title: str, table: Any) -> None:
    """Print a DataFrame under its title, with processor, cores, devices and versions."""
    show_table_from(title, table, [describe_environment(keras.config.backend(), device_names(), "", ())])


def show_table_from(title: str, table: Any, environments: Sequence[Mapping[str, Any]]) -> None:
    """Print a DataFrame under its title, with the machines and versions of other processes.

    Args:
        title: What was measured.
        table: A row a contender.
        environments: What `describe_environment` gave in each process.
    """
    lines = dict.fromkeys(_machine(facts) for facts in environments)
    print("\n".join([title, *lines]) + "\n")
    print(table.to_string(index=False, float_format=lambda value: f"{value:,.2f}" if value < 100 else f"{value:,.0f}", na_rep="-"))


def _machine(facts: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["packages"].items() if name in ("keras", facts["backend"]))
    return f"{facts['processor']}, {facts['cores']} cores, {', '.join(facts['devices'])}; {versions}"
