"""`python -m kcifar.models`: the networks, their sizes, and pictures of them; nothing is trained, no weights are made."""

import importlib
import importlib.util
import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kcifar.core.command import new_app
from kcifar.core.errors import UserError

app = new_app(__doc__ or "")
Option = typer.Option

LARGEST_IMAGE = 1024  # as `arguments.LARGEST_IMAGE`, whose module --help does not wait for
MOST_CLASSES = 1_000_000

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="A network; without it: the list of all.")]
ImageSize = Annotated[int, Option(min=1, max=LARGEST_IMAGE, metavar="N", help="Height and width of the images.")]
Classes = Annotated[int, Option(min=1, max=MOST_CLASSES, metavar="N", help="Number of classes.")]
Settings = Annotated[list[str] | None, Option("--set", metavar="KEY=VALUE", help="With NAME: an argument of the network, as 'widths=[8, 8]'.")]
Imports = Annotated[list[Path] | None, Option("--import", metavar="FILE.py", help="Register your own networks.")]
Csv = Annotated[bool, Option("--csv", help="Print CSV: the list, or the network's layers.")]
Json = Annotated[bool, Option("--json", help="Print JSON: the list, or all about the network, as a run's model.json.")]
Diagram = Annotated[Path | None, Option(metavar="FILE", help="With NAME: draw the architecture as .png or .svg.")]


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
        raise UserError(f"{'--set' if set_ else '--diagram'}: expected together with NAME, the network that it is about")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a sign that the terminal's encoding lacks must not end the list
    from kcifar.api import import_parts

    import_parts(import_)
    form = "csv" if csv else "json" if json else "table"
    shape = (image_size, image_size, 3)
    if name is None:
        _show_list(shape, classes, form, own=bool(import_))
    else:
        _show_network(name, shape, classes, set_ or [], diagram, form, own=bool(import_))


def _show_list(image_shape: tuple[int, int, int], classes: int, form: str, *, own: bool) -> None:
    from kcifar.models import printing
    from kcifar.models.listing import network_rows

    _load_backend(own)
    rows = network_rows(image_shape, classes)
    if form == "csv":
        printing.print_list_csv(rows)
    elif form == "json":
        printing.print_json(rows)
    else:
        printing.print_list(rows, image_shape[0], classes)


def _show_network(
    name: str, image_shape: tuple[int, int, int], classes: int, settings: list[str], diagram: Path | None, form: str, *, own: bool
) -> None:
    from kcifar.models import printing
    from kcifar.models.listing import chosen_arguments, chosen_summary, facts

    arguments = chosen_arguments(name, settings)
    if diagram is not None:
        from kcifar.pictures.saving import check_path

        check_path(diagram, "--diagram")
    _load_backend(own)
    summary = chosen_summary(name, image_shape, classes, arguments)
    if diagram is not None:
        _draw(summary, diagram)
    if form == "csv":
        printing.print_layers_csv(summary)
    elif form == "json":
        printing.print_json(summary)
    else:
        printing.print_network(summary, *facts(name))


def _draw(summary: Mapping[str, Any], path: Path) -> None:
    from kcifar.pictures.diagram.paint import draw_network
    from kcifar.pictures.saving import save_figure

    save_figure(draw_network(summary), path)
    print(f"wrote {path}", file=sys.stderr)  # standard output may be CSV or JSON


def _load_backend(own: bool) -> None:
    """Load the backend that KERAS_BACKEND names; nobody having asked for one, that which sketches soonest.

    Args:
        own: Whether networks of the user's are among those to sketch: they may need the backend that trains by default.
    """
    from kcifar.engine.backend import load_backend

    if not (own or os.environ.get("KERAS_BACKEND") or "keras" in sys.modules):
        os.environ["KERAS_BACKEND"] = _quickest_backend()
        os.environ.setdefault("JAX_PLATFORMS", "cpu")  # nothing is computed: no GPU need start
    load_backend()


def _quickest_backend() -> str:
    """Return JAX where it can be imported, since it loads in half of the others' time; sizes are the same on all."""
    try:
        importlib.import_module("jax")
    except Exception:  # not installed, half installed, or for another processor
        return next((name for name in ("tensorflow", "torch") if importlib.util.find_spec(name)), "tensorflow")
    return "jax"
