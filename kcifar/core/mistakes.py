"""All mistakes in one input, collected so that they are reported at once: one line each."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kcifar.core.errors import UserError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        path: Path of the value in the input; where a key is missing, its own.
        line: The message: place, key, what is allowed, what was received.
    """

    path: Path
    line: str


class SeveralMistakes(UserError):
    """One or more mistakes of the user; the text has one line for each.

    Attributes:
        mistakes: In the order of the text.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(mistake.line for mistake in self.mistakes))


class Mistakes:
    """Collects mistakes; the same line counts once, as a default is checked for every stage that takes it."""

    def __init__(self) -> None:
        self._by_line: dict[str, Mistake] = {}

    def __iter__(self) -> Iterator[Mistake]:
        return iter(self._by_line.values())

    def __len__(self) -> int:
        return len(self._by_line)

    def add(self, mistakes: Iterable[Mistake]) -> None:
        """Add mistakes that are known already to those found so far."""
        for mistake in mistakes:
            self._by_line.setdefault(mistake.line, mistake)

    @contextmanager
    def collect(self, path: Path) -> Iterator[None]:
        """Collect the user's errors that the block raises; the block ends there.

        Args:
            path: What the block checks; the path of an error that does not name its own.
        """
        try:
            yield
        except SeveralMistakes as error:
            self.add(error.mistakes)
        except UserError as error:
            self.add([Mistake(path, str(error))])

    def raise_any(self, order: Callable[[Path], Any]) -> None:
        """Raise the mistakes found so far, if there are any.

        Args:
            order: Returns the sort key of a path.
        Raises:
            SeveralMistakes: One line for each mistake, in that order.
        """
        if self._by_line:
            raise SeveralMistakes(sorted(self, key=lambda mistake: order(mistake.path)))
