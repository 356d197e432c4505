"""`closed_form` solves the mean of an observable in depth and layer, for equal hidden widths.

The kernel words at the input go up through runs of equal layers, the carried words come down from
the readout, and each run is a power of a layer map whose exponent is an affine form in L, ell, p
and q.  `theory.algebra.spectrum` takes the powers, each checked as an identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sympy import Add, Expr, Integer, Rel, S, sympify
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from theory.algebra.factored_form import power_sum_expression
from theory.algebra.power_sum import Key, PowerSum, binomial, depth_ring, merged, power_key
from theory.algebra.spectrum import Component, Orbit, Spectrum
from theory.networks.multipliers import Rates, Run, Schedule, schedule
from theory.networks.network import Network
from theory.solutions.recursion import start_column
from theory.solutions.rescaled_network import RescaledNetwork
from theory.symbols import L, ell, n, p, q
from theory.words.word import degree
from theory.words.word_maps import WordMaps

__all__ = ["ClosedForm", "closed_form", "closed_form_expression"]

State = dict[Key, list[tuple[Any, DomainMatrix]]]
"""A sum of vectors: for each product of powers, polynomials in the depth symbols times vectors."""

Term = tuple[Key, Any, DomainMatrix]
"""A product of powers, a polynomial in the depth symbols and a column that they multiply."""

Below = tuple[Expr, Sequence[tuple[Key, Any, DomainMatrix | Orbit]]]
"""The number of layers in the last run of equal ones, and what its power is applied to; vectors
that no power is left for."""


@dataclass(frozen=True)
class ClosedForm:
    """An observable's mean as sum_j ``factors[j]`` * ``sums[j]``.

    ``factors``: expressions in what is not in the field of the sums, such as a readout variance.
    ``conditions``: inequalities between sizes beyond 1 <= ell <= L under which it holds.
    """

    unit: RescaledNetwork
    sums: tuple[PowerSum, ...]
    factors: tuple[Expr, ...]
    conditions: tuple[Rel, ...]

    def __repr__(self) -> str:
        return f"ClosedForm: {closed_form_expression(self)}"


@lru_cache(maxsize=64)
def closed_form(word_maps: WordMaps, network: Network, layer: Expr, rates: Rates) -> ClosedForm:
    """Solve the layer maps of ``word_maps`` for ``network`` at ``layer``: an int, L or ell.

    Raises `NotSolved` for widths that differ, and where an eigenvalue is not rational.
    """
    unit = RescaledNetwork(word_maps, network)
    depth, layer = sympify(network.depth), sympify(layer)
    plan = schedule(rates, layer, depth)
    solver = _Solver(unit, depth)
    sums: dict[Expr, PowerSum] = {}
    whole = [solver.term(i, plan) for i in range(len(word_maps.terms))]
    words = [word for word, _ in word_maps.observable.terms]
    for term, word, total in zip(word_maps.terms, words, whole, strict=True):
        inside, outside = unit.prefactor(term, word, layer, depth)
        weight = inside * unit.domain.from_sympy(Integer(term.coefficient.numerator))
        weight /= unit.domain(term.coefficient.denominator)
        sums[outside] = sums.get(outside, PowerSum.zero(unit.domain)) + total.scaled(weight)
    bare = _holds_in_the_first_layer(solver, plan, rates, whole)
    conditions = (*_conditions(plan, bare), *_wide_enough(unit, plan))
    return ClosedForm(unit, tuple(sums.values()), tuple(sums), conditions)


def _holds_in_the_first_layer(
    solver: _Solver, plan: Schedule, rates: Rates, whole: list[PowerSum]
) -> bool:
    """Whether the sums are right at layer 1 too, where a run below has -1 layers."""
    if plan.layer.is_number:
        return True
    one = Integer(1)
    if plan.layer == solver.depth:
        solver, values = _Solver(solver.unit, one), {L: one}
    else:
        values = {ell: one}
    first = schedule(rates, one, solver.depth)
    pairs = ((solver.term(i, first), total.at(values)) for i, total in enumerate(whole))
    return all(exact.terms == found.terms for exact, found in pairs)


def _conditions(plan: Schedule, in_first_layer: bool) -> tuple[Rel, ...]:
    least = {run.count: 0 for run in plan.runs}
    if in_first_layer:
        least.pop(plan.layer - 2, None)
    conditions = [count >= bound for count, bound in least.items()]
    if plan.before is not None:
        conditions.append(plan.layer < plan.before)
    return tuple(each for each in conditions if each != True)  # noqa: E712


def _wide_enough(unit: RescaledNetwork, plan: Schedule) -> tuple[Rel, ...]:
    """With runs of symbolic ends p and q, a coefficient can have a removable pole where an
    eigenvalue vanishes, which is at widths below the degree of the words."""
    ends = {p, q} & set().union(*(run.count.free_symbols for run in plan.runs))
    least = max(map(degree, unit.word_maps.kernel.words), default=0)
    return (n >= least,) if ends and unit.network.width == n else ()


class _Solver:
    """The terms of one derivation in units that a layer keeps."""

    def __init__(self, unit: RescaledNetwork, depth: Expr) -> None:
        self.unit = unit
        self.depth = depth
        self.domain: Domain = unit.domain
        self.ring = depth_ring(self.domain)
        self.kernel = unit.word_maps.kernel
        self.carried = unit.word_maps.carried
        self._spectra: dict[Expr, Spectrum] = {}
        self._below: dict[Schedule, Below] = {}

    def term(self, index: int, plan: Schedule) -> PowerSum:
        """The mean of the word maps' term ``index``, without its coefficient."""
        above = self._above(index, plan)
        across = [(key, poly, row) for key, rows in above.items() for poly, row in rows]
        rows = DomainMatrix.hstack(*(row for _, _, row in across)).transpose()
        rows *= self._source(index, plan)
        terms: dict[Key, Any] = {}
        for low, p_low, values in self._between(rows, plan):
            for (high, p_high, _), (value,) in zip(across, values.to_list(), strict=True):
                if value:
                    key = merged(low, high)
                    terms[key] = terms.get(key, self.ring.zero) + p_low * p_high * value
        return PowerSum(self.ring, {key: poly for key, poly in terms.items() if poly})

    def _between(self, rows: DomainMatrix, plan: Schedule) -> Iterator[Term]:
        """``rows``, shape ``(rows, words)``, times the kernel words below the layer."""
        if plan not in self._below:
            self._below[plan] = self._last_run(plan)
        count, before = self._below[plan]
        for key, poly, each in before:
            if isinstance(each, Orbit):
                yield from self._power(each.components(rows), count, key, poly)
            else:
                yield key, poly, rows * each

    def _last_run(self, plan: Schedule) -> Below:
        """The last run of equal layers below the layer, and the kernel words below that."""
        words = self.kernel.words
        start = start_column(words, self.domain.one, self.domain)
        runs = list(plan.runs)
        if plan.first is not None:
            fan_in = self.unit.network.first_fan_in
            if fan_in == self.unit.network.width and runs and runs[0].rate == plan.first:
                runs[0] = Run(plan.first, runs[0].count + 1)
            else:
                start = self.kernel.matrix(self.unit.layer(fan_in, plan.first)) * start
        runs = [run for run in runs if run.count != 0]
        state: State = {frozenset(): [(self.ring.one, start)]}
        for run in runs[:-1]:
            state = self._powers(self._spectrum(run.rate), run.count, state)
        vectors = [(key, *pair) for key, pairs in state.items() for pair in pairs]
        if not runs:
            return Integer(0), vectors
        spectrum = self._spectrum(runs[-1].rate)
        return runs[-1].count, [(key, poly, spectrum.orbit(each)) for key, poly, each in vectors]

    def _above(self, index: int, plan: Schedule) -> State:
        """The coefficients of the carried words above the layer, as columns."""
        words, term = self.carried.words, self.unit.word_maps.terms[index]
        column = DomainMatrix(
            [[self.domain(term.top.get(word, 0))] for word in words], (len(words), 1), self.domain
        )
        state: State = {frozenset(): [(self.ring.one, column)]}
        return self._powers(self._carried, self.depth - plan.layer, state)

    def _source(self, index: int, plan: Schedule) -> DomainMatrix:
        """The term's own layer, shape ``(carried words, kernel words)``."""
        network = self.unit.network
        fan_in = network.first_fan_in if plan.first is None else network.width
        return self.unit.word_maps.source(index, self.unit.layer(fan_in, plan.own))

    def _spectrum(self, rate: Expr) -> Spectrum:
        if rate not in self._spectra:
            layer = self.unit.layer(self.unit.network.width, rate)
            self._spectra[rate] = Spectrum.of(self.kernel.matrix(layer))
        return self._spectra[rate]

    @cached_property
    def _carried(self) -> Spectrum:
        layer = self.unit.layer(self.unit.network.width, Integer(1))
        return Spectrum.of(self.carried.matrix(layer).transpose())

    def _powers(self, spectrum: Spectrum, count: Expr, state: State) -> State:
        """The matrix of ``spectrum`` to the power ``count``, applied to ``state``."""
        if count == 0:
            return state
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
    return Add(*(power_sum_expression(s.scaled(1 / over), times * f) for s, f in parts))
