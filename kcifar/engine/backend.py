"""The Keras backend: loads it quietly, refuses a missing one in one line, and chooses the precision that is fastest on it."""

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from kcifar.core.cache import make_cache_folder
from kcifar.core.checks import expect_choice
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.core.matplotlib_import import import_matplotlib
from kcifar.core.processor import read_processor_features
from kcifar.core.randomness import Purpose, generator

BACKENDS = ("tensorflow", "jax", "torch")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

# The processor feature with which bfloat16 products are quicker than those of float32. AVX512-BF16, which has them too, is not enough.
_FAST_BFLOAT16 = "amx_bf16"

# Largest size of JAX's cache of compiled programs, in bytes; the least recently used programs are deleted first.
_CACHE_BYTES = 2 * 2**30


def load_backend() -> str:
    """Import Keras with the backend that KERAS_BACKEND names (default: tensorflow) and return the backend's name.

    TensorFlow's start-up lines about oneDNN and CUDA, which no setting silences, are shown only if the import fails or
    TF_CPP_MIN_LOG_LEVEL is 0.

    Raises:
        UserError: The variable names an unknown backend, or one that is not installed.
    """
    check_backend()
    name = os.environ["KERAS_BACKEND"] = get_backend_name()
    if "keras" not in sys.modules:
        with _hold_back_standard_error():
            import_matplotlib()  # Keras imports it
            importlib.import_module("keras")
    if name == "jax":
        _enable_compilation_cache()
    if name != "tensorflow":
        _prevent_tensorflow_import()
    return str(keras.config.backend())


def get_backend_name() -> str:
    """Return the backend that KERAS_BACKEND names (default: tensorflow)."""
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def check_backend() -> None:
    """Refuse a backend that is unknown or not installed, without importing it.

    Raises:
        UserError: It is unknown or not installed.
    """
    name = get_backend_name()
    expect_choice("KERAS_BACKEND", name, BACKENDS)
    if importlib.util.find_spec(name) is None:
        raise UserError(
            f"KERAS_BACKEND: {name} is not installed; install it with pip install 'kcifar[{name}]', or choose one of {', '.join(BACKENDS)}"
        )


def resolve_precision(precision: str) -> str:
    """Return the dtype policy that a recipe's `precision` stands for: "auto" depends on this machine and the loaded backend."""
    return choose_precision() if precision == "auto" else precision


def choose_precision() -> str:
    """Return the precision that is fastest on this machine: mixed_bfloat16 where it gains from it, otherwise float32.

    On processors under TensorFlow and torch this requires AMX (measured: 1.7 and 1.6 times as fast on the residual network; JAX gains
    nothing). With AVX512-BF16 alone, fast94 makes 392 images/s in float32 and 176 in mixed_bfloat16 (TensorFlow 2.21, two cores). On NVIDIA
    GPUs it requires compute capability 8.0 (Ampere) or higher.
    """
    backend = keras.config.backend()
    capability = _find_gpu_capability(backend)
    on_gpu = capability is not None and capability >= (8, 0)
    return "mixed_bfloat16" if on_gpu else "float32" if capability is not None else choose_processor_precision(backend)


def choose_processor_precision(backend: str) -> str:
    """Return the precision that is fastest without a GPU; no backend is imported."""
    return "mixed_bfloat16" if backend != "jax" and _FAST_BFLOAT16 in read_processor_features() else "float32"


def warn_about_precision(precision: str) -> str | None:
    """Return one line if a dtype policy is slow on this processor under the loaded backend; None if it is not, or on a GPU."""
    return None if has_gpu() else warn_about_processor_precision(keras.config.backend(), precision)


def warn_about_processor_precision(backend: str, precision: str) -> str | None:
    """Return one line if a dtype policy is slow on this processor under a backend, else None; no backend is imported.

    Measured on two cores with AVX512-BF16, processor time of an update of two 3x3 convolutions of 32 channels, batch 32, against float32:
    mixed_float16 takes 151 times as long under TensorFlow 2.21, 6.5 times under torch 2.13, the same under JAX 0.10; mixed_bfloat16 takes
    1.6, 1.2 and 1.0 times as long at this small size, and less than float32 in large networks (`choose_precision`).
    """
    if backend == "jax":
        return None
    if precision == "mixed_float16":
        better = choose_processor_precision(backend)
        return f"warning: precision: mixed_float16 is emulated on processors, many times slower than float32; {better} suits this one"
    if precision == "mixed_bfloat16" and _FAST_BFLOAT16 not in read_processor_features():
        return "warning: precision: mixed_bfloat16 is slower than float32 on this processor, which has no AMX"
    return None


