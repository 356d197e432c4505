"""A `Program` is a network as the flat list of its parts, in the arrays that passes read.

A network is a first matrix and blocks h' = skip h + branch(h), whose branches are chains of parts:
products W x + b with a weight matrix, norms and activations.  A plain layer is a block without a
skip.  Part i reads the vector at place i and writes the vector at place i + 1; place 0 is the
input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from theory.activations.nonlinearity import is_flat_somewhere
from theory.networks.norms import LayerNorm
from theory.networks.residual import Residual
from theory.networks.roles import ActivatedThenWeights, UpDown
from theory.optimisers import Normalised, SignDescent
from verify.numerics.compiled import Array
from verify.samplers.problem import Problem

__all__ = [
    "ACTIVATION",
    "ENTRYWISE",
    "GRADIENT",
    "JOIN",
    "NORM",
    "NORMALISED",
    "PRODUCT",
    "SIGNS",
    "Program",
    "program_of",
]

PRODUCT, NORM, ACTIVATION, JOIN = range(4)
"""Kinds of parts."""
GRADIENT, SIGNS, NORMALISED, ENTRYWISE = range(4)
"""Steps of a weight matrix: along the gradient, its sign, the gradient over its length, and
g/(|g| + epsilon) of every entry."""


class Program(NamedTuple):
    """By part: ``kinds``; ``numbers`` of matrices, from 1; ``sites``: the number of the site that
    the output is, where it is requested, else -1; ``sources``: of a join, the place where its block
    begins, and ``joins``: of the first part of a block, the join, else -1; ``sd`` of one weight and
    ``deviations`` of one bias; ``rates``; ``skips`` and ``factors`` of joins; ``centred``: whether
    a norm subtracts the mean.

    Places i begin at ``begin[i]`` of flat arrays.  W x without biases begins at ``products[i]``,
    the gradient at place i without what a skip adds at ``pulled[i]``, phi' at ``slopes[i]``.
    ``parts``: how many of them a change passes.

    ``rule``, ``multiple``, ``decay``, ``epsilon``: the optimiser.  ``flat``: whether signs are of a
    phi' that is 0 on an interval.  ``whole``: whether a step is of the loss, not of f.  ``step``: 0
    for the linearised update.  ``given``: whether the caller gives the products with matrices.
    """

    kinds: Array
    numbers: Array
    sites: Array
    sources: Array
    joins: Array
    sd: Array
    deviations: Array
    rates: Array
    skips: Array
    factors: Array
    centred: Array
    begin: Array
    products: Array
    pulled: Array
    slopes: Array
    parts: int
    readout_sd: float
    rule: int
    multiple: float
    decay: float
    epsilon: float
    flat: bool
    whole: bool
    step: float
    given: bool


@dataclass(frozen=True)
class _Part:
    """One part; see `Program`."""

    kind: int
    width: int
    number: int = 0
    site: int = -1
    sd: float = 0.0
    deviation: float = 0.0
    rate: float = 0.0
    skip: float = 0.0
    factor: float = 1.0
    centred: bool = False
    source: int = -1


@lru_cache(maxsize=2)
def program_of(problem: Problem, given: bool) -> Program:
    """The parts of the network of ``problem``, and its step."""
    parts = list(_Lowered(problem).parts())
    count = len(parts)
    sources = np.array([part.source for part in parts], np.int64)
    joins = np.full(count, -1, np.int64)
    joined = np.flatnonzero(sources >= 0)
    joins[sources[joined]] = joined
    kinds = np.array([part.kind for part in parts], np.int64)
    widths = np.array([int(problem.widths[0]), *(part.width for part in parts)])
    begin = np.concatenate((np.zeros(1, np.int64), np.cumsum(widths)))
    deviations = np.array([part.deviation for part in parts])
    sites = np.array([part.site for part in parts], np.int64)
    sites[~np.isin(sites, problem.layers)] = -1
    return Program(
        kinds=kinds,
        numbers=np.array([part.number for part in parts], np.int64),
        sites=sites,
        sources=sources,
        joins=joins,
        sd=np.array([part.sd for part in parts]),
        deviations=deviations,
        rates=np.array([part.rate for part in parts]),
        skips=np.array([part.skip for part in parts]),
        factors=np.array([part.factor for part in parts]),
        centred=np.array([part.centred for part in parts]),
        begin=begin,
        products=_elsewhere(deviations > 0.0, begin, 1),
        pulled=_elsewhere(joins >= 0, begin, 0),
        slopes=_elsewhere(kinds == ACTIVATION, begin, 1) - begin[-1],
        parts=int(np.flatnonzero(sites >= 0).max()) + 1,
        readout_sd=problem.readout_sd,
        whole=problem.parts == ("total",),
        step=problem.step or 0.0,
        given=given,
        **_rule(problem),
    )


def _elsewhere(which: Any, begin: Any, after: int) -> Any:
    """Where vectors of parts begin: at their input (``after`` = 0) or output (1), or, of parts
    ``which``, behind all places."""
    sizes = np.where(which, np.diff(begin)[after : after + which.size], 0)
    return np.where(which, begin[-1] + np.cumsum(sizes) - sizes, begin[after : after + which.size])


def _rule(problem: Problem) -> dict[str, Any]:
    """The optimiser in numbers."""
    optimiser, width = problem.optimiser, int(problem.widths[-1])
    rule, decay, epsilon, code = optimiser.unscaled, float(optimiser.weight_decay), 0.0, GRADIENT
    if rule.width_power:
        decay *= width
    if isinstance(rule, SignDescent):
        epsilon = float(rule.epsilon) / width
        code = ENTRYWISE if epsilon else SIGNS
    elif isinstance(rule, Normalised):
        code = NORMALISED
    multiple = float(optimiser.multiple)
    flat = code == SIGNS and is_flat_somewhere(problem.network.activation)
    of_steps = {"rule": code, "multiple": multiple, "decay": decay, "epsilon": epsilon}
    return of_steps | {"flat": flat}


class _Lowered:
    """The parts of a network."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.network: Any = problem.network
        self.deviation = float(self.network.bias_variance**0.5)

    def parts(self) -> Iterator[_Part]:
        """All of them, from the first matrix on."""
        blocks = isinstance(self.network, Residual)
        yield self._product(1, 1, 0.0 if blocks else self.deviation)
        yield from self._blocks() if blocks else self._layers()

    def _layers(self) -> Iterator[_Part]:
        """Activations, each with its norm, and matrices from the second on."""
        norm, widths = self.network.norm, self.problem.widths.tolist()
        for layer, width in enumerate(widths[1:], 1):
            if norm is not None and norm.before == "activation":
                yield self._norm(width)
            yield _Part(ACTIVATION, width)
            if norm is not None and norm.before == "weights":
                yield self._norm(width)
            if layer < len(widths) - 1:
                yield self._product(layer + 1, layer + 1, self.deviation)

    def _blocks(self) -> Iterator[_Part]:
        skip, tau = float(self.problem.sites.link_factors[-1]), float(self.network.tau2) ** 0.5
        width, place = int(self.problem.widths[1]), 1
        for block in range(1, self.network.layers + 1):
            branch = list(self._branch(block, tau))
            yield from branch
            join = _Part(JOIN, width, site=2 * block + 1, skip=skip, factor=tau, source=place)
            yield join
            place += len(branch) + 1

    def _branch(self, block: int, tau: float) -> Iterator[_Part]:
        """A norm at the entry, and one or two matrices; tau stands in the join."""
        network, place, width = self.network, 2 * block, int(self.problem.widths[1])
        if network.norm:
            yield self._norm(width)
        if isinstance(network.branch, ActivatedThenWeights):
            yield _Part(ACTIVATION, width)
            yield self._product(block + 1, tau=tau)
        elif isinstance(network.branch, UpDown):
            up = self._product(place, place, self.deviation)
            yield from (up, _Part(ACTIVATION, up.width), self._product(place + 1, tau=tau))
        else:
            up = self._product(block + 1, place, self.deviation)
            yield from (up, _Part(ACTIVATION, up.width))

    def _norm(self, width: int) -> _Part:
        return _Part(NORM, width, centred=isinstance(self.network.norm, LayerNorm))

    def _product(
        self, number: int, site: int = -1, deviation: float = 0.0, *, tau: float = 1.0
    ) -> _Part:
        """The matrix of a ``number``; ``tau``: what its edge has of a multiplier behind it."""
        sites, edge = self.problem.sites, number - 1
        return _Part(
            PRODUCT,
            int(sites.widths[sites.targets[edge]]),
            number=number,
            site=site,
            sd=float(sites.sd[edge]) / tau,
            deviation=deviation,
            rate=float(sites.rates[edge]) / tau**2,
        )
