"""Whether an override changes what is trained: one that loses to other values is refused, with the values that win.

An override that sets the value that is already there is no mistake: the base of a sweep is one of its trials.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kcifar.core.checks import Path, dotted
from kcifar.core.errors import UserError
from kcifar.core.mistakes import Mistakes
from kcifar.recipe.origin import Origin

# Keys of a stage that replace an argument of a part: the part's key, its argument, the stage's key.
_REPLACED = (
    ("optimizer", "momentum", "momentum"),
    ("optimizer", "beta_1", "momentum"),
    ("model", "dropout_rate", "dropout_rate"),
    ("model", "drop_path_rate", "drop_path_rate"),
)
_LAST_STAGE_ONLY = "views"  # counts in the last stage alone
_MAX_LISTED = 3


@dataclass(frozen=True)
class Override:
    """One override that was written.

    Attributes:
        place: For messages: "--set seed=1".
        value: What it wrote.
        paths: Where it wrote it; several if it stands for all entries of a list.
    """

    place: str
    value: Any
    paths: tuple[Path, ...]


def check_effects(data: Mapping[str, Any], overrides: Sequence[Override], origin: Origin, mistakes: Mistakes) -> None:
    """Refuse overrides that change nothing.

    Args:
        data: The recipe with all overrides written.
        overrides: In the order in which they were written.
        origin: The places of all values.
        mistakes: Collects the refusals.
    """
    stages = data.get("stages")
    if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
        return
    defaults = data.get("defaults")
    recipe = _Stages(stages, defaults if isinstance(defaults, dict) else {})
    for number, override in enumerate(overrides):
        with mistakes.collect(override.paths[0] if override.paths else ()):
            _check_later(override, overrides[number + 1 :])
            _check_winners(override, recipe, origin)


def _check_later(override: Override, later: Sequence[Override]) -> None:
    """Refuse an override all of whose values are replaced by those of later ones, unless these say the same."""
    winners = [next((other for other in later if _replaces(other, path)), None) for path in override.paths]
    lost = [winner for winner in winners if winner is not None]
    if lost and len(lost) == len(winners) and any(winner.value != override.value for winner in lost):
        raise UserError(f"{override.place}: {dotted(override.paths[0])}: changes nothing, as {lost[0].place} replaces it")


def _replaces(other: Override, path: Path) -> bool:
    return any(path[: len(winner)] == winner for winner in other.paths)


def _check_winners(override: Override, recipe: "_Stages", origin: Origin) -> None:
    """Refuse an override that no stage takes, with the values that the stages take instead."""
    found = [recipe.find_winners(path, override.value) for path in override.paths]
    if not found or not all(found):
        return
    winners = list(dict.fromkeys(winner for winners in found for winner in winners))
    names = ", ".join(f"{dotted(winner)} ({origin.locate(winner)})" for winner in winners[:_MAX_LISTED])
    more = f" and {len(winners) - _MAX_LISTED} more" if len(winners) > _MAX_LISTED else ""
    path = override.paths[0]
    hint = f"; {dotted(('stages', '*', *path[1:]))!r} sets all stages" if path[0] == "defaults" and len(path) > 1 else ""
    raise UserError(f"{override.place}: {dotted(path)}: changes nothing, as these win: {names}{more}{hint}")


@dataclass(frozen=True)
class _Stages:
    """The stages of a recipe as they are written, and their defaults."""

    stages: Sequence[Mapping[str, Any]]
    defaults: Mapping[str, Any]

    def find_winners(self, path: Path, value: Any) -> list[Path]:
        """Return the paths of the values that are taken instead of the one at a path; none if any stage takes that."""
        if path == ("defaults",):
            inner = [self.find_winners((*path, key), None) for key in value] if isinstance(value, Mapping) else []
            return [winner for winners in inner for winner in winners] if all(inner) else []
        everywhere = range(len(self.stages))
        if path[0] == "defaults":
            readers = everywhere[-1:] if path[1] == _LAST_STAGE_ONLY else everywhere
            takers = [index for index in readers if path[1] not in self.stages[index]]
            return self._find_replacing(takers, path[1:]) if takers else [("stages", index, path[1]) for index in readers]
        if path[0] == "stages" and len(path) > 2:
            is_unread = path[2] == _LAST_STAGE_ONLY and path[1] != everywhere[-1]
            return [("stages", everywhere[-1], _LAST_STAGE_ONLY)] if is_unread else self._find_replacing([path[1]], path[2:])
        return self._find_replacing(everywhere, path)

    def _find_replacing(self, indices: Iterable[Any], path: Path) -> list[Path]:
        """Return the keys with which all these stages replace an argument of a part."""
        for part, argument, key in _REPLACED:
            if path == (part, argument):
                winners = [self._find_written(index, key) for index in indices]
                if winners and None not in winners:
                    return [winner for winner in winners if winner is not None]
        return []

    def _find_written(self, index: int, key: str) -> Path | None:
        """Return where a stage's value is written; None if it has none."""
        is_own = key in self.stages[index]
        value = self.stages[index][key] if is_own else self.defaults.get(key)
        return None if value is None else ("stages", index, key) if is_own else ("defaults", key)
