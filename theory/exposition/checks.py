"""This module checks the steps from a solution to its limits by identities in exact fields.

It compares closed forms with the recursion, and limits with the unipotent map of infinite width and
with each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sympy import Expr, Integer, Poly, Symbol, sympify

from theory.algebra.fields import field_of
from theory.errors import NotSolved
from theory.laws.mean import Mean
from theory.laws.update import SquaredUpdate
from theory.limits.expansions import highest_power
from theory.networks.multipliers import TrainedLayers
from theory.networks.roles import Branch
from theory.networks.sizes import layer_at, read_size
from theory.solutions.derivation import Derivation, derive
from theory.symbols import B, L, a, b, ell, n, p, q
from theory.writing.step import Identity, identity

__all__ = ["blocks_identity", "equal_in_field", "law_identity", "series_identity", "value_identity"]

_WIDTH, _OTHERS = 7, {a: "1/3", p: 2, q: 3}
_LEAST_DEPTH = 5


def value_identity(derivation: Derivation) -> Identity:
    """The closed form compared with the recursion, at numbers for all sizes and three depths."""
    open_sizes, exact = derivation.open_sizes, derivation._exact
    first = max(_LEAST_DEPTH, *(end + 1 for end in _fixed_layers(derivation)))
    pairs = []
    for depth in range(first, first + 3):
        values = {L: depth, B: depth, ell: depth - 1, b: depth - 1} | _OTHERS
        point = {size: read_size(size, values.get(size, _WIDTH)) for size in open_sizes}
        pairs.append((sympify(exact.subs(point)), derivation._at(point)._exact))
    where = f"at $n = {_WIDTH}$ and " if n in open_sizes else "at "
    what = "depths" if derivation.network._is_chain else "numbers of blocks"
    return identity(
        f"{where}{what} {first} to {first + 2} it equals the product of the layer maps", pairs
    )


def _fixed_layers(derivation: Derivation) -> list[int]:
    """The layers that layer and multipliers name by a number."""
    rates = derivation.rates
    ends = (rates.first, rates.last) if isinstance(rates, TrainedLayers) else ()
    return [0, *(end for end in (derivation.layer, *ends) if isinstance(end, int))]


def series_identity(part: Mean) -> Identity:
    """Terms L^m/n^k of the series in 1/n, compared with the terms of the joint limit's series in
    t."""
    law = part.joint_law(1)
    powers = range(3, 6)
    series = part.solved_series(powers[-1] - law.power)
    statement = "the series in $1/n$ and the limit agree on the terms in $t³$, $t⁴$ and $t⁵$"
    return equal_in_field(
        statement,
        [(Poly(series[m - law.power], L).coeff_monomial(L**m), law.taylor(m)) for m in powers],
    )


def law_identity(part: SquaredUpdate) -> Identity:
    """The limit of infinite width, compared with the limit of the unipotent layer map
    (`theory.limits.infinite_width`)."""
    (derivation,) = part.derivations
    open_depth = derivation.network._with(depth=None)
    law = Derivation(derivation.observable, open_depth, ell, None).law
    if law.growth != 1:
        raise NotSolved(
            "the steps to a law are written at the critical weight variance alone: leave "
            "weight_variance out"
        )
    expected = law.polynomial.subs({ell: part.layer, L: part.network.depth})
    found = part.width_series(1 - law.power)[1 - law.power]
    statement = (
        "the closed form's series in $1/n$ begins with the value of the unipotent map of $n → ∞$"
    )
    return equal_in_field(statement, [(found, expected)])


def blocks_identity(part: SquaredUpdate) -> Identity:
    """The leading term in n of the closed form in the blocks, compared with the leading term of
    the exact rational functions of n at numbers of blocks."""
    (derivation,) = part.derivations
    blocks, opened = part.network.depth, part
    counts = range(_LEAST_DEPTH, _LEAST_DEPTH + 3)
    if isinstance(blocks, int):
        last = derivation.layer in (blocks, Branch(blocks))
        layer = layer_at(derivation.layer, {}) if not last else _last(derivation.layer)
        network, counts = part.network._with(blocks=None), range(blocks, blocks + 1)
        derivations = (derive(derivation.observable, network, layer=layer, rates=derivation.rates),)
        opened = replace(part, derivations=derivations)
    order = -highest_power(opened.sums)
    pairs = []
    for count in counts:
        point = {B: Integer(count), b: Integer(count - 1)}
        exact = opened._at({s: point[s] for s in opened.open_sizes if s in point})
        pairs.append((opened._series(order)[order].subs(point), exact._series(order)[order]))
    statement = f"the closed form in $B$ has the limit of the exact values at {_counted(counts)}"
    return equal_in_field(statement, pairs)


def _last(layer: Any) -> Any:
    return Branch(B) if isinstance(layer, Branch) else None


def _counted(counts: range) -> str:
    return f"{counts[0]} to {counts[-1]} blocks" if len(counts) > 1 else f"{counts[0]} blocks"


def equal_in_field(statement: str, pairs: list[tuple[Expr, Expr]]) -> Identity:
    """The `Identity` that the two expressions of each of ``pairs`` are equal, as rational
    functions of their symbols."""
    symbols: frozenset[Symbol] = frozenset().union(
        *(e.free_symbols for pair in pairs for e in pair)
    )
    field = field_of(symbols)
    return identity(statement, [[field.from_sympy(each) for each in pair] for pair in pairs])
