"""`maximal_learning_rate` is the largest eta that keeps the mean squared update bounded."""

from __future__ import annotations

from typing import Any, overload

from sympy import Expr

from theory.coverage import answered
from theory.errors import InvalidArgument, NotSolved
from theory.laws.criteria import (
    BlockCriterion,
    Criterion,
    NetworkOutput,
    Relative,
    block_criterion,
    output_criterion,
    wide_criterion,
)
from theory.laws.readout import readout_update
from theory.laws.update import squared_update
from theory.networks.groups import (
    FirstLayer,
    Group,
    HiddenLayers,
    Readout,
    checked_group,
    group_rates,
)
from theory.networks.inputs import Inputs
from theory.networks.mlp import MLP
from theory.networks.multipliers import ByGroup, Rates, multiplier_runs, open_ends
from theory.networks.network import Network, checked_network, repeating_network
from theory.networks.residual import Residual
from theory.optimisers import GradientDescent, Optimiser
from theory.rates.block_rate import BlockLearningRate
from theory.rates.hidden_rate import NOTHING_MOVES, MaximalLearningRate
from theory.rates.learning_rate import ReadoutLearningRate
from theory.rates.wide_rate import WideLearningRate, wide_rate
from theory.validation import brief

__all__ = ["maximal_learning_rate"]


@overload
def maximal_learning_rate(
    network: Network,
    *,
    criterion: NetworkOutput | None = None,
    rates: object = None,
    group: Readout,
) -> ReadoutLearningRate: ...
@overload
def maximal_learning_rate(
    network: Network,
    *,
    criterion: Criterion | None = None,
    rates: object = None,
    group: FirstLayer | HiddenLayers | None = None,
) -> MaximalLearningRate: ...
@overload
def maximal_learning_rate(
    network: Network,
    *,
    criterion: Criterion | BlockCriterion | NetworkOutput | None = None,
    rates: object = None,
    group: Group | None = None,
) -> MaximalLearningRate | BlockLearningRate | ReadoutLearningRate: ...
@overload
def maximal_learning_rate(
    network: Network,
    *,
    criterion: Criterion | BlockCriterion | NetworkOutput | Relative | None = None,
    rates: object = None,
    group: Group | None = None,
    inputs: Inputs | None = None,
    optimiser: Optimiser | None = None,
    linearised: bool = True,
) -> Any: ...  # a `WideLearningRate`, unless nothing that needs infinite width is given
@answered
def maximal_learning_rate(
    network: Network,
    *,
    criterion: Criterion | BlockCriterion | NetworkOutput | Relative | None = None,
    rates: object = None,
    group: Group | None = None,
    inputs: Inputs | None = None,
    optimiser: Optimiser | None = None,
    linearised: bool = True,
) -> MaximalLearningRate | BlockLearningRate | ReadoutLearningRate | WideLearningRate:
    """The largest eta for which the mean squared update is at most 1 in every hidden layer.

    ``criterion``: `EveryHiddenLayer` (None), `LastLayer` or `MeanOverLayers`, each with a bound.
    ``rates``: one non-negative multiplier of eta per hidden layer, or `ByGroup` or
    `TrainedLayers`; all 1 for None.  ``group``: `FirstLayer`, `HiddenLayers` (2 to L) or `Readout`
    to train these weights alone, None for all hidden weights; the readout's criterion is
    `NetworkOutput`.  Raises `InvalidArgument` for arguments of another kind.

    This rate is about a *linearised* step.  The function returns a `WideLearningRate`, solved as
    n -> infinity, for networks that are not exact at finite width, for `Relative`, and if you give
    one of these: an ``optimiser`` other than gradient descent; ``inputs``; ``linearised=False``,
    for the largest rate at which a *real* step moves by at most the bound.

    >>> from theory import MLP, FirstLayer, Readout, maximal_learning_rate
    >>> rate = maximal_learning_rate(MLP(width=10, depth=2, input_width=5))
    >>> rate.layer
    2
    >>> from theory.symbols import n_0
    >>> maximal_learning_rate(MLP(input_width=n_0), group=FirstLayer()).leading()
    n/(sqrt(L)*n_0)
    >>> maximal_learning_rate(MLP(), group=Readout()).leading()
    1/n
    """
    if not _is_plain(network, criterion, inputs, optimiser, linearised):
        if group is not None:
            raise NotSolved(
                f"groups of weights are solved at finite width alone: "
                f"{_instead_of(group, network, inputs, optimiser, linearised)}"
            )
        return wide_rate(
            network,
            criterion=criterion,
            rates=rates,
            inputs=inputs,
            optimiser=optimiser,
            linearised=linearised,
        )
    repeating_network(network)
    asked = checked_group(group, rates)
    if isinstance(asked, Readout):
        return ReadoutLearningRate(readout_update(network).network, output_criterion(criterion))
    if asked is not None:
        rates = group_rates(network, asked)
    if not network._is_chain:
        (derivation, *_) = squared_update(network, rates=rates).derivations
        if isinstance(network, Residual) and not network._trains(derivation.rates):
            raise InvalidArgument(NOTHING_MOVES)
        return BlockLearningRate(network, block_criterion(criterion), derivation.rates)
    bounded: Any = wide_criterion(criterion)  # not Relative, which is not plain
    (derivation, *_) = squared_update(network, rates=rates).derivations
    if _nothing_moves(network, derivation.rates):
        raise InvalidArgument(NOTHING_MOVES)
    return MaximalLearningRate(network, bounded, derivation.rates, asked)


def _instead_of(group: object, network: object, *wide: object) -> str:
    """The fix for a group as n -> infinity."""
    inputs, optimiser, linearised = wide
    if not isinstance(network, MLP) or not linearised:
        return "leave group out"
    if isinstance(group, FirstLayer | HiddenLayers):
        of = "first=1, hidden=0, last=0" if isinstance(group, FirstLayer) else "first=0"
        return f"give rates=ByGroup({of})"
    given = {"inputs": inputs, "optimiser": optimiser}
    said = "".join(f", {k}={brief(v)}" for k, v in given.items() if v is not None)
    return f"layer_rates(network{said}) has the rate of the readout"


def _is_plain(network: object, criterion: object, *wide: object) -> bool:
    """Whether the rate is for a linearised step of gradient descent at finite width."""
    inputs, optimiser, linearised = wide
    plain = inputs is None and optimiser in (None, GradientDescent()) and linearised is True
    return checked_network(network)._is_exact and plain and not isinstance(criterion, Relative)


def _nothing_moves(network: Network, rates: tuple[Expr, ...] | Rates) -> bool:
    """Whether every multiplier is 0, as far as the depth is known."""
    if isinstance(network.depth, int) and not open_ends(rates):
        return not any(rate for rate, _ in multiplier_runs(rates, network.layers))
    return isinstance(rates, ByGroup) and not any((rates.first, rates.hidden, rates.last))
