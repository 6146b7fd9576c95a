"""Layers joined to items: the lines of text and the marks that a picture is made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kcifar.pictures.diagram.labels import Label
from kcifar.pictures.diagram.words import ATTENTION, IMAGES, MERGE, Row, is_attached, is_silent, kind_of, words_for


@dataclass(frozen=True)
class Item:
    """One line of text, or the mark of a merge.

    Attributes:
        rows: Names of the layers that it stands for; an input or output of an item is one of its first or last layer.
        kind: One of the kinds in `words`.
        text: What is written; of a merge its name.
        inputs: Indices of the items that it takes from, all lower than its own.
        shape: Of its output.
        label: Group and block.
        weights: How many of its layers have parameters.
        minor: Whether it is no operation of its own, but what usually stands behind one.
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
    """What decides which layers are joined: inputs, counts of consumers, labels and gates, by the layers' names."""

    inputs: Mapping[str, Sequence[str]]
    consumers: Mapping[str, int]
    labels: Mapping[str, Label]
    gates: Mapping[str, str]


def make_items(rows: Sequence[Row], labels: Mapping[str, Label]) -> list[Item]:
    """Join layers in a row to items: an operation and the normalisation, activation and dropout behind it.

    Args:
        rows: The summary's layers; an input that stands later in the list (a layer used twice) is left out.
        labels: Of each layer, by its name; only layers of one label are joined.
    """
    inputs = _earlier_inputs(rows)
    graph = _Graph(inputs, Counter(source for sources in inputs.values() for source in sources), labels, _gates(rows))
    chains: list[list[Row]] = []
    home: dict[str, int] = {}
    for row in rows:
        place = _place(row, graph, chains, home)
        if place == len(chains):
            chains.append([])
        chains[place].append(row)
        home[row["name"]] = place
    return [_item(chain, graph, home) for chain in chains]


def _place(row: Row, graph: _Graph, chains: Sequence[Sequence[Row]], home: Mapping[str, int]) -> int:
    """Return the chain that a layer belongs to; a new one's number if it begins one."""
    name = row["name"]
    if name in graph.gates:
        return next((place for other, place in home.items() if graph.gates.get(other) == graph.gates[name]), len(chains))
    if len(graph.inputs[name]) != 1:
        return len(chains)
    (source,) = graph.inputs[name]
    if graph.labels[source] != graph.labels[name] or graph.consumers[source] > 1 or source in graph.gates:
        return len(chains)
    chain = chains[home[source]]
    follows = is_attached(row) and kind_of(chain[0]) != MERGE
    completes = all(is_silent(other) for other in chain) and kind_of(row) != MERGE and kind_of(chain[0]) != IMAGES
    return home[source] if follows or completes else len(chains)


def _item(chain: Sequence[Row], graph: _Graph, home: Mapping[str, int]) -> Item:
    names = tuple(row["name"] for row in chain)
    outside = dict.fromkeys(home[source] for name in names for source in graph.inputs[name] if source not in names)
    gate = names[0] in graph.gates
    spoken = [row for row in chain if not is_silent(row)] or list(chain)
    main = next((row for row in spoken if not is_attached(row)), spoken[0])
    return Item(
        rows=names,
        kind=ATTENTION if gate else kind_of(main),
        text=_gate_words(chain) if gate else " · ".join(words_for(row) for row in spoken),
        inputs=tuple(outside),
        shape=tuple(chain[-1]["output_shape"]),
        label=graph.labels[names[0]],
        weights=sum(row["parameters"] > 0 for row in chain),
        minor=not gate and is_attached(main),
    )


def _earlier_inputs(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return each layer's inputs among the layers before it."""
    seen: dict[str, list[str]] = {}
    for row in rows:
        seen[row["name"]] = [source for source in row["inputs"] if source in seen]
    return seen


def _gates(rows: Sequence[Row]) -> dict[str, str]:
    """Map the layers of each attention over channels to its name: `X`, which multiplies, and `X_pool`, `X_squeeze`, … before it."""
    products = [row["name"] for row in rows if row["type"] == "Multiply"]
    return {
        row["name"]: product
        for product in products
        for row in rows
        if (row["name"] == product or row["name"].startswith(f"{product}_")) and any(other["name"].startswith(f"{product}_") for other in rows)
    }


def _gate_words(chain: Sequence[Row]) -> str:
    hidden = [row["filters"] for row in chain if row["name"].endswith("_squeeze")]
    return f"squeeze-and-excitation, {hidden[0]} hidden" if hidden else "efficient channel attention"
