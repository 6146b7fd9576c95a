"""`python -m kcifar.datasets`: what a data set holds, whether its files are whole, and a picture of what augmentation makes of it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from kcifar.core.command import new_app
from kcifar.core.errors import UserError

app = new_app(__doc__ or "")
Option = typer.Option

# More would be no picture to look at.
MOST_IMAGES, MOST_VERSIONS = 32, 16
LIST_SUFFIX = ".csv"

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set, as a recipe names it: cifar10, cifar100, digits, folder, npz.")]
Data = Annotated[Path | None, Option(help="The data set's files: an archive or a folder. Without it: what is at hand.")]
Url = Annotated[str | None, Option(help="A mirror to download the data set from.")]
Settings = Annotated[list[str] | None, Option("--set", metavar="KEY=VALUE", help="An argument of the data set, as image_size=64.")]
Imports = Annotated[list[Path] | None, Option("--import", metavar="FILE.py", help="Register your own parts.")]


@app.command()
def info(
    name: Name,
    data: Data = None,
    url: Url = None,
    set_: Settings = None,
    import_: Imports = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
    samples: Annotated[Path | None, Option(metavar="FILE", help="Draw images of each class as .png or .svg.")] = None,
    duplicates: Annotated[Path | None, Option(metavar="FILE.csv", help="List the near-duplicates as CSV.")] = None,
    similarity: Annotated[float, Option(min=0.5, max=1.0, help="From which similarity images are near-duplicates.")] = 0.75,
) -> None:
    """Counts, class balance, channel statistics, near-duplicates and label conflicts."""
    from kcifar.api import import_parts
    from kcifar.datasets.load import chosen_arguments, load_dataset

    import_parts(import_)
    arguments = chosen_arguments(name, set_ or [])
    _check_files(samples, duplicates)
    from kcifar.datasets.dataset import Source
    from kcifar.datasets.duplicates import find_duplicates
    from kcifar.datasets.information import count_duplicates, describe, write_duplicates

    dataset = load_dataset(name, arguments, Source(data, url, _say))
    if samples is not None:
        from kcifar.datasets.samples import save_samples

        save_samples(dataset, samples)
        _say(f"wrote {samples}")
    found = find_duplicates(dataset, similarity)
    if duplicates is not None:
        write_duplicates(dataset, found, duplicates)
        _say(f"wrote {duplicates}")
    rows = count_duplicates(dataset, found)
    _show(describe(dataset) | {"duplicates": {"similarity": similarity, "complete": found.complete, "rows": rows}}, json)


@app.command()
def verify(name: Name, data: Data = None, set_: Settings = None, import_: Imports = None) -> None:
    """Compare the files with the official sizes and sums, and read them; exit code 2 if anything is wrong."""
    from kcifar.api import import_parts
    from kcifar.datasets import verification
    from kcifar.datasets.load import chosen_arguments
    from kcifar.datasets.printing import print_findings

    import_parts(import_)
    place, findings = verification.verify(name, chosen_arguments(name, set_ or []), data, _say)
    print_findings(findings)
    verification.refuse_failures(place, findings)


@app.command()
def preview(
    stages: Annotated[Path, Option(help="The recipe: a YAML file, or the name of a shipped recipe.")],
    out: Annotated[Path, Option(metavar="FILE", help="The picture, .png or .svg.")],
    stage: Annotated[str | None, Option(metavar="NAME|INDEX", help="The stage, by name or counted from 0.  [default: the first]")] = None,
    count: Annotated[int, Option(min=1, max=MOST_IMAGES, help="How many images.")] = 8,
    versions: Annotated[int, Option(min=1, max=MOST_VERSIONS, help="Epochs to show, a column each.")] = 6,
    epoch: Annotated[int, Option(min=1, help="The first of them, counted from 1 within the stage.")] = 1,
    data: Data = None,
    url: Url = None,
    seed: Annotated[int | None, Option(help="Short for --set seed=N.")] = None,
    set_: Annotated[list[str] | None, Option("--set", metavar="KEY.PATH=VALUE", help="Replace a value of the recipe.")] = None,
    import_: Imports = None,
) -> None:
    """Draw training images beside what the augmentation makes of them, epoch by epoch, exactly as training sees them."""
    from kcifar.api import import_parts
    from kcifar.engine.backend import check_backend, load_backend
    from kcifar.planning.plan import make_plan
    from kcifar.planning.prepared_data import prepare_data
    from kcifar.recipe.load import load_recipe

    import_parts(import_)
    plan = make_plan(load_recipe(stages, [*(set_ or ()), *([] if seed is None else [f"seed={seed}"])]))
    _check_files(out, None, "--out")
    check_backend()
    from kcifar.datasets.dataset import Source
    from kcifar.pictures.image_grid import save_grid
    from kcifar.training import preview as drawing

    chosen = drawing.chosen_stage(plan, stage)
    epochs = drawing.chosen_epochs(chosen, epoch, versions)
    if len(epochs) < versions:
        _say(f"stage {chosen.name!r} has {chosen.epochs} epochs: {len(epochs)} of {versions} versions are drawn")
    prepared = prepare_data(plan, Source(data, url, _say))
    load_backend()
    indices = drawing.preview_indices(prepared.dataset.train.labels, prepared.train_indices, count)
    save_grid(drawing.preview_grid(plan, prepared, chosen, epochs, indices), out)
    _say(f"wrote {out}")


def _check_files(picture: Path | None, table: Path | None, place: str = "--samples") -> None:
    """Refuse files that cannot be written, before anything slow is done."""
    if picture is not None:
        from kcifar.pictures.saving import check_path

        check_path(picture, place)
    if table is not None:
        if table.suffix.lower() != LIST_SUFFIX or table.is_dir():
            raise UserError(f"--duplicates {table}: expected a file that ends in {LIST_SUFFIX}, got {table.name!r}")
        if not table.parent.is_dir():
            raise UserError(f"--duplicates {table}: expected a folder that exists, got {str(table.parent)!r}")


def _show(information: dict[str, Any], as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps(information, indent=1, ensure_ascii=False))
    else:
        from kcifar.datasets.printing import print_information

        print_information(information)


def _say(line: str) -> None:
    """Tell the user something beside the result, which may go to a file."""
    print(line, file=sys.stderr)
