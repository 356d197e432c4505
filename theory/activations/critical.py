"""Critical points of an activation: the weight and bias variances at which gradients neither grow
nor fade with the depth.

With z ~ N(0, Q), q = E phi(z)^2 and m_p = E |phi'(z)|^p, a layer takes Q to c q(Q) + b for the
weight variance c times fan-in and the bias variance b, and multiplies the gradient's mean square
by chi = c m_2(Q).  Critical is chi = 1 at a fixed point Q*: c = 1/m_2(Q*) and
b = Q* - q(Q*)/m_2(Q*), which exists where b >= 0.  Beside or on the way to Q*,
q ~ C l^(-s) and chi ~ 1 - p/l at layer l.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

import numpy as np
from sympy import Expr, Float, Integer, Rational, oo, pi, sqrt

from theory.activations.contact import (
    half_line_moments,
    half_line_slopes,
    moment_series,
    taylor,
)
from theory.activations.moments import MomentTable, moment_table
from theory.activations.nonlinearity import FloatArray, Nonlinearity, checked_nonlinearity
from theory.coverage import Answering, NoNumber, answered
from theory.errors import InvalidArgument, NotSolved
from theory.public_names import PlainText, PublicNames, cached_property
from theory.validation import brief, non_negative_value, number_between
from theory.waiting import announced

__all__ = [
    "Critical",
    "CriticalPoint",
    "FixedPoint",
    "critical",
    "critical_weight_variance",
    "edge_point",
    "vanishing_point",
]

_RANGE, _WIDE = np.geomspace(1e-4, 1e3, 1000), np.geomspace(1e-9, 1e12, 3000)
"""Variances Q among which critical points are looked for, and the points at a bias variance that
none of them has."""
_BESIDE = 1.2
"""The largest ratio of neighbours between which a change of sign is a root."""
_NOISE = 1e-11
"""Relative differences of moments that are 0 within their error and that of the scan."""
_RESOLVED = 1e-10
"""A bias variance over Q* that is known to a relative error of about 1e-5."""
_HIGHEST_CONTACT = 8


@dataclass(frozen=True)
class FixedPoint:
    """Numbers of the layers deep in a network: q ~ ``constant`` l^(-``power``), chi ~ 1 -
    ``gradient``/l, and the limits ``m1`` = E |phi'|, ``m2`` = E phi'^2, ``kurtosis`` =
    E phi'^4/m_2^2 and ``spread`` = E |phi|/sqrt(q); ``error``: of the Floats, relative."""

    constant: Expr
    power: Expr
    gradient: Expr
    m1: Expr
    m2: Expr
    kurtosis: Expr
    spread: Expr
    error: float = 0.0


@dataclass(frozen=True)
class CriticalPoint(Answering, PlainText):
    """A critical point: ``weight_variance`` times fan-in, ``bias_variance``, the fixed point
    ``variance`` Q*, the ``slope`` of the variance map there, and what ``kind`` it is.

    Kinds: "scale invariant" (every Q is a fixed point), "growing" (the same with biases),
    "vanishing" (Q* = 0, which Q approaches by a power of the layer), "flat" (Q* = 0, where
    phi(z) - phi'(0) z, on each side of 0, has no term up to z^9), "stable" (Q* > 0, which Q
    approaches exponentially), "half-stable" (from one side alone) and "unstable".
    ``fixed_point``: the `FixedPoint`, exact where closed forms exist.

    >>> from theory import Tanh, critical
    >>> critical(Tanh()).points[0]
    CriticalPoint(vanishing: weight variance 1, bias variance 0, Q* = 0, slope 1, q ~ 1/(2 l), \
chi ~ 1 - 1/l, kurtosis 1)
    """

    kind: str
    weight_variance: Expr
    bias_variance: Expr
    variance: Expr
    slope: Expr
    fixed_point: FixedPoint

    def __repr__(self) -> str:
        numbers = self.fixed_point
        names = {"weight variance": self.weight_variance, "bias variance": self.bias_variance}
        said = [f"{name} {_short(value)}" for name, value in names.items()]
        said += [f"Q* = {_short(self.variance)}", f"slope {_short(self.slope)}"]
        if numbers.power:
            said.append(f"q ~ {_power(numbers.constant, numbers.power)}")
        if numbers.gradient:
            sign = "-" if numbers.gradient > 0 else "+"
            said.append(f"chi ~ 1 {sign} {_short(abs(numbers.gradient))}/l")
        said.append(f"kurtosis {_short(numbers.kurtosis)}")
        return f"CriticalPoint({self.kind}: {', '.join(said)})"


