"""This module reads a SymPy expression node by node, in our symbols and at bounded cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sympy import (
    Add,
    Dummy,
    E,
    Expr,
    Float,
    Integer,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
    Tuple,
    binomial,
    exp,
    log,
)

from theory.algebra.numerals import InverseRootOfHuge, InverseSquareRoot
from theory.formulas.bounds import (
    FORMULA_SYMBOLS,
    MAX_BITS,
    Part,
    Refused,
    bounded,
    exponential,
    leaf,
    logarithm,
    power,
    product,
    total,
)
from theory.formulas.sums import binomial_coefficient, summed
from theory.validation import exact_number

__all__ = ["read_expression"]

_MINUS_HALF = Rational(-1, 2)

_NODES: dict[type[Expr], Callable[[Sequence[Part]], Part]] = {
    Add: total,
    Mul: product,
    Pow: lambda parts: power(*parts),
    exp: lambda parts: exponential(*parts),
    log: lambda parts: logarithm(*parts),
    binomial: lambda parts: binomial_coefficient(*parts),
    InverseSquareRoot: lambda parts: power(parts[0], leaf(_MINUS_HALF)),
    InverseRootOfHuge: lambda parts: power(parts[0], leaf(_MINUS_HALF)),
}


def read_expression(value: Expr) -> Expr:
    """``value`` in the symbols of `theory.symbols`, node by node, its decimals exact.

    A Sum and a binomial become their closed forms.  Raises `Refused` for other symbols, other
    functions, and nodes that are too large or undefined.  A node without replaced parts stays
    unchanged, even where it is unevaluated.

    >>> read_expression(Symbol("n") / 2).is_positive
    True
    """
    nodes = list(_from_the_leaves(value))
    reader = _Reader({limit[0] for node in nodes if isinstance(node, Sum) for limit in node.limits})
    with bounded(exists=True):
        for node in nodes:
            reader.read(node)
        return reader.finished(value)


class _Reader:
    """The parts of the nodes read so far, and the symbols that are indices of sums."""

    def __init__(self, indices: set[Symbol]) -> None:
        self.indices = {each: Dummy(each.name, integer=True) for each in indices}
        self.parts: dict[int, Part] = {}

    def read(self, node: Expr) -> None:
        """The part of a node whose arguments were read."""
        if isinstance(node, Tuple):
            return
        if node in self.indices:
            self.parts[id(node)] = leaf(self.indices[node])
        elif isinstance(node, Sum):
            self.parts[id(node)] = self._sum(node)
        elif node.args:
            arguments = [self.parts[id(each)] for each in node.args]
            self.parts[id(node)] = _combined(node, arguments)
        else:
            self.parts[id(node)] = _leaf(node)

    def finished(self, value: Expr) -> Expr:
        """The whole expression, in which no index is left."""
        expression = self.parts[id(value)].expression
        for symbol, index in self.indices.items():
            if expression.has(index):
                _symbol(symbol)
                raise Refused(f"{symbol} both as an index and outside its sum", "rename the index")
        return expression

    def _sum(self, node: Sum) -> Part:
        part = self.parts[id(node.function)]
        for limit in node.limits:
            if len(limit) != 3:
                raise Refused("a sum without bounds", "give it as Sum(k**2, (k, 1, L))")
            index, low, high = limit
            bounds = (self.parts[id(each)] for each in (low, high))
            part = summed(part, self.indices[index], *bounds)
        return part


def _from_the_leaves(root: Expr) -> Iterator[Expr]:
    """Every node once, after its arguments; shared nodes occur once."""
    seen: set[int] = set()
    waiting = [(root, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            if node.args and type(node) not in (*_NODES, Sum, Tuple):
                raise Refused(
                    f"the function {type(node).__name__}",
                    "use + - * / ** sqrt, exp, log, binomial, Sum",
                )
            waiting.append((node, True))
            waiting.extend((each, False) for each in node.args)


def _combined(node: Expr, arguments: list[Part]) -> Part:
    part = _NODES[type(node)](arguments)
    if isinstance(node, binomial):
        return part
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
    if max(abs(int(node.p)), int(node.q)).bit_length() > MAX_BITS:
        raise Refused(f"a number of more than {MAX_BITS} bits", "give a shorter one")
    return leaf(node)


def _symbol(node: Symbol) -> Part:
    if type(node) is not Symbol or node.name not in FORMULA_SYMBOLS:
        listed = ", ".join(FORMULA_SYMBOLS)
        raise Refused(f"the symbol {node.name[:20]!r}", f"the symbols are {listed}")
    if not node.is_commutative or node.is_positive is False:
        raise Refused(
            f"a symbol {node.name} that cannot be positive", "use the symbols of theory.symbols"
        )
    return leaf(FORMULA_SYMBOLS[node.name])


def _decimal(node: Float) -> Rational:
    number = float(node)
    if number == 0 and node != 0:
        raise Refused("a decimal too small for a float", "give a fraction")
    return exact_number("formula", number)
