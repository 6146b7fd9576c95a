"""The default arguments of a registered part: a recipe that does not set them trains with these."""

import inspect
from collections.abc import Callable
from typing import Any


def find_defaults(factory: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(factory).parameters
    return {name: parameter.default for name, parameter in parameters.items() if parameter.default is not parameter.empty}
