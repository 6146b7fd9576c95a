"""The Keras backend: loaded quietly, refused in one line if it is missing, and asked what precision it gains by."""

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from kcifar.core.cache import cache_folder
from kcifar.core.checks import expect_choice
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.core.randomness import Purpose, generator

BACKENDS = ("tensorflow", "jax", "torch")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

# Processor features with native bfloat16 products; without them bfloat16 is emulated and slower than float32.
_BFLOAT16_FEATURES = {"avx512_bf16", "amx_bf16"}

# What JAX keeps of compiled programs at most, in bytes; those that were not used for the longest time go first.
_KEPT_BYTES = 2 * 2**30


def load_backend() -> str:
    """Import Keras with the backend that KERAS_BACKEND names (default: tensorflow) and return the backend's name.

    TensorFlow's start-up lines about oneDNN and CUDA, which no setting silences, are held back unless the import fails or
    TF_CPP_MIN_LOG_LEVEL is 0.

    Raises:
        UserError: The variable names no backend, or one that is not installed.
    """
    check_backend()
    name = os.environ["KERAS_BACKEND"] = backend_name()
    if "keras" not in sys.modules:
        with _standard_error_held_back():
            importlib.import_module("keras")
    if name == "jax":
        _keep_compiled_programs()
    if name != "tensorflow":
        _keep_tensorflow_out()
    return str(keras.config.backend())


def backend_name() -> str:
    """Return the backend that KERAS_BACKEND names (default: tensorflow)."""
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def check_backend() -> None:
    """Refuse a backend that is not known or not installed; nothing is imported.

    Raises:
        UserError: One line.
    """
    name = backend_name()
    expect_choice("KERAS_BACKEND", name, BACKENDS)
    if importlib.util.find_spec(name) is None:
        raise UserError(
            f"KERAS_BACKEND: {name} is not installed; install it with pip install 'kcifar[{name}]', or choose one of {', '.join(BACKENDS)}"
        )


def automatic_precision() -> str:
    """Return the precision that this machine gains by: mixed_bfloat16 where products of it are native, else float32.

    On processors under TensorFlow and torch that needs AVX512-BF16 or AMX (measured: 1.7 and 1.6 times as fast on the residual
    network; JAX gains nothing); on NVIDIA GPUs compute capability 8.0 (Ampere) or more.
    """
    backend = keras.config.backend()
    capability = _gpu_capability(backend)
    on_gpu = capability is not None and capability >= (8, 0)
    on_processor = capability is None and backend != "jax" and bool(_BFLOAT16_FEATURES & processor_features())
    return "mixed_bfloat16" if on_gpu or on_processor else "float32"


def processor_features() -> set[str]:
    """Return the feature flags of the processor as Linux lists them; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())


def has_gpu() -> bool:
    """Whether the backend computes on a GPU."""
    return any("gpu" in device.lower() or "cuda" in device.lower() for device in device_names())


def device_names() -> list[str]:
    """Return the names of the devices that Keras sees, for example ["cpu:0"]."""
    if keras.config.backend() == "torch":  # Keras lists no devices under torch
        cuda = importlib.import_module("torch").cuda
        return [f"cuda:{index}" for index in range(cuda.device_count())] or ["cpu:0"]
    return [str(device) for device in keras.distribution.list_devices()]


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers and models under a dtype policy and put the former one back."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)


def global_randomness_kept() -> AbstractContextManager[None]:
    """Return a block that puts the backend's global generator back; only torch has one that training draws from."""
    if keras.config.backend() != "torch":
        return nullcontext()
    fork: AbstractContextManager[None] = importlib.import_module("torch").random.fork_rng()
    return fork


def seed_global_randomness(*numbers: int) -> None:
    """Make the backend's global generator a function of some numbers.

    Keras' dropout draws from torch's, leaving its own seed generator aside, unless the layer was given a seed.
    """
    if keras.config.backend() == "torch":
        importlib.import_module("torch").manual_seed(int(generator(Purpose.BACKEND, *numbers).integers(2**63)))


def enable_determinism() -> None:
    """Ask the backend for operations whose results do not vary from run to run; on a GPU that costs speed."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        importlib.import_module("tensorflow").config.experimental.enable_op_determinism()
    elif backend == "torch":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        importlib.import_module("torch").use_deterministic_algorithms(True)
    else:
        flag = "--xla_gpu_deterministic_ops=true"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()


def _gpu_capability(backend: str) -> tuple[int, int] | None:
    """Return the compute capability of the first NVIDIA GPU, or None without one."""
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


def _keep_compiled_programs() -> None:
    """Let JAX find programs of earlier runs in the user's cache folder; a folder set by JAX_COMPILATION_CACHE_DIR goes before it.

    On two processor cores the quickstart's compilation takes 1.0 s instead of 4.9, to the same bits (`compilation_seconds` of its second and
    first run with an empty folder). Each kind of processor has a folder of its own: a shared one would hand out instructions that another
    does not know.
    """
    jax = importlib.import_module("jax")
    if jax.config.jax_compilation_cache_dir:
        return
    kind = hashlib.sha256(" ".join(sorted(processor_features())).encode()).hexdigest()[:12]
    try:
        folder = cache_folder() / "jax" / kind
        folder.mkdir(parents=True, exist_ok=True)
    except (UserError, OSError):
        return  # compiling again costs time, and no more
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_compilation_cache_max_size", _KEPT_BYTES)


def _keep_tensorflow_out() -> None:
    """Let Keras look for TensorFlow once while it is hidden: it asks when it first saves a model, and would load it."""
    if "tensorflow" in sys.modules:
        return
    sys.modules["tensorflow"] = None  # type: ignore[assignment]  # how Python is told that a module is not there
    try:
        keras.saving.serialize_keras_object(keras.layers.Activation("relu"))
    finally:
        del sys.modules["tensorflow"]


@contextmanager
def _standard_error_held_back() -> Iterator[None]:
    """Collect what is written to standard error, by C++ too; show it only if an exception leaves the block."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":  # asked for; 1 is what TensorFlow and JAX set themselves, for child processes too
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
