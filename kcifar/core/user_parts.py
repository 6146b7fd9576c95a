"""`--import FILE.py`: a user's files, which register parts."""

import importlib.util
import os
import traceback
from collections.abc import Iterable
from pathlib import Path

from kcifar.core.errors import UserError, one_line
from kcifar.core.matplotlib_import import BACKEND, import_matplotlib
from kcifar.core.moved import describe_move


def import_parts(paths: Iterable[Path] | None) -> None:
    """Run a user's files, which register their own networks, augmentations or data sets.

    Args:
        paths: Python files, in order; None for none, as on a command line without `--import`.
    Raises:
        UserError: A file is missing or fails; the message names the error and its line. If the file uses a name of an older version of
            kcifar, the message says where it is now.
    """
    for path in paths or ():
        _import_file(path)


def _import_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"--import {path}: expected a Python file, found none")
    spec = importlib.util.spec_from_file_location(f"kcifar_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"--import {path}: expected a Python file (.py), got {path.name!r}")
    if os.environ.get(BACKEND):
        import_matplotlib()  # the file may import Keras, which imports it
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path.absolute())]
        place = f"{path}:{lines[-1]}" if lines else path
        raise UserError(f"--import {place}: {describe_move(error) or f'{type(error).__name__}: {one_line(error)}'}") from error
