"""Exact expectations by brute force: one polynomial in all the weights, monomial by monomial.

Every weight (and readout entry) is an indeterminate. For each pattern of the masks, which
are independent fair coins with the values 1 and a (independent of everything even in each
row), the observable is a polynomial in the weights, and its Gaussian expectation is a sum of
double factorials. There is no recursion over layers: the kernel matrix comes from its
definition, a sum over weights of products of partial derivatives of pre-activations.

Patterns that differ by relabelling the neurons inside layers have equal expectations (the
weights are exchangeable, the observables invariant); one of each class is computed, and
counted as often as the class has members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import comb, prod

from tests.roads.polynomial import GaussianMeasure, Polynomial, dot, total

__all__ = ["Factors", "expectation", "label_part", "output_part", "update_parts"]

Factors = tuple[tuple[str, str], ...]

Vector = list[Polynomial]
Matrix = list[Vector]
Masks = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True)
class _Network:
    """A network whose weights are indeterminates; ``indices[l]`` numbers those of W^(l+1)."""

    widths: tuple[int, ...]
    x: tuple[Fraction, ...]
    slope: Fraction
    indices: list[list[list[int]]]
    readout: list[int]
    probes: list[int]
    measure: GaussianMeasure


def _network(
    widths: tuple[int, ...],
    x: tuple[Fraction, ...],
    slope: Fraction,
    weight_variance: Fraction | None,
    readout_variance: Fraction,
) -> _Network:
    """Number all the weights, the readout, and one more indeterminate (a probe) per neuron."""
    c = 2 / (1 + slope**2) if weight_variance is None else weight_variance
    variances: list[Fraction] = []
    indices: list[list[list[int]]] = []
    for fan_in, rows in zip((len(x), *widths), widths, strict=False):
        first = len(variances)
        variances += [Fraction(c) / fan_in] * (rows * fan_in)
        indices.append([[first + i * fan_in + j for j in range(fan_in)] for i in range(rows)])
    readout = list(range(len(variances), len(variances) + widths[-1]))
    variances += [Fraction(readout_variance) / widths[-1] ** 2] * widths[-1]
    probes = list(range(len(variances), len(variances) + max(widths)))
    measure = GaussianMeasure(variances)
    return _Network(widths, x, slope, indices, readout, probes, measure)


def _mask_patterns(widths: tuple[int, ...], slope: Fraction) -> Iterator[tuple[Masks, Fraction]]:
    """One mask pattern of each class under relabelling of neurons, with its probability."""
    on = Fraction(1)
    for active in product(*(range(width + 1) for width in widths)):
        masks = tuple((on,) * k + (slope,) * (w - k) for k, w in zip(active, widths, strict=True))
        count = prod(comb(w, k) for k, w in zip(active, widths, strict=True))
        yield masks, Fraction(count, 2 ** sum(widths))


def _weights(network: _Network, layer: int) -> Matrix:
    """The matrix W^(layer)."""
    return [[Polynomial.indeterminate(k) for k in row] for row in network.indices[layer - 1]]


def _masked(vector: Vector, mask: Sequence[Fraction]) -> Vector:
    """D vector."""
    return [component.scaled(d) for component, d in zip(vector, mask, strict=True)]


def _pre_activation(network: _Network, masks: Masks, layer: int) -> Vector:
    """z^(layer) = W^(layer) D^(layer-1) ... D^(1) W^(1) x."""
    z = [Polynomial.constant(component) for component in network.x]
    for below in range(1, layer + 1):
        x = _masked(z, masks[below - 2]) if below > 1 else z
        z = [dot(row, x) for row in _weights(network, below)]
    return z


def _output(network: _Network, z: Vector, masks: Masks, layer: int) -> Polynomial:
    """The network's output f as a function of z^(layer); masks of the layers from there on."""
    for above, mask in enumerate(masks[:-1], start=layer + 1):
        x = _masked(z, mask)
        z = [dot(row, x) for row in _weights(network, above)]
    return dot([Polynomial.indeterminate(k) for k in network.readout], _masked(z, masks[-1]))


def _gradient(network: _Network, masks: Masks, layer: int) -> Vector:
    """g^(layer)_i = df/dz_i^(layer), differentiating f at an indeterminate z^(layer)."""
    probes = network.probes[: network.widths[layer - 1]]
    f = _output(network, [Polynomial.indeterminate(k) for k in probes], masks, layer)
    return [f.derivative(k) for k in probes]


def _kernel_matrix(network: _Network, z: Vector, rates: tuple[Fraction, ...], layer: int) -> Matrix:
    """K_ij = sum over weights mu of layers <= layer of rate (dz_i/dmu)(dz_j/dmu)."""
    parts: list[list[list[Polynomial]]] = [[[] for _ in z] for _ in z]
    for rate, rows in zip(rates[:layer], network.indices[:layer], strict=True):
        for mu in (index for row in rows for index in row):
            column = [z_i.derivative(mu) for z_i in z]
            support = [i for i, entry in enumerate(column) if entry.terms]
            for i, j in product(support, support):
                parts[i][j].append((column[i] * column[j]).scaled(rate))
    return [[total(entry) for entry in row] for row in parts]


