"""This module reads a user's SymPy expression node by node into our symbols, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sympy import Add, E, Expr, Float, Integer, Mul, Pow, Rational, Symbol, exp, log

from theory.algebra.numerals import InverseRootOfHuge, InverseSquareRoot
from theory.formulas.bounds import (
    Part,
    Refused,
    bounded,
    exponential,
    inverse_root,
    leaf,
    logarithm,
    power,
    product,
    total,
)
from theory.formulas.builder import FORMULA_SYMBOLS
from theory.validation import exact_number

__all__ = ["read_expression"]

_MAX_BITS = 2**15
"""Bits of a number."""

_NODES: dict[type[Expr], Callable[[Sequence[Part]], Part]] = {
    Add: total,
    Mul: product,
    Pow: lambda parts: power(*parts),
    exp: lambda parts: exponential(*parts),
    log: lambda parts: logarithm(*parts),
    InverseSquareRoot: lambda parts: inverse_root(*parts),
    InverseRootOfHuge: lambda parts: inverse_root(*parts),
}


def read_expression(value: Expr) -> Expr:
    """``value`` in the symbols of `theory.symbols`, its decimals exact.

    Raises `theory.formulas.bounds.Refused` for other symbols, other functions, and whatever is
    too large or undefined.  A node of which nothing was replaced is kept as it is, unevaluated
    ones included.

    >>> read_expression(Symbol("n") / 2).is_positive
    True
    """
    parts: dict[int, Part] = {}
    with bounded(exists=True):
        for node in _from_the_leaves(value):
            parts[id(node)] = _read(node, [parts[id(each)] for each in node.args])
    return parts[id(value)].expression


def _from_the_leaves(root: Expr) -> Iterator[Expr]:
    """Every node once, after its arguments; shared nodes are met once."""
    seen: set[int] = set()
    waiting = [(root, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            if node.args and type(node) not in _NODES:
                raise Refused(
                    f"the function {type(node).__name__}", "use + - * / ** sqrt, exp, log"
                )
            waiting.append((node, True))
            waiting.extend((each, False) for each in node.args)


def _read(node: Expr, arguments: list[Part]) -> Part:
    if not arguments:
        return _leaf(node)
    part = _NODES[type(node)](arguments)
    same = all(part.expression is old for part, old in zip(arguments, node.args, strict=True))
    return replace(part, expression=node) if same else part


def _leaf(node: Expr) -> Part:
    if node is E:
        return exponential(leaf(Integer(1)))
    if isinstance(node, Symbol):
        return _symbol(node)
    if isinstance(node, Float):
        node = _decimal(node)
    if not isinstance(node, Rational):
        raise Refused(f"{type(node).__name__}, which is no number here", "give a fraction")
    if max(abs(int(node.p)), int(node.q)).bit_length() > _MAX_BITS:
        raise Refused(f"a number of more than {_MAX_BITS} bits", "give a shorter one")
    return leaf(node)


def _symbol(node: Symbol) -> Part:
    if type(node) is not Symbol or node.name not in FORMULA_SYMBOLS:
        listed = ", ".join(FORMULA_SYMBOLS)
        raise Refused(f"the symbol {node.name[:20]!r}", f"the symbols are {listed}")
    if not node.is_commutative or node.is_positive is False:
        raise Refused(
            f"a symbol {node.name} that cannot be positive", "use those of theory.symbols"
        )
    return leaf(FORMULA_SYMBOLS[node.name])


def _decimal(node: Float) -> Rational:
    number = float(node)
    if number == 0 and node != 0:
        raise Refused("a decimal too small for a float", "give a fraction")
    return exact_number("formula", number)