@dataclass(frozen=True)
class Critical(Answering, PublicNames):
    """The critical points of an activation: ``points`` lists the isolated critical points, and
    ``edge(Q)`` gives the point of the stable edge whose fixed point is the variance Q.

    >>> from theory import GELU, critical
    >>> [point.kind for point in critical(GELU()).points]
    ['unstable', 'half-stable']
    """

    activation: Nonlinearity
    points: tuple[CriticalPoint, ...]

    def edge(self, variance: object) -> CriticalPoint:
        """The point of the stable edge whose fixed point Q* is ``variance``.

        Raises `InvalidArgument` where Q* is no stable fixed point.

        >>> from theory import GELU, critical
        >>> round(critical(GELU()).edge(4).weight_variance, 6)
        1.976110
        """
        fixed = number_between("variance", variance, "give the fixed point Q*, such as 1.0")
        point = edge_point(self.activation, fixed)
        lost = abs(float(point.bias_variance)) < _RESOLVED * fixed
        if lost and half_line_slopes(self.activation) is None:
            raise InvalidArgument(
                f"expected a Q* nearer to 1 for variance, got variance={fixed:g}, where the bias "
                f"variance is below {_RESOLVED:g} Q* and lost in rounding; give 1.0, or see "
                f"critical({self.activation}) for points without biases"
            )
        if point.kind != "stable":
            raise InvalidArgument(
                f"expected a Q* of the stable edge of {self.activation} for variance, got "
                f"variance={fixed:g}, where the slope of the variance map is "
                f"{_short(point.slope)} and the bias variance {_short(point.bias_variance)}; "
                f"{_stable_range(self.activation)}"
            )
        return point

    def __getitem__(self, item: object) -> NoReturn:
        """Refuse an item, also of a loop."""
        raise NoNumber(f"expected no index [{brief(item)}] for Critical, got one; write .points[0]")

    def __repr__(self) -> str:
        points = "\n".join(f"  {point!r}" for point in self.points)
        return f"Critical points of {self.activation}:\n{points}\n  {self._edges}"

    @cached_property
    def _edges(self) -> str:
        if half_line_slopes(self.activation):
            return "no other: every variance is a fixed point"
        return f"stable edge: {_stable_range(self.activation)}"


@answered
@announced("critical points")
def critical(activation: Nonlinearity, bias_variance: object = None) -> Critical:
    """The critical points of ``activation``, at ``bias_variance`` alone where it is given.

    The search covers Q* = 0 and 1e-4 to 1e3.  If you give a ``bias_variance`` above 0 and this
    range has no point, the search extends to 1e-9 ... 1e12, as far as moments are reliable.  Raises
    `InvalidArgument`, with the range, for an activation without a point in it.

    >>> from theory import Softsign, critical
    >>> critical(Softsign()).points[0].fixed_point.constant
    pi/8
    """
    checked_nonlinearity(activation)
    if bias_variance is None:
        points = _isolated(activation)
    else:
        points = _at_bias(activation, float(non_negative_value("bias_variance", bias_variance)))
    if not points:
        raise InvalidArgument(_none(activation, bias_variance))
    return Critical(activation, points)


@lru_cache(maxsize=64)
def critical_weight_variance(activation: Nonlinearity, bias_variance: Expr) -> Expr:
    """The weight variance of the critical point that is approached at this bias variance."""
    if half_line_slopes(activation):
        return _scale_invariant(activation, Integer(0)).weight_variance
    bias = float(bias_variance)
    at_zero = [] if bias else [vanishing_point(activation)]
    reached = [each for each in at_zero if each and each.kind in ("vanishing", "flat")]
    if not reached:
        reached = [each for each in _at_bias(activation, bias) if each.kind == "stable"]
    if reached:
        return reached[0].weight_variance
    half = [each for each in _isolated(activation) if each.kind == "half-stable"]
    beside = "".join(f"; half-stable at {_numbers(each)}" for each in half)
    raise InvalidArgument(
        f"expected weight_variance for {activation}, got none, and no critical point that "
        f"attracts is found at bias variance {_short(bias_variance)}{beside}; "
        f"{_stable_range(activation, example=True)}"
    )


def _numbers(point: CriticalPoint) -> str:
    sign, speed = "-" if point.fixed_point.gradient > 0 else "+", abs(point.fixed_point.gradient)
    return (
        f"weight variance {float(point.weight_variance):.6g} and bias variance "
        f"{float(point.bias_variance):.6g}, with chi ~ 1 {sign} {float(speed):.3g}/l beside it"
    )


@lru_cache(maxsize=64)
def _isolated(activation: Nonlinearity) -> tuple[CriticalPoint, ...]:
    if half_line_slopes(activation):
        return (_scale_invariant(activation, Integer(0)),)
    found = [point for point in (vanishing_point(activation),) if point]
    table = moment_table(activation)
    scan = _scan(table)
    at_zero_bias = _roots(scan, scan.bias, lambda q: _edge(table, q).bias)
    half_stable = _roots(scan, scan.slope - 1, lambda q: _edge(table, q).slope - 1)
    for variance in sorted([*at_zero_bias, *half_stable]):
        point = edge_point(activation, variance, zero_bias=variance in at_zero_bias)
        if point.bias_variance >= 0:
            found.append(point)
    return tuple(found)


