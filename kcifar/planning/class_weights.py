"""A stage's class weights as the recipe writes them -> one weight per class."""

from collections.abc import Mapping, Sequence

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.planning.plan import Plan

Rule = str | Sequence[float] | Mapping[str, float] | None


def check_class_weights(plan: Plan, class_names: Sequence[str]) -> None:
    """Refuse weights that do not fit the classes of the data set.

    Raises:
        UserError: One line that names the stage's key.
    """
    for stage in plan.stages:
        try:
            list_class_weights(stage.settings.class_weight, class_names)
        except UserError as error:
            raise UserError(f"{plan.place(stage, 'class_weight')}: {error}") from None


def list_class_weights(rule: Rule, class_names: Sequence[str]) -> str | Sequence[float] | None:
    """Return a rule with a mapping turned into a list, one weight per class; classes that it does not name have weight 1, as in Keras.

    Args:
        rule: "balanced", a list, a mapping from the names of classes, or their numbers from 0, to weights, or None.
        class_names: The names of all classes.
    Raises:
        UserError: Another number of weights than classes, a class that does not exist, or one that is named twice.
    """
    if not isinstance(rule, Mapping):
        if rule is not None and not isinstance(rule, str) and len(rule) != len(class_names):
            raise UserError(f"expected {len(class_names)} weights, one per class, got {len(rule)}")
        return rule
    weights: dict[int, float] = {}
    for key, weight in rule.items():
        label = _find_label(key, class_names)
        if label in weights:
            raise UserError(f"the class {class_names[label]!r} is given twice, by its name and by its number {label}")
        weights[label] = weight
    return [weights.get(label, 1.0) for label in range(len(class_names))]


def _find_label(key: str, class_names: Sequence[str]) -> int:
    """Return the class that a key means: a name, or the number of a class whose name it is not."""
    if key in class_names:
        return class_names.index(key)
    if key.isdecimal() and int(key) < len(class_names):
        return int(key)
    near = did_you_mean(key, class_names)
    raise UserError(f"expected the name of a class or its number from 0 to {len(class_names) - 1}, got {one_line(repr(key), 40)}{near}")
