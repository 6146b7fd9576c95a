"""Layers joined to items: the lines of text and the marks of a picture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kcifar.pictures.diagram.labels import Label
from kcifar.pictures.diagram.words import ATTENTION, IMAGES, MERGE, LayerSummary, describe_layer, find_kind, is_attached, is_silent


@dataclass(frozen=True)
class Item:
    """One line of text, or the mark of a merge.

    Attributes:
        rows: Names of its layers; the inputs and output of an item are those of its first and last layer.
        kind: One of the kinds in `words`.
        text: Its line of text; the name of a merge.
        inputs: Indices of the items that feed it, all lower than its own.
        shape: Of its output.
        label: Group and block.
        weights: How many of its layers have parameters.
        minor: Whether it only has layers that usually follow an operation.
    """

    rows: tuple[str, ...]
    kind: str
    text: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    label: Label
    weights: int
    minor: bool


@dataclass(frozen=True)
class _Graph:
    """Facts that decide which layers are joined, by the layers' names: inputs, counts of consumers, labels and gates."""

    inputs: Mapping[str, Sequence[str]]
    consumers: Mapping[str, int]
    labels: Mapping[str, Label]
    gates: Mapping[str, str]


def make_items(rows: Sequence[LayerSummary], labels: Mapping[str, Label]) -> list[Item]:
    """Join successive layers to items: an operation and the normalization, activation and dropout after it.

    Args:
        rows: The summary's layers; an input that comes later in the list (a layer used twice) is left out.
        labels: Of each layer, by its name; only layers with the same label are joined.
    """
    inputs = _find_earlier_inputs(rows)
    graph = _Graph(inputs, Counter(source for sources in inputs.values() for source in sources), labels, _find_gates(rows))
    chains: list[list[LayerSummary]] = []
    chain_of: dict[str, int] = {}
    for row in rows:
        place = _find_chain(row, graph, chains, chain_of)
        if place == len(chains):
            chains.append([])
        chains[place].append(row)
        chain_of[row["name"]] = place
    return [_make_item(chain, graph, chain_of) for chain in chains]


def _find_chain(row: LayerSummary, graph: _Graph, chains: Sequence[Sequence[LayerSummary]], chain_of: Mapping[str, int]) -> int:
    """Return the number of the chain that a layer belongs to; a new number if it begins a chain."""
    name = row["name"]
    if name in graph.gates:
        return next((chain for layer, chain in chain_of.items() if graph.gates.get(layer) == graph.gates[name]), len(chains))
    if len(graph.inputs[name]) != 1:
        return len(chains)
    (source,) = graph.inputs[name]
    if graph.labels[source] != graph.labels[name] or graph.consumers[source] > 1 or source in graph.gates:
        return len(chains)
    chain = chains[chain_of[source]]
    follows = is_attached(row) and find_kind(chain[0]) != MERGE
    completes = all(is_silent(earlier) for earlier in chain) and find_kind(row) != MERGE and find_kind(chain[0]) != IMAGES
    return chain_of[source] if follows or completes else len(chains)


def _make_item(chain: Sequence[LayerSummary], graph: _Graph, chain_of: Mapping[str, int]) -> Item:
    names = tuple(row["name"] for row in chain)
    outside = dict.fromkeys(chain_of[source] for name in names for source in graph.inputs[name] if source not in names)
    gate = names[0] in graph.gates
    worded = [row for row in chain if not is_silent(row)] or list(chain)
    main = next((row for row in worded if not is_attached(row)), worded[0])
    return Item(
        rows=names,
        kind=ATTENTION if gate else find_kind(main),
        text=_describe_gate(chain) if gate else " · ".join(describe_layer(row) for row in worded),
        inputs=tuple(outside),
        shape=tuple(chain[-1]["output_shape"]),
        label=graph.labels[names[0]],
        weights=sum(row["parameters"] > 0 for row in chain),
        minor=not gate and is_attached(main),
    )


def _find_earlier_inputs(rows: Sequence[LayerSummary]) -> dict[str, list[str]]:
    """Return each layer's inputs among the layers before it."""
    seen: dict[str, list[str]] = {}
    for row in rows:
        seen[row["name"]] = [source for source in row["inputs"] if source in seen]
    return seen


def _find_gates(rows: Sequence[LayerSummary]) -> dict[str, str]:
    """Map the layers of each channel attention to its name: `X`, which multiplies, and `X_pool`, `X_squeeze`, … before it."""
    products = [row["name"] for row in rows if row["type"] == "Multiply"]
    return {
        row["name"]: product
        for product in products
        for row in rows
        if (row["name"] == product or row["name"].startswith(f"{product}_")) and any(layer["name"].startswith(f"{product}_") for layer in rows)
    }


def _describe_gate(chain: Sequence[LayerSummary]) -> str:
    hidden = [row["filters"] for row in chain if row["name"].endswith("_squeeze")]
    return f"squeeze-and-excitation, {hidden[0]} hidden" if hidden else "efficient channel attention"
