"""Which backend sketches networks fastest, and how it loads fastest, for commands that train nothing."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Packages that Keras imports where they are installed and that no sketch needs: 1.3 of the 2.3 seconds that importing Keras takes with
# JAX, and 1.5 of 4.2 with TensorFlow (processor time on two cores of a Xeon).
_NEEDLESS = ("sklearn", "pandas", "matplotlib")


def choose_sketch_backend(has_user_networks: bool) -> None:
    """Set KERAS_BACKEND to the backend that loads fastest, unless it is set or Keras is loaded; sizes are the same on all.

    Args:
        has_user_networks: Whether networks of the user's are to be sketched: they may need the backend that trains by default.
    """
    if has_user_networks or os.environ.get("KERAS_BACKEND") or "keras" in sys.modules:
        return
    os.environ["KERAS_BACKEND"] = find_fastest_backend()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # nothing is computed: no GPU need start


def find_fastest_backend() -> str:
    """Return JAX if it can be imported, since it loads in half the time of the others; else one that is installed."""
    try:
        importlib.import_module("jax")
    except Exception:  # not installed, incompletely installed, or built for another processor
        return next((name for name in ("tensorflow", "torch") if importlib.util.find_spec(name)), "tensorflow")
    return "jax"


@contextmanager
def hide_needless_packages() -> Iterator[None]:
    """Let Keras, if it is imported inside the block, take packages for missing that no sketch needs; afterwards they can be imported."""
    hidden = [name for name in _NEEDLESS if name not in sys.modules and "keras" not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes an import fail
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
