"""JSON files of a run folder, as plain containers."""

import json
from pathlib import Path
from typing import Any

from kcifar.core.errors import UserError, one_line


def read_json_file(path: Path) -> Any:
    """Return the content of a JSON file; None if there is no such file.

    Raises:
        UserError: The file is damaged or cannot be read; the message starts with the name of the file.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path.name}: not valid JSON: {one_line(error, 80)}") from None
