"""The identities by which a derivation's steps are checked, each against another road.

Layer maps are held against one literal layer (`theory.exposition.literal_layer`), the kernel against weights
differentiated one by one (`theory.exposition.literal_network`), closed forms against the recursion and against
the characteristic polynomial, limits against the unipotent map of infinite width and against each
other.  All of it in exact fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sympy import QQ, Expr, Integer, Poly, Rational, Symbol, ring

from theory.algebra.factored_form import in_slope
from theory.algebra.fields import field_of
from theory.algebra.power_sum import PowerSum
from theory.errors import NotSolved
from theory.exposition.literal_layer import LiteralLayer, readout_mean, value_of
from theory.exposition.literal_network import by_kernel, by_weights
from theory.laws.mean import SolvedMean
from theory.laws.update import SquaredUpdate
from theory.networks.activations import LeakyReLU
from theory.networks.multipliers import TrainedLayers, as_multipliers
from theory.solutions.derivation import Derivation, derive
from theory.symbols import L, a, ell, n, p, q
from theory.words.closure import LayerMap
from theory.words.layer import masked
from theory.words.structure import Structure
from theory.writing.step import Identity, identity

__all__ = [
    "carried_identity",
    "chain_rule_identity",
    "coin_identity",
    "homogeneity_identity",
    "kernel_identity",
    "label_identity",
    "law_identity",
    "own_layer_identity",
    "readout_identity",
    "recurrence_identity",
    "series_identity",
    "value_identity",
]

_FIRST, _LAST, _SLOPE = 2, 3, Rational(1, 3)
"""Trained layers and slope at which closed forms that hold symbols for them are compared."""
_LITERAL = "at 1, 2 and 3 neurons over 2, a literal layer integrated monomial by monomial agrees"


def chain_rule_identity() -> Identity:
    """K g against a sum over single weights, in a network of rational weights."""
    pairs = ((by_kernel(layer), by_weights(layer)) for layer in (1, 2, 3))
    statement = (
        "$K g$ is the sum over single weights $μ$ of $∂_μ z ∂_μ f$ in a network of rationals"
    )
    return identity(statement, pairs)


def label_identity() -> Identity:
    """The mean over the label, in Q[f]."""
    _, f = ring("f", QQ)
    mean = ((f - 1) ** 2 + (f + 1) ** 2) * QQ(1, 2)
    return identity("$E (f - y)² = 1 + f²$ as polynomials in $f$", [(mean, 1 + f**2)])


@lru_cache(maxsize=64)
def readout_identity(structure: Structure) -> Identity:
    """The words at the top against a literal Gaussian readout."""
    words = [word for word, _ in structure.observable.terms]
    pairs = (
        (readout_mean(word, {m: letter for letter, m in term.carried.items()}), _at_top(term.top))
        for word, term in zip(words, structure.terms, strict=True)
    )
    statement = "a readout of 2 normals, integrated monomial by monomial, agrees"
    return identity(statement, pairs)


def _at_top(top: Mapping[Any, int]) -> Any:
    values = ((count, value_of(word)) for word, count in top.items())
    return sum((QQ((c * v).numerator, (c * v).denominator) for c, v in values), QQ(0))


@lru_cache(maxsize=64)
def carried_identity(structure: Structure) -> Identity:
    """The carried words' layer map against a literal layer."""
    return identity(_LITERAL, _map_pairs(structure.carried))


@lru_cache(maxsize=64)
def kernel_identity(structure: Structure) -> Identity:
    """The kernel words' layer map against a literal layer."""
    return identity(_LITERAL, _map_pairs(structure.kernel))


def _map_pairs(layer_map: LayerMap) -> Iterator[tuple[Any, Any]]:
    for layer in map(LiteralLayer, (1, 2, 3)):
        for word, row in zip(layer_map.words, layer_map.rows, strict=True):
            yield layer.mean(masked(word)), layer.mapped(row)


@lru_cache(maxsize=64)
def coin_identity(structure: Structure) -> Identity:
    """Masks that follow the signs of z against coins of their own, at fixed weights."""
    layer = LiteralLayer(2)
    words = [masked(word) for word in structure.kernel.words]
    statement = "over the signs of two rows of given weights, masks average as coins do"
    return identity(statement, ((layer.flipped(w), layer.coined(w)) for w in words))


@lru_cache(maxsize=64)
def own_layer_identity(structure: Structure) -> Identity:
    """The observable's own layer against a literal layer."""
    return identity(_LITERAL, _own_pairs(structure))


def _own_pairs(structure: Structure) -> Iterator[tuple[Any, Any]]:
    for layer in map(LiteralLayer, (1, 2, 3)):
        for term, sources in zip(structure.terms, structure.sources, strict=True):
            for word, row in sources.items():
                spelled = term.unfold(word).items()
                shares = (layer.mean(w) * QQ(c.numerator, c.denominator) for w, c in spelled)
                yield sum(shares, QQ(0)), layer.mapped(row)


