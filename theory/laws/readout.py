"""The readout's own step: how it moves the output f, and the largest learning rate it allows.

The gradient of the loss (f - y)^2/2 with respect to v is (f - y) x^(L), so a step of the readout
alone changes the output, exactly and not only to first order, by

    Delta f = -eta (f - y) |x^(L)|^2,    E[(Delta f)^2] = eta^2 E[(1 + f^2) |x^(L)|^4].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sympy import Add, Expr

from theory.algebra.numerals import inverse_square_root, rate_text
from theory.errors import InvalidArgument
from theory.laws.criteria import NetworkOutput
from theory.laws.headline import headline
from theory.laws.parts import MeanWithParts
from theory.networks.mlp import MLP
from theory.networks.sizes import Sizes, network_at
from theory.solutions.derivation import derive
from theory.solutions.value import Number
from theory.symbols import eta, n
from theory.validation import shown
from theory.words.observables import Observable, f, x
from theory.writing.blocks import Line
from theory.writing.notation import Math
from theory.writing.rendering import formula_display, root_lines

__all__ = ["ReadoutLearningRate", "ReadoutUpdate", "readout_learning_rate", "readout_update"]

_NORM = x @ x
PARTS: dict[str, Observable] = {"label": _NORM**2, "output": f**2 * _NORM**2}
"""|x|^4 times the 1 and the f^2 of E_y (f - y)^2 = 1 + f^2."""


@dataclass(frozen=True)
class ReadoutUpdate(MeanWithParts):
    """E[(Delta f)^2] of one gradient step of the readout alone.

    Made by `readout_update`; `label` and `output` are values of the same type.

    >>> from theory import MLP, readout_update
    >>> readout_update(MLP())
    ReadoutUpdate, E[(Δf)²] of MLP(): eta**2*n**2 to leading order
    """

    @property
    def parts(self) -> Mapping[str, Observable]:
        """|x|^4 times the 1 and the f^2."""
        return PARTS

    @property
    def per_eta2(self) -> Expr:
        """`exact` at eta = 1.

        >>> from theory import MLP, readout_update
        >>> readout_update(MLP(4, 2)).per_eta2
        306
        """
        return Add(*(derivation.exact for derivation in self.derivations))

    @property
    def exact(self) -> Expr:
        """E[(Delta f)^2]: exact in the symbols that the network holds, times eta**2.

        >>> from theory import MLP
        >>> from theory.laws.readout import readout_update
        >>> readout_update(MLP()).label.exact, readout_update(MLP()).output.exact
        (eta**2*n**2*(1 + 5/n)**L, eta**2*n*(1 + 4/n)**L*(1 + 11/n)**L)
        """
        return eta**2 * self.per_eta2

    def __repr__(self) -> str:
        text = headline(self, lambda: str(self.exact), self.leading, " * eta**2")
        return f"ReadoutUpdate, E[(Δf)²] of {self.network}: {text}"

    def _repr_latex_(self) -> str:
        """The exact value as a formula."""
        return formula_display(Line(Math.text("E[(Δf)²]"), Math.of(self.exact)))


@dataclass(frozen=True)
class ReadoutLearningRate(Number):
    """The largest learning rate of the readout alone with E[(Delta f)^2] at most the bound.

    Made by `maximal_learning_rate` with ``group=Readout()``.  It falls like 1/n, since |x^(L)|^2
    grows like n.

    >>> from theory import MLP, Readout, maximal_learning_rate
    >>> maximal_learning_rate(MLP(4, 2), group=Readout())
    ReadoutLearningRate of MLP(width=4, depth=2): 0.0571662 = sqrt(34)/102
    """

    network: MLP
    criterion: NetworkOutput

    @property
    def update(self) -> ReadoutUpdate:
        """The mean squared update of the output that the rate bounds.

        >>> from theory import MLP, Readout, maximal_learning_rate
        >>> maximal_learning_rate(MLP(4, 2), group=Readout()).update.exact
        306*eta**2
        """
        return readout_update(self.network)

    @property
    def layer(self) -> None:
        """No hidden layer binds.

        >>> from theory import MLP, Readout, maximal_learning_rate
        >>> maximal_learning_rate(MLP(), group=Readout()).layer is None
        True
        """
        return None

    @property
    def exact(self) -> Expr:
        """The rate, exact, with square roots, in the symbols that the network holds.

        >>> from theory import MLP, Readout, maximal_learning_rate
        >>> maximal_learning_rate(MLP(4, 2), group=Readout()).exact
        sqrt(34)/102
        """
        return inverse_square_root(self.update.per_eta2 / self.criterion.bound)

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth grows.

        >>> from theory import MLP, Readout, maximal_learning_rate
        >>> maximal_learning_rate(MLP(), group=Readout()).leading()
        1/n
        """
        power, coefficient = self.update.leading_term()
        return inverse_square_root(coefficient * n**power / self.criterion.bound)

    def _at(self, sizes: Sizes) -> ReadoutLearningRate:
        return ReadoutLearningRate(network_at(self.network, sizes), self.criterion)

    def _number(self, context: Any) -> Any:
        bound = context.mpf(int(self.criterion.bound.p)) / int(self.criterion.bound.q)
        return context.sqrt(bound / self.update._number(context))

    def __repr__(self) -> str:
        text = headline(self, lambda: rate_text(self.exact), self.leading)
        return f"ReadoutLearningRate of {self.network}: {text}"

    def _repr_latex_(self) -> str:
        """The exact rate as a formula, with its decimals."""
        return formula_display(*root_lines(Math("", r"\eta_{\max}"), self.exact))


def readout_update(network: MLP) -> ReadoutUpdate:
    """Derive E[(Delta f)^2] for one gradient step of the readout of ``network`` alone.

    >>> from theory import MLP, readout_update
    >>> readout_update(MLP(4, 2)).exact
    306*eta**2
    """
    if not isinstance(network, MLP):
        raise InvalidArgument(
            f"expected an MLP for network, got network={shown(network)}; give MLP() or MLP(64, 4)"
        )
    return ReadoutUpdate(tuple(derive(o, network) for o in PARTS.values()))


def readout_learning_rate(network: MLP, criterion: NetworkOutput) -> ReadoutLearningRate:
    """The readout's largest rate under ``criterion``; checks the network."""
    return ReadoutLearningRate(readout_update(network).network, criterion)
