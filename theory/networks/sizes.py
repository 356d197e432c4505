"""This module replaces symbols by numbers: it lists the open sizes and checks their new values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeAlias, TypeVar

from sympy import Expr, Integer, Rational, Symbol

from theory.activations import LeakyReLU
from theory.errors import InvalidArgument
from theory.networks.multipliers import Rates, TrainedLayers
from theory.networks.network import Network
from theory.networks.roles import Branch, ByRole
from theory.symbols import B, L, a, b, ell, eta, meant, n, n_0, p, q
from theory.validation import brief, exact_number, in_range, typed, whole_number

__all__ = [
    "Sizes",
    "bound_sizes",
    "in_order",
    "is_deep",
    "is_large",
    "layer_at",
    "network_at",
    "rates_at",
    "read_size",
    "refuse_open_depth",
    "sizes_given",
    "takes_no_sizes",
]

P = ParamSpec("P")
R = TypeVar("R")
_FEW_RATIONAL_LAYERS = 16
"""Depths up to which a rational function of the width is quick to make."""
_SHORT_WIDTH = 10**15
"""Widths up to which the numbers in a closed form are short."""
Sizes: TypeAlias = Mapping[Symbol, Rational]
"""A number for each of some symbols."""

_ORDER = (n, L, B, ell, b, n_0, a, p, q)
"""Sizes by place in a call; widths of single layers stand in the place of n, others at the end."""
_NEVER_OPEN = (eta,)
_SYMBOL_OF = {"width": "n", "depth": "L", "layers": "L", "layer": "ell", "input_width": "n_0"}
_SYMBOL_OF |= {symbol.name.lower(): symbol.name for symbol in _ORDER}
"""The symbol of a size that is called by the argument of a network, or in the other case."""


def in_order(symbols: frozenset[Symbol], network: Network) -> tuple[Symbol, ...]:
    """The symbols left open, as a call takes them: n or the layers' own widths, L, ell, n_0, a, p,
    q, then others by name.

    >>> from theory import MLP
    >>> from theory.symbols import n_0
    >>> network = MLP(input_width=n_0)
    >>> in_order(network.free_symbols, network)
    (n, L, n_0)
    """
    widths = network.width if isinstance(network.width, tuple) else ()
    own = [width for width in dict.fromkeys(widths) if isinstance(width, Symbol) and width != n]
    first = [n, *own, *_ORDER[1:]]
    rest = sorted(symbols - {*first, *_NEVER_OPEN}, key=str)
    return tuple(symbol for symbol in (*first, *rest) if symbol in symbols)


def bound_sizes(
    symbols: Sequence[Symbol],
    network: Network,
    places: Sequence[Any],
    named: Mapping[str, Any],
    fixed: str = "",
) -> dict[Symbol, Any]:
    """The number for each symbol, by place, by its name or the argument that holds it, or by a
    mapping of symbols, whose assumptions may be fewer; `InvalidArgument` for a size too many, one
    that is fixed, or one that is given twice.  ``fixed``: the fix for other sizes; the sizes that
    the network fixes where it is empty."""
    fixed = fixed or _fixed(network)
    if len(places) == 1 and isinstance(places[0], Mapping):
        given_symbols = {meant(key, *symbols): value for key, value in places[0].items()}
        for key, value in given_symbols.items():
            if key not in symbols and not isinstance(key, str):
                raise InvalidArgument(_no_size(str(key), value, symbols, network, fixed))
        by_symbol = {str(key): value for key, value in given_symbols.items()}
        if by_symbol.keys() & named.keys() or len(by_symbol) < len(places[0]):
            raise InvalidArgument(
                f"expected each size once, got {brief(places[0])} and {brief(dict(named))}; leave "
                f"one out"
            )
        places, named = (), {**by_symbol, **named}
    if len(places) > len(symbols):
        raise InvalidArgument(
            f"expected {_listed(symbols)}, got {', '.join(map(brief, places))}; {fixed}"
        )
    given = dict(zip(symbols, places, strict=False))
    names = _arguments(symbols, network) | {symbol.name: symbol for symbol in symbols}
    for name, value in named.items():
        if name not in names:
            raise InvalidArgument(_no_size(name, value, symbols, network, fixed))
        symbol = names[name]
        if symbol in given:
            other = f"by place, {symbol}" if symbol in symbols[: len(places)] else f"as {symbol}"
            raise InvalidArgument(
                f"expected {symbol} once, got it {other}={brief(given[symbol])}, and by name, "
                f"{name}={brief(value)}; leave one out"
            )
        given[symbol] = value
    return given


def _arguments(symbols: Sequence[Symbol], network: Network) -> dict[str, Symbol]:
    """The symbols that are the whole of an argument, by the name of the argument."""
    held = ((each.name, getattr(network, each.name)) for each in fields(network))  # type: ignore[arg-type]
    inside = {"layer": ell, "block": b} | ({"layer": b} if b in symbols else {})
    return {name: symbol for name, symbol in (*held, *inside.items()) if symbol in symbols}


def takes_no_sizes(evaluate: Callable[P, R]) -> Callable[P, R]:
    """``evaluate`` of a value, which refuses sizes in one sentence."""

    @wraps(evaluate)
    def call(*places: P.args, **named: P.kwargs) -> R:
        sizes = [*map(brief, places[2:]), *(f"{k}={brief(v)}" for k, v in named.items())]
        if len(places) > 2 or named.keys() - {"digits"}:
            raise InvalidArgument(
                f"expected no sizes for evaluate, got {', '.join(sizes)}; put sizes in before, as "
                f"in .at(n=64, L=4).evaluate()"
            )
        return evaluate(*places, **named)

    call.answers = True  # type: ignore[attr-defined]
    return call


def refuse_open_depth(network: Network, call: str) -> NoReturn:
    """`InvalidArgument` for a value of an open depth that is read as a number; ``call``: the method
    with a depth."""
    raise InvalidArgument(
        f"expected a value in numbers, got {brief(network)} with the open size "
        f"{network._depth_symbol}; put a number in, as in {call}"
    )


def _no_size(name: str, value: Any, symbols: Sequence[Symbol], network: Network, fixed: str) -> str:
    if name == "eta":
        return (
            f"expected sizes alone, got eta={brief(value)}; values are at eta = 1: multiply a "
            f"mean squared update by eta**2"
        )
    if name in ("axes", "axis"):
        return f"expected {_listed(symbols)}, got {name}={brief(value)}; give axes as ax=axes"
    meaning = _SYMBOL_OF.get(name.lower())
    if network._depths and B in symbols and meaning == "L":
        meaning = "B"
    known = any(symbol.name == meaning for symbol in symbols)
    fix = f"give {meaning}={brief(value)}" if known else fixed
    return f"expected {_listed(symbols)}, got {name}={brief(value)}; {fix}"


def sizes_given(
    symbols: Sequence[Symbol], network: Network, places: Sequence[Any], named: Mapping[str, Any]
) -> Sizes:
    """The checked numbers of `bound_sizes`; a size itself, or a symbol of its name, stays open."""
    given = bound_sizes(symbols, network, places, named)
    numbers = {each: size for each, size in given.items() if meant(size, each) is not each}
    return {each: read_size(each, size) for each, size in numbers.items()}


def _listed(symbols: Sequence[Symbol]) -> str:
    names = ", ".join(map(str, symbols))
    return f"no size but {names}" if symbols else "no sizes"


def _fixed(network: Network) -> str:
    if not network._whole and network == type(network)():
        return f"{network} has no other size: leave it out"
    if network.free_symbols:
        return f"{network} fixes the others: leave a size out of the network to give it in a call"
    return f"{network} fixes all sizes: leave them out of the network to give them in a call"


def read_size(symbol: Symbol, value: Any) -> Rational:
    """``value`` as a number that ``symbol`` may stand for: a positive whole number for a size, also
    one written as a float, and 0 for a block; a number in [0, 1] for the slope; else a positive
    number.

    >>> read_size(n, 64.0), read_size(a, 0.1)
    (64, 1/10)
    """
    if symbol.is_integer:
        whole = whole_number(value)
        if whole is None or whole < (symbol != b):  # block 0 is the stream before all blocks
            kind = "non-negative" if symbol == b else "positive"
            raise InvalidArgument(
                f"expected a {kind} whole number for {symbol}, got {symbol}={typed(value)}; "
                f"{_put_in(symbol, value)}"
            )
        return Integer(in_range(symbol.name, whole))
    number = exact_number(symbol.name, value)
    if number < 0 or (number == 0 and symbol != a):
        kind = "non-negative" if symbol == a else "positive"
        raise InvalidArgument(
            f"expected a {kind} number for {symbol}, got {symbol}={typed(value)}; give one such "
            f"as 0.5"
        )
    return number


def _put_in(symbol: Symbol, value: Any) -> str:
    if isinstance(value, Expr) and value.free_symbols:
        return f"put symbols into the expression, as in .exact.subs({symbol}, {brief(value)})"
    return "give an int such as 64"


def network_at(network: Network, sizes: Sizes) -> Network:
    """``network`` with numbers in the place of symbols; its own rules check them."""
    if not network.free_symbols & sizes.keys():
        return network
    names = (each.name for each in fields(network))  # type: ignore[arg-type]
    return network._with(**{name: _placed(getattr(network, name), sizes) for name in names})


def layer_at(layer: Any, sizes: Sizes) -> Any:
    """``layer`` with numbers in the place of symbols; None for the last."""
    if isinstance(layer, Branch):
        return Branch(_placed(layer.block, sizes))
    return None if layer in (L, B) else _placed(layer, sizes)


def rates_at(rates: tuple[Expr, ...] | Rates, sizes: Sizes) -> tuple[Expr, ...] | Rates:
    """``rates`` with numbers in the place of symbols."""
    if not isinstance(rates, TrainedLayers):
        return rates
    return TrainedLayers(_placed(rates.first, sizes), _placed(rates.last, sizes))


def _placed(value: Any, sizes: Sizes) -> Any:
    """A size, a scale, an activation, or a tuple of them, with numbers in the place of symbols."""
    if isinstance(value, tuple):
        return tuple(_placed(each, sizes) for each in value)
    if isinstance(value, LeakyReLU):
        return LeakyReLU(_placed(value.slope, sizes))
    if isinstance(value, ByRole):
        return value._mapped(lambda each: _placed(each, sizes))
    if isinstance(value, Symbol) and value.is_integer:
        return int(sizes[value]) if value in sizes else value
    return value.subs(sizes) if isinstance(value, Expr) else value


def is_deep(network: Network) -> bool:
    """Whether ``network`` has a depth in numbers for which a rational function of its symbols is
    long, and slow to make.

    >>> from theory import MLP
    >>> is_deep(MLP(depth=17)), is_deep(MLP(depth=16)), is_deep(MLP()), is_deep(MLP(8, 10**6))
    (True, False, False, False)
    """
    depth = network.depth
    deep = isinstance(depth, int) and depth > _FEW_RATIONAL_LAYERS
    return deep and bool(network.free_symbols)


def is_large(network: Network) -> bool:
    """Whether a closed form for ``network`` is too deep or too wide to be made for a line."""
    deep = isinstance(network.depth, int) and network.depth > _FEW_RATIONAL_LAYERS
    widths = network.width if isinstance(network.width, tuple) else (network.width,)
    return deep or any(isinstance(each, int) and each > _SHORT_WIDTH for each in widths)
