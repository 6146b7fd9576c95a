"""A layer in words, and the kind of its operation."""

import re
from collections.abc import Mapping
from typing import Any

LayerSummary = Mapping[str, Any]

CONVOLUTION, DENSE, ATTENTION, POOLING, MERGE = "convolution", "dense", "attention", "pooling", "merge"
NORM_OR_ACTIVATION, OTHER, IMAGES = "normalization, activation", "other", "images"

MERGES = {
    "Add": "add",
    "Concatenate": "concatenate",
    "Multiply": "multiply",
    "Dot": "dot product",
    "Subtract": "subtract",
}
_NORMS = {"BatchNormalization": "BN", "LayerNormalization": "LN", "GroupNormalization": "GN", "RMSNormalization": "RMS norm"}
_ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "hard_silu": "hard SiLU",
    "mish": "Mish",
}
_ACTIVATION_LAYERS = {"ReLU": "ReLU", "LeakyReLU": "leaky ReLU", "PReLU": "PReLU", "ELU": "ELU", "Softmax": "softmax"}
# Layers that need no words next to the operation that they prepare or complete.
_SILENT = ("ZeroPadding", "Reshape", "Flatten", "Permute", "Identity", "Bias", "InputLayer")
_ATTACHED = ("Dropout", "Rescaling")


def find_kind(row: LayerSummary) -> str:
    """Return the kind of a layer's operation, one of this module's constants."""
    name = row["type"]
    if name in MERGES:
        return MERGE
    if name == "InputLayer":
        return IMAGES
    kinds = {"Conv": CONVOLUTION, "Dense": DENSE, "Attention": ATTENTION, "Pooling": POOLING}
    kind = next((kind for part, kind in kinds.items() if part in name), OTHER)
    return NORM_OR_ACTIVATION if kind == OTHER and _is_norm_or_activation(name) else kind


def is_attached(row: LayerSummary) -> bool:
    """Whether a layer is written after the operation before it: normalization, activation, dropout, a change of shape."""
    return _is_norm_or_activation(row["type"]) or is_silent(row) or any(part in row["type"] for part in _ATTACHED)


def is_silent(row: LayerSummary) -> bool:
    """Whether a layer needs no words next to another layer."""
    return row["type"].startswith(_SILENT) or row.get("rate") == 0


def describe_layer(row: LayerSummary) -> str:
    """Return a layer's operation in words, with its activation: "3×3 conv 64 /2 · ReLU"."""
    activation = row.get("activation")
    if row["type"] == "Activation":
        return _write_activation(activation or "linear")
    return " · ".join([_describe_operation(row), *([_write_activation(activation)] if activation else [])])


def format_shape(shape: list[int]) -> str:
    """Return a shape in words: "32×32×64", "65 tokens × 256", "512"."""
    return f"{shape[0]} tokens × {shape[1]}" if len(shape) == 2 else _join_sizes(shape)


def _describe_operation(row: LayerSummary) -> str:
    name = row["type"]
    kind = find_kind(row)
    if kind == CONVOLUTION:
        return _describe_convolution(row)
    if kind == POOLING:
        return _describe_pooling(row)
    if name in ("Dense", "EinsumDense"):
        return f"dense {row.get('units', row['output_shape'][-1])}"
    if name == "MultiHeadAttention":
        return f"attention, {row['num_heads']} heads of {row['key_dim']}"
    if name == "InputLayer":
        name = "input" if row["name"].startswith("input_layer") else row["name"].replace("_", " ")
        return f"{name} · {format_shape(row['output_shape'])}"
    if "Dropout" in name:
        return "drop path" if row["name"].endswith("drop_path") else f"dropout {row.get('rate', 0):g}"
    short = {**MERGES, **_NORMS, **_ACTIVATION_LAYERS, "Rescaling": "scale"}
    return short.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"\dD$", "", name)).lower()


def _describe_convolution(row: LayerSummary) -> str:
    depthwise = "depthwise " if "Depthwise" in row["type"] else "separable " if "Separable" in row["type"] else ""
    transposed = "transposed " if "Transpose" in row["type"] else ""
    size = f"{_join_sizes(row['kernel_size'])}{'-wide' * (len(row['kernel_size']) == 1)} {depthwise}{transposed}conv"
    filters = "" if depthwise == "depthwise " else f" {row['output_shape'][-1]}"
    groups = f", {row['groups']} groups" if row.get("groups", 1) > 1 else ""
    return f"{size}{filters}{_write_strides(row, 1)}{groups}"


def _describe_pooling(row: LayerSummary) -> str:
    manner = "max" if "Max" in row["type"] else "average"
    if row["type"].startswith("Global") or "pool_size" not in row:
        return f"global {manner} pool"
    return f"{_join_sizes(row['pool_size'])} {manner} pool{_write_strides(row, row['pool_size'][0])}"


def _write_strides(row: LayerSummary, usual: int) -> str:
    strides = row.get("strides", [1])
    if set(strides) == {usual}:
        return ""
    return f" /{strides[0] if len(set(strides)) == 1 else _join_sizes(strides)}"


def _write_activation(name: str) -> str:
    return _ACTIVATIONS.get(name, name.replace("_", " "))


def _is_norm_or_activation(name: str) -> bool:
    return name in _ACTIVATION_LAYERS or name == "Activation" or "Normalization" in name


def _join_sizes(sizes: list[int]) -> str:
    return "×".join(map(str, sizes))
