"""`closed_form` solves the mean of an observable in depth and layer, for equal hidden widths.

The kernel words at the input go up through runs of equal layers, the carried words come down from
the readout, and each run is a power of a layer map whose exponent is an affine form in L, ell, p
and q.  `theory.algebra.spectrum` takes the powers, each checked as an identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sympy import Add, Expr, Integer, Rel, S
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.algebra.factored_form import power_sum_expression
from theory.algebra.numerals import formula_text
from theory.algebra.power_sum import Key, PowerSum, binomial, depth_ring, merged, power_key
from theory.algebra.spectrum import Component, Orbit, Spectrum
from theory.exact.own_units import OwnUnits
from theory.exact.recursion import start_column
from theory.exact.rescaled_network import RescaledNetwork
from theory.networks.network import Network
from theory.networks.sites import Cell, Plan
from theory.symbols import L, ell, n, p, q
from theory.words.shapes import shape_of
from theory.words.word import degree
from theory.words.word_maps import CellMaps, WordMaps

__all__ = ["ClosedForm", "closed_form", "closed_form_expression"]

State = dict[Key, list[tuple[Any, DomainMatrix]]]
"""A sum of vectors: for each product of powers, polynomials in the depth symbols times vectors."""

Term = tuple[Key, Any, DomainMatrix]
"""A product of powers, a polynomial in the depth symbols and a column that they multiply."""

Below = tuple[Expr, Sequence[tuple[Key, Any, DomainMatrix | Orbit]]]
"""The number of cells in the last run of equal cells, and the orbits that the power of this run
acts on, or vectors where no power is left."""


@dataclass(frozen=True)
class ClosedForm:
    """An observable's mean as sum_j ``factors[j]`` * ``sums[j]``.

    ``factors``: expressions in symbols outside the field of the sums, such as a readout variance.
    ``conditions``: inequalities between sizes beyond 1 <= ell <= L under which it holds.
    """

    unit: RescaledNetwork | OwnUnits
    sums: tuple[PowerSum, ...]
    factors: tuple[Expr, ...]
    conditions: tuple[Rel, ...]

    def __repr__(self) -> str:
        return f"ClosedForm: {formula_text(closed_form_expression(self))}"


@lru_cache(maxsize=64)
def closed_form(word_maps: WordMaps, network: Network, layer: Any, rates: Any) -> ClosedForm:
    """Solve the layer maps of ``word_maps`` for ``network`` at ``layer``: a number, the depth or
    the symbol of a layer.

    Raises `NotSolved` for widths that differ, and where an eigenvalue is not rational.
    """
    chain = network._is_chain
    unit = RescaledNetwork(word_maps, network) if chain else OwnUnits(word_maps, network, rates)
    depth, layer = unit.in_depths(network.depth), unit.in_depths(layer)
    plan = network._plan(rates, layer, depth)
    solver = _Solver(unit)
    sums: dict[Expr, PowerSum] = {}
    whole = [solver.term(i, plan) for i in range(len(word_maps.terms))]
    words = [word for word, _ in word_maps.observable.terms]
    for term, word, total in zip(word_maps.terms, words, whole, strict=True):
        inside, outside = unit.prefactor(term, word, layer, depth)
        weight = inside * unit.domain.from_sympy(Integer(term.coefficient.numerator))
        weight /= unit.domain(term.coefficient.denominator)
        sums[outside] = sums.get(outside, PowerSum.zero(unit.domain)) + total.scaled(weight)
    bare = _holds_in_the_first_layer(solver, plan, network, rates, depth, whole)
    conditions = (*_conditions(plan, bare), *_wide_enough(unit, plan))
    return ClosedForm(unit, tuple(sums.values()), tuple(sums), conditions)


def _holds_in_the_first_layer(
    solver: _Solver, plan: Plan, network: Network, rates: Any, depth: Expr, whole: list[PowerSum]
) -> bool:
    """Whether the sums are right at layer 1 too, where a run below has -1 layers."""
    if plan.layer.is_number or plan.layer - 2 not in plan.counts:
        return True
    one = Integer(1)
    at_depth = plan.layer == depth
    values = {L: one} if at_depth else {ell: one}
    first = network._plan(rates, one, one if at_depth else depth)
    pairs = ((solver.term(i, first), total.at(values)) for i, total in enumerate(whole))
    return all(exact.terms == found.terms for exact, found in pairs)


def _conditions(plan: Plan, in_first_layer: bool) -> tuple[Rel, ...]:
    counts = dict.fromkeys(plan.counts)
    if in_first_layer:
        counts.pop(plan.layer - 2, None)
    conditions = [count >= 0 for count in counts]
    if plan.before is not None:
        conditions.append(plan.layer < plan.before)
    return tuple(each for each in conditions if each != True)  # noqa: E712


def _wide_enough(unit: Any, plan: Plan) -> tuple[Rel, ...]:
    """With runs of symbolic ends p and q, a coefficient can have a removable pole where an
    eigenvalue vanishes, which is at widths below the degree of the words."""
    ends = {p, q} & set().union(*(count.free_symbols for count in plan.counts))
    least = max(map(degree, unit.word_maps.kernel.words), default=0)
    return (n >= least,) if ends and unit.network.width == n else ()


class _Solver:
    """The terms of one derivation in the units of ``unit``."""

    def __init__(self, unit: Any) -> None:
        self.unit = unit
        self.domain: Domain = unit.domain
        self.ring = depth_ring(self.domain)
        self._spectra: dict[tuple[Cell, bool], Spectrum] = {}
        self._below: dict[Plan, Below] = {}

    def term(self, index: int, plan: Plan) -> PowerSum:
        """The mean of the word maps' term ``index``, without its coefficient."""
        above = self._above(index, plan)
        across = [(key, poly, row) for key, rows in above.items() for poly, row in rows]
        rows = DomainMatrix.hstack(*(row for _, _, row in across)).transpose()
        rows *= self._maps(plan.own).sources[index].matrix(self.unit.numbers(plan.own))
        terms: dict[Key, Any] = {}
        for low, p_low, values in self._between(rows, plan):
            for (high, p_high, _), (value,) in zip(across, values.to_list(), strict=True):
                if value:
                    key = merged(low, high)
                    terms[key] = terms.get(key, self.ring.zero) + p_low * p_high * value
        return PowerSum(self.ring, {key: poly for key, poly in terms.items() if poly})

    def _maps(self, cell: Cell) -> CellMaps:
        return self.unit.word_maps.cells[shape_of(cell)]

    def _between(self, rows: DomainMatrix, plan: Plan) -> Iterator[Term]:
        """``rows``, shape ``(rows, words)``, times the kernel words below the layer."""
        if plan not in self._below:
            self._below[plan] = self._last_run(plan)
        count, before = self._below[plan]
        for key, poly, each in before:
            if isinstance(each, Orbit):
                yield from self._power(each.components(rows), count, key, poly)
            else:
                yield key, poly, rows * each

    def _last_run(self, plan: Plan) -> Below:
        """The last run of equal cells below the layer, and the kernel words below that."""
        words = self.unit.word_maps.kernel.words
        start = start_column(words, self.unit.norm2, self.domain)
        runs = [run for run in plan.below if run[1] != 0]
        state: State = {frozenset(): [(self.ring.one, start)]}
        for cell, count in runs[:-1]:
            state = self._carried_through(cell, count, state)
        if runs and runs[-1][1] == 1:
            state = self._carried_through(*runs.pop(), state)
            runs = []
        vectors = [(key, *pair) for key, pairs in state.items() for pair in pairs]
        if not runs:
            return Integer(0), vectors
        cell, count = runs[-1]
        spectrum = self._spectrum(cell)
        return count, [(key, poly, spectrum.orbit(each)) for key, poly, each in vectors]

    def _carried_through(self, cell: Cell, count: Expr, state: State) -> State:
        """``state`` above ``count`` equal cells."""
        if count != 1:
            return self._powers(self._spectrum(cell), count, state)
        matrix = self._maps(cell).kernel.matrix(self.unit.numbers(cell))
        return {
            key: [(poly, matrix * vector) for poly, vector in pairs] for key, pairs in state.items()
        }

    def _above(self, index: int, plan: Plan) -> State:
        """The coefficients of the carried words above the layer, as columns."""
        words, term = self.unit.word_maps.carried.words, self.unit.word_maps.terms[index]
        column = DomainMatrix(
            [[self.domain(term.top.get(word, 0))] for word in words], (len(words), 1), self.domain
        )
        state: State = {frozenset(): [(self.ring.one, column)]}
        cell, count = plan.above
        return state if count == 0 else self._powers(self._spectrum(cell, True), count, state)

    def _spectrum(self, cell: Cell, above: bool = False) -> Spectrum:
        """The spectrum of the map of the kernel words, or, transposed, of the carried words
        ``above``."""
        if (cell, above) not in self._spectra:
            maps, numbers = self._maps(cell), self.unit.numbers(cell)
            matrix = (
                maps.carried.matrix(numbers).transpose() if above else maps.kernel.matrix(numbers)
            )
            self._spectra[cell, above] = Spectrum.of(matrix)
        return self._spectra[cell, above]

    def _powers(self, spectrum: Spectrum, count: Expr, state: State) -> State:
        """The matrix of ``spectrum`` to the power ``count``, applied to ``state``."""
        after: State = {}
        for key, vectors in state.items():
            for poly, vector in vectors:
                components = spectrum.components(vector)
                for power, ways, link in self._power(components, count, key, poly):
                    after.setdefault(power, []).append((ways, link))
        return after

    def _power(
        self, components: Iterable[Component], count: Expr, key: Key, poly: Any
    ) -> Iterator[Term]:
        """The power ``count`` of a layer map on the ``components`` of a vector, times ``poly``."""
        for part in components:
            for k, link in enumerate(part.chain):
                power, factor = power_key(part.eigenvalue, count - k, self.domain)
                ways = poly * factor
                if part.eigenvalue:
                    ways *= binomial(self.ring, count, k)
                yield merged(key, power), ways, link


def closed_form_expression(form: ClosedForm, over: Any = 1, times: Expr = S.One) -> Expr:
    """A closed form, over an element of its field and times an expression, in the slope a rather
    than kappa."""
    parts = zip(form.sums, form.factors, strict=True)
    written = (power_sum_expression(s.scaled(1 / over), times * f) for s, f in parts)
    return Add(*written).xreplace(form.unit.network._depths)
