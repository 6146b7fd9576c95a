"""How an unfinished run is continued, and the refusal of one where a finished run is needed."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from kcifar.core.errors import UserError
from kcifar.core.option_names import uses_python_names
from kcifar.runs.folder import MODEL_FILE
from kcifar.runs.run import Run


def describe_resuming(run: Path, imports: Sequence[Path] = (), backend: str = "tensorflow") -> str:
    """Return the command, or from Python the call, that continues a run.

    Args:
        run: The run folder.
        imports: The user's files that register parts.
        backend: The Keras backend that the run began with.
    Example:
        >>> describe_resuming(Path("runs/my run"), [Path("parts.py")], "jax")
        "KERAS_BACKEND=jax python -m kcifar.train --import parts.py --resume --run 'runs/my run'"
    """
    if uses_python_names():
        return f"kcifar.train(run={str(run)!r}, resume=True)"
    variable = "" if backend == "tensorflow" else f"KERAS_BACKEND={backend} "
    options = "".join(f"--import {shlex.quote(str(file))} " for file in imports)
    return f"{variable}python -m kcifar.train {options}--resume --run {shlex.quote(str(run))}"


def describe_resuming_seeds(arguments: Sequence[str], backend: str = "tensorflow") -> str:
    """Return the command, or from Python the call, that continues the training of several seeds.

    Args:
        arguments: Those of the command that was interrupted; none from Python.
        backend: The Keras backend.
    Example:
        >>> describe_resuming_seeds(["--stages", "lenet_adam", "--seeds", "3", "--overwrite"])
        'python -m kcifar.train --stages lenet_adam --seeds 3 --resume'
    """
    if uses_python_names():
        return "the same call with resume=True"
    variable = "" if backend == "tensorflow" else f"KERAS_BACKEND={backend} "
    kept = [argument for argument in arguments if argument not in ("--overwrite", "--resume")]
    return f"{variable}python -m kcifar.train {shlex.join([*kept, '--resume'])}"


def check_finished(run: Run) -> None:
    """Refuse a run that has not saved its model.

    Raises:
        UserError: One line that says how to continue it.
    """
    if not (run.path / MODEL_FILE).exists():
        raise UserError(f"{run.path}: expected a finished run (with {MODEL_FILE}); continue it with {describe_resuming(run.path)}")
