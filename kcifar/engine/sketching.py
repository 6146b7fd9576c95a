"""Loads a backend for commands that sketch networks and train nothing."""

from kcifar.engine import backend
from kcifar.models.sketch_backend import choose_sketch_backend, hide_needless_packages


def load_sketch_backend(has_user_networks: bool) -> None:
    """Load the backend that sketches fastest, unless KERAS_BACKEND is set or Keras is loaded.

    Args:
        has_user_networks: Whether networks of the user's are to be sketched: they may need the backend that trains by default.
    """
    choose_sketch_backend(has_user_networks)
    if has_user_networks:
        backend.load_backend()
        return
    with hide_needless_packages():
        backend.load_backend()
