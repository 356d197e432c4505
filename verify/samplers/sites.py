"""`Sites` is a network as the arrays that passes read: its inputs, its sites from below up, and the
output f.

Every site is x_p = D_p (sum over edges of W x_source + sum over links of c x_source), as
`theory.networks.sites` has it, and is known by its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sympy import Rational

from theory.activations import Nonlinearity, PiecewiseLinear
from theory.errors import InvalidArgument
from theory.networks.network import Network
from theory.networks.sites import BELOW, Edge, Link, Site
from theory.validation import brief
from verify.numerics.arrays import FloatArray

__all__ = ["WIDEST", "Sites", "lowered", "ordinary_number"]

WIDEST = 10**9
"""The widest networks that are drawn."""
_OUTPUT = "f"
"""The name of the output among the sites."""
_LEAST, _MOST = 1e-300, 1e300
"""Sizes of variances, norms and multipliers that are ordinary numbers of double precision."""
_ROUNDING = 1e-12
"""The size of inner products, relative to the largest, below which they are rounding errors."""
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sites:
    """The inputs are the first ``len(inputs)`` sites, f is the last one.

    ``inputs``: the vectors in coordinates of their span, shape ``(inputs, rank)``: the law depends
    on their inner products alone.
    ``widths``: shape ``(sites,)``.  ``slopes``: of the activations on negative numbers; NaN for
    activations that are not piecewise linear.
    ``first_edge``: the edges into site p have the numbers ``first_edge[p]`` to
    ``first_edge[p + 1] - 1``; shape ``(sites + 1,)``.
    ``sources``, ``weights``, ``sd``, ``rates``: of each edge, its source, the identity of its
    weights, from 1, the standard deviation of one weight, and the multiplier of eta.
    ``first_link``, ``link_sources``, ``link_factors``: the links, likewise; c is positive.
    """

    inputs: FloatArray
    widths: Integers
    slopes: FloatArray
    first_edge: Integers
    sources: Integers
    weights: Integers
    sd: FloatArray
    rates: FloatArray
    first_link: Integers
    link_sources: Integers
    link_factors: FloatArray

    @cached_property
    def targets(self) -> Integers:
        """The site that each edge leads into, shape ``(edges,)``."""
        return np.repeat(np.arange(self.widths.size), np.diff(self.first_edge))

    @cached_property
    def is_chain(self) -> bool:
        """Whether every site reads the site below alone, with one activation: an MLP."""
        hidden = self.slopes[1:-1]
        return (
            len(self.inputs) == 1
            and not self.link_sources.size
            and np.array_equal(self.targets, np.arange(1, self.widths.size))
            and np.array_equal(self.sources, self.targets - 1)
            and bool(np.all(hidden == hidden[:1]))
        )

    @cached_property
    def moving(self) -> npt.NDArray[np.bool_]:
        """The sites that a step can move: trained weights that f reads lie below."""
        if self.is_chain:
            return np.concatenate(([False], np.cumsum(self.rates > 0) > 0))
        reaching = self._above(np.arange(self.widths.size) == self.widths.size - 1)
        used = np.zeros(self.weights.max() + 1, dtype=bool)
        used[self.weights[reaching[self.targets]]] = True
        moving = np.zeros(self.widths.size, dtype=bool)
        moving[self.targets[(self.rates > 0) & used[self.weights]]] = True
        for site, sources in enumerate(self._sources):
            moving[site] |= moving[sources].any()
        return moving

    def below(self, asked: Integers) -> npt.NDArray[np.bool_]:
        """The sites ``asked``, and the sites that they read, directly or not."""
        return self._above(np.isin(np.arange(self.widths.size), asked))

    def _above(self, reached: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """``reached``, and all sites that lead into them."""
        for site in range(self.widths.size - 1, -1, -1):
            if reached[site]:
                reached[self._sources[site]] = True
        return reached

    @cached_property
    def _sources(self) -> list[Integers]:
        """The sources of the edges and links of each site."""
        edges = np.split(self.sources, self.first_edge[1:-1])
        links = np.split(self.link_sources, self.first_link[1:-1])
        return [np.concatenate(both) for both in zip(edges, links, strict=True)]


class _Columns(NamedTuple):
    """The arrays of some sites; sources count from the first of these sites, weights from 0."""

    widths: Integers
    slopes: FloatArray
    edges: Integers
    sources: Integers
    weights: Integers
    sd: FloatArray
    rates: FloatArray
    links: Integers
    link_sources: Integers
    link_factors: FloatArray

    @property
    def identities(self) -> int:
        """How many weights differ."""
        return int(self.weights.max()) + 1

    def repeated(self, count: int, site: int, weight: int) -> _Columns:
        """``count`` such cells one above the other, the first site and weights of which have the
        numbers ``site`` and ``weight``."""
        size, used = self.widths.size, self.identities
        cells = np.arange(count)[:, None]
        shifted: dict[str, Any] = {
            "sources": (self.sources + site + size * cells).ravel(),
            "weights": (self.weights + weight + used * cells).ravel(),
            "link_sources": (self.link_sources + site + size * cells).ravel(),
        }
        return _Columns(**{k: np.tile(v, count) for k, v in self._asdict().items()} | shifted)


def lowered(network: Network, rates: Any) -> Sites:
    """The sites of a network without symbols; ``rates``: as its ``_cells`` takes them.

    Raises `InvalidArgument` for widths and scales out of range, and inner products of no vectors.
    """
    names, inputs = _inputs(network)
    known = {name: number - len(names) for number, name in enumerate(names)}
    site, weight, found = len(names), 1, []
    read: dict[object, _Columns] = {}
    for cell, count in network._cells(rates):
        sites = [each for step in cell for each in step]
        key = cell, tuple(known.items())
        if key not in read:
            read[key] = _columns(sites, known | {BELOW: -1})
        columns = read[key]
        found.append(columns.repeated(count, site, weight))
        site, weight = site + count * len(sites), weight + count * columns.identities
        known = {each.name: number - len(sites) for number, each in enumerate(sites)}
    found.append(_columns([network._readout()], known | {BELOW: -1}).repeated(1, site, weight))
    joined = {name: np.concatenate([getattr(c, name) for c in found]) for name in _Columns._fields}
    still, begin = np.zeros(len(names), np.int64), np.zeros(1, np.int64)
    first = np.full(len(names), _width(network.first_fan_in), np.int64)
    return Sites(
        inputs=inputs,
        widths=np.concatenate((first, joined.pop("widths"))),
        slopes=np.concatenate((still + 1.0, joined.pop("slopes"))),
        first_edge=np.cumsum(np.concatenate((begin, still, joined.pop("edges")))),
        first_link=np.cumsum(np.concatenate((begin, still, joined.pop("links")))),
        **joined,
    )


def _columns(sites: Sequence[Site], known: Mapping[str, int]) -> _Columns:
    """The arrays of ``sites``; ``known``: sources below them, by how far below the first."""
    place = dict(known) | {site.name: number for number, site in enumerate(sites)}
    identities: dict[object, int] = {}
    edges = [(site, edge) for site in sites for edge in site.edges]
    links = [link for site in sites for link in site.links]
    for number, (_, edge) in enumerate(edges):
        identities.setdefault(edge.weights or number, len(identities))
    numbers = [identities[edge.weights or number] for number, (_, edge) in enumerate(edges)]
    return _Columns(
        widths=np.array([_width(site.width) for site in sites], np.int64),
        slopes=np.array([_slope(site.activation) for site in sites]),
        edges=np.array([len(site.edges) for site in sites], np.int64),
        sources=np.array([place[edge.source] for _, edge in edges], np.int64),
        weights=np.array(numbers, np.int64),
        sd=np.array([_deviation(site, edge) for site, edge in edges]),
        rates=np.array([ordinary_number("rates", edge.rate) for _, edge in edges]),
        links=np.array([len(site.links) for site in sites], np.int64),
        link_sources=np.array([place[link.source] for link in links], np.int64),
        link_factors=np.array([_factor(link) for link in links]),
    )


def _factor(link: Link) -> float:
    """The constant of a link: of a skip from the cell below, or of a branch behind its weights."""
    name = "skip2" if link.source == BELOW else "multiplier2"
    return sqrt(ordinary_number(name, link.squared))


def _slope(activation: Nonlinearity) -> float:
    """The slope on negative numbers; NaN where the activation is not piecewise linear."""
    if not isinstance(activation, PiecewiseLinear):
        return float("nan")
    slope = activation.slope
    if not 0 <= slope <= 1:
        raise InvalidArgument(
            f"expected an activation of a slope from 0 to 1 for a simulation, got "
            f"activation={activation!r} of slope {slope}; ask theory, which takes every exact "
            f"slope, as in squared_update(network)"
        )
    return ordinary_number("negative_slope", slope)


def _deviation(site: Site, edge: Edge) -> float:
    """The standard deviation of one weight, from the number that users give: times the fan-in, or
    its square into the output."""
    fan_in = _width(edge.fan_in)
    if site.name == _OUTPUT and site.width == 1:
        variance = ordinary_number("readout_variance", edge.variance * fan_in**2)
        return float(variance**0.5 / fan_in)
    name = "weight_variance times multiplier2" if site.links else "weight_variance"
    return sqrt(ordinary_number(name, edge.variance * fan_in) / fan_in)


def _inputs(network: Network) -> tuple[list[str], FloatArray]:
    """The names of the inputs, and vectors of their inner products, by Cholesky's method."""
    products = network._gram()
    names = list(dict.fromkeys(name for name, _ in products))
    if len(names) == 1:
        (norm2,) = products.values()
        return names, np.array([[ordinary_number("input_norm2", norm2) ** 0.5]])
    numbers = [[_signed("gram", products[one, two]) for two in names] for one in names]
    left = np.array(numbers)
    largest = np.abs(left).max()
    vectors: list[FloatArray] = []
    while len(vectors) < len(names) and left.diagonal().max() > _ROUNDING * largest:
        pivot = int(np.argmax(left.diagonal()))
        vectors.append(left[:, pivot] / sqrt(left[pivot, pivot]))
        left = left - np.outer(vectors[-1], vectors[-1])
    return names, np.stack(vectors, axis=1)


