"""Plans give each layer of a network a learning rate, from the exact maximal rates of `theory`."""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

import torch
from torch import nn

from theory.errors import InvalidArgument
from theory.laws.update import squared_update
from theory.networks.groups import FirstLayer, HiddenLayers, Readout
from theory.networks.mlp import MLP
from theory.rates.layer_rates import layer_rates
from theory.rates.rate import maximal_learning_rate
from theory.rates.transfer import OutsideValidity, transfer_learning_rate
from theory.validation import non_negative_value, number_between, typed
from verify.comparison.exact_values import largest_step, refuse_large_step, rounded_down
from verify.pytorch.modules.model import network_of

__all__ = [
    "AllHidden",
    "EqualShares",
    "RatePlan",
    "Transferred",
    "checked_step",
    "exact_parts",
    "share_of_bound",
    "warn",
]


class RatePlan(ABC):
    """A choice of learning rates, one for each layer and the readout."""

    @abstractmethod
    def rates(self, network: MLP) -> tuple[float, ...]:
        """Learning rates of layers 1 to L and of the readout of a network in numbers."""


@dataclass(frozen=True)
class AllHidden(RatePlan):
    """``factor`` times the maximal rate of all hidden weights in layers 1 to L; the readout stays.

    The rate at which E[(Delta z)^2] of a linearised step is 1 in the hidden layer that moves most.

    >>> [f"{rate:.4f}" for rate in AllHidden("0.5").rates(MLP(64, 2))]
    ['0.2823', '0.2823', '0.0000']
    """

    factor: object = 1

    def rates(self, network: MLP) -> tuple[float, ...]:
        """See `RatePlan.rates`.

        >>> from theory import MLP
        >>> from verify.pytorch import AllHidden
        >>> AllHidden().rates(MLP(64, 2))[-1]
        0.0
        """
        factor = _positive("factor", self.factor)
        rate = factor * float(maximal_learning_rate(network).evaluate())
        return (rate,) * network.layers + (0.0,)


@dataclass(frozen=True)
class EqualShares(RatePlan):
    """``factor`` times the rates of first layer, hidden layers and readout in `layer_rates`: each
    moves the network by an equal share of the bound, all together by no more than the bound, in a
    linearised step.  A single hidden layer shares with the readout alone.

    >>> [f"{rate:.4f}" for rate in EqualShares().rates(MLP(64, 3))]
    ['0.3233', '0.2866', '0.2866', '0.0073']
    """

    factor: object = 1

    def rates(self, network: MLP) -> tuple[float, ...]:
        """See `RatePlan.rates`.

        >>> from theory import MLP
        >>> from verify.pytorch import EqualShares
        >>> len(EqualShares().rates(MLP(64, 1))), len(EqualShares().rates(MLP(64, 3)))
        (2, 4)
        """
        factor = _positive("factor", self.factor)
        first, *hidden, readout = (float(rate) for rate in layer_rates(network).together)
        rates = (first, *hidden * (network.layers - 1), readout)
        return tuple(factor * rate for rate in rates)


