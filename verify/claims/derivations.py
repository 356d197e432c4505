"""A derivation of a user's own, as a number for one network.

A derivation is a sympy expression, a callable, or a number.  A callable's parameters say by their
names what it is called with; an expression's symbols do the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

from sympy import Expr, Float, Integer, Rational, expand, radsimp

from theory.algebra.precision import DECIMALS, is_decimal, mpf, published, workdps
from theory.errors import InvalidArgument
from theory.formulas.builder import FORMULA_SYMBOLS
from theory.networks.mlp import MLP
from theory.networks.network import numeric_rates
from theory.solutions.value import Number
from theory.symbols import eta
from theory.validation import shown

__all__ = ["DIGITS", "QUANTITIES", "SYMBOLS", "decimal", "per_eta2", "same"]

SYMBOLS = tuple(FORMULA_SYMBOLS)
"""What formulas are written in: width, depth, layer, input width, learning rate, L/n and slope."""
QUANTITIES = ("network", "layer", "rates", *SYMBOLS)
"""What a callable may ask for by the names of its parameters."""
DIGITS = 50
"""Digits of what is not rational."""


def per_eta2(derivation: object, network: MLP, layer: int, rates: object = None) -> Expr:
    """The value of ``derivation`` at a layer of a network in numbers, over eta**2.

    A value without eta is read as one at eta = 1.  Sizes are handed over as exact sympy numbers,
    so that ``L**3/3`` stays a fraction; ``rates`` as one exact multiplier for each layer.  Raises
    `InvalidArgument` for names that are not in `QUANTITIES`, for ``n`` or ``t`` where the hidden
    widths differ, and for values that are not numbers.

    >>> per_eta2(lambda n, L: L * (L + n) / n, MLP(2, 3), 3)
    15/2
    >>> per_eta2(lambda network, layer: network.layers - layer, MLP(2, 3), 1)
    2
    >>> from theory import squared_update
    >>> per_eta2(eta**2 / 3, MLP(2, 3), 3), per_eta2(squared_update(MLP()).label, MLP(2, 2), 2)
    (1/3, 11/2)
    """
    value = derivation.exact if isinstance(derivation, Number) else derivation
    if callable(derivation) and not isinstance(derivation, Expr | Number):
        names = _parameters(derivation)
        value = derivation(**{name: _quantity(name, network, layer, rates) for name in names})
    expression = _expression(value, network)
    symbols = {symbol: symbol.name for symbol in expression.free_symbols}
    for name in symbols.values():
        _known(name, SYMBOLS, "symbol")
    values = {symbol: _quantity(name, network, layer, rates) for symbol, name in symbols.items()}
    inserted = expression.subs(values, simultaneous=True)
    return inserted / eta**2 if "eta" in symbols.values() else inserted


def _parameters(derivation: Callable[..., Any]) -> list[str]:
    """The names of a callable's parameters that have no default."""
    try:
        parameters = inspect.signature(derivation).parameters.values()
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"expected a derivation whose parameters have names, got "
            f"derivation={shown(derivation)}; wrap it in a lambda n, L: ..."
        ) from None
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [p for p in parameters if p.kind not in variadic]
    names = [p.name for p in named if p.default is p.empty or p.name in QUANTITIES]
    for name in names:
        _known(name, QUANTITIES, "parameter")
    return names


def _known(name: str, names: tuple[str, ...], what: str) -> None:
    if name not in names:
        raise InvalidArgument(
            f"expected each {what} of the derivation to be one of {', '.join(names)}, got "
            f"{name!r}; rename it, or put its value in"
        )


def _quantity(name: str, network: MLP, layer: int, rates: object) -> Any:
    """What the name stands for; sizes as sympy numbers."""
    if name in ("n", "t"):
        width = _width(network, name)
        return width if name == "n" else Integer(network.layers) / width
    given: dict[str, Callable[[], Any]] = {
        "network": lambda: network,
        "layer": lambda: layer,
        "rates": lambda: numeric_rates(network, rates),
        "L": lambda: Integer(network.layers),
        "ell": lambda: Integer(layer),
        "n_0": lambda: Integer(network.widths[0]),
        "eta": lambda: eta,
        "a": lambda: network.activation.slope,
    }
    return given[name]()


def _width(network: MLP, name: str) -> Integer:
    hidden = set(network.widths[1:])
    if len(hidden) == 1:
        return Integer(hidden.pop())
    raise InvalidArgument(
        f"expected equal hidden widths for a derivation in {name}, got {network}; take the "
        f"network as a parameter, or draw networks with equal widths"
    )


def _expression(value: Any, network: MLP) -> Expr:
    if isinstance(value, Expr):
        return value
    if isinstance(value, Integral | Fraction) and not isinstance(value, bool):
        return Rational(value.numerator, value.denominator)
    if is_decimal(value):
        return Float(published(value, DIGITS), DIGITS)
    if isinstance(value, Real | Decimal) and not isinstance(value, bool):
        return Float(str(value), 15 if isinstance(value, float) else DIGITS)
    raise InvalidArgument(
        f"expected a number or an expression from the derivation at {network}, got "
        f"{shown(value)}; return E[(Δz)²], exact or at eta = 1"
    )


def decimal(value: Expr) -> mpf | None:
    """A value as a decimal number of `DIGITS` digits; None for what is not finite and real.

    >>> decimal(Rational(1, 4)), decimal(eta)
    (mpf('0.25'), None)
    """
    if value.free_symbols:
        return None
    number = value.evalf(DIGITS)
    if not (number.is_Number and number.is_real and number.is_finite):
        return None
    with workdps(DIGITS):
        return DECIMALS.convert(number)


def same(value: Expr, exact: Expr) -> bool:
    """Whether a value without floats is the rational number ``exact``.

    `InvalidArgument` for what is not seen to be rational but agrees to 45 digits.

    >>> from sympy import sqrt
    >>> same((1 + sqrt(2)) * (sqrt(2) - 1), Integer(1)), same(sqrt(2), Integer(1))
    (True, False)
    """
    if decimal(value) is None:
        return False
    plain = value if value.is_Rational else expand(radsimp(value))
    if plain.is_Rational:
        return bool(plain == exact)
    difference, size = decimal(plain - exact), decimal(exact)
    if difference is None or size is None or abs(difference) > (size or 1) * mpf(10) ** -45:
        return False
    raise InvalidArgument(
        f"expected a rational number from the derivation, got {shown(value)}, which agrees with "
        f"{exact} to 45 digits; simplify it first"
    )
