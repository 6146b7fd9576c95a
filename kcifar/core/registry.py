"""Name -> factory, for every kind of part that a recipe can name."""

import importlib
import pkgutil
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from kcifar.core.errors import UserError, did_you_mean

Factory = Callable[..., Any]
Registered = TypeVar("Registered", bound=Factory)


class Registry:
    """The factories of one kind of part, found by importing every module of one package.

    To add a part, add a decorated function or class to a module of that package (or to a file of your own, given with `--import`):

        @OPTIMIZERS.register("adam")
        def adam(...): ...

    Args:
        kind: Name of the kind of part in messages, for example "optimizer".
        package: Dotted name of the package whose modules register the built-in parts.
        listing: The command that lists all parts, if they are too many for a message.
        supplied: Parameters of the factories that the caller supplies (image shape, data path); a recipe cannot set them.
    """

    def __init__(self, kind: str, package: str, listing: str = "", supplied: Collection[str] = ()) -> None:
        self.kind = kind
        self.supplied = frozenset(supplied)
        self._listing = listing
        self._package = package
        self._factories: dict[str, Factory] = {}
        self._imported_built_in = False

    def register(self, name: str) -> Callable[[Registered], Registered]:
        """Return a decorator that registers a factory under `name`.

        Raises:
            ValueError: The name is already registered; a recipe would be ambiguous.
        """

        def add(factory: Registered) -> Registered:
            if not factory.__module__.startswith(self._package):  # a user's part: register the built-in names first
                self._import_built_in()
            if name in self._factories:
                raise ValueError(f"{self.kind} {name!r} is registered twice: {self._factories[name]!r} and {factory!r}")
            self._factories[name] = factory
            return factory

        return add

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        self._import_built_in()
        return sorted(self._factories)

    def get(self, name: str, place: str = "") -> Factory:
        """Return the factory registered under `name`.

        Args:
            name: As the recipe writes it.
            place: Where the recipe writes it, for the message: "stages/mine.yaml:6: model.name".
        Raises:
            UserError: No part has this name; the message suggests the nearest name and lists all.
        """
        self._import_built_in()
        if name not in self._factories:
            where = f"{place}: " if place else ""
            known = f"{self._listing} lists all" if self._listing else f"available: {', '.join(sorted(self._factories))}"
            raise UserError(f"{where}no {self.kind} {name!r}{did_you_mean(name, self._factories)} ({known})")
        return self._factories[name]

    def _import_built_in(self) -> None:
        if self._imported_built_in:
            return
        self._imported_built_in = True
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if module.name != "__main__":  # a command, such as `python -m kcifar.models`
                importlib.import_module(f"{self._package}.{module.name}")
