"""The place where each value of a recipe was written, for messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kcifar.core.checks import Path, dotted


@dataclass(frozen=True)
class Origin:
    """Where the values of a recipe were written, for messages.

    Attributes:
        name: The file, or "recipe" for a mapping.
        places: For each path that was written: file and line, or the override ("--set stages.1.epochs=3"). They are in the order in which
            mistakes are reported: the file from top to bottom, the files that it extends, the overrides.
    """

    name: str = "recipe"
    places: Mapping[Path, str] = field(default_factory=dict)

    def locate(self, path: Path) -> str:
        """Return the place of a path: "stages/mine.yaml:14", or the override that set it, or the place of its nearest parent."""
        head = self._find_written(path)
        return self.name if head is None else self.places[head]

    def order(self, path: Path) -> int:
        """Return the position of a path's place among all places, to sort by."""
        head = self._find_written(path)
        return -1 if head is None else list(self.places).index(head)

    def place(self, path: Path) -> str:
        """Return place and key for a message: "stages/mine.yaml:14: stages[1].epochs"."""
        return f"{self.locate(path)}: {dotted(path)}"

    def knows(self, path: Path) -> bool:
        """Whether the user wrote this value; defaults are not written."""
        return path in self.places

    def _find_written(self, path: Path) -> Path | None:
        """Return the path itself, or its nearest parent that was written."""
        heads = (path[:length] for length in range(len(path), -1, -1))
        return next((head for head in heads if head in self.places), None)
