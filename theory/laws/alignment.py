"""How far the update of a layer points along the gradient: E[(g.dz)^2] against E|g|^2 |dz|^2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sympy import Add, Expr, Integer, Mul, Symbol, factor

from theory.algebra.numerals import number_text
from theory.errors import NotSolved
from theory.laws.headline import headline
from theory.networks.mlp import MLP
from theory.networks.sizes import Sizes
from theory.solutions.derivation import Derivation, derive
from theory.solutions.limits import joint_law, over_width
from theory.solutions.value import Number
from theory.symbols import L, eta, n
from theory.words.observables import K, f, g
from theory.writing.blocks import Line
from theory.writing.notation import Math
from theory.writing.rendering import formula_display

__all__ = ["Alignment", "alignment", "quotient"]

_ALONG = (g @ K @ g) ** 2
_WHOLE = (g @ g) * (g @ K @ K @ g)
_NOT_DEFINED = "nothing moves in this layer: the alignment is not defined"


@dataclass(frozen=True)
class Alignment(Number):
    """E[(g.dz)^2] over E[|g|^2 |dz|^2] in one layer: a mean squared cosine, between 0 and 1.

    To first order in eta, g.dz is what the layers up to this one do to the output f, and by
    Cauchy and Schwarz it is at most |g| |dz|.  Made by `alignment`; ``label`` and ``output`` are
    values of the same type, for the 1 and the f^2 of E_y (f - y)^2 = 1 + f^2.

    >>> from theory import MLP, alignment
    >>> alignment(MLP())
    Alignment at layer L of MLP(): 3/(2*L) to leading order
    """

    numerators: tuple[Derivation, ...]
    denominators: tuple[Derivation, ...]
    _shared: ClassVar[frozenset[str]] = frozenset({"numerators", "denominators"})

    @property
    def network(self) -> MLP:
        """The network that it was derived for.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(depth=2)).network
        MLP(depth=2)
        """
        return self.numerators[0].network

    def _symbols(self) -> frozenset[Symbol]:
        return self.numerators[0]._symbols()

    def _at(self, sizes: Sizes) -> Alignment:
        both = (self.numerators, self.denominators)
        return Alignment(*(tuple(derived._at(sizes) for derived in each) for each in both))

    def _number(self, context: Any) -> Any:
        both = (self.numerators, self.denominators)
        along, whole = (
            sum((derived._number(context) for derived in each), context.zero) for each in both
        )
        if not whole:
            raise NotSolved(_NOT_DEFINED)
        return along / whole

    @property
    def label(self) -> Alignment:
        """The part from the label.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(width=16, depth=4)).label
        Alignment at layer 4 of MLP(width=16, depth=4): 3268/7193
        """
        return Alignment(self.numerators[:1], self.denominators[:1])

    @property
    def output(self) -> Alignment:
        """The part from the network's output.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(width=16, depth=4)).output
        Alignment at layer 4 of MLP(width=16, depth=4): 392108/749465
        """
        return Alignment(self.numerators[-1:], self.denominators[-1:])

    @property
    def along(self) -> Expr:
        """E[(g.dz)^2], exact.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(width=16, depth=4)).along
        29171931111*eta**2/2147483648
        """
        return Add(*(d.exact for d in self.numerators)) * eta**2

    @property
    def whole(self) -> Expr:
        """E[|g|^2 |dz|^2], exact.

        >>> from theory import MLP, alignment
        >>> alignment(MLP(width=16, depth=4)).whole
        246484367469*eta**2/8589934592
        """
        return Add(*(d.exact for d in self.denominators)) * eta**2

    @property
    def exact(self) -> Expr:
        """The ratio, exact; do not put floats into it, whose digits cancel: ``alignment(64, 10)``
        keeps them, as does ``at``.

        >>> from theory import MLP
        >>> alignment(MLP(width=16, depth=4)).label.exact
        3268/7193
        """
        whole = self.whole
        if whole == 0:
            raise NotSolved(_NOT_DEFINED)
        return self.along / whole

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth grows.

        >>> from theory import MLP
        >>> alignment(MLP()).leading()
        3/(2*L)
        """
        return factor(_leading(self.numerators) / _leading(self.denominators))

    def joint_limit(self) -> Expr:
        """The leading term as n -> infinity with L = t n.

        >>> from theory import MLP
        >>> alignment(MLP()).label.joint_limit()  # doctest: +NORMALIZE_WHITESPACE
        2*((9*t**2 + 6*t - 1)*exp(5*t) + exp(-t))/(n*((4*t + 1)*exp(-t)
        + (6*t**2 + 2*t - 1)*exp(5*t)))
        """
        network = self.numerators[0].network
        if network.width != n or network.depth != L:
            raise NotSolved(
                f"the joint limit L = t n needs symbolic width and depth, got {network!r}: leave "
                f"them out, as in MLP()"
            )
        both = (self.numerators, self.denominators)
        above, below = (
            joint_law(over_width([d.closed_form for d in each], Integer(1)), 1) for each in both
        )
        return quotient(above.coefficient(), below.coefficient()) * n ** (above.power - below.power)

    def __repr__(self) -> str:
        first = self.numerators[0]
        text = headline(self, self._exact_text, self.leading)
        return f"Alignment at layer {first.layer} of {first.network}: {text}"

    def _exact_text(self) -> str:
        value = self.exact
        return number_text(value) if value.is_Rational else str(factor(value))

    def _repr_latex_(self) -> str:
        """The ratio that it is, and its value."""
        left = Math.text("E[(gᵀΔz)²]/E[|g|² |Δz|²]")
        first = self.numerators[0].network
        if first.width == n and first.depth == L:
            return formula_display(Line(left, Math.of(self.leading()), "~"))
        return formula_display(Line(left, Math.of(factor(self.exact))))


def quotient(above: Expr, below: Expr) -> Expr:
    """above/below, the rational numbers in front of both taken together."""
    (over, top), (under, bottom) = (each.as_content_primitive() for each in (above, below))
    return Mul(over / under, *Mul.make_args(top), 1 / bottom)


def _leading(derivations: tuple[Derivation, ...]) -> Expr:
    terms = [derivation.leading_term() for derivation in derivations]
    top = max(power for power, _ in terms)
    return n**top * Add(*(coefficient for power, coefficient in terms if power == top))


def alignment(network: MLP, *, layer: object = None, rates: object = None) -> Alignment:
    """The `Alignment` of the update of a layer with the gradient of the output.

    ``layer`` and ``rates``: as in `squared_update`.

    >>> from theory import MLP, alignment
    >>> alignment(MLP()).leading()
    3/(2*L)
    """
    parts = (_ALONG, f**2 * _ALONG), (_WHOLE, f**2 * _WHOLE)
    derived = (
        tuple(derive(each, network, layer=layer, rates=rates) for each in observables)
        for observables in parts
    )
    return Alignment(*derived)
