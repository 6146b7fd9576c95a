"""Every example in a docstring of the reports and of what reads run folders is true."""

import doctest
import importlib

import pytest
from places import ROOT

MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("reporting", "runs")
    for path in sorted((ROOT / "kcifar" / package).rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_formulas_have_examples() -> None:
    modules = ("calibration", "confusion", "differences", "downsampling", "intervals", "leaf_order", "ranking", "significance", "temperature")
    assert {f"kcifar.reporting.stats.{name}" for name in modules} <= set(MODULES)
