"""The list of networks with their sizes, kept in the cache folder: sketching all of them takes seconds."""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kcifar.core.cache import complete_cache_file, make_cache_folder
from kcifar.core.errors import UserError

_PACKAGE = Path(__file__).resolve().parents[1]


def load_sizes(image_shape: tuple[int, int, int], num_classes: int, names: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return the rows that `save_sizes` saved for the same code, or None if there are none."""
    try:
        rows: list[dict[str, Any]] = json.loads(_find_path(image_shape, num_classes, names).read_text(encoding="utf-8"))
    except (OSError, ValueError, UserError):
        return None
    return rows


def save_sizes(image_shape: tuple[int, int, int], num_classes: int, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Save the rows of the list; without a writable cache folder they are sketched again next time.

    Args:
        image_shape: Height, width, channels of the images.
        num_classes: Number of logits.
        names: The registered networks, which are part of what identifies the file.
        rows: As `catalog.list_networks` returns them.
    """
    try:
        path = _find_path(image_shape, num_classes, names)
        path.parent.mkdir(exist_ok=True)
        with complete_cache_file(path) as temporary:
            temporary.write_text(json.dumps(rows), encoding="utf-8")
    except (OSError, UserError):
        return


def _find_path(image_shape: tuple[int, int, int], num_classes: int, names: Sequence[str]) -> Path:
    """Return the file for the code as it is: another version of Keras, or an edit of a network, makes another name."""
    sources = sorted(path for folder in ("models", "layers") for path in (_PACKAGE / folder).glob("*.py"))
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    key = json.dumps([version("keras"), code, list(image_shape), num_classes, list(names)])
    return make_cache_folder() / "networks" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"
