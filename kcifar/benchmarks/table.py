"""A benchmark's table with the machine that it was measured on."""

from typing import Any

from kcifar.engine.backend import device_names
from kcifar.environment import describe_environment
from kcifar.lazy import keras


def show_table(title: str, table: Any) -> None:
    """Print a DataFrame under its title, with processor, cores, devices and versions."""
    facts = describe_environment(keras.config.backend(), device_names(), "", ())
    versions = ", ".join(f"{name} {version}" for name, version in facts["packages"].items() if name in ("keras", facts["backend"]))
    print(f"{title}\n{facts['processor']}, {facts['cores']} cores, {', '.join(facts['devices'])}; {versions}\n")
    print(table.to_string(index=False, float_format=lambda value: f"{value:,.2f}" if value < 100 else f"{value:,.0f}", na_rep="-"))
