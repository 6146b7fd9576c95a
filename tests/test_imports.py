"""The house's levels: a module imports only from ranks above its own in this table (which is DESIGN's, drawn finer)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "kcifar"

# In each rank, modules (or packages, as a whole) that do not know each other.
RANKS = [
    {"errors", "lazy", "files", "randomness"},
    {"checks", "registry", "command", "layers", "diagram"},
    {"yaml_file", "image_grid", "span"},
    {"extending", "stage_settings"},
    {"recipe", "runs", "stopping"},
    {"models", "datasets", "augment", "optimizers", "schedules", "losses", "reporting"},
    {"plan", "environment", "evaluation", "checkpoint", "event_file", "progress", "exporting", "views"},
    {"pipeline", "preparation", "records", "job"},
    {"engine", "finish", "stage_batches", "schedule_plot", "rate_plot"},
    {"find_rate"},
    {"trainer", "saved_run", "dry_run", "preview", "benchmarks"},
    {"api"},
    {"train", "report", "evaluate", "export", "bench", "__main__", "__init__"},
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
# A report sees saved runs and the lowest ranks, nothing of training.
REPORTING_SEES = {name for names in RANKS[: RANK["recipe"] + 1] for name in names}


def imports_of(path: Path) -> set[str]:
    """Return the modules of kcifar that a file imports anywhere, by the part of the name that the table knows."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "kcifar" else {node.module}
    return {name.split(".")[1] for name in names if name.startswith("kcifar.")}


def place_of(path: Path) -> str:
    return "__main__" if path.name == "__main__.py" else path.relative_to(ROOT).with_suffix("").parts[0]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_lower_levels(path: Path) -> None:
    own = place_of(path)
    assert own in RANK, f"{own} has no place in the table"
    for name in imports_of(path) - {own}:
        assert RANK[name] < RANK[own], f"{own} imports {name}"
        assert own != "reporting" or name in REPORTING_SEES


def test_the_table_names_nothing_that_is_gone() -> None:
    there = {place_of(path) for path in ROOT.rglob("*.py")}
    assert set(RANK) == there


def test_parts_import_no_backend_when_they_are_found() -> None:
    for package in ("models", "datasets", "augment", "optimizers", "schedules", "losses", "reporting"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                modules = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
                assert not {module.split(".")[0] for module in modules} & {"keras", "tensorflow", "jax", "torch"}, path
