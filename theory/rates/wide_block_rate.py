"""`WideBlockLearningRate` is the largest rate of a step of a residual network as n -> infinity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import Expr, Float, sqrt

from theory.errors import InvalidArgument, NotSolved
from theory.infinite_width.block_update import WideBlockUpdate, update_at_infinite_width
from theory.infinite_width.wide_update import checked_depths, in_floats
from theory.laws.criteria import (
    BlockCriterion,
    Branches,
    LastLayer,
    Relative,
    StreamAndBranches,
    block_criterion,
)
from theory.networks.residual import Residual
from theory.networks.roles import ActivatedThenWeights, Branch
from theory.rates.wide_rate import WideLearningRate
from theory.symbols import B, eta, n
from theory.validation import typed

__all__ = ["WideBlockLearningRate", "wide_block_rate"]

_COMPARED = (64, 256)
"""Numbers of blocks at which the place that binds is looked up before a law is read at the last."""


@dataclass(frozen=True, repr=False)
class WideBlockLearningRate(WideLearningRate):
    """The largest rate at which one linearised step of a `Residual` meets ``criterion`` as
    n -> infinity.  Made by `maximal_learning_rate`.

    ``update``: of the last stream.  For sign descent `infinite_width` gives
    the rate times n; float(), `value` and a call divide by n.

    >>> from theory import Residual, Tanh, maximal_learning_rate
    >>> maximal_learning_rate(Residual(blocks=16, activation=Tanh()))
    WideBlockLearningRate of Residual(blocks=16, activation=Tanh()): 0.299525 at n = ∞; block 16 \
binds; linearised step of GradientDescent()
    """

    update: WideBlockUpdate
    criterion: BlockCriterion | Relative  # type: ignore[assignment]

    @property
    def network(self) -> Residual:  # type: ignore[override]
        """The network.

        >>> from theory import Residual, Tanh, maximal_learning_rate
        >>> maximal_learning_rate(Residual(activation=Tanh())).network
        Residual(activation=Tanh())
        """
        return self.update.network

    def binding_layer(self, depth: object = None) -> Any:
        """The block whose stream, or the `Branch`, that reaches its bound at `infinite_width`.

        >>> from theory import Residual, Tanh, maximal_learning_rate
        >>> maximal_learning_rate(Residual(activation=Tanh())).binding_layer(16)
        16
        """
        blocks = checked_depths(self.network, depth)
        if not isinstance(blocks, int):
            raise InvalidArgument(f"expected one number of blocks, got {typed(depth)}; give an int")
        moved = self._movements(blocks)
        return max(moved, key=moved.__getitem__)

    def _movements(self, blocks: int) -> dict[Any, float]:
        """The linearised movement at eta = 1 of every place that the criterion bounds, over its
        bound."""
        found, bound = self.update._movement(blocks), float(self.criterion.bound)
        stream: dict[Any, float] = dict(enumerate((found.stream / bound).tolist()))
        if isinstance(self.criterion, LastLayer):
            return {blocks: stream[blocks]}
        if isinstance(self.criterion, Relative):
            return {block: moved / found.squares[block] for block, moved in stream.items()}
        branches = {Branch(k + 1): moved / bound for k, moved in enumerate(found.branch.tolist())}
        if isinstance(self.criterion, Branches):
            return branches
        return stream | branches if isinstance(self.criterion, StreamAndBranches) else stream

    def _one(self, depth: int) -> float:
        largest = max(self._movements(depth).values())
        if not largest > 0:
            raise NotSolved("no block moves: give at least one multiplier above 0 in rates")
        in_floats(largest, True, "the rate", self.network, depth, "give fewer blocks")
        return float(largest**-0.5)

    def leading(self) -> Expr:
        """The leading term as n -> infinity, then as the number of blocks B grows; of sign
        descent with 1/n.  A network with blocks in numbers has its value.

        Raises `NotSolved` where no law is known, and where another place than the last binds.

        >>> from theory import Residual, Tanh, maximal_learning_rate
        >>> maximal_learning_rate(Residual(activation=Tanh())).leading().evalf(5)
        0.29608
        """
        if isinstance(self.network.blocks, int):
            return Float(self.infinite_width()) * n**self._width_power
        if isinstance(self.criterion, Relative):
            raise NotSolved("laws relative to E h^2 are not solved: take infinite_width(blocks)")
        places = [self.binding_layer(blocks) for blocks in _COMPARED]
        last = [
            Branch(k) if isinstance(p, Branch) else k
            for k, p in zip(_COMPARED, places, strict=True)
        ]
        if places != last:
            raise NotSolved(
                f"{places[-1]} binds at {_COMPARED[-1]} blocks, and laws are known at the last "
                f"stream and branch alone: give criterion=LastLayer(), or take "
                f"infinite_width(blocks)"
            )
        place = Branch(B) if isinstance(places[-1], Branch) else None
        network, update = self.network, self.update
        given = {"inputs": update.inputs, "optimiser": update.optimiser}
        at_last = update_at_infinite_width(network, place, update.rates, **given)
        return sqrt(self.criterion.bound / at_last.leading().subs(eta, 1))

    def _headline(self) -> str:
        per = "/n" if self._width_power else ""
        if isinstance(self.network.blocks, int):
            place = self.binding_layer()
            where = place if isinstance(place, Branch) else f"block {place}"
            return f"{self.infinite_width():.6g}{per} at n = ∞; {where} binds"
        try:
            return f"{self.leading().evalf(6)} as n → ∞, then as B grows"
        except NotSolved:
            return "call infinite_width(blocks) for the rate at n = ∞"


def wide_block_rate(
    network: Residual,
    *,
    criterion: object,
    rates: object,
    inputs: object,
    optimiser: object,
    linearised: object,
) -> WideBlockLearningRate:
    """The `WideBlockLearningRate` of arguments as those of `maximal_learning_rate`."""
    if linearised is not True:
        raise NotSolved(
            f"real steps are solved for an MLP as n goes to infinity, got {network}: leave "
            f"linearised out"
        )
    bounded = criterion if isinstance(criterion, Relative) else block_criterion(criterion)
    inside = isinstance(bounded, Branches | StreamAndBranches)
    if inside and isinstance(network.branch, ActivatedThenWeights):
        raise InvalidArgument(
            f"expected Stream(), LastLayer() or Relative() for criterion of branches W sigma(h), "
            f"got criterion={bounded}; leave it out for the stream"
        )
    update = update_at_infinite_width(network, None, rates, inputs=inputs, optimiser=optimiser)
    return WideBlockLearningRate(update, bounded, True)  # type: ignore[arg-type]
