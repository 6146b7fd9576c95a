"""Where files are kept between runs: the cache folder of kcifar, and that of Keras."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kcifar.core.errors import UserError, one_line


def make_cache_folder() -> Path:
    """Return the folder for downloads and decoded images, created if missing: KCIFAR_CACHE, or the user's cache folder for "kcifar"."""
    folder = _find_cache_path()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be created ({one_line(error.strerror)}); set KCIFAR_CACHE to a writable folder") from None
    return folder


def find_keras_datasets_folder() -> Path:
    """Return the folder in which Keras keeps downloaded data sets; it may not exist."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


@contextmanager
def complete_cache_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; it is renamed to `path` if the block succeeds.

    Unlike in `files.complete_file`, the temporary name is unique to this process: the cache has no lock, and two processes may fill it.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _find_cache_path() -> Path:
    if chosen := os.environ.get("KCIFAR_CACHE"):
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("kcifar")
