"""`headline` is the line that a value prints: exact where short and quick, else decimals or a
law."""

from __future__ import annotations

from collections.abc import Callable

from mpmath import nstr
from sympy import Expr

from theory.algebra.numerals import FEW_LAYERS
from theory.errors import NotSolved
from theory.networks.network import Network
from theory.solutions.value import Number
from theory.symbols import n

__all__ = ["headline", "is_large"]

_DIGITS, _LONGEST = 10, 320
_FEW_RATIONAL_LAYERS = 16
"""Depths up to which a rational function of the width is quick to make."""
_SHORT_WIDTH = 10**15
"""Widths up to which the numbers in a closed form are short."""


def headline(
    value: Number, exact: Callable[[], str], leading: Callable[[], Expr], unit: str = ""
) -> str:
    """The text of a value: a number at most 64 layers deep by ``exact``, a deeper one in decimals
    times ``unit``; with open width and depth the ``leading`` term; else ``exact`` if short."""
    network = value.network
    try:
        if not value.open_sizes:
            if network.layers <= FEW_LAYERS:
                return exact()
            return f"{nstr(value.evaluate(_DIGITS), _DIGITS)}{unit}"
        if not isinstance(network.depth, int) and network.width == n and not _at_a_layer(value):
            return f"{leading()} to leading order"
        text = "" if is_large(network) else exact()
        if 0 < len(text) <= _LONGEST:
            return text
        sizes = ", ".join(map(str, value.open_sizes))
        return f"long, with {sizes} open: call it with numbers for them, or ask for exact"
    except NotSolved as reason:
        return str(reason)


def is_large(network: Network) -> bool:
    """Whether a closed form for ``network`` is too deep or too wide to be made for a line."""
    deep = isinstance(network.depth, int) and network.depth > _FEW_RATIONAL_LAYERS
    widths = network.width if isinstance(network.width, tuple) else (network.width,)
    return deep or any(isinstance(each, int) and each > _SHORT_WIDTH for each in widths)


def _at_a_layer(value: Number) -> bool:
    """Whether it is of one numbered layer of a network of any depth."""
    return isinstance(getattr(value, "layer", None), int)
