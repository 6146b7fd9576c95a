"""Where files are kept between runs: our own cache folder, and Keras' own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kcifar.core.errors import UserError, one_line


def cache_folder() -> Path:
    """Return the folder for downloads and decoded images, made if it is missing: KCIFAR_CACHE, else the user's cache of "kcifar"."""
    folder = _cache_path()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({one_line(error.strerror)}); set KCIFAR_CACHE to a folder that can be written") from None
    return folder


def keras_datasets_folder() -> Path:
    """Return the folder in which Keras keeps the data sets that it downloads; it may not exist."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes the name `path` only if the writing succeeds.

    Unlike `files.complete_file` the temporary name is this process' own: nothing locks the cache, and two processes may fill it.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _cache_path() -> Path:
    if chosen := os.environ.get("KCIFAR_CACHE"):
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("kcifar")
