"""Integrals over a plane Gaussian vector z = rho (cos theta, sin theta) and its masks D.

With x = D z, e = x/|x| and e' = e turned by a right angle, an integrand is a polynomial in
the five variables numbered here (any other variable has been integrated before):
RHO2 = rho^2, NORM2 = |x|^2/rho^2, EE = e.D^2 e, EO = e.D^2 e', OO = e'.D^2 e'.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import mpmath  # type: ignore[import-untyped, unused-ignore]

from tests.roads.polynomial import Polynomial, monomial_exponents, total

__all__ = ["EE", "EO", "NORM2", "OO", "RHO2", "angular_integral", "radial_integral"]

RHO2, NORM2, EE, EO, OO = range(6, 11)


def radial_integral(polynomial: Polynomial, variance: Fraction) -> Polynomial:
    """Replace rho^{2k} by E rho^{2k} = (2 variance)^k k!, rho the length of a plane Gaussian."""
    parts = []
    for monomial, coefficient in polynomial.terms.items():
        powers = dict(monomial_exponents(monomial))
        k = powers.pop(RHO2, 0)
        term = Polynomial.constant(Fraction(coefficient, polynomial.denominator))
        for index, power in powers.items():
            for _ in range(power):
                term = term * Polynomial.indeterminate(index)
        parts.append(term.scaled((2 * variance) ** k * factorial(k)))
    return total(parts)


def _geometry(theta: Any, masks: tuple[Fraction, Fraction]) -> dict[int, Any]:
    """NORM2, EE, EO and OO at the angle theta of z^(1), for masks D of layer 1."""
    d = [mpmath.mpf(m.numerator) / m.denominator for m in masks]
    x = (d[0] * mpmath.cos(theta), d[1] * mpmath.sin(theta))
    norm2 = x[0] ** 2 + x[1] ** 2
    ee = ((d[0] * x[0]) ** 2 + (d[1] * x[1]) ** 2) / norm2
    oo = ((d[0] * x[1]) ** 2 + (d[1] * x[0]) ** 2) / norm2
    eo = (d[1] ** 2 - d[0] ** 2) * x[0] * x[1] / norm2
    return {NORM2: norm2, EE: ee, EO: eo, OO: oo}


def _evaluate(polynomial: Polynomial, point: dict[int, Any]) -> Any:
    """The value of a polynomial at a point, in mpmath numbers."""
    value = mpmath.mpf(0)
    for monomial, coefficient in polynomial.terms.items():
        powers = monomial_exponents(monomial)
        value += coefficient * mpmath.fprod(point[k] ** p for k, p in powers)
    return value / polynomial.denominator


def angular_integral(polynomial: Polynomial, masks: tuple[Fraction, Fraction], sector: int) -> Any:
    """(1/2 pi) times the integral of P over the angles of quadrant ``sector`` = 0..3.

    ``masks`` are the diagonal of D there; the working precision is mpmath's current one.
    """
    ends = [mpmath.pi * sector / 2, mpmath.pi * (sector + 1) / 2]
    integral = mpmath.quad(lambda theta: _evaluate(polynomial, _geometry(theta, masks)), ends)
    return integral / (2 * mpmath.pi)
