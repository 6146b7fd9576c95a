"""The CSV files of a run folder, and published logs, as tables: checked cell by cell, with NaN for values that are not finite."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kcifar.core.errors import UserError, one_line
from kcifar.runs.schemas import StatusFile

if TYPE_CHECKING:
    import pandas
else:
    from kcifar.core.lazy import pandas

_ORDINALS = ("stage_index", "epoch")
_REQUIRED = (*_ORDINALS, "learning_rate", "loss", "accuracy", "seconds", "images_per_second")
_OPTIONAL = ("val_loss", "val_cross_entropy", "val_accuracy", "images_seen", "compilation_seconds")
_BATCH_HEADER = ["step", "stage", "epoch", "loss", "accuracy"]
_MEASURES = ("accuracy", "val_accuracy")
_LARGEST = 3.4028234663852886e38  # float32


def read_history(path: Path, status: StatusFile) -> "pandas.DataFrame":
    """Return `history.csv`, one row per epoch; optional columns that the file lacks are filled with NaN.

    Raises:
        UserError: No epoch is complete, or the file is damaged.
    """
    if status.state == "finished" and not path.exists():
        raise UserError("history.csv: missing")
    lines = _split_lines(_read_text(path), path.name)
    if len(lines) < 2:
        reason = f": {one_line(status.reason, 100)}" if status.reason else ""
        raise UserError(f"no epoch completed yet (status: {status.state}{reason})")
    header = lines[0]
    missing = [column for column in ("stage", *_REQUIRED) if column not in header]
    if missing or len(set(header)) < len(header):
        raise UserError(f"history.csv:1: expected each column once, {f'{missing[0]} is missing' if missing else 'one is repeated'}")
    history = pandas.DataFrame(_parse_rows(lines, (*_REQUIRED, *_OPTIONAL), path.name), columns=header)
    _check_order(history)
    return history.reindex(columns=list(dict.fromkeys([*header, *_OPTIONAL])))


def find_best_validation(history: "pandas.DataFrame") -> tuple[float, int] | None:
    """Return the highest validation accuracy of a history and its epoch, the first of several; None without validation."""
    if "val_accuracy" not in history or history["val_accuracy"].isna().all():
        return None
    row = int(history["val_accuracy"].argmax())
    return float(history["val_accuracy"].iloc[row]), int(history["epoch"].iloc[row])


def read_history_table(path: Path) -> "pandas.DataFrame":
    """Return `history.csv` unchanged: columns of integers as int64, of other numbers as float64, else as text.

    Raises:
        UserError: The file is damaged.
    """
    return _make_table(_split_lines(_read_text(path), path.name), path.name)


def read_batch_table(path: Path) -> "pandas.DataFrame":
    """Return `batches.csv` likewise, without an incomplete last line: the file grows line by line, and its run may still be training.

    Raises:
        UserError: The file is damaged.
    """
    return _make_table(_read_complete_lines(path), path.name)


def read_batches(path: Path) -> "pandas.DataFrame | None":
    """Return `batches.csv`, one row per `log_every` updates; None without rows.

    An incomplete last line is left out: the file grows line by line, and its run may still be training.

    Raises:
        UserError: The file is damaged.
    """
    lines = _read_complete_lines(path)
    if len(lines) < 2:
        return None
    if lines[0] != _BATCH_HEADER:
        raise UserError(f"batches.csv:1: expected {','.join(_BATCH_HEADER)}, got {one_line(','.join(lines[0]), 60)}")
    numeric = [column for column in _BATCH_HEADER if column != "stage"]
    return pandas.DataFrame(_parse_rows(lines, numeric, path.name), columns=_BATCH_HEADER).dropna(subset=["step", "epoch"])


def read_published_log(path: Path) -> "pandas.DataFrame":
    """Return a published training log: `epoch`, `accuracy` and `val_accuracy`, NaN where the file has none.

    Accuracies are fractions, as in `history.csv`, and `accuracy` is the training accuracy; other columns are ignored. Epochs ascend from 1
    and may have gaps.

    Raises:
        UserError: There is no such file, a column is missing or repeated, or a value is invalid.
    """
    lines = _split_lines(_read_text(path), path.name)
    if not any(lines[1:]):
        raise UserError(f"{path}: expected a CSV file with one row per epoch, got {'no rows' if path.exists() else 'no such file'}")
    header = [cell.strip() for cell in lines[0]]
    columns = [column for column in ("epoch", *_MEASURES) if column in header]
    if header.count("epoch") != 1 or len(columns) < 2 or any(header.count(column) > 1 for column in columns):
        got = one_line(",".join(header), 80)
        raise UserError(f"{path.name}:1: expected the column epoch and at least one of accuracy and val_accuracy, each once, got {got}")
    places = [(cells, f"{path.name}:{number}") for number, cells in enumerate(lines[1:], start=2) if cells]
    log = pandas.DataFrame([_parse_row(cells, header, columns, place) for cells, place in places], columns=header)
    log = log[columns].reindex(columns=["epoch", *_MEASURES])
    _check_log(log, path.name)
    return log


def _check_log(log: "pandas.DataFrame", name: str) -> None:
    """Refuse epochs that are not ascending integers, and accuracies that are not fractions; convert the epochs to integers."""
    epochs = log["epoch"]
    if not ((epochs >= 1) & (epochs < 2**31) & (epochs % 1 == 0)).all() or not (epochs.diff().dropna() > 0).all():
        raise UserError(f"{name}: expected ascending integer epochs from 1, got {one_line(', '.join(f'{epoch:g}' for epoch in epochs), 60)}")
    for column in _MEASURES:
        outside = log[column][(log[column] < 0) | (log[column] > 1)]
        if len(outside):
            raise UserError(f"{name}: {column}: expected fractions from 0 to 1, got {outside.iloc[0]:g} in epoch {epochs[outside.index[0]]:.0f}")
    log["epoch"] = epochs.astype("int64")


def _read_text(path: Path) -> str:
    """Return the text of a file; "" if there is no such file."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path.name}: not a CSV file: {one_line(error, 80)}") from None