def _apply(word: str, vector: Vector, kernel: Matrix, mask: Sequence[Fraction]) -> Vector:
    """The product of matrices spelt by the letters K and D, applied to a vector."""
    for letter in reversed(word):
        if letter == "D":
            vector = _masked(vector, mask)
        elif letter == "K":
            vector = [dot(row, vector) for row in kernel]
        else:
            raise ValueError(f"expected letters K and D, got {letter!r} in {word!r}")
    return vector


def _factor(
    kind: str, word: str, z: Vector, kernel: Matrix, mask: Sequence[Fraction]
) -> Polynomial:
    """tr(word) for the kind "trace", z^T word z for the kind "form"."""
    if kind == "form":
        return dot(z, _apply(word, z, kernel, mask))
    if kind != "trace":
        raise ValueError(f"expected the kind 'trace' or 'form', got {kind!r}")
    size = range(len(z))
    units = [[Polynomial.constant(int(i == j)) for i in size] for j in size]
    return total(_apply(word, units[j], kernel, mask)[j] for j in size)


def expectation(
    factors: Factors,
    *,
    widths: tuple[int, ...],
    x: tuple[Fraction, ...],
    slope: Fraction,
    rates: tuple[Fraction, ...],
    layer: int,
    weight_variance: Fraction | None = None,
) -> Fraction:
    """E of a product of factors tr(word) and z^T word z, words over K^(layer) and D^(layer).

    W^(l)_ij ~ N(0, c/fan-in), c = 2/(1 + slope^2) unless ``weight_variance`` is given; the
    law of the layers above ``layer`` plays no part.
    """
    widths = widths[:layer]
    network = _network(widths, x, slope, weight_variance, Fraction(1))
    masked = widths[-1:] if any("D" in word for _, word in factors) else ()
    result = Fraction(0)
    for below, weight in _mask_patterns(widths[:-1], slope):
        z = _pre_activation(network, below, layer)
        kernel = _kernel_matrix(network, z, rates, layer)
        for mask, share in _mask_patterns(masked, slope):
            top = mask[0] if mask else ()
            polynomials = [_factor(*factor, z, kernel, top) for factor in factors]
            left, right = Polynomial.constant(1), Polynomial.constant(1)
            for polynomial in sorted(polynomials, key=lambda p: -len(p.terms)):
                left, right = right, left * polynomial
            result += weight * share * network.measure.expectation_of_product(left, right)
    return result


def _part(
    network: _Network, rates: tuple[Fraction, ...], layer: int, *, with_output: bool
) -> Fraction:
    """E[g^T K^2 g]/n_layer, with the factor f^2 inside the expectation if asked for."""
    result = Fraction(0)
    expected = network.measure.expectation_of_product
    for below, weight in _mask_patterns(network.widths[: layer - 1], network.slope):
        z = _pre_activation(network, below, layer)
        kernel = _kernel_matrix(network, z, rates, layer)
        for above, share in _mask_patterns(network.widths[layer - 1 :], network.slope):
            update = _apply("K", _gradient(network, above, layer), kernel, ())
            if with_output:
                f = _output(network, z, above, layer)
                value = expected(f * f, dot(update, update))
            else:
                value = sum((expected(u, u) for u in update), Fraction(0))
            result += weight * share * value
    return result / network.widths[layer - 1]


def label_part(
    *,
    widths: tuple[int, ...],
    x: tuple[Fraction, ...],
    slope: Fraction,
    rates: tuple[Fraction, ...],
    layer: int,
    weight_variance: Fraction | None = None,
    readout_variance: Fraction = Fraction(1),
) -> Fraction:
    """E[g^T K^2 g]/n_layer at the given layer, per eta^2; readout ~ N(0, s/n_L^2)."""
    network = _network(widths, x, slope, weight_variance, readout_variance)
    return _part(network, rates, layer, with_output=False)


def output_part(
    *,
    widths: tuple[int, ...],
    x: tuple[Fraction, ...],
    slope: Fraction,
    rates: tuple[Fraction, ...],
    layer: int,
    weight_variance: Fraction | None = None,
    readout_variance: Fraction = Fraction(1),
) -> Fraction:
    """E[f^2 g^T K^2 g]/n_layer at the given layer, per eta^2; readout ~ N(0, s/n_L^2)."""
    network = _network(widths, x, slope, weight_variance, readout_variance)
    return _part(network, rates, layer, with_output=True)


def update_parts(
    *,
    widths: tuple[int, ...],
    x: tuple[Fraction, ...],
    slope: Fraction,
    rates: tuple[Fraction, ...],
    layer: int,
    weight_variance: Fraction | None = None,
    readout_variance: Fraction = Fraction(1),
) -> tuple[Fraction, Fraction]:
    """The label part E[g^T K^2 g]/n_layer and the output part E[f^2 g^T K^2 g]/n_layer."""
    network = _network(widths, x, slope, weight_variance, readout_variance)
    label = _part(network, rates, layer, with_output=False)
    return label, _part(network, rates, layer, with_output=True)
