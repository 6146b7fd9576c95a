"""List the networks and their sizes, or show and draw one network. Nothing is trained, and no weights are created."""

import io
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from kcifar.core.command import make_app
from kcifar.core.console import print_json
from kcifar.core.errors import UserError
from kcifar.core.options import Imports
from kcifar.core.output_paths import check_picture_path

app = make_app(__doc__ or "")
Option = typer.Option

MAX_IMAGE_SIZE = 1024  # the same as `arguments.MAX_IMAGE_SIZE`, whose module is too slow to import for --help
MOST_CLASSES = 1_000_000

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="A network; all networks are listed if it is omitted.")]
ImageSize = Annotated[int, Option(min=1, max=MAX_IMAGE_SIZE, metavar="N", help="Height and width of the images.")]
Classes = Annotated[int, Option(min=1, max=MOST_CLASSES, metavar="N", help="Number of classes.")]
Settings = Annotated[list[str] | None, Option("--set", metavar="KEY=VALUE", help="With NAME: an argument of the network, such as 'widths=[8, 8]'.")]
Csv = Annotated[bool, Option("--csv", help="Print the list, or the network's layers, as CSV.")]
Json = Annotated[bool, Option("--json", help="Print the list, or the network's details as in a run's model.json, as JSON.")]
Diagram = Annotated[Path | None, Option(metavar="FILE", help="With NAME: draw the architecture into this .png or .svg file.")]


@app.command(help=__doc__)
def main(
    name: Name = None,
    image_size: ImageSize = 32,
    classes: Classes = 10,
    set_: Settings = None,
    import_: Imports = None,
    csv: Csv = False,
    json: Json = False,
    diagram: Diagram = None,
) -> None:
    """Parse, print, exit."""
    if csv and json:
        raise UserError("--csv, --json: expected at most one of them, got both")
    if name is None and (set_ or diagram):
        raise UserError(f"{'--set' if set_ else '--diagram'}: expected together with NAME, the network that it applies to")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a character that the terminal's encoding lacks must not end the list
    from kcifar.core.user_parts import import_parts

    import_parts(import_)
    form = "csv" if csv else "json" if json else "table"
    shape = (image_size, image_size, 3)
    if name is None:
        _print_list(shape, classes, form, has_user_networks=bool(import_))
    else:
        _print_network(name, shape, classes, set_ or [], diagram, form, has_user_networks=bool(import_))


def _print_list(image_shape: tuple[int, int, int], classes: int, form: str, *, has_user_networks: bool) -> None:
    from kcifar.models import printing

    families = _iterate_families(image_shape, classes, has_user_networks)
    if form == "csv":
        printing.print_networks_csv(row for rows in families for row in rows)
    elif form == "json":
        print_json([row for rows in families for row in rows])
    else:
        printing.print_networks(families, image_shape[0], classes)


def _iterate_families(image_shape: tuple[int, int, int], classes: int, has_user_networks: bool) -> Iterator[list[dict[str, Any]]]:
    """Yield the list family by family: from the cache, or sketched; a user's networks are sketched each time, as their files may change."""
    from kcifar.engine.sketching import load_sketch_backend
    from kcifar.models import MODELS, catalog, size_cache

    saved = None if has_user_networks else size_cache.load_sizes(image_shape, classes, MODELS.names())
    if saved is not None:
        yield from (list(rows) for _, rows in groupby(saved, lambda row: row["family"]))
        return
    load_sketch_backend(has_user_networks)
    sketched: list[dict[str, Any]] = []
    for rows in catalog.sketch_families(image_shape, classes):
        yield rows
        sketched += rows
    if not has_user_networks:
        size_cache.save_sizes(image_shape, classes, MODELS.names(), sketched)


def _print_network(
    name: str, image_shape: tuple[int, int, int], classes: int, settings: list[str], diagram: Path | None, form: str, *, has_user_networks: bool
) -> None:
    from kcifar.engine.sketching import load_sketch_backend
    from kcifar.models import printing
    from kcifar.models.catalog import describe_network, parse_arguments, summarize_network

    arguments = parse_arguments(name, settings)
    if diagram is not None:
        check_picture_path(diagram, "--diagram")
    load_sketch_backend(has_user_networks)
    summary = summarize_network(name, image_shape, classes, arguments)
    if diagram is not None:
        _draw(summary, diagram)
    if form == "csv":
        printing.print_layers_csv(summary)
    elif form == "json":
        print_json(summary)
    else:
        printing.print_network(summary, *describe_network(name))


def _draw(summary: Mapping[str, Any], path: Path) -> None:
    from kcifar.pictures.diagram.paint import draw_network
    from kcifar.pictures.saving import save_figure

    save_figure(draw_network(summary), path)
    print(f"wrote {path}", file=sys.stderr)  # standard output may be CSV or JSON