def _split_lines(text: str, name: str) -> list[list[str]]:
    """Return the cells of every line."""
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise UserError(f"{name}: not a CSV file: {one_line(error, 80)}") from None


def _read_complete_lines(path: Path) -> list[list[str]]:
    text = _read_text(path)
    return [cells for cells in _split_lines(text[: text.rfind("\n") + 1], path.name) if cells]


def _make_table(lines: Sequence[Sequence[str]], file: str) -> "pandas.DataFrame":
    rows = _parse_rows(lines, (), file)
    return pandas.DataFrame({name: _convert(name, [str(row[place]) for row in rows]) for place, name in enumerate(lines[0] if lines else ())})


def _convert(name: str, cells: Sequence[str]) -> Sequence[int] | Sequence[float] | Sequence[str]:
    """Return a column as numbers if all of its cells are numbers; a stage keeps its name in any case."""
    for kind in (int, float) if name != "stage" else ():
        try:
            return [kind(cell) for cell in cells]
        except ValueError:
            continue
    return cells


def _parse_rows(lines: Sequence[Sequence[str]], numeric: Sequence[str], file: str) -> list[list[str | float]]:
    return [_parse_row(cells, lines[0], numeric, f"{file}:{number}") for number, cells in enumerate(lines[1:], start=2)]


def _parse_row(cells: Sequence[str], header: Sequence[str], numeric: Sequence[str], place: str) -> list[str | float]:
    if len(cells) != len(header):
        raise UserError(f"{place}: expected {len(header)} values, got {len(cells)}")
    return [_parse_number(cell, f"{place}: {column}") if column in numeric else cell for column, cell in zip(header, cells, strict=True)]


def _parse_number(cell: str, place: str) -> float:
    """Return the number in a cell; NaN if it is empty, or not finite as a float32, the precision of training."""
    try:
        value = float(cell or "nan")
    except ValueError:
        raise UserError(f"{place}: expected a number, got {one_line(repr(cell), 40)}") from None
    return value if abs(value) <= _LARGEST else math.nan


def _check_order(history: "pandas.DataFrame") -> None:
    """Refuse a history whose epochs are not 1, 2, 3, …, or whose stages are not in order; convert both columns to integers."""
    if history["epoch"].tolist() != list(range(1, len(history) + 1)):
        raise UserError("history.csv: expected epochs 1, 2, 3, … in order")
    stages = history["stage_index"]
    if not ((stages >= 0) & (stages % 1 == 0)).all() or not stages.is_monotonic_increasing:
        raise UserError("history.csv: expected stage_index to count the stages from 0 in order")
    for column in _ORDINALS:
        history[column] = history[column].astype("int64")