@dataclass(frozen=True)
class Transferred(RatePlan):
    """Rates that were tuned on ``source``, each times a ratio of exact maximal rates.

    ``source``: the small network, as a model or an `MLP`.  ``hidden``: the rate of its hidden
    weights; of layers 2 to L alone where ``first``, the rate of layer 1, is given.  ``readout``:
    0 holds the readout.  An input norm given for the parameter groups is the input norm of the
    source too, unless the `MLP` sets its own.  Warns `OutsideValidity` as `transfer_learning_rate`
    does.

    >>> tuned = Transferred(MLP(128, 4), hidden="0.1")
    >>> [f"{rate:.4f}" for rate in tuned.rates(MLP(128, 8))[-2:]]
    ['0.0344', '0.0000']
    """

    source: nn.Module | MLP
    hidden: object
    first: object = None
    readout: object = 0

    def rates(self, network: MLP) -> tuple[float, ...]:
        """See `RatePlan.rates`.

        >>> from theory import MLP
        >>> from verify.pytorch import Transferred
        >>> Transferred(MLP(64, 2), hidden="0.2").rates(MLP(64, 2))
        (0.2, 0.2, 0.0)
        """
        start = self._source(network)

        def carried(name: str, rate: object, group: Any) -> float:
            tuned = non_negative_value(name, rate)
            if tuned == 0 or start == network:
                return float(tuned)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                found = transfer_learning_rate(rate, start, network, group=group).rate
            for each in caught:
                warn(f"Transferred({name}=...): {each.message}")
            return found

        if self.first is None:
            all_hidden = carried("hidden", self.hidden, None)
            return (all_hidden,) * network.layers + (carried("readout", self.readout, Readout()),)
        if start.layers == 1 < network.layers:
            raise InvalidArgument(
                f"expected a source of two or more hidden layers, whose layers 2 to L have a rate "
                f"to carry over, got source={start}; leave out first, or tune a deeper source"
            )
        first = carried("first", self.first, FirstLayer())
        readout = carried("readout", self.readout, Readout())
        if network.layers == 1:
            return first, readout
        hidden = carried("hidden", self.hidden, HiddenLayers())
        return (first, *[hidden] * (network.layers - 1), readout)

    def _source(self, network: MLP) -> MLP:
        """The source with the input norm of ``network`` where that is given and its own is not."""
        source, norm2 = self.source, network.input_norm2
        if not isinstance(source, MLP | nn.Module):
            raise InvalidArgument(
                f"expected a model or an MLP for source, got source={typed(source)}; give the "
                f"network on which the rates were tuned"
            )
        if not isinstance(source, MLP):
            try:
                source = network_of(source)
            except InvalidArgument as error:
                raise InvalidArgument(
                    f"expected a plain network for the source of Transferred, got this refusal: "
                    f"{error}"
                ) from None
        if norm2 is None or source.input_norm2 is not None:
            return source
        if source.first_fan_in != network.first_fan_in:
            raise InvalidArgument(
                f"expected the |x|^2 of the source's inputs too, whose width is not that of the "
                f"target's, got source={source} and {network}; give it, as in "
                f"Transferred(MLP(..., input_norm2=...), ...)"
            )
        return replace(source, input_norm2=norm2)


def exact_parts(network: MLP, layer: int) -> tuple[float, float]:
    """Label part and output part of the exact E[(Delta z)^2]/eta^2 at a hidden layer."""
    update = squared_update(network, layer)
    return float(update.label.evaluate()), float(update.output.evaluate())


def share_of_bound(network: MLP, update: float) -> float:
    """E[(Delta z)^2] of ``update``, which is over eta^2, at the maximal rate of all hidden weights:
    1 in the layer that moves most.

    >>> share_of_bound(MLP(64, 2), sum(exact_parts(MLP(64, 2), 2)))
    1.0
    """
    return round(update * float(maximal_learning_rate(network).evaluate()) ** 2, 12)


def checked_step(network: MLP, step: object, least: float) -> float:
    """``step`` as a rate of at most `largest_step`, above which it is refused, and of ``least``,
    below which it is lost to rounding; None for the largest of two digits."""
    rate = rounded_down(largest_step(network)) if step is None else _positive("step", step)
    if step is not None:
        refuse_large_step([network], rate)
    if rate < least and step is None:
        raise InvalidArgument(
            f"expected a model in which a step of rate {rate} shows, got a model that loses "
            f"changes of the weights below rate {least:.2g} to rounding; keep weights and forward "
            f"in float32, "
            f"and scale inputs to |x|^2 = {network.first_fan_in}, their width"
        )
    if rate < least:
        raise InvalidArgument(
            f"expected a step of at least {least:.2g}, below which its changes of the weights are "
            f"lost to rounding, got step={typed(step)}; leave step out"
        )
    return rate


def _positive(name: str, value: object) -> float:
    if isinstance(value, torch.Tensor) and value.ndim == 0:
        value = value.item()
    return number_between(name, value, "give one, such as 0.5")


def warn(text: str) -> None:
    """Warn `OutsideValidity`, of the line that called us, or PyTorch, from outside."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_inside(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, OutsideValidity, stacklevel=level)


def _is_inside(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in ("verify", "theory", "torch")
