"""Exports a saved run as TensorFlow's SavedModel, whichever backend trained it.

Three processes take part: this one directs, a new one under TensorFlow writes the model (`write_saved_model.py`), and another reloads
and compares it (`check_saved_model.py`). The folder gets its name only after the comparison has succeeded.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from kcifar.core.errors import ExportFailed, UserError, one_line
from kcifar.core.files import PARTIAL
from kcifar.core.option_names import name_option
from kcifar.runs.resuming import check_finished
from kcifar.runs.run import Run


def export_saved_model(run: Run, out: Path, *, overwrite: bool = False, say: Callable[[str], None] | None = None) -> str:
    """Write a run's model as a SavedModel and verify it.

    Args:
        run: A finished run.
        out: The folder to create.
        overwrite: Replace an older SavedModel in that folder.
        say: Called with one line once the export begins; None: nothing is said.
    Returns:
        One line about the comparison.
    Raises:
        UserError: The run has no model, the folder cannot be used, or TensorFlow is not installed.
        ExportFailed: The model cannot be written, or its predictions differ from the run's.
    """
    check_finished(run)
    _check_folder(out, overwrite)
    if say is not None:
        say(f"exporting {run.path} to {out}, then comparing it with the run: about half a minute")
    partial = out.with_name(PARTIAL + out.name)
    shutil.rmtree(partial, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            reference = Path(scratch) / "reference.npz"
            _run_module("kcifar.exporting.write_saved_model", str(run.path), str(partial), str(reference))
            comparison = _run_module("kcifar.exporting.check_saved_model", str(run.path), str(partial), str(reference))
        if out.exists():
            shutil.rmtree(out)
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return comparison


def _check_folder(out: Path, overwrite: bool) -> None:
    """Refuse to export without TensorFlow, or over anything but an older SavedModel."""
    if find_spec("tensorflow") is None:
        raise UserError(f"{name_option('format', 'saved_model')}: TensorFlow is not installed; install it with pip install tensorflow")
    if out.exists() and not (out / "saved_model.pb").exists():
        raise UserError(f"{name_option('out', out)}: expected a new folder or an older SavedModel, got something else")
    if out.exists() and not overwrite:
        raise UserError(
            f"{name_option('out', out)}: there is already a SavedModel; use {name_option('overwrite')} to replace it, or choose another folder"
        )


def _run_module(module: str, *arguments: str) -> str:
    """Run a module in a new process under TensorFlow and return the last line that it prints."""
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("MPLBACKEND", None)  # Keras imports matplotlib, which refuses a backend that is not installed
    done = subprocess.run([sys.executable, "-m", module, *arguments], env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise ExportFailed(f"{module}: {one_line(reason[-1] if reason else f'exit code {done.returncode}', 400)}")
    return lines[-1] if lines else ""
