"""A formula read for a target: its symbols in the network's sizes, a rate as what it says of E."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from sympy import Expr, Integer

from theory import MLP, InvalidArgument, LeakyReLU
from theory.precision import mpf, sqrt, workdps
from theory.symbols import a, ell, eta, n_0, t
from verify.claims.evaluation import DIGITS, Number, decimal
from verify.claims.formula import EXACT_TOLERANCE, FLOAT_TOLERANCE, Formula
from verify.claims.target import Point, Quantity, Target, sizes

__all__ = ["Reading", "default_network"]


def default_network(formula: Formula) -> MLP:
    """The network that leaves open what the formula names."""
    options = {}
    if n_0 in formula.symbols:
        options["input_width"] = n_0
    if a in formula.symbols:
        options["activation"] = LeakyReLU(a)
    return MLP(**options)


@dataclass(frozen=True)
class Reading:
    """A formula, and the target that it is read for.

    A formula of the update that does not name eta is read per eta^2.  Raises `InvalidArgument` for
    one that names what the target lacks.
    """

    formula: Formula
    target: Target

    def __post_init__(self) -> None:
        if self.target.quantity is Quantity.RATE and self.formula.has_rate:
            raise InvalidArgument(
                "expected a formula without eta with quantity='rate', got one with eta; the "
                "formula is for the largest eta itself"
            )
        if self.target.quantity is Quantity.RATE and ell in self.formula.symbols:
            raise InvalidArgument(
                "expected a formula without ell with quantity='rate', got one with ell; a maximal "
                "rate has no layer: leave ell out, or write L"
            )
        missing = self.formula.symbols - set(sizes(self.target)) - {eta}
        if missing:
            raise InvalidArgument(
                f"expected a formula without {', '.join(sorted(map(str, missing)))} for "
                f"{self.target.network}, whose widths differ; give a network of one width"
            )

    @cached_property
    def expression(self) -> Expr | None:
        """The formula in the sizes that are open; None for a function of numbers."""
        if self.formula.expression is None:
            return None
        return self.formula.expression.xreplace(
            {symbol: value for symbol, value in sizes(self.target).items() if symbol != t}
        )

    @cached_property
    def per_eta2(self) -> Expr | None:
        """The formula at eta = 1."""
        return None if self.expression is None else self.expression.xreplace({eta: Integer(1)})

    @cached_property
    def lifted(self) -> Expr | None:
        """What the formula says of E per eta^2, as an expression; for a rate bound/rate^2."""
        if self.per_eta2 is None or self.target.quantity is Quantity.UPDATE:
            return self.per_eta2
        return None if self.per_eta2 == 0 else self.target.bound * self.per_eta2**-2

    def original(self, point: Point, rate: int = 1) -> Number | None:
        """The formula's own value at a point, at eta = ``rate``."""
        at = sizes(self.target.at(point))
        values = {s: Fraction(int(v.p), int(v.q)) for s, v in at.items()}
        return self.formula.value(values | {eta: Fraction(rate)})

    def value(self, point: Point) -> Number | None:
        """What the formula says of E per eta^2 at a point; None where it says nothing."""
        return self.target.lifted(self.original(point))

    def unlifted(self, value: Number | None) -> Number | None:
        """A value of E as one of the quantity: for a rate, (bound/E)^(1/2)."""
        if value is None or self.target.quantity is Quantity.UPDATE:
            return value
        with workdps(DIGITS + 15):
            bound = self.target.bound
            return sqrt(mpf(int(bound.p)) / int(bound.q) / decimal(value))

    @property
    def tolerance(self) -> mpf:
        """The relative error of the formula's values that are not rational."""
        return FLOAT_TOLERANCE if self.formula.in_floats else EXACT_TOLERANCE

    @property
    def closeness(self) -> str:
        """How closely values that are not rational were compared."""
        if self.formula.in_floats:
            return ", floats to nine digits"
        return ""
