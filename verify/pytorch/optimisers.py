"""Parameter groups that say so where they reach another optimiser than plain gradient descent.

An optimiser reads the groups that it is given, and the weights of each, as it is built: lists that
look at their reader then.  The groups that it keeps are plain dictionaries and lists.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from types import FrameType
from typing import Any
from weakref import WeakSet

import torch
from torch.optim import Optimizer

from verify.pytorch.learning_rates import warn

__all__ = ["Watched"]

_BUILDING = ("__init__", "add_param_group")
_DECAY_ALLOWED = 0.02
_warned: WeakSet[Optimizer] = WeakSet()


class Watched(list[Any]):
    """Parameter groups, or the weights of one group, with learning rates for plain SGD.

    ``rates``: those of all weights, by their ids.
    """

    def __init__(self, items: Iterable[Any], rates: Mapping[int, float]) -> None:
        super().__init__(items)
        self._rates = rates

    def __iter__(self) -> Iterator[Any]:
        read = _optimiser_in(sys._getframe(1))
        if read is not None and read[0] not in _warned:
            optimiser, group = read
            groups = [group] if group is not None else self._groups()
            defaults = getattr(optimiser, "defaults", {})
            said = [_other(optimiser, {**defaults, **each}, self._rates) for each in groups]
            if any(said):
                _warned.add(optimiser)
                warn(next(filter(None, said)))
        return super().__iter__()

    def _groups(self) -> list[Mapping[str, Any]]:
        """The groups; one group where these are the weights of one."""
        items = list(super().__iter__())
        return items if all(isinstance(each, Mapping) for each in items) else [{"params": self}]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(super().__iter__()),)


def _optimiser_in(frame: FrameType | None) -> tuple[Optimizer, dict[str, Any] | None] | None:
    """The optimiser that is built in the innermost frames, and the group that it adds, if one."""
    for _ in range(3):
        if frame is None:
            return None
        reader = frame.f_locals.get("self")
        if frame.f_code.co_name in _BUILDING and isinstance(reader, Optimizer):
            return reader, frame.f_locals.get("param_group")
        frame = frame.f_back
    return None


def _other(
    optimiser: Optimizer, group: Mapping[str, Any], rates: Mapping[int, float]
) -> str | None:
    """How ``optimiser`` is not plain gradient descent at the rates of a group, or None."""
    name = type(optimiser).__name__
    if not isinstance(optimiser, torch.optim.SGD):
        return (
            f"expected plain torch.optim.SGD, for which these learning rates are, got {name}, "
            f"whose steps have another size; tune its rates, or give the groups to SGD"
        )
    if group.get("maximize"):
        return (
            f"expected plain torch.optim.SGD, for which these learning rates are, got {name} with "
            f"maximize=True, which raises the loss; leave maximize out"
        )
    weights = group["params"]
    derived = max((rates.get(id(each), 0.0) for each in list.__iter__(weights)), default=0.0)
    lr, momentum = float(group.get("lr", derived)), float(group.get("momentum", 0))
    grown = (1 - float(group.get("dampening", 0))) / (1 - momentum) if momentum < 1 else inf
    if momentum and lr * grown > derived * (1 + 1e-9):
        return (
            f"expected plain torch.optim.SGD, for which these learning rates are, got {name} with "
            f"momentum={momentum:g}, whose steps grow to {grown:.3g} times the size; multiply each "
            f"rate by {1 / grown:.3g}, as in: for group in groups: group['lr'] *= {1 / grown:.3g}"
        )
    decay = float(group.get("weight_decay", 0))
    if lr * decay * (len(rates) - 1) > _DECAY_ALLOWED:
        return (
            f"expected plain torch.optim.SGD, for which these learning rates are, got {name} with "
            f"weight_decay={decay:g}, which moves the pre-activations as much as the gradient may; "
            f"give a smaller one"
        )
    return None
