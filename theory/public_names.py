"""What tab completion shows: the names that users call, not those that modules share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

__all__ = ["PlainText", "PublicNames", "listed"]


class PlainText:
    """A value that every pretty printer writes as ``repr`` does: code that makes it again.

    Hypothesis and IPython would write the fields of a dataclass instead, a third as ``1/3``, which
    is a float when it is pasted.
    """

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


class PublicNames(PlainText):
    """A value that lists its names without those in `_shared`, which other modules use.

    >>> from theory import MLP, squared_update
    >>> names = dir(squared_update(MLP()))
    >>> "exact" in names, "sums" in names
    (True, False)
    """

    _shared: ClassVar[frozenset[str]] = frozenset()

    def __dir__(self) -> Iterable[str]:
        return (name for name in super().__dir__() if name not in self._shared)


def listed(module: dict[str, object], *submodules: str) -> list[str]:
    """What ``dir`` of a package shows: its ``__all__``, those modules that users import by name
    where they are loaded, and what every module has.

    >>> import theory
    >>> "squared_update" in dir(theory), "symbols" in dir(theory), "recursion" in dir(theory)
    (True, True, False)
    """
    public: object = module["__all__"]
    assert isinstance(public, list)
    special = [name for name in module if name.startswith("__")]
    loaded = [name for name in submodules if name in module]
    return sorted([*public, *loaded, *special])
