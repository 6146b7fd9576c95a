"""TensorFlow's SavedModel from a saved run, whatever backend trained it.

Three processes: this one only directs; a fresh one under TensorFlow writes (`write_saved_model.py`), another reloads what was
written and compares (`check_saved_model.py`). The folder appears under its name when the comparison has held.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from kcifar.core.errors import ExportFailed, UserError, one_line
from kcifar.core.files import PARTIAL
from kcifar.runs.folder import MODEL_FILE
from kcifar.runs.run import Run


def export_saved_model(run: Run, out: Path, *, overwrite: bool = False) -> str:
    """Write a run's model as a SavedModel and prove it.

    Args:
        run: A finished run.
        out: The folder to make.
        overwrite: Replace an older SavedModel there.
    Returns:
        One line about the comparison.
    Raises:
        UserError: No model in the run, a folder in the way, or no TensorFlow.
        ExportFailed: It could not be written, or its predictions are not the run's.
    """
    _check_request(run, out, overwrite)
    partial = out.with_name(PARTIAL + out.name)
    shutil.rmtree(partial, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            reference = Path(scratch) / "reference.npz"
            _run_module("kcifar.exporting.write_saved_model", str(run.path), str(partial), str(reference))
            found = _run_module("kcifar.exporting.check_saved_model", str(run.path), str(partial), str(reference))
        if out.exists():
            shutil.rmtree(out)
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return found


def _check_request(run: Run, out: Path, overwrite: bool) -> None:
    if not (run.path / MODEL_FILE).exists():
        raise UserError(f"{run.path}: expected a finished run (with {MODEL_FILE}); go on with python -m kcifar.train --resume --run {run.path}")
    if find_spec("tensorflow") is None:
        raise UserError("--format saved_model: TensorFlow is not installed; install it with pip install tensorflow")
    if out.exists() and not (out / "saved_model.pb").exists():
        raise UserError(f"--out {out}: expected a new folder or an older SavedModel, got something else")
    if out.exists() and not overwrite:
        raise UserError(f"--out {out}: there is a SavedModel already; replace it with --overwrite or choose another folder")


def _run_module(module: str, *arguments: str) -> str:
    """Run a module in a fresh process under TensorFlow and return the last line that it prints."""
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-m", module, *arguments], env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise ExportFailed(f"{module}: {one_line(reason[-1] if reason else f'exit code {done.returncode}', 400)}")
    return lines[-1] if lines else ""