def recurrence_identity(
    derivation: Derivation, eigenvalues: Sequence[tuple[Any, int]]
) -> Identity | None:
    """The closed form in L against the recurrence that the characteristic polynomial gives.

    None where an eigenvalue vanishes: the powers are then indicators.
    """
    sums = derivation.closed_form.sums
    if not all(value for value, _ in eigenvalues):
        return None
    coefficients = _characteristic(eigenvalues)
    zero = PowerSum.zero(derivation.closed_form.unit.domain)
    order = len(coefficients) - 1
    statement = (
        f"the closed form satisfies in the depth the recurrence of order {order} that the "
        f"eigenvalues give, for every depth"
    )
    return identity(statement, ((_shifted(each, coefficients), zero) for each in sums))


def _characteristic(eigenvalues: Sequence[tuple[Any, int]]) -> list[Any]:
    """The coefficients of x^0, x^1, ... in prod (x - eigenvalue)^multiplicity."""
    coefficients: list[Any] = [eigenvalues[0][0] ** 0]
    for value, times in eigenvalues:
        for _ in range(times):
            low = [-value * c for c in coefficients]
            high = [value * 0, *coefficients]
            coefficients = [a + b for a, b in zip([*low, value * 0], high, strict=True)]
    return coefficients


def _shifted(total: PowerSum, coefficients: Sequence[Any]) -> PowerSum:
    """sum_k c_k S(L + k)."""
    moved = PowerSum(total.ring, {})
    for k, coefficient in enumerate(coefficients):
        if coefficient:
            moved += total.at({L: L + k}).scaled(coefficient)
    return moved


def value_identity(derivation: Derivation, sizes: Iterable[tuple[int, int]]) -> Identity:
    """The closed form against the recursion at pairs (layer, depth)."""
    chosen = list(sizes)
    last = all(layer == depth for layer, depth in chosen)
    depths = sorted({depth for _, depth in chosen})
    shown = str(depths[0]) if len(depths) == 1 else f"{depths[0]} to {depths[-1]}"
    where = f"depth {shown}" if last else f"the layers of depths {shown}"
    if derivation.network.activation.slope == a:
        where += f" and slope {_SLOPE}"
    pairs = ((_solved(derivation, *pair), _recursed(derivation, *pair)) for pair in chosen)
    return identity(f"at {where} it is what the layer maps give one by one", pairs)


def _solved(derivation: Derivation, layer: int, depth: int) -> Expr:
    form, values = derivation.closed_form, {L: depth, ell: layer, p: _FIRST, q: _LAST, a: _SLOPE}
    depths = {symbol.name: value for symbol, value in values.items() if symbol != a}
    total = Integer(0)
    for factor, each in zip(form.factors, form.sums, strict=True):
        value = in_slope(form.unit.domain.to_sympy(each.value(**depths)))
        total += (factor * value).subs(values)
    return _reduced(total, derivation.network.free_symbols - {a})


def _recursed(derivation: Derivation, layer: int, depth: int) -> Expr:
    network, rates = replace(derivation.network, depth=depth), derivation.rates
    if network.activation.slope == a:
        network = replace(network, activation=LeakyReLU(_SLOPE))
    if isinstance(rates, TrainedLayers):
        first, last = (_FIRST if rates.first == p else rates.first), rates.last
        rates = TrainedLayers(first, _LAST if last == q else last)
    return derive(derivation.observable, network, layer=layer, rates=rates).value


def _reduced(value: Expr, symbols: Iterable[Symbol]) -> Any:
    """An element of the field of the recursion's answers."""
    return field_of(frozenset(symbols) - {L, ell}).from_sympy(value)


def series_identity(part: SolvedMean) -> Identity:
    """Terms L^m/n^k of the series in 1/n against those of the joint limit's series in t."""
    law = part.joint_law(1)
    powers = range(3, 6)
    series = part.solved_series(powers[-1] - law.power)
    pairs = ((Poly(series[m - law.power], L).coeff_monomial(L**m), law.taylor(m)) for m in powers)
    symbols = part.network.free_symbols
    statement = "the series in $1/n$ and the limit agree on the terms in $t³$, $t⁴$ and $t⁵$"
    return identity(statement, ([_reduced(side, symbols) for side in pair] for pair in pairs))


def law_identity(part: SquaredUpdate) -> Identity:
    """The limit of infinite width against that of the unipotent layer map (`theory.solutions.infinite_width`)."""
    (derivation,) = part.derivations
    network = replace(part.network, depth=None)
    law = replace(derivation, network=network, layer=ell, rates=None).law
    if law.growth != 1:
        raise NotSolved(
            "away from the critical weight variance there is no law of the depth: leave "
            "weight_variance out"
        )
    coefficient = law.polynomial.subs({ell: part.layer, L: part.network.depth})
    found = part.width_series(1 - law.power)[1 - law.power]
    symbols = (part.network.free_symbols | {L, ell}) - {n}
    domain = field_of(frozenset(symbols))
    statement = (
        "the closed form's series in $1/n$ begins with what the unipotent map of $n → ∞$ gives"
    )
    return identity(statement, [[domain.from_sympy(found), domain.from_sympy(coefficient)]])


def homogeneity_identity(derivation: Derivation) -> Identity:
    """The recursion at all multipliers doubled: the update is a form of degree 2 in them."""
    rates = tuple(2 * rate for rate in as_multipliers(derivation.rates, derivation.network.layers))
    doubled = replace(derivation, rates=rates)
    statement = "with every multiplier doubled it is 4 times as large, as a form of degree 2"
    return identity(statement, [(doubled.value, derivation.value * 4)])
