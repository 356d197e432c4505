"""Tab completion shows the names that users call, not the names that modules share."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

__all__ = ["PickledByFields", "PlainText", "PublicNames", "cached_property", "listed"]


if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property(property):  # noqa: N801
        """A property that is computed once; completion sees that it is one and leaves it alone.

        `functools.cached_property` is no property, so that completion would compute it.
        """

        def __init__(self, function: Any) -> None:
            super().__init__(function)
            self.__doc__, self.name = function.__doc__, function.__name__

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            if instance is None:
                return self
            kept = instance.__dict__
            if self.name not in kept:
                kept[self.name] = self.fget(instance)
            return kept[self.name]


class PlainText:
    """A value that every pretty printer writes as ``repr`` does: code that makes it again.

    Hypothesis and IPython would write the fields of a dataclass instead, a third as ``1/3``, which
    is a float when it is pasted.
    """

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


class _ListsPublicNames(ABCMeta):
    """Classes that list their names as their values do: completion reads both lists."""

    def __dir__(cls) -> Iterable[str]:
        hidden: frozenset[str] = getattr(cls, "_shared", frozenset())
        return (name for name in super().__dir__() if name not in hidden)


class PublicNames(PlainText, metaclass=_ListsPublicNames):
    """A value that lists its names without the names in `_shared`, which other modules use.

    >>> from theory import MLP, squared_update
    >>> names = dir(squared_update(MLP()))
    >>> "exact" in names, "sums" in names, "sums" in dir(type(squared_update(MLP())))
    (True, False, False)
    """

    _shared: ClassVar[frozenset[str]] = frozenset()

    def __dir__(self) -> Iterable[str]:
        return (name for name in super().__dir__() if name not in self._shared)


class PickledByFields:
    """A frozen dataclass whose pickles and copies hold its fields, and no value computed from them:
    rings of SymPy inside such values do not pickle once they have been used."""

    def __getstate__(self) -> dict[str, object]:
        return {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]


def listed(module: dict[str, object], *submodules: str) -> list[str]:
    """The names that ``dir`` of a package lists: its ``__all__``, the loaded ``submodules``, which
    users import by name, and the names that every module has.

    >>> import theory
    >>> "squared_update" in dir(theory), "symbols" in dir(theory), "recursion" in dir(theory)
    (True, True, False)
    """
    public: object = module["__all__"]
    assert isinstance(public, list)
    special = [name for name in module if name.startswith("__")]
    loaded = [name for name in submodules if name in module]
    return sorted([*public, *loaded, *special])
