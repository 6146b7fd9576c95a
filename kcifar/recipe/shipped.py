"""The recipes that come with kcifar, by name: `three_stage`, `vgg16_rates/adam_1e-3`."""

from pathlib import Path

from kcifar.core.errors import UserError, did_you_mean

# In the repository a link to stages/ at its top, in an installed wheel a folder (package data in setup.cfg).
FOLDER = Path(__file__).parents[1] / "stages"
LISTING = "python -m kcifar.recipes"


def list_shipped_names() -> list[str]:
    """Return the names of the shipped recipes, sorted: their files without the ending, seen from `stages/`."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.yaml"))


def find_shipped_path(name: str) -> Path:
    """Return the file of a shipped recipe."""
    return FOLDER / f"{name}.yaml"


def find_recipe(path: Path) -> Path:
    """Return the recipe file that a path means: the file itself, or the shipped recipe of that name if there is no such file.

    Raises:
        UserError: A name without .yaml that is neither; the message offers the nearest shipped one.
    """
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return path
    name, names = path.as_posix(), list_shipped_names()
    if name in names:
        return find_shipped_path(name)
    if path.exists():  # a folder, a pipe: for the reader to judge
        return path
    raise UserError(f"{path}: no such file, and no shipped recipe has this name{did_you_mean(name, names)} ({LISTING} lists all)")
