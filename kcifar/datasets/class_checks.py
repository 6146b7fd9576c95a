"""What may be wrong with the classes of a data set, of whatever source: names that cannot be shown or told apart, classes without images."""

import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.datasets.messages import list_first

_MAX_LENGTH = 200  # characters


def check_class_names(place: str, names: Sequence[object]) -> None:
    """Refuse names that could not be written one per line, that look the same, or of which there is only one.

    Args:
        place: Whose names they are, for messages: "data set npz".
        names: One per class, in the order of the labels.
    Raises:
        UserError: The first name that is wrong.
    """
    if len(names) < 2:
        raise UserError(f"{place}: expected at least two classes, got {list_first(map(repr, names)) or 'none'}")
    labels: dict[str, int] = {}
    for label, name in enumerate(names):
        if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > _MAX_LENGTH:
            received = one_line(repr(name), 60)
            raise UserError(f"{place}: class {label}: expected a name of 1 to {_MAX_LENGTH} printable characters, got {received}")
        earlier = labels.setdefault(simplify_name(name), label)
        if earlier != label:
            raise UserError(f"{place}: expected a different name for each class, got {one_line(name, 60)!r} for classes {earlier} and {label}")


def check_trained_classes(place: str, names: Sequence[str], labels: np.ndarray) -> None:
    """Refuse training images of one class only: there would be nothing to learn.

    Args:
        place: For messages.
        names: One per class.
        labels: int (count,), of the training images.
    Raises:
        UserError: All images are of one class.
    """
    present = np.unique(labels)
    if len(present) < 2:
        raise UserError(f"{place}: train: expected images of at least two classes, got only {list_first(repr(names[label]) for label in present)}")


def match_labels(place: str, labels: np.ndarray, names: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Return labels in the order of other class names, matched by name.

    Args:
        place: For messages.
        labels: int (count,), into `names`.
        names: The classes of the images, in the order of their labels.
        known: The classes in the order of the result.
    Returns:
        int64 (count,), into `known`.
    Raises:
        UserError: Images of a class that is not known.
    """
    positions = {simplify_name(name): position for position, name in enumerate(known)}
    for label in np.unique(labels):
        if simplify_name(names[label]) not in positions:
            count, near = int((labels == label).sum()), did_you_mean(names[label], known)
            expected = list_first(map(repr, known))
            raise UserError(
                f"{place}: {count} image{'s' * (count > 1)} of class {one_line(names[label], 60)!r}; expected the classes {expected}{near}"
            )
    table = np.array([positions.get(simplify_name(name), -1) for name in names], np.int64)
    return np.asarray(table[labels])


def describe_missing_classes(names: Sequence[str], labels: Mapping[str, np.ndarray]) -> list[str]:
    """Return one line for each split that lacks classes, and for each that contains classes which train lacks.

    Args:
        names: One per class, in the order of the labels.
        labels: The labels of each split, int (count,), by its name; "train" is one of them.
    """
    counts = {split: np.bincount(values, minlength=len(names)) for split, values in labels.items()}
    trained = counts["train"] > 0
    lines = []
    for split, sizes in counts.items():
        # A class that no split contains is mentioned once, for train.
        missing = np.flatnonzero((sizes == 0) & (trained | (split == "train")))
        if len(missing):
            hint = _suggest_first_label(names, missing) if split == "train" else ""
            lines.append(f"{split}: no image of {_list_names(names, missing)} ({len(missing)} of {len(names)} classes){hint}")
        unknown = np.flatnonzero((sizes > 0) & ~trained)
        if len(unknown):
            images = int(sizes[unknown].sum())
            lines.append(
                f"{split}: {images} image{'s' * (images > 1)} of {_list_names(names, unknown)}, of which train has none: they cannot be recognized"
            )
    return lines


def describe_absent_classes(names: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return one line if there are classes without images.

    Args:
        names: One per class.
        labels: int (count,).
    """
    missing = np.setdiff1d(np.arange(len(names)), labels)
    return [f"no image of {_list_names(names, missing)} ({len(missing)} of {len(names)} classes)"] if len(missing) else []


def _suggest_first_label(names: Sequence[str], missing: np.ndarray) -> str:
    """Return a hint if the classes are numbered and only the first has no images."""
    is_first = missing.tolist() == [0] and list(names) == [str(label) for label in range(len(names))]
    return "; if the labels count from 1, subtract 1" if is_first else ""


def _list_names(names: Sequence[str], labels: np.ndarray) -> str:
    return list_first(repr(names[label]) for label in labels)


def simplify_name(name: str) -> str:
    """Return a name as far as a reader can tell it from others: the same for different encodings of a letter and any white space around."""
    return unicodedata.normalize("NFC", " ".join(name.split()))
