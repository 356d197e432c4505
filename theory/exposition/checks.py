"""The steps from a solution to its limits are checked here by identities in exact fields.

Closed forms are compared with the recursion, and limits with the unipotent map of infinite width
and with each other.
"""

from __future__ import annotations

from sympy import Expr, Integer, Poly, Symbol, sympify

from theory.algebra.fields import field_of
from theory.errors import NotSolved
from theory.laws.mean import Mean
from theory.laws.update import SquaredUpdate
from theory.networks.multipliers import TrainedLayers
from theory.networks.sizes import read_size
from theory.solutions.derivation import Derivation
from theory.symbols import B, L, a, b, ell, n, p, q
from theory.writing.step import Identity, identity

__all__ = ["blocks_identity", "equal_in_field", "law_identity", "series_identity", "value_identity"]

_WIDTH, _OTHERS = 7, {a: "1/3", p: 2, q: 3}
_LEAST_DEPTH = 5


def value_identity(derivation: Derivation) -> Identity:
    """The closed form against the recursion, at numbers for all sizes and three depths."""
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
        f"{where}{what} {first} to {first + 2} it is what the layer maps give one by one", pairs
    )


def _fixed_layers(derivation: Derivation) -> list[int]:
    """The layers that layer and multipliers name by a number."""
    rates = derivation.rates
    ends = (rates.first, rates.last) if isinstance(rates, TrainedLayers) else ()
    return [0, *(end for end in (derivation.layer, *ends) if isinstance(end, int))]


def series_identity(part: Mean) -> Identity:
    """Terms L^m/n^k of the series in 1/n against those of the joint limit's series in t."""
    law = part.joint_law(1)
    powers = range(3, 6)
    series = part.solved_series(powers[-1] - law.power)
    statement = "the series in $1/n$ and the limit agree on the terms in $t³$, $t⁴$ and $t⁵$"
    return equal_in_field(
        statement,
        [(Poly(series[m - law.power], L).coeff_monomial(L**m), law.taylor(m)) for m in powers],
    )


def law_identity(part: SquaredUpdate) -> Identity:
    """The limit of infinite width against that of the unipotent layer map
    (`theory.solutions.infinite_width`)."""
    (derivation,) = part.derivations
    open_depth = derivation.network._with(depth=None)
    law = Derivation(derivation.observable, open_depth, ell, None).law
    if law.growth != 1:
        raise NotSolved(
            "away from the critical weight variance there is no law of the depth: leave "
            "weight_variance out"
        )
    expected = law.polynomial.subs({ell: part.layer, L: part.network.depth})
    found = part.width_series(1 - law.power)[1 - law.power]
    statement = (
        "the closed form's series in $1/n$ begins with what the unipotent map of $n → ∞$ gives"
    )
    return equal_in_field(statement, [(found, expected)])


def blocks_identity(part: SquaredUpdate) -> Identity:
    """The limit of infinite width of the closed form in the blocks against that of the exact
    rational functions of n at numbers of blocks."""
    if part.in_numbers:
        exact = part.leading_term()[1]
        return equal_in_field("it is the limit of the exact value", [(exact, part._series(0)[0])])
    pairs = []
    for blocks in range(_LEAST_DEPTH, _LEAST_DEPTH + 3):
        at = part._at({B: Integer(blocks), b: Integer(blocks - 1)})
        pairs.append((part._series(0)[0].subs({B: blocks, b: blocks - 1}), at._series(0)[0]))
    statement = (
        f"the closed form's limit $n → ∞$ is that of the exact values at {_LEAST_DEPTH} to "
        f"{_LEAST_DEPTH + 2} blocks"
    )
    return equal_in_field(statement, pairs)


def equal_in_field(statement: str, pairs: list[tuple[Expr, Expr]]) -> Identity:
    """The `Identity` that the two expressions of each of ``pairs`` are equal, as rational
    functions of their symbols."""
    symbols: frozenset[Symbol] = frozenset().union(
        *(e.free_symbols for pair in pairs for e in pair)
    )
    field = field_of(symbols)
    return identity(statement, [[field.from_sympy(each) for each in pair] for pair in pairs])
