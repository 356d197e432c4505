"""`alignment` measures how far the update of a layer points along the gradient: E[(g.dz)^2] over
E[|g|^2 |dz|^2]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sympy import Expr, factor

from theory.algebra.in_width import InWidth
from theory.algebra.numerals import formula_text, number_text, printable
from theory.coverage import answered
from theory.errors import NotSolved
from theory.laws.mean import PartOfMean
from theory.networks.network import Network
from theory.solutions.composite import Composite
from theory.solutions.value import Number
from theory.symbols import eta, n
from theory.waiting import announced
from theory.words.observables import K, g
from theory.writing.blocks import Line
from theory.writing.notation import Math

__all__ = ["Alignment", "alignment"]

_SQUARED_PRODUCT = (g @ K @ g) ** 2
_LARGEST_PRODUCT = (g @ g) * (g @ K @ K @ g)
_NOT_DEFINED = "nothing moves in this layer: the alignment is not defined"


@dataclass(frozen=True)
class Alignment(Composite, Number):
    """E[(g.dz)^2] over E[|g|^2 |dz|^2] in one layer: a mean squared cosine, between 0 and 1.

    To first order in eta, the layers up to this layer change the output f by g.dz, which is at most
    |g| |dz| by the inequality of Cauchy and Schwarz.  Made by `alignment`; ``label`` and ``output``
    are values of the same type, for the 1 and the f^2 of E_y (f - y)^2 = 1 + f^2.

    >>> from theory import MLP, alignment
    >>> alignment(MLP())
    Alignment at layer L of MLP(): 3/(2*L) to leading order
    """

    numerator: PartOfMean
    denominator: PartOfMean
    _shared: ClassVar[frozenset[str]] = frozenset({"numerator", "denominator"})

    _drawn_as: ClassVar[str] = "alignment"

    def _number(self, context: Any) -> Any:
        whole = self.denominator._number(context)
        if not whole:
            raise NotSolved(_NOT_DEFINED)
        return self.numerator._number(context) / whole

    @property
    def label(self) -> Alignment:
        """The part from the label.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(width=16, depth=4)).label
        Alignment at layer 4 of MLP(width=16, depth=4): 3268/7193
        """
        return Alignment(self.numerator.label, self.denominator.label)

    @property
    def output(self) -> Alignment:
        """The part from the network's output.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(width=16, depth=4)).output
        Alignment at layer 4 of MLP(width=16, depth=4): 392108/749465
        """
        return Alignment(self.numerator.output, self.denominator.output)

    @property
    def along(self) -> Expr:
        """E[(g.dz)^2], exact.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(width=16, depth=4)).along
        29171931111*eta**2/2147483648
        """
        return printable(self.numerator._exact * eta**2)

    @property
    def whole(self) -> Expr:
        """E[|g|^2 |dz|^2], exact.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(width=16, depth=4)).whole
        246484367469*eta**2/8589934592
        """
        return printable(self.denominator._exact * eta**2)

    @property
    def exact(self) -> Expr:
        """The ratio, exact.  Do not substitute floats: the terms cancel.  A call with sizes, as in
        ``alignment(MLP())(64, 10)``, and ``at`` keep all digits.

        >>> from theory import MLP
        >>> alignment(MLP(width=16, depth=4)).label.exact
        3268/7193
        """
        return printable(self._exact)

    @property
    @announced("exact value")
    def _exact(self) -> Expr:
        whole = self.denominator._exact
        if whole == 0:
            raise NotSolved(_NOT_DEFINED)
        return self.numerator._exact / whole

    @announced("leading term")
    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth grows.

        >>> from theory import MLP
        >>> alignment(MLP()).leading()
        3/(2*L)
        """
        return factor(self.numerator.leading() / self.denominator.leading())

    def _expanded(self, of: Callable[[Any], InWidth]) -> InWidth:
        return of(self.numerator) / of(self.denominator)

    def __repr__(self) -> str:
        where = f"{self.network._place(self.numerator.layer)} of {self.network}"
        return f"Alignment {where}: {self._headline()}"

    def _exact_text(self) -> str:
        value = self._exact
        return number_text(value) if value.is_Rational else formula_text(factor(value))

    def _lines(self) -> list[Line]:
        left = Math.spelled("E[(gᵀΔz)²]/E[|g|² |Δz|²]")
        if self.network.width == n and not isinstance(self.network.depth, int):
            return [Line(left, Math.of(self.leading()), "~")]
        return [Line(left, Math.of(factor(self._exact)))]


@answered
def alignment(network: Network, layer: object = None, *, rates: object = None) -> Alignment:
    """The `Alignment` of the update of a layer with the gradient of the output.

    ``layer`` and ``rates``: as in `squared_update`.

    >>> from theory import MLP, alignment
    >>> alignment(MLP()).leading()
    3/(2*L)
    """
    both = (
        PartOfMean.derived(each, network, layer, rates)
        for each in (_SQUARED_PRODUCT, _LARGEST_PRODUCT)
    )
    return Alignment(*both)
