"""List the shipped recipes with their time and accuracy, explain every key of a recipe, or write a JSON Schema for editors."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kcifar.core.command import make_app
from kcifar.core.errors import UserError, one_line
from kcifar.core.options import Imports

app = make_app(__doc__ or "")
Option = typer.Option


@app.callback(invoke_without_command=True, help=__doc__)
def main(
    context: typer.Context,
    json: Annotated[bool, Option("--json", help="Print the list of recipes as JSON.")] = False,
) -> None:
    """List the shipped recipes, unless a subcommand is given."""
    if context.invoked_subcommand is not None:
        if json:
            raise UserError(f"--json: expected without a subcommand, got {context.invoked_subcommand!r}")
        return
    from kcifar.core.console import print_json
    from kcifar.documentation.printing import print_recipes
    from kcifar.documentation.shipped_recipes import list_shipped_recipes

    rows = list_shipped_recipes()
    if json:
        print_json(rows)
    else:
        print_recipes(rows)


@app.command(short_help="Print every key of a recipe, or one in full.")
def keys(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One key, such as weight_decay or stages.learning_rate.")] = None,
    markdown: Annotated[bool, Option("--markdown", help="Print the two tables of docs/recipe.md.")] = False,
    import_: Imports = None,
) -> None:
    """Print every key of a recipe, or one in full, with the parts that it names and their arguments."""
    if name is not None and markdown:
        raise UserError(f"--markdown: expected without NAME, got {name!r}")
    from kcifar.core.user_parts import import_parts
    from kcifar.documentation.keys import find_keys
    from kcifar.documentation.markdown import make_key_tables
    from kcifar.documentation.printing import print_all_keys, print_key

    import_parts(import_)
    if markdown:
        print(make_key_tables(), end="")
    elif name is None:
        print_all_keys()
    else:
        for key in find_keys(name):
            print_key(key)


@app.command()
def schema(
    out: Annotated[Path | None, Option(metavar="FILE", help="Write the schema to a file instead of printing it.")] = None,
    import_: Imports = None,
) -> None:
    """Print the JSON Schema of a recipe. An editor uses it for a recipe that begins with `# yaml-language-server: $schema=FILE`."""
    if out is not None:
        _check_file(out)
    from kcifar.core.console import print_json
    from kcifar.core.user_parts import import_parts
    from kcifar.documentation.json_schema import make_recipe_schema

    import_parts(import_)
    if out is None:
        print_json(make_recipe_schema())
    else:
        _write(out, make_recipe_schema())
        print(f"wrote {out}; begin a recipe with: # yaml-language-server: $schema={out}", file=sys.stderr)


def _check_file(path: Path) -> None:
    with _name_path_in_errors(path):
        if path.is_dir():
            raise UserError(f"--out {path}: expected a file, got a folder")
        if not path.parent.is_dir():
            raise UserError(f"--out {path}: expected a folder that exists, got {str(path.parent)!r}")


def _write(path: Path, value: Any) -> None:
    from kcifar.core.files import write_json

    with _name_path_in_errors(path):
        write_json(path, value)


@contextmanager
def _name_path_in_errors(path: Path) -> Iterator[None]:
    """Say which option's path the system refuses: a name that is too long, a folder without permission."""
    try:
        yield
    except OSError as error:
        raise UserError(f"--out {one_line(path, 80)}: cannot be written: {error.strerror}") from None
