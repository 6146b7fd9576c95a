"""Inspect a data set, verify its files, or preview how a recipe augments it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from kcifar.core.command import make_app
from kcifar.core.console import print_json
from kcifar.core.options import DATA_HELP, STAGES_HELP, Data, Imports, Seed, Settings, Url, list_overrides
from kcifar.core.output_paths import check_output_path, check_picture_path

app = make_app(__doc__ or "")
Option = typer.Option

# A picture with more is too large to look at.
MOST_IMAGES, MOST_VERSIONS = 32, 16
LIST_SUFFIX = ".csv"

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set, as in a recipe: cifar10, cifar100, digits, folder, npz.")]
CachedData = Annotated[Path | None, Option("--data", metavar="PATH", help=f"{DATA_HELP}  [default: cached files; nothing is downloaded]")]
Arguments = Annotated[list[str] | None, Option("--set", metavar="KEY=VALUE", help="An argument of the data set, such as image_size=64.")]


@app.command(short_help="Show counts, balance and duplicates.")
def info(
    name: Name,
    data: Data = None,
    url: Url = None,
    set_: Arguments = None,
    import_: Imports = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
    samples: Annotated[Path | None, Option(metavar="FILE", help="Draw images of each class into this .png or .svg file.")] = None,
    duplicates: Annotated[Path | None, Option(metavar="FILE.csv", help="Write a list of the near-duplicates.")] = None,
    similarity: Annotated[float, Option(min=0.5, max=1.0, metavar="X", help="The similarity at which images count as near-duplicates.")] = 0.75,
) -> None:
    """Show counts, class balance, channel statistics, near-duplicates and label conflicts."""
    from kcifar.core.user_parts import import_parts
    from kcifar.datasets.load import load_dataset, parse_arguments

    import_parts(import_)
    arguments = parse_arguments(name, set_ or [])
    if samples is not None:
        check_picture_path(samples, "--samples")
    if duplicates is not None:
        check_output_path(duplicates, "--duplicates", (LIST_SUFFIX,))
    from kcifar.datasets.dataset import Source
    from kcifar.datasets.duplicate_counts import count_duplicates, find_alike_classes, write_pairs
    from kcifar.datasets.duplicates import find_duplicates
    from kcifar.datasets.summary import summarize_dataset

    dataset = load_dataset(name, arguments, Source(data, url, _say))
    if samples is not None:
        from kcifar.datasets.sample_grid import save_sample_grid

        save_sample_grid(dataset, samples)
        _say(f"wrote {samples}")
    pairs = find_duplicates(dataset, similarity)
    if duplicates is not None:
        write_pairs(dataset, pairs, duplicates)
        _say(f"wrote {duplicates}")
    alike = [dataset.class_names[label] for label in find_alike_classes(dataset, pairs)]
    found = {"similarity": similarity, "complete": pairs.complete, "rows": count_duplicates(dataset, pairs), "alike_classes": alike}
    _print(summarize_dataset(dataset) | {"duplicates": found}, json)


@app.command(short_help="Check the files of a data set.")
def verify(name: Name, data: CachedData = None, set_: Arguments = None, import_: Imports = None) -> None:
    """Compare the files with the official sizes and checksums, and load them; exit code 2 if anything is wrong."""
    from kcifar.core.user_parts import import_parts
    from kcifar.datasets import verification
    from kcifar.datasets.load import parse_arguments
    from kcifar.datasets.printing import print_findings

    import_parts(import_)
    place, findings = verification.verify_dataset(name, parse_arguments(name, set_ or []), data, _say)
    print_findings(findings)
    verification.check_findings(place, findings)


@app.command(short_help="Draw what augmentation does to images.")
def preview(
    stages: Annotated[Path, Option(metavar="RECIPE", help=STAGES_HELP)],
    out: Annotated[Path, Option(metavar="FILE", help="The picture to write, .png or .svg.")],
    stage: Annotated[str | None, Option(metavar="NAME|INDEX", help="The stage, by name or counted from 0.  [default: the first]")] = None,
    count: Annotated[int, Option(min=1, max=MOST_IMAGES, metavar="N", help="How many images.")] = 8,
    versions: Annotated[int, Option(min=1, max=MOST_VERSIONS, metavar="N", help="How many epochs, one per column.")] = 6,
    epoch: Annotated[int, Option(min=1, metavar="N", help="The first epoch, counted from 1 within the stage.")] = 1,
    data: Data = None,
    url: Url = None,
    seed: Seed = None,
    set_: Settings = None,
    import_: Imports = None,
) -> None:
    """Draw training images next to their augmented versions, epoch by epoch, exactly as training sees them."""
    from kcifar.core.user_parts import import_parts
    from kcifar.engine.backend import check_backend
    from kcifar.planning.plan import load_plan

    import_parts(import_)
    plan = load_plan(stages, list_overrides(set_, seed))
    check_picture_path(out, "--out")
    check_backend()
    from kcifar.datasets.dataset import Source
    from kcifar.training.preview import find_epochs, find_stage, write_preview

    chosen = find_stage(plan, stage)
    epochs = find_epochs(chosen, epoch, versions)
    if len(epochs) < versions:
        _say(f"stage {chosen.name!r} has {chosen.epochs} epochs: {len(epochs)} of {versions} versions are drawn")
    write_preview(plan, Source(data, url, _say), chosen, epochs, count, out)
    _say(f"wrote {out}")


def _print(information: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(information)
    else:
        from kcifar.datasets.printing import print_summary

        print_summary(information)


def _say(line: str) -> None:
    """Print a line for the user, apart from the result, which may go to a file."""
    print(line, file=sys.stderr)
