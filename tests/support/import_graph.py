"""Which module of kcifar imports which, imports on first use included: `python tests/support/import_graph.py [FOLDER]` counts them.

A place is what stands at the top of the package: a folder, or a module beside them.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# Folders and modules that do not know each other stand in one rank; each imports only from ranks above its own.
RANKS = [
    {"core"},
    {"recipe", "layers", "pictures"},
    {"runs"},
    {"models", "datasets", "augment", "optimizers", "schedules", "losses", "reporting"},
    {"planning", "documentation", "exporting"},
    {"engine"},
    {"training"},
    {"benchmarks"},
    {"api"},
    {"commands"},
    {"train", "report", "evaluate", "export", "bench", "recipes", "__main__", "__init__"},
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
# The same within a folder: its own folders and modules.
INNER_RANKS = {
    "reporting": [
        {"stats", "page"},
        {"analysis"},
        {"charts", "commentary"},
        {"sections"},
        {"section"},
        {"rendering", "request"},
        {"build", "result"},
    ],
}
_MODULE_NAME = re.compile(r"kcifar(\.\w+)+\.?")


def place_of(path: Path, package: Path) -> str:
    """Return a module's place; a folder's own `__main__` is a door to a command, as `kcifar/train.py` is."""
    return "__main__" if path.name == "__main__.py" else path.relative_to(package).with_suffix("").parts[0]


def imported_modules(path: Path) -> set[str]:
    """Return the names of kcifar's modules that a file imports anywhere, be it by a text that names them, as `import_module` takes it."""
    return {name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for name in _names(node) if name.startswith("kcifar.")}


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names) if node.module == "kcifar" else (node.module,)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE_NAME.fullmatch(node.value):
        yield from [] if node.value.split(".")[1] in RANKS[-1] else [node.value]  # a door is a command, run as a process of its own


def arrows(package: Path) -> dict[tuple[str, str], list[str]]:
    """Return the arrows from place to place, each with the files that it is made of."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        own = place_of(path, package)
        for name in sorted({name.split(".")[1] for name in imported_modules(path)} - {own}):
            found.setdefault((own, name), []).append(str(path.relative_to(package)))
    return found


def inner_arrows(package: Path, folder: str) -> dict[tuple[str, str], list[str]]:
    """Return the arrows between the places inside one folder of the package, each with the files that it is made of."""
    prefix = f"kcifar.{folder}."
    inside: dict[tuple[str, str], list[str]] = {}
    for path in sorted((package / folder).rglob("*.py")):
        start = place_of(path, package / folder)
        ends = {name.removeprefix(prefix).split(".")[0] for name in _whole_names(path) if name.startswith(prefix)}
        for end in sorted(ends - {start}):
            inside.setdefault((start, end), []).append(str(path.relative_to(package)))
    return inside


def inner_upward(package: Path, folder: str) -> dict[tuple[str, str], list[str]]:
    """Return the arrows inside a folder that lead to a rank that is not above the own one."""
    rank = {name: number for number, names in enumerate(INNER_RANKS[folder]) for name in names}
    return {arrow: files for arrow, files in inner_arrows(package, folder).items() if rank[arrow[1]] >= rank[arrow[0]]}


def _whole_names(path: Path) -> set[str]:
    """Return the names that a file imports, those that it takes from a package after the package's own."""
    taken = (
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    )
    return imported_modules(path) | set(taken)


def upward(found: dict[tuple[str, str], list[str]]) -> dict[tuple[str, str], list[str]]:
    """Return the arrows that lead to a rank that is not above the own one."""
    return {arrow: files for arrow, files in found.items() if RANK.get(arrow[1], 0) >= RANK.get(arrow[0], 0)}


def main() -> None:
    """Print the counts."""
    package = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "kcifar"
    found = arrows(package)
    print(f"modules at the top: {len(list(package.glob('*.py')))}")
    print(f"arrows: {len(found)}, of which lead up: {len(upward(found))}")
    for (start, end), files in upward(found).items():
        print(f"  {start} -> {end}: {', '.join(files)}")


if __name__ == "__main__":
    main()
