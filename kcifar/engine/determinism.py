"""Deterministic operations for the length of a run; on a GPU they cost speed."""

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from kcifar.core.lazy import keras

_JAX_FLAG = "--xla_gpu_deterministic_ops=true"
_CUBLAS = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # torch refuses cuBLAS' products without it


def use_determinism(enabled: bool) -> AbstractContextManager[None]:
    """Return a block in which the backend, which must be loaded, uses only operations whose results do not vary from run to run.

    The backend is left as it was found, so that later runs of the process are as quick as ever. XLA under JAX is the exception: it reads its
    flags when the process compiles its first program. A run that is not the first one therefore keeps what that program found, with or
    without determinism; on a processor XLA's operations are deterministic anyway.

    Args:
        enabled: False leaves everything to the user's own settings.
    """
    if not enabled:
        return nullcontext()
    return {"tensorflow": _use_in_tensorflow, "torch": _use_in_torch, "jax": _use_in_jax}[keras.config.backend()]()


@contextmanager
def _use_in_tensorflow() -> Iterator[None]:
    # `tf.config.experimental` can only enable it; with it enabled, later random operations without a seed would be errors.
    config = importlib.import_module("tensorflow.python.framework.config")
    was_enabled = config.is_op_determinism_enabled()
    config.enable_op_determinism()
    try:
        yield
    finally:
        if not was_enabled:
            config.disable_op_determinism()


@contextmanager
def _use_in_torch() -> Iterator[None]:
    torch = importlib.import_module("torch")
    before, warns_only = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    with _use_environment({} if "CUBLAS_WORKSPACE_CONFIG" in os.environ else _CUBLAS):
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warns_only)


@contextmanager
def _use_in_jax() -> Iterator[None]:
    flags = os.environ.get("XLA_FLAGS", "")
    with _use_environment({"XLA_FLAGS": f"{flags} {_JAX_FLAG}".strip()}):
        yield


@contextmanager
def _use_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set some environment variables inside the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})
