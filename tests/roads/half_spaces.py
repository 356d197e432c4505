"""Update parts at widths 1 and 2 with the masks as true sign functions, no fair coins.

The Gaussian integrals are cut into the half-lines, quadrants and angles on which every mask
is constant, and the sign of every activation is carried, zero included: after a dead layer
(all activations 0) every further mask is sigma'(0) = a. Weights are critical,
W_ij ~ N(0, c/fan-in) with c = 2/(1 + a^2); the readout is N(0, 1/n_L^2).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import factorial
from typing import Any

import mpmath  # type: ignore[import-untyped, unused-ignore]

from .polynomial import GaussianMeasure, Polynomial, dot, monomial_exponents, total

__all__ = ["width_one", "width_two"]

_DIGITS = 30
_GUARD_DIGITS = 15


class _HalfLines:
    """Independent centred Gaussians, the first ``cut`` of them restricted to one half-line."""

    def __init__(self, variances: list[Fraction], *, cut: int) -> None:
        self._measure = GaussianMeasure(variances)
        self._cut = cut

    def expectation(self, polynomial: Polynomial) -> Fraction:
        """E[P; the first ``cut`` variables each on its half-line], for P even in those.

        E[w^p; w > 0] = E[w^p; w < 0] = (p - 1)!! variance^{p/2} / 2 for even p; an odd
        moment would be irrational, and is refused.
        """
        for monomial in polynomial.terms:
            if any(k < self._cut and p % 2 for k, p in monomial_exponents(monomial)):
                raise ArithmeticError("an odd half-line moment survived the other integrals")
        return self._measure.expectation(polynomial) / 2**self._cut


def _variables(count: int, *, start: int = 0) -> list[Polynomial]:
    """The indeterminates number start, ..., start + count - 1."""
    return [Polynomial.indeterminate(start + k) for k in range(count)]


def _signed_masks(signs: tuple[int, ...], slope: Fraction) -> list[Fraction]:
    """Masks of a width-one network from the signs of its weights, for a positive input.

    sign z^(l) = sign w^(l) sign x^(l-1), d^(l) = 1 if z^(l) > 0 else a, x^(l) = d^(l) z^(l).
    """
    masks: list[Fraction] = []
    sign_x = 1
    for sign_w in signs:
        sign_z = sign_w * sign_x
        masks.append(Fraction(1) if sign_z > 0 else slope)
        sign_x = sign_z if masks[-1] else 0
    return masks


def _width_one_integrands(
    masks: list[Fraction], layer: int, kernel: Fraction, rates: tuple[Fraction, ...]
) -> tuple[Polynomial, Polynomial]:
    """(g^2 K^2, f^2 g^2 K^2) at given masks, in z^(1), w^(2), ..., w^(L), v (in this order)."""
    z, *weights, readout = _variables(len(masks) + 1)
    g = readout.scaled(masks[-1])
    for w, d in reversed(list(zip(weights, masks, strict=False))[layer - 1 :]):
        g = (w * g).scaled(d)
    k = Polynomial.constant(kernel)
    update = k * g
    for below, (w, d) in enumerate(zip(weights, masks, strict=False), start=1):
        x = z.scaled(d)
        k = (x * x).scaled(rates[below]) + (w * w * k).scaled(d**2)
        z = w * x
        if below + 1 == layer:
            update = k * g
    f = readout * z.scaled(masks[-1])
    return update * update, f * f * update * update


def width_one(
    *,
    depth: int,
    layer: int,
    input_width: int,
    input_norm2: Fraction,
    slope: Fraction,
    rates: tuple[Fraction, ...],
) -> tuple[Fraction, Fraction]:
    """E[g^2 K^2] and E[f^2 g^2 K^2] at the given layer of a network of widths (1,) * depth.

    z^(1) ~ N(0, c |x|^2/n_0), w^(l) ~ N(0, c) for l > 1 and v ~ N(0, 1). The integral over
    (z^(1), w^(2), ...) is the sum over the 2^depth products of half-lines, with the sign of
    each actual pre-activation carried from layer to layer.
    """
    c = 2 / (1 + slope**2)
    variances = [c * input_norm2 / input_width, *[c] * (depth - 1), Fraction(1)]
    measure = _HalfLines(variances, cut=depth)
    label = output = Fraction(0)
    for signs in product((1, -1), repeat=depth):
        masks = _signed_masks(signs, slope)
        integrands = _width_one_integrands(masks, layer, rates[0] * input_norm2, rates)
        label += measure.expectation(integrands[0])
        output += measure.expectation(integrands[1])
    return label, output


def _mask_pairs(slope: Fraction) -> list[tuple[Fraction, Fraction]]:
    """The masks in the four quadrants of a plane, counter-clockwise from (+, +)."""
    one = Fraction(1)
    return [(one, one), (slope, one), (slope, slope), (one, slope)]


def _width_two_shallow(
    kernel: Fraction, z_variance: Fraction, slope: Fraction
) -> tuple[Fraction, Fraction]:
    """The parts for widths (2,): g = D v, K = kernel I, f = v.D z, over the quadrants of z."""
    measure = _HalfLines([z_variance] * 2 + [Fraction(1, 4)] * 2, cut=2)
    z, v = _variables(2), _variables(2, start=2)
    label = output = Fraction(0)
    for masks in _mask_pairs(slope):
        update = [v_a.scaled(d * kernel) for v_a, d in zip(v, masks, strict=True)]
        x = [z_a.scaled(d) for z_a, d in zip(z, masks, strict=True)]
        f, square = dot(v, x), dot(update, update)
        # The readout is integrated first: it removes the terms odd in one z_a.
        label += measure.expectation(_even_in(square, v_start=2))
        output += measure.expectation(_even_in(f * f * square, v_start=2))
    return label / 2, output / 2


def _even_in(polynomial: Polynomial, *, v_start: int) -> Polynomial:
    """The terms even in every variable from number ``v_start`` on (the others integrate to 0)."""
    kept = {
        monomial: coefficient
        for monomial, coefficient in polynomial.terms.items()
        if not any(k >= v_start and p % 2 for k, p in monomial_exponents(monomial))
    }
    return Polynomial(kept, polynomial.denominator)


# Variables of the second layer, given z^(1): row a of W^(2) is w_a = alpha_a e + beta_a e',
# with e = x^(1)/|x^(1)| and e' orthogonal to e; so z^(2)_a = |x^(1)| alpha_a.
# 0, 1: alpha;  2, 3: beta;  4, 5: v;  6: |x^(1)|^2;  7, 8, 9: e.D^2 e, e.D^2 e', e'.D^2 e'.
_GEOMETRY = 6


def _width_two_integrands(
    masks: tuple[Fraction, Fraction], layer: int, kernel: Fraction, rates: tuple[Fraction, ...]
) -> tuple[Polynomial, Polynomial]:
    """(|K g|^2, f^2 |K g|^2) at given masks of layer 2, in the variables numbered above."""
    alpha, beta, v = (_variables(2, start=k) for k in (0, 2, 4))
    norm2, e_e, e_o, o_o = _variables(4, start=_GEOMETRY)
    square = [  # S = W D^2 W^T, D the masks of layer 1
        [
            total((alpha[i] * alpha[j] * e_e, beta[i] * beta[j] * o_o))
            + (alpha[i] * beta[j] + beta[i] * alpha[j]) * e_o
            for j in range(2)
        ]
        for i in range(2)
    ]
    g = [v_a.scaled(m) for v_a, m in zip(v, masks, strict=True)]
    s_g = [dot(row, g).scaled(kernel) for row in square]
    if layer == 1:  # g^(1) = D W^T g and K^(1) = kernel I
        update2 = dot(g, s_g).scaled(kernel)
    else:  # K^(2) = r_2 |x^(1)|^2 I + kernel S
        update = [(norm2 * g_a).scaled(rates[1]) + s for g_a, s in zip(g, s_g, strict=True)]
        update2 = dot(update, update)
    f_over_norm = dot(g, alpha)
    return update2, norm2 * f_over_norm * f_over_norm * update2


def _integrate_layer_two(
    integrands: tuple[Polynomial, Polynomial], variance: Fraction
) -> list[dict[tuple[int, int, int, int], Fraction]]:
    """Integrate alpha (half-lines), beta and v; what is left is a polynomial in the geometry."""
    measure = _HalfLines([variance] * 4 + [Fraction(1, 4)] * 2, cut=2)
    results = []
    for integrand in integrands:
        groups: dict[tuple[int, int, int, int], list[Polynomial]] = {}
        kept = _even_in(integrand, v_start=_GEOMETRY + 4)
        for monomial, coefficient in kept.terms.items():
            powers = dict(monomial_exponents(monomial))
            a, b, c, d = (powers.get(_GEOMETRY + k, 0) for k in range(4))
            inner = monomial & ((1 << (16 * _GEOMETRY)) - 1)
            term = Polynomial({inner: coefficient}, kept.denominator)
            groups.setdefault((a, b, c, d), []).append(_even_between(term))
        results.append({k: measure.expectation(total(p)) for k, p in groups.items()})
    return results
