"""Copy the small files of finished runs to `reports/runs/<recipe>-seed<N>`, without what is of the machine: paths, its name, process numbers.

    python reports/collect.py runs/lenet_adam-seed0 runs/lenet_adam-seed1
    python reports/collect.py --into reports/study_runs runs/lenet_plain_20-seed0

Weights, predictions, images and checkpoints stay behind. A run that is there already is replaced.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from kcifar.core.command import new_app, run_app
from kcifar.core.files import write_json, write_text
from kcifar.recipe.write import yaml_text
from kcifar.recipe.yaml_file import read_yaml
from kcifar.reporting.sections.reproduction import without_folder
from kcifar.runs.folder import open_run

RUNS = Path(__file__).parent / "runs"
OF_THE_MACHINE = ("host", "pid")


app = new_app(__doc__ or "")


@app.command()
def main(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN_FOLDER…")],
    into: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the copies go.")] = RUNS,
) -> None:
    """Collect some run folders, and print where each went."""
    for run in [open_run(folder) for folder in folders]:
        print(collect(run.path, into))


def collect(run: Path, into: Path) -> Path:
    """Copy one run's recipe, history and facts, and return their folder. A run that was not tested has no `test.json`, nor has its copy."""
    recipe = scrubbed(read_yaml(run / "recipe.yaml")[0])
    copy = into / f"{recipe['name']}-seed{recipe['seed']}"
    copy.mkdir(parents=True, exist_ok=True)
    write_text(copy / "recipe.yaml", yaml_text(recipe))
    write_text(copy / "history.csv", (run / "history.csv").read_text(encoding="utf-8"))
    for path in sorted(run.glob("*.json")):
        write_json(copy / path.name, scrubbed(json.loads(path.read_text(encoding="utf-8"))))
    return copy


def scrubbed(value: Any) -> Any:
    """Return plain containers without `OF_THE_MACHINE`, and of every absolute path, `--option=path` too, only the last part."""
    if isinstance(value, dict):
        return {key: scrubbed(inner) for key, inner in value.items() if key not in OF_THE_MACHINE}
    if isinstance(value, list):
        return [scrubbed(inner) for inner in value]
    return without_folder(value) if isinstance(value, str) else value


if __name__ == "__main__":
    run_app(app)
