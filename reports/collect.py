"""Copy the small files of finished runs to `reports/runs/<recipe>-seed<N>`, without paths, host name and process ID.

    python reports/collect.py runs/lenet_adam-seed0 runs/lenet_adam-seed1
    python reports/collect.py --into reports/study_runs runs/lenet_plain_20-seed0

Weights, predictions, images and checkpoints are not copied. An existing copy of a run is replaced.
"""

import json
from pathlib import Path, PurePath
from typing import Annotated, Any

import typer

from kcifar.core.command import make_app, run_app
from kcifar.core.files import write_json, write_text
from kcifar.recipe.write import format_yaml
from kcifar.recipe.yaml_file import read_yaml
from kcifar.runs.folder import HISTORY_FILE, RECIPE_FILE
from kcifar.runs.run import open_run

RUNS = Path(__file__).parent / "runs"
MACHINE_KEYS = ("host", "pid")


app = make_app(__doc__ or "")


@app.command()
def main(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN_FOLDER…")],
    into: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Folder for the copies.")] = RUNS,
) -> None:
    """Collect run folders and print the folder of each copy."""
    for run in [open_run(folder) for folder in folders]:
        print(collect(run.path, into))


def collect(run: Path, into: Path) -> Path:
    """Copy one run's recipe, history and facts, and return the copy's folder. The copy of an untested run has no `test.json`."""
    recipe = scrub(read_yaml(run / RECIPE_FILE)[0])
    copy = into / f"{recipe['name']}-seed{recipe['seed']}"
    copy.mkdir(parents=True, exist_ok=True)
    write_text(copy / RECIPE_FILE, format_yaml(recipe))
    write_text(copy / HISTORY_FILE, (run / HISTORY_FILE).read_text(encoding="utf-8"))
    for path in sorted(run.glob("*.json")):
        write_json(copy / path.name, scrub(json.loads(path.read_text(encoding="utf-8"))))
    return copy


def scrub(value: Any) -> Any:
    """Return plain containers without `MACHINE_KEYS`, keeping only the last part of each absolute path, also in `--option=path`."""
    if isinstance(value, dict):
        return {key: scrub(inner) for key, inner in value.items() if key not in MACHINE_KEYS}
    if isinstance(value, list):
        return [scrub(inner) for inner in value]
    return remove_folder(value) if isinstance(value, str) else value


def remove_folder(word: str) -> str:
    """Return a word of a command, with only the last part of an absolute path (also in `--option=path`), because reports are shared.

    Example:
        >>> remove_folder("--data=/home/me/cifar"), remove_folder("stages/a.yaml")
        ('--data=cifar', 'stages/a.yaml')
    """
    option, equals, path = word.rpartition("=")
    return option + equals + PurePath(path).name if path.startswith(("/", "~")) else word


if __name__ == "__main__":
    run_app(app)
