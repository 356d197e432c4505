"""`squared_update`: E[(Delta z)^2] of one gradient step, label and output parts apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

from sympy import Expr, Integer, Symbol
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import field_of
from theory.algebra.numerals import number_text
from theory.errors import NotSolved
from theory.laws.derivation_steps import DerivationSteps
from theory.laws.headline import headline
from theory.laws.mean import SolvedMean
from theory.networks.mlp import MLP
from theory.public_names import cached_property
from theory.solutions.derivation import derive
from theory.solutions.evaluation import layer_means, mean_over_layers
from theory.solutions.infinite_width import MeanFieldLaw, leading_in_width
from theory.symbols import L, ell, eta, n
from theory.validation import positive_int
from theory.words.observables import K, Observable, f, g
from theory.writing.blocks import Line
from theory.writing.notation import Math
from theory.writing.rendering import formula_display

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
    def parts(self) -> Mapping[str, Observable]:
        """|K g|^2 times the 1 and the f^2."""
        return PARTS

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
        return DerivationSteps(self)

    @property
    def exact(self) -> Expr:
        """E[(Delta z)^2]: an exact rational, or function of the symbols left, times eta**2.

        Do not put floats into a closed form: its terms cancel, so that at n = 10^7 and L = 8 not
        one digit is left.  ``u(64, 10)``, ``u.at(n=64)`` and ``u.lambdify()`` keep all of them, and
        `positive_sum` is a form that does not cancel.

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

    def leading_term(self) -> tuple[int, Expr]:
        """Power of n and its coefficient in `leading`, at eta = 1."""
        if not self.in_numbers and self.derivations[0].rates is not None:
            return self.solved_leading()
        power, coefficient = super().leading_term()
        return power - 1, coefficient

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

    def layer_means(self, context: Any) -> list[Any]:
        """The value at eta = 1 of every layer 1 to L of a network in numbers, in the arithmetic of
        ``context``."""
        width = self.network.width
        widths = width if isinstance(width, tuple) else repeat(width, self.network.layers)
        parts = [layer_means(d._recursion(), context) for d in self.derivations]
        means = zip(widths, *parts, strict=True)
        return [sum(values, context.zero) / int(each) for each, *values in means]

    def mean_over_layers(self, context: Any) -> Any:
        """Their mean, without one number for each layer."""
        means = (mean_over_layers(d._recursion(), context) for d in self.derivations)
        return sum(means, context.zero)

    def _repr_latex_(self) -> str:
        """The exact value and, with symbolic sizes, its limit."""
        lines = [Line(self._symbol, Math.of(self.exact))]
        if self.network.width == n and self.layer in (L, ell):
            lines.append(Line(self._symbol, Math.of(self.leading()), "~"))
        return formula_display(*lines)

    @property
    def _symbol(self) -> Math:
        """What it is the value of, part and layer in place."""
        name = self._part_name()
        part = rf"_{{\text{{{name}}}}}" if name else ""
        layer = Math.of(self.layer).latex if isinstance(self.layer, Symbol) else str(self.layer)
        return Math("", rf"\mathbb{{E}}\bigl[(\Delta z^{{({layer})}}_i)^2\bigr]{part}")

    def __repr__(self) -> str:
        name = self._part_name()
        what = f"SquaredUpdate, {name} part," if name else "SquaredUpdate"
        text = headline(self, self._exact_text, self.leading, " * eta**2")
        return f"{what} at layer {self.layer} of {self.network}: {text}"

    def _exact_text(self) -> str:
        if self.in_numbers and self.domain.is_QQ:
            return f"{number_text(self.per_eta2)} * eta**2"
        return str(self.exact)


def squared_update(network: MLP, layer: object = None, rates: object = None) -> SquaredUpdate:
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