def _at_bias(activation: Nonlinearity, bias: float) -> tuple[CriticalPoint, ...]:
    if half_line_slopes(activation):
        return (_scale_invariant(activation, Rational(repr(bias))),)
    table = moment_table(activation)
    for wide in (False, True) if bias else (False,):
        scan = _scan(table, wide=wide)
        with np.errstate(over="ignore"):
            shifted = scan.bias - bias / scan.variances
        roots = _roots(scan, shifted, lambda q: _edge(table, q).bias - bias / q)
        if roots:
            break
    points = tuple(edge_point(activation, each, zero_bias=not bias) for each in roots)
    vanishing = None if bias else vanishing_point(activation)
    return (vanishing, *points) if vanishing else points


def _scale_invariant(activation: Nonlinearity, bias: Expr) -> CriticalPoint:
    numbers = _beside_zero(half_line_slopes(activation))
    m2 = numbers["m2"]
    if not bias:
        fixed = FixedPoint(Integer(1), Integer(0), Integer(0), **numbers)
        kind, variance = "scale invariant", 1 / m2
    else:
        fixed = FixedPoint(m2 * bias, Integer(-1), Integer(0), **numbers)
        kind, variance = "growing", oo
    return CriticalPoint(kind, 1 / m2, bias, variance, Integer(1), fixed)


def _beside_zero(slopes: tuple[Expr, Expr] | None) -> dict[str, Expr]:
    """Means of an activation with these slopes above and below 0."""
    assert slopes is not None
    m1, m2, m4 = half_line_moments(slopes)
    return {"m1": m1, "m2": m2, "kurtosis": m4 / m2**2, "spread": m1 * sqrt(2 / pi) / sqrt(m2)}


@lru_cache(maxsize=64)
def vanishing_point(activation: Nonlinearity) -> CriticalPoint | None:
    """The critical point at Q* = 0, if phi(0) = 0 and phi'(0) is finite and not 0 on both sides."""
    up, down = (taylor(activation, sign, 1)[1] for sign in (1, -1))
    if taylor(activation, 1, 0)[0] != 0 or not (up or down):
        return None
    if not (up.is_finite and down.is_finite):
        return None
    for order in range(1, _HIGHEST_CONTACT + 1):
        series = moment_series(activation, order)
        if series.q[order] != 0 or series.m2[order] != 0:
            break
    numbers = _beside_zero((up, down))
    m2 = numbers["m2"]
    shrinks, fades = (-each[order] / m2 for each in (series.q, series.m2))
    if not shrinks > 0:
        fixed = FixedPoint(Integer(0), Integer(0), Integer(0), **numbers)
        kind = "unstable" if shrinks < 0 or fades else "flat"
        return CriticalPoint(kind, 1 / m2, Integer(0), Integer(0), Integer(1), fixed)
    power = Rational(2, order)
    constant = m2 * (shrinks / power) ** -power
    fixed = FixedPoint(constant, power, power * fades / shrinks, **numbers)
    return CriticalPoint("vanishing", 1 / m2, Integer(0), Integer(0), Integer(1), fixed)


def edge_point(
    activation: Nonlinearity, variance: float, *, zero_bias: bool = False
) -> CriticalPoint:
    """The point with chi = 1 at the fixed point ``variance``, of any kind."""
    table = moment_table(activation)
    found = table.at(variance)
    slope, bias = found.slope / found.m2, variance - found.q / found.m2
    error = table.error
    gradient, kind = Integer(0), "stable" if slope < 1 else "unstable"
    if abs(slope - 1) < 1e-9:
        kind, slope = "half-stable", 1
        gradient = _float(2 * found.m2_slope / found.curvature)
        error *= 1 + 4 * (found.slope + found.m2) / abs(found.curvature)
    if bias < -_NOISE * variance:
        kind = "unstable"
    m1, m2 = _float(found.m1), _float(found.m2)
    kurtosis, spread = _float(found.m4 / found.m2**2), _float(found.q1 / found.q**0.5)
    constant = _float(found.q)
    fixed = FixedPoint(constant, Integer(0), gradient, m1, m2, kurtosis, spread, error)
    bias_variance = Integer(0) if zero_bias else _float(bias)
    return CriticalPoint(
        kind, _float(1 / found.m2), bias_variance, _float(variance), _float(slope), fixed
    )


class _Scan(NamedTuple):
    """``bias``: b/Q on the edge with fixed point Q; ``slope`` of the variance map there."""

    variances: Any
    bias: Any
    slope: Any


