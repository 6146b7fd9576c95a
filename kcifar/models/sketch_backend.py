"""Which backend sketches networks fastest, for commands that train nothing."""

import importlib
import importlib.util
import os
import sys


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
