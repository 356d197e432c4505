"""This module confirms the truth of generated claims by values of 60 digits and more at random
sizes.

The values come from a walk over the expression and from the recursion through the layers
(`theory.SquaredUpdate.evaluate`), and never from a normal form.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from mpmath.ctx_mp import MPContext
from sympy import Add, Expr, Mul, Pow, Symbol, exp

from studies.claims_made import Made
from theory import MLP, LeakyReLU, maximal_learning_rate, squared_update
from theory.algebra.numerals import InverseSquareRoot
from theory.symbols import L, a, ell, eta, n, n_0, t

__all__ = ["confirmed"]

_DIGITS = 60
_EXACT = MPContext()
_EXACT.dps = 400
_FAR = MPContext()
_FAR.dps = 2500
_TRIALS = 8
_EQUAL, _LIMIT = 1e-50, 1e-14


def confirmed(claim: Made, seed: int) -> bool | None:
    """Whether values show the claim to be right; None where it has no real value to show it."""
    rng = random.Random(seed)
    exact = claim.options["claim"] == "exact"
    error = _error_at_sizes if exact else _error_far_out
    errors = [error(claim, rng, trial % 2) for trial in range(_TRIALS)]
    if None in errors:
        return False if claim.change == "complex" else None
    largest = max(error for error in errors if error is not None)
    return bool(largest < (_EQUAL if exact else _LIMIT))


def _error_at_sizes(claim: Made, rng: random.Random, parity: int) -> Any:
    """The relative difference of formula and law at random sizes, of an even or an odd depth."""
    network, point = _numbers(claim.options["network"], rng, parity)
    depth = network.layers
    layer = None
    if claim.options.get("layer") is not None:
        layer = rng.randint(1, depth)
        point[ell] = Fraction(layer)
    if claim.options.get("quantity") == "rate":
        law = _EXACT.mpf(maximal_learning_rate(network).evaluate(_DIGITS + 10))
        scale = Fraction(1)
    else:
        whole = squared_update(network, layer)
        part = claim.options.get("part", "total")
        value = whole if part == "total" else getattr(whole, part)
        law = _EXACT.mpf(value.evaluate(_DIGITS + 10))
        scale = point[eta] ** 2 if eta in claim.expression.free_symbols else Fraction(1)
    mine = _value(claim.expression, point, _EXACT)
    return None if mine is None else abs(mine / (law * scale.numerator / scale.denominator) - 1)


def _numbers(network: MLP, rng: random.Random, parity: int) -> tuple[MLP, dict[Symbol, Fraction]]:
    """The network at random sizes, and the sizes."""
    small = rng.random() < 0.5
    open_width = rng.randint(9, 20) if small else int(10 ** rng.uniform(0, 6))
    open_depth = rng.randint(9, 20) if small else int(10 ** rng.uniform(0, 3))
    open_depth += (open_depth + parity) % 2
    width = network.width if isinstance(network.width, int) else open_width
    depth = network.depth if isinstance(network.depth, int) else open_depth
    options: dict[str, Any] = {}
    point = {n: Fraction(width), L: Fraction(depth), eta: Fraction(rng.randint(1, 99), 10)}
    point |= {t: point[L] / point[n], n_0: Fraction(width), a: Fraction(0)}
    if network.input_width == n_0:
        options["input_width"] = int(10 ** rng.uniform(0, 6))
        point[n_0] = Fraction(options["input_width"])
    if network.activation.slope == a:
        point[a] = Fraction(rng.randint(1, 20), 20)
        options["activation"] = LeakyReLU(point[a])
    return MLP(width, depth, **options), point


def _error_far_out(claim: Made, rng: random.Random, parity: int) -> Any:
    """The relative difference of formula and limit, as far out as its corrections need."""
    options = claim.options
    joint = options["claim"] == "joint"
    ratio = Fraction(rng.randint(1, 30), 10)
    depth = Fraction(10**40 + parity) if not joint else ratio * 10**90
    point = {L: depth, n: Fraction(10**90 if joint else 10**200)}
    point |= {
        eta: Fraction(rng.randint(1, 99), 10),
        n_0: Fraction(rng.randint(1, 9)),
        a: Fraction(rng.randint(1, 20), 20),
    }
    point |= {t: point[L] / point[n], ell: depth * Fraction(rng.randint(1, 8), 8)}
    scale = Fraction(1)
    if options.get("quantity") != "rate" and eta not in claim.expression.free_symbols:
        scale = point[eta] ** 2
    mine, other = (_value(each, point, _FAR) for each in (claim.expression, claim.law))
    if mine is None:
        return None
    return abs(mine * scale.numerator / scale.denominator / other - 1)


def _value(node: Expr, point: dict[Symbol, Fraction], context: Any) -> Any:
    """The value of an expression; None where it is not real."""
    known = {s: context.mpf(x.numerator) / x.denominator for s, x in point.items()}
    try:
        value = _computed(node, known, context)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(value, context.mpc) and abs(value.imag) > 0 else context.re(value)


def _computed(node: Expr, known: dict[Expr, Any], context: Any) -> Any:
    """The value of a node, which ``known`` then holds: equal parts are computed once."""
    if node not in known:
        known[node] = _combined(
            node, [_computed(each, known, context) for each in node.args], context
        )
    return known[node]


def _combined(node: Expr, values: list[Any], context: Any) -> Any:
    if node.is_Rational:
        return context.mpf(int(node.p)) / int(node.q)
    if isinstance(node, Add):
        return context.fsum(values)
    if isinstance(node, Mul):
        return context.fprod(values)
    if isinstance(node, Pow):
        return _power(values[0], values[1], context)
    if isinstance(node, InverseSquareRoot):
        return 1 / context.sqrt(values[0])
    if isinstance(node, exp):
        return context.exp(values[0])
    raise AssertionError(f"a made claim holds {type(node).__name__}")


def _power(base: Any, exponent: Any, context: Any) -> Any:
    """Integer powers by their sign and logarithm, since depths are as long as 40 digits."""
    if context.isint(exponent) and isinstance(base, context.mpf) and base != 0:
        size = context.exp(exponent * context.log(abs(base)))
        return -size if base < 0 and int(exponent) % 2 else size
    return base**exponent
