"""The complete training state, so that a resumed run continues as if it had never stopped.

A checkpoint is a folder `checkpoint/<epoch>/` with `variables.npz` (weights, statistics, seed generators, optimizer slots, by path)
and `state.json` (position, history, best epoch, lengths of append-only files, checksum of the arrays). It is written under a
temporary name, flushed and renamed. The last two are kept, and one whose checksum is wrong is skipped.
"""

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError
from kcifar.core.files import PARTIAL, compute_sha256, flush_folder, write_file, write_json

VARIABLES_FILE, STATE_FILE = "variables.npz", "state.json"
KEPT = 2


@dataclass
class Position:
    """The progress of a run, counted in completed epochs, and the numbers that it carries along.

    Attributes:
        epoch: Completed epochs over all stages.
        step: Updates over all stages.
        images_seen: Training images over all stages.
        history: One row per epoch, as in `history.csv`.
        best: Epoch and value of the best monitored epoch so far; None before the first.
        lengths: Bytes of each append-only file when this was written; a longer file is truncated on resume.
        stage: Index of the stage that continues or begins next.
        stage_epoch: Completed epochs of that stage.
    """

    epoch: int = 0
    step: int = 0
    images_seen: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: tuple[int, float] | None = None
    lengths: dict[str, int] = field(default_factory=dict)
    stage: int = 0
    stage_epoch: int = 0


def save_checkpoint(folder: Path, position: Position, variables: Mapping[str, np.ndarray]) -> None:
    """Write `folder/<epoch>/` and delete all but the last two.

    Args:
        folder: The run's checkpoint folder; created if missing.
        position: The progress of the run.
        variables: Arrays by path.
    """
    target = folder / str(position.epoch)
    partial = folder / f"{PARTIAL}{position.epoch}"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        write_file(partial / VARIABLES_FILE, lambda file: np.savez(file, allow_pickle=False, **variables))
        state = asdict(position) | {"history": [_encode_row(row) for row in position.history]}
        write_json(partial / STATE_FILE, state | {"sha256": compute_sha256(partial / VARIABLES_FILE)})
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    flush_folder(folder)
    for old in _list_epochs(folder)[:-KEPT]:
        shutil.rmtree(folder / str(old))


def load_checkpoint(folder: Path, say: Callable[[str], None]) -> tuple[Position, dict[str, np.ndarray]] | None:
    """Return the newest complete checkpoint, or None if there is none; incomplete and damaged ones are removed.

    Args:
        folder: The run's checkpoint folder.
        say: Called with one line if a checkpoint is damaged.
    """
    for partial in folder.glob(f"{PARTIAL}*"):
        shutil.rmtree(partial)
    damaged: list[int] = []
    checkpoint = None
    for epoch in reversed(_list_epochs(folder)):
        checkpoint = _read(folder / str(epoch))
        if checkpoint is not None:
            break
        damaged.append(epoch)
        shutil.rmtree(folder / str(epoch))
    if damaged:
        start = f"the one after epoch {checkpoint[0].epoch}, the newest that is intact, is used" if checkpoint else "training starts again"
        say(f"{folder}: damaged and removed: the checkpoint after epoch {' and '.join(map(str, damaged))}; {start}")
    return checkpoint


def restore_variables(variables: Mapping[str, Any], saved: Mapping[str, np.ndarray], place: Path) -> None:
    """Assign saved arrays to Keras variables by path, after checking that none is missing, left over or of another shape.

    Raises:
        UserError: The checkpoint does not fit the network or the optimizer.
    """
    if differing := set(variables) ^ set(saved):
        raise UserError(f"{place}: the checkpoint does not fit this run: {sorted(differing)[0]!r} is in only one of them")
    for path, variable in variables.items():
        if tuple(variable.shape) != saved[path].shape:
            raise UserError(f"{place}: the checkpoint does not fit this run: {path!r} is {saved[path].shape}, expected {tuple(variable.shape)}")
        variable.assign(saved[path])


def _read(path: Path) -> tuple[Position, dict[str, np.ndarray]] | None:
    """Return a checkpoint, or None if it is damaged."""
    try:
        state = json.loads((path / STATE_FILE).read_text(encoding="utf-8"))
        if compute_sha256(path / VARIABLES_FILE) != state.pop("sha256"):
            return None
        with np.load(path / VARIABLES_FILE, allow_pickle=False) as arrays:
            variables = dict(arrays)
        best, state["history"] = state.pop("best"), [_decode_row(row) for row in state["history"]]
        return Position(best=tuple(best) if best else None, **state), variables
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _encode_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the history with "nan", "inf" and "-inf" as texts, since JSON has no such numbers."""
    return {name: repr(value) if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()}


def _decode_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row that `_encode_row` was given: the stage's name is its only text."""
    return {name: float(value) if isinstance(value, str) and name != "stage" else value for name, value in row.items()}


def _list_epochs(folder: Path) -> list[int]:
    """Return the epochs after which a checkpoint was saved, ascending."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())
