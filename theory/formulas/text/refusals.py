"""A refusal says why a text is not a formula, and gives the place and the fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from theory.formulas.bounds import Refused

__all__ = ["Ambiguous", "Misplaced", "at", "meant", "quoted"]

_MEANT = {
    "for": "write a sum as Sum(k**2, (k, 1, L))",
    **dict.fromkeys(
        ("prod", "Product", "Prod", "∏", "Π"),
        "write a product of equal factors as a power, as in (1 + 5/n)^L",
    ),
    **dict.fromkeys(
        ("O", "o", "Theta", "Omega", "mathcal", "Θ", "Ω"),
        "an order has no constant to test: give the leading term with its constant, and leave the "
        "remainder out",
    ),
    **dict.fromkeys(
        ("|", "‖", "lVert", "Vert", "vert"),
        "write n for |x|^2 of the input, n_0 at an open input width; for |x|^2 of a layer call "
        "check with observable=x @ x",
    ),
}
"""The fix for words and characters of papers and of Python that no formula has."""


class Misplaced(Exception):
    """An error in a text, with its place and the fix."""

    two_readings = False

    def __init__(self, position: int, what: str, fix: str) -> None:
        super().__init__(what)
        self.position, self.what, self.fix = position, what, fix


class Ambiguous(Misplaced):
    """A part of a text that has two readings."""

    def __init__(self, position: int, written: str, one: str, two: str) -> None:
        what = f"{quoted(written)} has two readings"
        super().__init__(position, what, f"write {_short(one)}, or {_short(two)}")


@contextmanager
def at(position: int) -> Iterator[None]:
    """Says where in the text an expression was refused."""
    try:
        yield
    except Refused as error:
        raise Misplaced(position, error.what, error.fix) from None


def meant(word: str) -> str:
    """The fix for a word that no formula has; empty where none is known."""
    return _MEANT.get(word.strip("\\_"), "")


def quoted(name: str) -> str:
    """A piece of the text as a message shows it."""
    return repr(_short(name))


def _short(written: str) -> str:
    return written if len(written) <= 40 else written[:37] + "..."