def _edge(table: MomentTable, variances: Any) -> _Scan:
    """At one variance or several."""
    found = table.at(variances)
    with np.errstate(divide="ignore", over="ignore"):
        bias = 1 - found.q / (variances * found.m2)
    return _Scan(variances, bias, found.slope / found.m2)


@lru_cache(maxsize=64)
def _scan(table: MomentTable, *, wide: bool = False) -> _Scan:
    """The variances of a range, read in parts, without the ends where a moment is not known."""
    whole, parts = (_WIDE, 42) if wide else (_RANGE, 8)
    read = []
    for part in np.array_split(whole, parts):
        try:
            read.append(_edge(table, part))
        except NotSolved:  # such as phi^2 that outgrows the density at large Q
            if read:
                break
    if not read:
        table.at(whole)  # the refusal
    return _Scan(*(np.concatenate(column) for column in zip(*read, strict=True)))


def _roots(scan: _Scan, values: FloatArray, function: Callable[[float], float]) -> list[float]:
    """Where ``function`` of the variance, which has ``values`` on the scan, changes sign."""
    variances = scan.variances
    signs = np.where(np.abs(values) < _NOISE, 0.0, np.sign(values))
    clear = np.flatnonzero(signs)
    found = []
    for left, right in pairwise(clear):
        near = variances[right] <= _BESIDE * variances[left]  # else noise lies between
        if near and signs[left] != signs[right]:
            low, high = float(variances[left]), float(variances[right])
            for _ in range(80):
                middle = (low * high) ** 0.5
                if np.sign(function(middle)) == signs[left]:
                    low = middle
                else:
                    high = middle
            found.append((low + high) / 2)
    return found


def _stable_range(activation: Nonlinearity, *, example: bool = False) -> str:
    """Where the edge of an activation is stable, in words; with the network of a point on it."""
    if half_line_slopes(activation):
        return f"{activation} has no stable edge, since every variance is a fixed point"
    scan = _scan(moment_table(activation))
    stable = scan.variances[(scan.bias > -_NOISE) & (scan.slope < 1)]
    if not len(stable):
        return f"{activation} has no stable edge{'; give weight_variance=1, say' * example}"
    roots = [float(point.variance) for point in _isolated(activation)]
    first, last = (
        next((root for root in roots if abs(root / end - 1) < 0.02), end)
        for end in (stable[0], stable[-1])
    )
    low = "0" if first < 2e-4 else f"{first:.5g}"
    high = "" if last > 900 else f" and below {last:.5g}"
    where = f"critical({activation}).edge(Q) gives the stable edge at any Q* above {low}{high}"
    if not example:
        return where
    q = next((q for q in (1, 2, 5, 10, 20, 50) if stable[0] < q < stable[-1]), stable[0])
    return (
        f"{where}, as in point = critical({activation}).edge({q:g}); MLP(activation={activation}, "
        f"weight_variance=point.weight_variance, bias_variance=point.bias_variance)"
    )


def _none(activation: Nonlinearity, bias: object) -> str:
    scan = _scan(moment_table(activation), wide=bool(bias))
    biases = np.where(np.abs(scan.bias) < _NOISE, 0, scan.bias) * scan.variances
    low, high = (f"{scan.variances[end]:.4g}" for end in (0, -1))
    where = f"for every Q* from {low} to {high}, chi = weight_variance E phi'^2 = 1 needs"
    wanted = "a critical point" if bias is None else f"a critical point at bias_variance={bias}"
    if bias is None and scan.bias.max() >= -_NOISE:
        slopes = scan.slope[scan.bias > -_NOISE]
        wanted = "an isolated critical point or a stable edge"
        why = (
            f"{where} a bias variance {_between(biases)} and a slope of the variance map "
            f"{_between(slopes)}, where a slope above 1 is unstable"
        )
    else:
        negative = "negative " * bool(biases.max() < 0)
        why = f"{where} a {negative}bias variance {_between(biases)}"
    stable = "" if bias is None else _stable_range(activation)
    fix = "give another activation" if "no stable edge" in stable or not stable else stable
    return f"expected an activation with {wanted}, got {activation}: {why}; {fix}"


def _between(values: Any) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return f"from {low} to {high}" if low != high else f"of {low}"


def _float(value: float) -> Expr:
    return Float(repr(float(value)))


def _short(value: Expr) -> str:
    if getattr(value, "is_Float", False):
        return f"{float(value):.12g}"
    return brief(value) if getattr(value, "is_Integer", False) else str(value)


def _power(constant: Expr, power: Expr) -> str:
    size = abs(power)
    layer = "l" if size == 1 else f"l^{size}" if size.is_integer else f"l^({size})"
    if power < 0:
        return f"{_short(constant)} {layer}"
    top, bottom = constant.as_numer_denom()
    return f"{top}/({bottom} {layer})" if bottom != 1 else f"{top}/{layer}"
