"""A maximal learning rate is the rate at which a mean squared movement reaches its bound."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sympy import Expr

from theory.algebra.in_width import InWidth
from theory.algebra.numerals import inverse_square_root, printable, rate_text
from theory.errors import NotSolved
from theory.laws.criteria import BlockCriterion, Criterion, NetworkOutput
from theory.laws.readout import ReadoutUpdate, readout_update
from theory.networks.network import Network
from theory.networks.sizes import Sizes, network_at
from theory.solutions.arrays import LARGEST_DEPTH
from theory.solutions.value import Number
from theory.symbols import n
from theory.validation import brief
from theory.waiting import announced
from theory.writing.blocks import Line
from theory.writing.notation import Math
from theory.writing.rendering import root_lines

__all__ = [
    "RARE_RATIO",
    "RATE",
    "LearningRate",
    "ReadoutLearningRate",
    "real_step_call",
    "typical_call",
]

RARE_RATIO = 0.25
"""Depth over width beyond which rare networks set the mean, so that a typical network tolerates
a larger rate."""

RATE = Math("maximal learning rate", r"\eta_{\max}")


def typical_call(network: Network) -> str:
    """Where rare networks set the mean of a network in numbers: the call that measures the rate of
    a typical network, or beyond a depth of the width, where this rate of a linearised step can
    exceed that of a real step, the call for the latter; else nothing.

    >>> from theory import MLP
    >>> typical_call(MLP(64, 16)), typical_call(MLP(64, 17))[:42]
    ('', 'rare networks set this rate; the rate of a')
    >>> for words in typical_call(MLP(64, 1000)).split("; ")[1].split(": "):
    ...     print(words)
    the largest rate of a real step as n → ∞
    maximal_learning_rate(MLP(depth=1000), linearised=False)
    """
    widths = network.width if isinstance(network.width, tuple) else (network.width,)
    ratio = 0 if network.free_symbols else network.layers / min(map(int, widths))
    if not ratio > RARE_RATIO:
        return ""
    if network.layers > LARGEST_DEPTH:
        return "rare networks set this rate"
    if ratio > 1:
        call = real_step_call(network)
        return f"rare networks set this rate; the largest rate of a real step as n → ∞: {call}"
    return (
        "rare networks set this rate; the rate of a typical network: "
        f"verify.typical_learning_rate({brief(network)}, samples=20_000, seed=1)"
    )


def real_step_call(network: Network, criterion: object = None) -> str:
    """The call for the largest rate of a real step in networks of this depth as n -> infinity."""
    wide = brief(network._with(width=n, depth=network.layers))
    by = "" if criterion is None else f", criterion={criterion!r}"
    return f"maximal_learning_rate({wide}, linearised=False{by})"


@dataclass(frozen=True)
class LearningRate(Number):
    """The learning rate sqrt(bound/E), where E is the mean squared movement at eta = 1."""

    network: Network
    criterion: Criterion | BlockCriterion | NetworkOutput
    _drawn_as: ClassVar[str] = "maximal learning rate"

    @property
    @abstractmethod
    def _moved(self) -> Expr:
        """E, exact, positive."""

    @property
    @abstractmethod
    def _leading_moved(self) -> Expr:
        """Its leading term as n -> infinity, then as the depth grows."""

    @abstractmethod
    def _moved_number(self, context: Any) -> Any:
        """E of a network in numbers, in the arithmetic of ``context``."""

    @abstractmethod
    def _moved_series(self, of: Callable[[Any], InWidth]) -> InWidth:
        """The series in 1/n of E; ``of`` gives the series of a mean that E is made of."""

    def _expanded(self, of: Callable[[Any], InWidth]) -> InWidth:
        return self._moved_series(of).times(1 / self.criterion.bound).inverse_root()

    @property
    def exact(self) -> Expr:
        """sqrt(bound/E), where E is the mean squared movement of the criterion at eta = 1.

        Exact, with square roots; a function of the symbols that the network holds, as
        1/sqrt(Max(...)) where no single layer is proven to bind for all sizes.  Raises `NotSolved`
        for a symbolic depth with `MeanOverLayers`, where the last layer is not proven to bind, and
        where no layer moves at all.  Do not put floats into a closed form, whose terms cancel:
        ``rate(64, 10)``, ``rate.at(n=64)`` and ``rate.lambdify()`` keep all digits.

        >>> from sympy import sqrt
        >>> from theory import MLP, Readout, maximal_learning_rate, squared_update
        >>> from theory.symbols import L, n
        >>> rate = maximal_learning_rate(MLP()).exact
        >>> rate.subs({n: 10, L: 1}) == 1/sqrt(squared_update(MLP(10, 1)).per_eta2)
        True
        >>> maximal_learning_rate(MLP(4, 2), group=Readout()).exact
        sqrt(34)/102
        """
        return printable(self._exact)

    @property
    @announced("exact value")
    def _exact(self) -> Expr:
        moved = self._moved
        if moved == 0:
            raise NotSolved("nothing moves: give a multiplier above 0")
        return inverse_square_root(moved / self.criterion.bound)

    @announced("leading term")
    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the depth grows.

        >>> from theory import MLP, MeanOverLayers, Readout, maximal_learning_rate
        >>> maximal_learning_rate(MLP()).leading()
        sqrt(3)/L**(3/2)
        >>> maximal_learning_rate(MLP(), criterion=MeanOverLayers()).leading()
        2*sqrt(3)/L**(3/2)
        >>> maximal_learning_rate(MLP(), group=Readout()).leading()
        1/n
        """
        return inverse_square_root(self._leading_moved / self.criterion.bound)

    def _number(self, context: Any) -> Any:
        bound = context.mpf(int(self.criterion.bound.p)) / int(self.criterion.bound.q)
        return context.sqrt(bound / self._moved_number(context))

    def _exact_text(self) -> str:
        return rate_text(self._exact)

    def __repr__(self) -> str:
        texts = filter(None, (self._headline(), self._typical))
        return f"{type(self).__name__} of {self.network}: {'; '.join(texts)}"

    @property
    def _typical(self) -> str:
        """`typical_call`, where the rate is one of the hidden layers."""
        return ""


@dataclass(frozen=True, repr=False)
class ReadoutLearningRate(LearningRate):
    """The largest learning rate of the readout alone with E[(Delta f)^2] at most the bound.

    Made by `maximal_learning_rate` with ``group=Readout()``.  It falls like 1/n, since |x^(L)|^2
    grows like n.

    >>> from theory import MLP, Readout, maximal_learning_rate
    >>> maximal_learning_rate(MLP(4, 2), group=Readout())
    ReadoutLearningRate of MLP(width=4, depth=2): 0.0571662 = sqrt(34)/102
    """

    criterion: NetworkOutput
    _drawn_as: ClassVar[str] = "maximal learning rate of the readout"

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
    def _moved(self) -> Expr:
        return self.update._in_full()

    @property
    def _leading_moved(self) -> Expr:
        power, coefficient = self.update.leading_term()
        return coefficient * n**power

    def _moved_number(self, context: Any) -> Any:
        return self.update._number(context)

    def _at(self, sizes: Sizes) -> ReadoutLearningRate:
        return ReadoutLearningRate(network_at(self.network, sizes), self.criterion)

    def _moved_series(self, of: Callable[[Any], InWidth]) -> InWidth:
        return of(self.update)

    def _lines(self) -> list[Line]:
        return root_lines(RATE, self._exact)
