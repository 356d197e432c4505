"""`squared_update`: E[(Delta z)^2] of one gradient step, label and output parts apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mpmath import mpf, workdps
from sympy import Expr, Integer, Symbol
from sympy.polys.domains.domain import Domain

from theory.derivation import derive
from theory.errors import NotSolved
from theory.mean_field import MeanFieldLaw, leading_in_width
from theory.network import MLP
from theory.notation import Math
from theory.numerals import number_text
from theory.observables import K, Observable, f, g
from theory.recursion import field_of
from theory.rendering import formula_display
from theory.solved_mean import SolvedMean
from theory.steps import Line
from theory.symbols import L, ell, eta, n
from theory.validation import positive_int

if TYPE_CHECKING:
    from theory.derivation_steps import DerivationSteps

__all__ = ["PARTS", "SquaredUpdate", "squared_update"]

_MOVED = g @ K @ K @ g
PARTS: dict[str, Observable] = {"label": _MOVED, "output": f**2 * _MOVED}
"""|K g|^2 times the 1 and the f^2 of E_y (f - y)^2 = 1 + f^2, for a label y = +-1."""


@dataclass(frozen=True)
class SquaredUpdate(SolvedMean):
    """E[(Delta z_i)^2] of a neuron in one hidden layer, for one linearised gradient step.

    Delta z = -(f - y) K g to first order in eta; the mean is over the initialisation and the
    label y = +-1.  Made by `squared_update`; `label` and `output` are values of the same type.

    >>> from theory import MLP, squared_update
    >>> squared_update(MLP())
    SquaredUpdate at layer L of MLP(): L**3*eta**2/3 to leading order
    """

    @property
    def layer(self) -> int | Symbol:
        """The hidden layer, 1 to L.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(width=8, depth=3), layer=2).layer
        2
        """
        return self.derivations[0].layer

    @property
    def label(self) -> SquaredUpdate:
        """The part from the label, E|K g|^2/n: exists alone while the output is zero.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(depth=2)).label.exact
        eta**2*(3*n + 5)/n
        """
        return self._part("label")

    @property
    def output(self) -> SquaredUpdate:
        """The part from the network's output, E f^2 |K g|^2/n.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).output.leading()
        L**3*eta**2/(3*n)
        """
        return self._part("output")

    def _part(self, name: str) -> SquaredUpdate:
        parts = tuple(d for d in self.derivations if d.observable == PARTS[name])
        if not parts:
            raise AttributeError(f"this is one part of an update already; it has no part {name!r}")
        return SquaredUpdate(parts)

    @cached_property
    def derivation(self) -> DerivationSteps:
        """The steps from the definition to the law, each a checked identity; printed in full, and
        displayed in notebooks.

        >>> from theory import MLP, squared_update
        >>> steps = squared_update(MLP()).derivation
        >>> print(steps[-1])
        Maximal learning rate
          The largest learning rate with E[(Δz_i)²] ≤ 1 in every hidden layer, of which the last
          layer binds:
            maximal learning rate ~ sqrt(3)/L**(3/2)
          checked: at this rate the mean squared update is 1 (1 equality)
          checked: from each layer to the next the update is proven to grow (1 equality)
        """
        from theory.derivation_steps import DerivationSteps

        return DerivationSteps(self)

    @property
    def exact(self) -> Expr:
        """E[(Delta z)^2]: an exact rational, or function of the symbols left, times eta**2.

        With a symbolic depth or layer, a closed form for equal hidden widths, for sizes that meet
        `conditions`; raises `NotSolved` for widths that differ.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(width=1)).label.exact
        6**L*L*eta**2*(L + 2)/36
        """
        return self._in_full(eta**2)

    @property
    def per_eta2(self) -> Expr:
        """`exact` at eta = 1.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(width=2, depth=2)).per_eta2
        1033/16
        """
        return self._in_full(Integer(1))

    def _in_full(self, times: Expr) -> Expr:
        if self.in_numbers:
            return self.domain.to_sympy(self.value) * times
        return self.solved(times)

    @cached_property
    def value(self) -> Any:
        """`per_eta2` as an element of `domain`."""
        total = sum((d.value for d in self.derivations), self.domain.zero)
        return total / self.domain.from_sympy(self.width_here)

    @property
    def domain(self) -> Domain:
        """The field of `value`: the rationals, or rational functions of the symbols left."""
        return field_of(self.network.free_symbols)

    def evaluate(self, digits: int = 15) -> mpf:
        """`per_eta2` of a network in numbers as a decimal number, at any depth in milliseconds.

        Relative error below 10^-digits; exact values at depth 10,000 take minutes instead.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(width=10**6, depth=10**4)).evaluate()
        mpf('341807052719.91071')
        """
        with workdps(digits + 5):
            total = sum((d.evaluate(digits + 5) for d in self.derivations), mpf(0))
            total /= int(self.width_here)
        with workdps(digits):
            return +total

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth (and ``ell``) grows.

        With a depth in numbers, the first limit alone.  Raises `NotSolved` for a width in
        numbers, and for a numbered layer of a network of symbolic depth.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).leading()
        L**3*eta**2/3
        """
        power, coefficient = self.leading_term()
        return coefficient * n**power * eta**2

    def leading_term(self) -> tuple[int, Expr]:
        """Power of n and its coefficient in `leading`, at eta = 1."""
        if not self.in_numbers and self.derivations[0].rates is not None:
            return self.solved_leading()
        terms = [derivation.leading_term() for derivation in self.derivations]
        top = max(power for power, _ in terms)
        return top - 1, sum((c for power, c in terms if power == top), Integer(0))

    def width_series(self, order: int) -> tuple[Expr, ...]:
        """Coefficients of n^0, n^-1, ..., n^-order at eta = 1 as n -> infinity: numbers, or
        polynomials in L and ell.

        Raises `NotSolved` for a width in numbers.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(depth=2)).width_series(2)
        (3, 8, 45)
        >>> squared_update(MLP()).width_series(1)
        (L**3/3 + L/6, 5*L**4/6 - 4*L**3/3 + 5*L**2/3 - 2*L/3)
        """
        if order != 0:
            order = positive_int("order", order)
        if self.network.width != n:
            raise NotSolved(
                f"width_series() needs a symbolic width, got {self.network!r}: leave width out"
            )
        if not self.in_numbers:
            return self.solved_series(order)
        rest, width, coefficients = self.value, self.domain.from_sympy(n), []
        for _ in range(order + 1):
            power, leading = leading_in_width(self.domain, rest)
            coefficients.append(leading if power == 0 else Integer(0))
            rest = (rest - self.domain.from_sympy(coefficients[-1])) * width
        return tuple(coefficients)

    @property
    def law(self) -> MeanFieldLaw:
        """The limit of infinite width at eta = 1, exact in ell and L, of the dominant part.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).law
        MeanFieldLaw: ell**3/3 + ell/6 at layer ell of L, as n → ∞
        """
        laws = [derivation.law for derivation in self.derivations]
        law = max(laws, key=lambda each: each.power)
        return replace(law, power=law.power - 1)

    def places(self) -> list[int]:
        """The value at eta = 1 of every layer 1 to L in a network of numbers, times 2^128 and
        rounded down, short by at most one per part."""
        parts = [derivation.quotients() for derivation in self.derivations]
        widths = self.network.widths[1:]
        return [
            sum(quotient.places() // width for quotient in quotients)
            for width, *quotients in zip(widths, *parts, strict=True)
        ]

    def _repr_latex_(self) -> str:
        """The exact value and, with symbolic sizes, its limit."""
        lines = [Line(self._symbol, Math.of(self.exact))]
        if self.network.width == n and self.layer in (L, ell):
            lines.append(Line(self._symbol, Math.of(self.leading()), "~"))
        return formula_display(*lines)

    @property
    def _symbol(self) -> Math:
        """What it is the value of, part and layer in place."""
        names = [name for name, o in PARTS.items() if o in {d.observable for d in self.derivations}]
        part = rf"_{{\text{{{names[0]}}}}}" if len(names) < len(PARTS) else ""
        layer = Math.of(self.layer).latex if isinstance(self.layer, Symbol) else str(self.layer)
        return Math("", rf"\mathbb{{E}}\bigl[(\Delta z^{{({layer})}}_i)^2\bigr]{part}")

    def __repr__(self) -> str:
        names = [name for name, o in PARTS.items() if o in {d.observable for d in self.derivations}]
        what = "SquaredUpdate" if len(names) == len(PARTS) else f"SquaredUpdate, {names[0]} part,"
        return f"{what} at layer {self.layer} of {self.network}: {self._headline()}"

    def _headline(self) -> str:
        """The value where it is known, else the law, else what to give."""
        try:
            if not isinstance(self.network.depth, int):
                if isinstance(self.network.width, int) or isinstance(self.layer, int):
                    return str(self.exact)
                return f"{self.leading()} to leading order"
            if self.in_numbers and self.domain.is_QQ:
                return f"{number_text(self.per_eta2)} * eta**2"
            return str(self.exact)
        except NotSolved as reason:
            return str(reason)


def squared_update(network: MLP, layer: object = None, *, rates: object = None) -> SquaredUpdate:
    """Derive E[(Delta z)^2] at a layer of ``network``, for one gradient step to first order.

    ``layer``: None for the last hidden layer, an int from 1 to L, or the symbol ``ell``.
    ``rates``: one non-negative multiplier of eta per hidden layer, 0 leaving it untrained; all 1
    for None.  Raises `InvalidArgument` for arguments of another kind.

    >>> from theory import MLP, squared_update
    >>> squared_update(MLP(width=10, depth=2)).label.exact
    7*eta**2/2
    >>> squared_update(MLP(depth=2)).label.exact
    eta**2*(3*n + 5)/n
    """
    derived = (derive(o, network, layer=layer, rates=rates) for o in PARTS.values())
    return SquaredUpdate(tuple(derived))