def _width(width: Any) -> int:
    """A width as an int; `InvalidArgument` where no sampler draws it."""
    if width > WIDEST:
        raise InvalidArgument(
            f"expected a width of at most {WIDEST:,} for a simulation, got "
            f"width={brief(int(width))}; give a smaller width"
        )
    return int(width)


def _signed(name: str, exact: Any) -> float:
    return ordinary_number(name, abs(exact)) * (1.0 if exact > 0 else -1.0)


def ordinary_number(name: str, exact: Any) -> float:
    """An exact number in double precision; `InvalidArgument` near the ends of its range, where a
    positive number would become 0."""
    if exact == 0 or _LEAST <= exact <= _MOST:
        return float(exact)
    raise InvalidArgument(
        f"expected a number from 1e-300 to 1e+300 for {name}, the range of double precision, got "
        f"{name}={_beyond(exact)}; simulate a network of another scale, or use theory, whose "
        f"values have no such limits"
    )


def _beyond(exact: Any) -> str:
    """A number in three digits, or as many more as show it beyond the range."""
    least, most = Rational("1e-300"), Rational("1e300")
    texts = (str(exact.evalf(digits)).replace("E", "e") for digits in (3, 6, 10, 20, 40))
    return next((text for text in texts if not least <= Rational(text) <= most), str(exact))
