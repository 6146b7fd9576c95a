"""The place where each value of a recipe was written, for messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kcifar.core.checks import Path, dotted


@dataclass(frozen=True)
class Origin:
    """Where the values of a recipe were written, for messages.

    Attributes:
        name: The file, or "recipe" for a mapping.
        places: For each path that was written: file and line, or the override ("--set stages.1.epochs=3").
    """

    name: str = "recipe"
    places: Mapping[Path, str] = field(default_factory=dict)

    def locate(self, path: Path) -> str:
        """Return the place of a path: "stages/mine.yaml:14", or the override that set it, or the place of its nearest parent."""
        heads = (path[:length] for length in range(len(path), -1, -1))
        return next((self.places[head] for head in heads if head in self.places), self.name)

    def place(self, path: Path) -> str:
        """Return place and key for a message: "stages/mine.yaml:14: stages[1].epochs"."""
        return f"{self.locate(path)}: {dotted(path)}"

    def knows(self, path: Path) -> bool:
        """Whether the user wrote this value; defaults are not written."""
        return path in self.places
