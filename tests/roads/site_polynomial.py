"""Exact updates of any network of sites by brute force: polynomials in its weights, all masks.

A site is z = sum over edges of factor * W x_source + sum over links of factor * x_source, and
x = D z with independent fair coins D in {1, slope} where it is masked.  Every weight is an
indeterminate.  For each pattern of the masks the block of the kernel between a site and the output,
a sum over weights of products of partial derivatives, is a polynomial in the weights, whose
Gaussian moments are taken monomial by monomial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from tests.roads.polynomial import GaussianMeasure, Polynomial, dot, total

__all__ = ["LiteralEdge", "LiteralSite", "site_update"]

ONE = Fraction(1)
Vector = list[Polynomial]
Weights = dict[str, list[list[int]]]


@dataclass(frozen=True)
class LiteralEdge:
    """Weights of identity ``weights`` and ``variance``, trained at ``rate``, times ``factor``."""

    source: str
    weights: str
    variance: Fraction
    rate: Fraction = ONE
    factor: Fraction = ONE


@dataclass(frozen=True)
class LiteralSite:
    """A site; ``slope`` is None where it has no mask, ``links`` are pairs of source and factor."""

    name: str
    width: int
    edges: tuple[LiteralEdge, ...]
    slope: Fraction | None = None
    links: tuple[tuple[str, Fraction], ...] = ()


def site_update(
    sites: Sequence[LiteralSite],
    inputs: Mapping[str, tuple[Fraction, ...]],
    target: str,
) -> tuple[Fraction, Fraction]:
    """E sum_i (K_zf)_i^2 and E f^2 sum_i (K_zf)_i^2, over the width of the site ``target``; f is
    the last of the ``sites``, and all come after their sources."""
    weights, rates, measure = _weights(sites, {name: len(x) for name, x in inputs.items()})
    label, output = Fraction(0), Fraction(0)
    patterns = list(_patterns(sites))
    for masks in patterns:
        before = _pre_activations(sites, inputs, weights, masks)
        (f,) = before[sites[-1].name]
        moved = [_block(z, f, rates) for z in before[target]]
        expected = measure.expectation_of_product
        label += sum((expected(k, k) for k in moved), Fraction(0))
        output += sum((expected(f * k, f * k) for k in moved), Fraction(0))
    over = len(patterns) * next(site.width for site in sites if site.name == target)
    return label / over, output / over


def _weights(
    sites: Sequence[LiteralSite], widths: dict[str, int]
) -> tuple[Weights, list[Fraction], GaussianMeasure]:
    """The indeterminates of each matrix, and the rate and the law of every indeterminate."""
    matrices: Weights = {}
    rates: list[Fraction] = []
    variances: list[Fraction] = []
    for site in sites:
        widths[site.name] = site.width
        for edge in site.edges:
            if edge.weights not in matrices:
                size = widths[edge.source]
                first = len(rates)
                matrices[edge.weights] = [
                    [first + i * size + j for j in range(size)] for i in range(site.width)
                ]
                rates += [edge.rate] * (site.width * size)
                variances += [edge.variance] * (site.width * size)
    return matrices, rates, GaussianMeasure(variances)


def _patterns(sites: Sequence[LiteralSite]) -> Iterator[dict[str, tuple[Fraction, ...]]]:
    masked = [(site, site.slope) for site in sites if site.slope is not None]
    laws = (product((ONE, slope), repeat=site.width) for site, slope in masked)
    for values in product(*laws):
        yield {site.name: mask for (site, _), mask in zip(masked, values, strict=True)}


def _pre_activations(
    sites: Sequence[LiteralSite],
    inputs: Mapping[str, tuple[Fraction, ...]],
    weights: Weights,
    masks: Mapping[str, tuple[Fraction, ...]],
) -> dict[str, Vector]:
    """z of every site."""
    x = {name: [Polynomial.constant(c) for c in values] for name, values in inputs.items()}
    before: dict[str, Vector] = {}
    for site in sites:
        parts = [
            [
                dot([Polynomial.indeterminate(k) for k in row], x[edge.source]).scaled(edge.factor)
                for row in weights[edge.weights]
            ]
            for edge in site.edges
        ]
        parts += [[value.scaled(factor) for value in x[source]] for source, factor in site.links]
        before[site.name] = [total(values) for values in zip(*parts, strict=True)]
        mask = masks.get(site.name, (ONE,) * site.width)
        x[site.name] = [z.scaled(d) for z, d in zip(before[site.name], mask, strict=True)]
    return before


def _block(z: Polynomial, f: Polynomial, rates: Sequence[Fraction]) -> Polynomial:
    """The sum over weights of rate dz/dw df/dw."""
    return total(
        (z.derivative(k) * f.derivative(k)).scaled(rate) for k, rate in enumerate(rates) if rate
    )