def has_gpu() -> bool:
    """Whether the backend computes on a GPU."""
    return any("gpu" in device.lower() or "cuda" in device.lower() for device in list_device_names())


def list_device_names() -> list[str]:
    """Return the names of the devices that Keras sees, for example ["cpu:0"]."""
    if keras.config.backend() == "torch":  # under torch Keras lists no devices
        cuda = importlib.import_module("torch").cuda
        return [f"cuda:{index}" for index in range(cuda.device_count())] or ["cpu:0"]
    return [str(device) for device in keras.distribution.list_devices()]


@contextmanager
def use_dtype_policy(name: str) -> Iterator[None]:
    """Set Keras' dtype policy for the layers and models that are built inside the block."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)


def keep_global_randomness() -> AbstractContextManager[None]:
    """Return a block that restores the state of the backend's global generator; training draws from one only under torch."""
    if keras.config.backend() != "torch":
        return nullcontext()
    fork: AbstractContextManager[None] = importlib.import_module("torch").random.fork_rng()
    return fork


def seed_global_randomness(*numbers: int) -> None:
    """Seed the backend's global generator from some numbers.

    Under torch, Keras' dropout ignores its own seed generator and draws from the global one, unless the layer was given a seed.
    """
    if keras.config.backend() == "torch":
        importlib.import_module("torch").manual_seed(int(generator(Purpose.BACKEND, *numbers).integers(2**63)))


def _find_gpu_capability(backend: str) -> tuple[int, int] | None:
    """Return the compute capability of the first NVIDIA GPU, or None if there is none."""
    module: Any = importlib.import_module(backend)
    if backend == "tensorflow":
        devices = module.config.list_physical_devices("GPU")
        return module.config.experimental.get_device_details(devices[0]).get("compute_capability", (0, 0)) if devices else None
    if backend == "torch":
        return module.cuda.get_device_capability(0) if module.cuda.is_available() else None
    device = module.devices()[0]
    if device.platform != "gpu":
        return None
    major, minor = str(getattr(device, "compute_capability", "0.0")).split(".")
    return int(major), int(minor)


def _enable_compilation_cache() -> None:
    """Let JAX reuse programs of earlier runs from the user's cache folder, unless JAX_COMPILATION_CACHE_DIR sets another folder.

    On two processor cores the quickstart's compilation takes 1.0 s instead of 4.9, with the same results bit for bit (`compilation_seconds`
    of its second and first run with an empty folder). Each kind of processor has its own folder, because programs may contain
    instructions that other processors lack.
    """
    jax = importlib.import_module("jax")
    if jax.config.jax_compilation_cache_dir:
        return
    kind = hashlib.sha256(" ".join(sorted(read_processor_features())).encode()).hexdigest()[:12]
    try:
        folder = make_cache_folder() / "jax" / kind
        folder.mkdir(parents=True, exist_ok=True)
    except (UserError, OSError):
        return  # compiling again only costs time
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_compilation_cache_max_size", _CACHE_BYTES)


def _prevent_tensorflow_import() -> None:
    """Make Keras look for TensorFlow once while it is hidden; otherwise Keras would import it when it first saves a model."""
    if "tensorflow" in sys.modules:
        return
    sys.modules["tensorflow"] = None  # type: ignore[assignment]  # makes an import of it fail
    try:
        keras.saving.serialize_keras_object(keras.layers.Activation("relu"))
    finally:
        del sys.modules["tensorflow"]


@contextmanager
def _hold_back_standard_error() -> Iterator[None]:
    """Collect output to standard error, including that of C++ code, and show it only if an exception leaves the block."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":  # set by the user; TensorFlow and JAX themselves set 1, for child processes too
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as collected:
        os.dup2(collected.fileno(), 2)
        try:
            yield
        except BaseException:
            collected.seek(0)
            os.write(original, collected.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
