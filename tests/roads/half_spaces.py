"""Update parts at widths 1 and 2 with the masks as true sign functions, no fair coins.

The Gaussian integrals are cut into the half-lines, quadrants and angles on which every mask
is constant, and the sign of every activation is carried, zero included: after a dead layer
(all activations 0) every further mask is sigma'(0) = a. Weights are critical,
W_ij ~ N(0, c/fan-in) with c = 2/(1 + a^2); the readout is N(0, 1/n_L^2).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import mpmath  # type: ignore[import-untyped, unused-ignore]

from tests.roads.polar import EE, EO, NORM2, OO, RHO2, angular_integral, radial_integral
from tests.roads.polynomial import Polynomial, dot, gaussian_integral, half_line_integral, total

__all__ = ["width_one", "width_two"]

_DIGITS = 30
_GUARD_DIGITS = 15

Parts = tuple[Polynomial, Polynomial]


def _variables(*indices: int) -> list[Polynomial]:
    """The indeterminates with the given numbers."""
    return [Polynomial.indeterminate(k) for k in indices]


def _value(polynomial: Polynomial) -> Fraction:
    """The value of a constant polynomial."""
    return Fraction(polynomial.terms.get(0, 0), polynomial.denominator)


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
    masks: list[Fraction], layer: int, input_norm2: Fraction, rates: tuple[Fraction, ...]
) -> Parts:
    """(g^2 K^2, f^2 g^2 K^2); variable 0 is v, 1 is z^(1), and l = 2, ..., L is w^(l)."""
    readout, z, *weights = _variables(*range(len(masks) + 1))
    g = readout.scaled(masks[-1])
    for w, d in reversed(list(zip(weights[layer - 1 :], masks[layer - 1 :], strict=False))):
        g = (w * g).scaled(d)
    kernels = [Polynomial.constant(rates[0] * input_norm2)]
    for w, d, rate in zip(weights, masks, rates[1:], strict=False):
        x = z.scaled(d)
        kernels.append((x * x).scaled(rate) + (w * w * kernels[-1]).scaled(d**2))
        z = w * x
    f = readout * z.scaled(masks[-1])
    update = kernels[layer - 1] * g
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
    variances = {1: c * input_norm2 / input_width} | dict.fromkeys(range(2, depth + 1), c)
    parts = [Fraction(0), Fraction(0)]
    for signs in product((1, -1), repeat=depth):
        masks = _signed_masks(signs, slope)
        for part, integrand in enumerate(_width_one_integrands(masks, layer, input_norm2, rates)):
            over_readout = gaussian_integral(integrand, {0: Fraction(1)})
            parts[part] += _value(half_line_integral(over_readout, variances))
    return parts[0], parts[1]


def _quadrant_masks(slope: Fraction) -> list[tuple[Fraction, Fraction]]:
    """The masks in the four quadrants of a plane, counter-clockwise from (+, +)."""
    one = Fraction(1)
    return [(one, one), (slope, one), (slope, slope), (one, slope)]


def _one_layer(kernel: Fraction, variance: Fraction, slope: Fraction) -> tuple[Fraction, Fraction]:
    """The parts at widths (2,): g = D v, K = kernel I, f = v.D z, over the quadrants of z."""
    v, z = _variables(0, 1), _variables(2, 3)
    parts = [Fraction(0), Fraction(0)]
    for masks in _quadrant_masks(slope):
        g = [v_a.scaled(d) for v_a, d in zip(v, masks, strict=True)]
        f, square = dot(g, z), dot(g, g).scaled(kernel**2)
        for part, integrand in enumerate((square, f * f * square)):
            over_readout = gaussian_integral(integrand, dict.fromkeys((0, 1), Fraction(1, 4)))
            over_z = half_line_integral(over_readout, dict.fromkeys((2, 3), variance))
            parts[part] += _value(over_z) / 2
    return parts[0], parts[1]


# The second layer, given z^(1), in the variables here and those of polar.py. Row a of W^(2) is
# w_a = alpha_a e + beta_a e', with e = x^(1)/|x^(1)| and e' = e turned by a right angle, so
# z^(2)_a = |x^(1)| alpha_a and the mask of neuron a is decided by the sign of alpha_a.
_V, _BETA, _ALPHA = (0, 1), (2, 3), (4, 5)


def _masked_gram() -> list[list[Polynomial]]:
    """S = W^(2) D^2 W^(2)^T, D the masks of layer 1, in the variables above."""
    alpha, beta = _variables(*_ALPHA), _variables(*_BETA)
    ee, eo, oo = _variables(EE, EO, OO)

    def entry(i: int, j: int) -> Polynomial:
        mixed = total((alpha[i] * beta[j], beta[i] * alpha[j]))
        return total((alpha[i] * alpha[j] * ee, mixed * eo, beta[i] * beta[j] * oo))

    return [[entry(i, j) for j in range(2)] for i in range(2)]


def _two_layer_integrands(
    masks: tuple[Fraction, Fraction], layer: int, kernel: Fraction, rates: tuple[Fraction, ...]
) -> Parts:
    """(|K g|^2, f^2 |K g|^2) with the given masks of layer 2, in the variables above."""
    g = [v_a.scaled(m) for v_a, m in zip(_variables(*_V), masks, strict=True)]
    rho2, norm2 = _variables(RHO2, NORM2)
    x_norm2 = rho2 * norm2
    from_below = [dot(row, g).scaled(kernel) for row in _masked_gram()]
    if layer == 1:  # g^(1) = D W^T g^(2) and K^(1) = kernel I
        square = dot(g, from_below).scaled(kernel)
    else:  # K^(2) = r_2 |x^(1)|^2 I + kernel S
        update = [
            (x_norm2 * g_a).scaled(rates[1]) + u for g_a, u in zip(g, from_below, strict=True)
        ]
        square = dot(update, update)
    f_over_norm = dot(g, _variables(*_ALPHA))
    return square, x_norm2 * f_over_norm * f_over_norm * square


def _second_layer_integral(
    layer: int,
    kernel: Fraction,
    variances: tuple[Fraction, Fraction],
    slope: Fraction,
    rates: tuple[Fraction, ...],
) -> Parts:
    """The integrands integrated over v, beta, alpha and rho; what is left depends on theta."""
    readout = dict.fromkeys(_V, Fraction(1, 4)) | dict.fromkeys(_BETA, variances[1])
    sums: list[list[Polynomial]] = [[], []]
    for masks in _quadrant_masks(slope):
        for part, integrand in enumerate(_two_layer_integrands(masks, layer, kernel, rates)):
            over_lines = gaussian_integral(integrand, readout)
            over_rows = half_line_integral(over_lines, dict.fromkeys(_ALPHA, variances[1]))
            sums[part].append(radial_integral(over_rows, variances[0]))
    return total(sums[0]), total(sums[1])


def width_two(
    *,
    depth: int,
    layer: int,
    input_width: int,
    input_norm2: Fraction,
    slope: Fraction,
    rates: tuple[Fraction, ...],
) -> tuple[Any, Any]:
    """E[g^T K^2 g]/2 and E[f^2 g^T K^2 g]/2 for widths (2,) or (2, 2), to 30 digits (mpf).

    By rotation invariance of W^(1), z^(1) is a plane Gaussian of variance c |x|^2/n_0: its
    masks are integrated over quadrants, in polar coordinates. Given x^(1), the masks of
    layer 2 are the signs of the components of the rows of W^(2) along x^(1).
    """
    c = 2 / (1 + slope**2)
    kernel, variances = rates[0] * input_norm2, (c * input_norm2 / input_width, c / 2)
    with mpmath.workdps(_DIGITS + _GUARD_DIGITS):
        if depth == 1:
            shallow = _one_layer(kernel, variances[0], slope)
            parts = [mpmath.mpf(part.numerator) / part.denominator for part in shallow]
        elif depth == 2:
            polynomials = _second_layer_integral(layer, kernel, variances, slope, rates)
            # A quadrant with D = 0 is a dead layer: x^(1) = 0, so every mask of layer 2 is
            # a = 0 there, g vanishes, and so do both integrands.
            alive = [(s, d) for s, d in enumerate(_quadrant_masks(slope)) if any(d)]
            parts = [sum(angular_integral(p, d, s) for s, d in alive) / 2 for p in polynomials]
        else:
            raise ValueError(f"expected depth 1 or 2, got {depth}")
    with mpmath.workdps(_DIGITS):
        return +parts[0], +parts[1]
