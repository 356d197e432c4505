"""Parameter groups warn where they reach another optimiser than plain gradient descent.

The constructor of an optimiser reads its groups and the weights of each; these are lists that
inspect their reader then.  The optimiser keeps plain dictionaries and lists, and users may rebuild
or change groups: so before each step of any optimiser, a hook of PyTorch looks for the weights
themselves, and before the first step checks that the weights are still the weights that the groups
were made for.  The first step of a subclass of SGD is compared with SGD's, which it may call.  The
hook sees no copies of the weights, no steps written by hand, no ``step`` put
into one optimiser or compiled, and no changes of a gradient, such as clipping.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import unwrap
from math import ceil, inf, log, prod
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, finalize

import torch
from torch.optim import SGD, Optimizer
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from verify.pytorch.learning_rates import warn

__all__ = ["Watched", "watch"]

_BUILDING = ("__init__", "add_param_group")
_DECAY_ALLOWED, _RAISED, _SAME_STEP = 0.02, 1.05, 1e-3
Groups = Sequence[tuple[Mapping[str, Any], Mapping[int, float]]]
"""An optimiser's groups, each with the derived rates of all weights of its network, by id."""
_EXPECTED = "expected plain torch.optim.SGD, which these learning rates assume, got"
_warned: WeakSet[Optimizer] = WeakSet()
_built: WeakSet[Optimizer] = WeakSet()
"""Optimisers that read our groups, so that they began with the derived rates."""
_known: dict[int, Mapping[int, float]] = {}
"""Learning rates of all weights of a network, by the id of each weight that lives."""
_unstepped: dict[int, Callable[[], str | None]] = {}
"""The function that checks the weights of a network again, by the id of each weight before its
first step."""


@dataclass
class _First:
    """A first step.  ``before``: each weight with its group, its values and its gradient.
    ``begun``: steps within one another, as of a subclass that calls SGD's."""

    before: list[tuple[Mapping[str, Any], torch.Tensor, torch.Tensor, torch.Tensor | None]]
    begun: int = 1


_first: WeakKeyDictionary[Optimizer, _First] = WeakKeyDictionary()
_stepped: WeakSet[Optimizer] = WeakSet()
"""Subclasses of SGD whose first step was compared with SGD's."""


class Watched(list[Any]):
    """Parameter groups, or the weights of one group, with learning rates for plain SGD.

    ``rates``: the rates of all weights, by their ids.
    """

    def __init__(self, items: Iterable[Any], rates: Mapping[int, float]) -> None:
        super().__init__(items)
        self._rates = rates

    def __iter__(self) -> Iterator[Any]:
        read = _optimiser_in(sys._getframe(1))
        if read is not None:
            optimiser, group = read
            _built.add(optimiser)
            groups = [group] if group is not None else self._groups()
            defaults = getattr(optimiser, "defaults", {})
            _warn_of(optimiser, [({**defaults, **each}, self._rates) for each in groups])
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


def watch(
    weights: Iterable[torch.Tensor], rates: Mapping[int, float], again: Callable[[], str | None]
) -> None:
    """Warn where one of ``weights`` is stepped by another optimiser than plain gradient descent.

    ``again``: a function that is called once, before the first step, for a sentence on the weights.
    """
    for weight in weights:
        _known[id(weight)] = rates
        _unstepped[id(weight)] = again
        finalize(weight, _known.pop, id(weight), None)
        finalize(weight, _unstepped.pop, id(weight), None)
    _register()


@cache
def _register() -> None:
    register_optimizer_step_pre_hook(_before_step)
    register_optimizer_step_post_hook(_after_step)


def _before_step(optimiser: Optimizer, *_: object) -> None:
    """Warn where the optimiser has the learning rates of the weights that it steps."""
    if torch.compiler.is_compiling():
        return
    found = [
        (group, next((_known[id(each)] for each in group["params"] if id(each) in _known), None))
        for group in optimiser.param_groups
    ]
    seen = [(group, rates) for group, rates in found if rates is not None]
    if _are_derived(seen):
        _built.add(optimiser)
        _warn_of(optimiser, seen)
    if optimiser in _built:
        _warn_once(optimiser, _one_rate(seen) or _raised(seen) or _changed(seen))
        if not _steps_as_sgd(type(optimiser)) and isinstance(optimiser, SGD):
            _note_first(optimiser)


def _note_first(optimiser: SGD) -> None:
    """Keep the weights and gradients before the first step of a subclass."""
    if optimiser in _first:
        _first[optimiser].begun += 1
    elif optimiser not in _stepped:
        _stepped.add(optimiser)
        _first[optimiser] = _First(
            [
                (group, weight, weight.detach().clone(), _copied(weight.grad))
                for group in optimiser.param_groups
                for weight in group["params"]
            ]
        )


def _copied(grad: torch.Tensor | None) -> torch.Tensor | None:
    return None if grad is None else grad.detach().clone()


def _after_step(optimiser: Optimizer, *_: object) -> None:
    """Warn where the first step of a subclass of SGD, which may call SGD's, moved other weights."""
    first = _first.get(optimiser)
    if first is None or torch.compiler.is_compiling():
        return
    first.begun -= 1
    if not first.begun:
        del _first[optimiser]
        if not all(_is_plain(*each) for each in first.before):
            _warn_once(
                optimiser,
                f"{_EXPECTED} {type(optimiser).__name__}, a subclass with its own step, whose "
                f"first step is not seen to be the rate times the gradient; tune its rates, or "
                f"give the groups to SGD",
            )


def _is_plain(
    group: Mapping[str, Any], weight: torch.Tensor, old: torch.Tensor, grad: torch.Tensor | None
) -> bool:
    """Whether a weight moved by the rate times its gradient, before the step or after a closure."""
    moved, eps = weight.detach() - old, torch.finfo(weight.dtype).eps
    rate, decay = float(group["lr"]), float(group.get("weight_decay", 0)) * old
    for each in (grad, weight.grad):
        right = torch.zeros_like(old) if each is None else rate * (each.detach() + decay)
        if (moved + right).norm() <= _SAME_STEP * right.norm() + eps * old.norm():
            return True
    return False


def _rates(seen: Groups) -> list[tuple[float, float]]:
    """The rate of each weight, that with which its schedule began if it has one, and its derived
    rate."""
    return [
        (float(group.get("initial_lr", group["lr"])), rates[id(each)])
        for group, rates in seen
        for each in group["params"]
        if id(each) in rates
    ]


def _are_derived(seen: Groups) -> bool:
    """Whether some rate is the derived rate, or different rates are one multiple of the derived."""
    pairs = set(_rates(seen))
    factors = {f"{lr / right:.6g}" if right else "inf" for lr, right in pairs if lr or right}
    return "1" in factors or len(factors) == 1 < len(pairs)


def _one_rate(seen: Groups) -> str | None:
    """A sentence where all groups have or began with one rate, as a schedule or a setting of all
    leaves them: a rate above the derived one of some weight, or that a schedule may raise."""
    pairs, now = _rates(seen), {float(group["lr"]) for group, _ in seen}
    started, derived = {rate for rate, _ in pairs}, {right for _, right in pairs}
    scheduled = len(started) == 1 and any("initial_lr" in group for group, _ in seen)
    above = len(now) == 1 and max(now) > min(derived)
    if len(derived) == 1 or not (scheduled or above):
        return None
    (rate,) = started if scheduled else now
    if len(seen) == 1:
        return (
            f"expected the groups of parameter_groups, with a learning rate for each layer, got "
            f"one group with {rate:.3g} for all {len(pairs)} weights; give the groups to SGD, as "
            f"in SGD(parameter_groups(model))"
        )
    got = (
        f"expected a learning rate for each layer, as parameter_groups gives it, got {rate:.3g} "
        f"for all {len(pairs)}"
    )
    if not any("initial_lr" in group for group, _ in seen):  # which each schedule sets
        return (
            f"{got}, as a loop over the groups, load_state_dict of another optimiser and "
            f"ReduceLROnPlateau(min_lr=0.1) set it; multiply the rates of parameter_groups by one "
            f"number"
        )
    return (
        f"{got}, as OneCycleLR(max_lr=0.1), CyclicLR(base_lr=0.1), SWALR(swa_lr=0.1) and "
        f"CosineAnnealingLR(eta_min=0.1) set it; give a schedule one rate for each group, such as "
        f"max_lr=[group['lr'] for group in groups]"
    )


def _raised(seen: Groups) -> str | None:
    """A sentence where a schedule has raised the rates of some groups, and not of all alike, above
    their first rates."""
    pairs = {
        str(group.get("name", f"group {index + 1}")): (float(group["lr"]), group["initial_lr"])
        for index, (group, _) in enumerate(seen)
        if "initial_lr" in group
    }
    grown = {name: lr / start if start else inf for name, (lr, start) in pairs.items() if lr}
    most = max(grown, key=grown.__getitem__, default="")
    if not most or grown[most] <= _RAISED * max(min(grown.values()), 1.0):
        return None
    lr, start = pairs[most]
    got = (
        f"expected a schedule that multiplies the rates of all layers by one number, got one that "
        f"has raised that of {most!r} alone from {start:.3g} to {lr:.3g}"
    )
    if any("swa_lr" in group for group, _ in seen):
        return (
            f"{got}, as SWALR(swa_lr=0.1) does; give a rate for each group, such as "
            f"swa_lr=[group['initial_lr'] / 2 for group in optimiser.param_groups]"
        )
    return (
        f"{got}, as CosineAnnealingLR(eta_min=0.1) and different factors of LambdaLR do; leave "
        f"eta_min out, and give all groups one factor"
    )


def _changed(seen: Groups) -> str | None:
    """A sentence where the weights at the first step are others than at `parameter_groups`, and
    not as `initialise` draws them."""
    keys = {key for _, rates in seen for key in rates}
    again = {each for key in keys if (each := _unstepped.pop(key, None))}
    return next(filter(None, (each() for each in again)), None)


def _warn_of(optimiser: Optimizer, groups: Groups) -> None:
    """Warn once of an optimiser that is not plain gradient descent at the rates of its groups."""
    said = [_other(optimiser, group, rates) for group, rates in groups]
    _warn_once(optimiser, next(filter(None, said), None))


def _warn_once(optimiser: Optimizer, sentence: str | None) -> None:
    if sentence and optimiser not in _warned:
        _warned.add(optimiser)
        warn(sentence)


def _steps_as_sgd(kind: type[Optimizer]) -> bool:
    """Whether a kind of optimiser is SGD, or takes its steps from it."""

    def is_users(function: Any) -> bool:  # not one of the decorators that PyTorch puts on a step
        scope = getattr(function, "__globals__", {})
        return not str(scope.get("__name__")).startswith("torch.")

    return issubclass(kind, SGD) and all(
        unwrap(getattr(kind, part), stop=is_users) is unwrap(getattr(SGD, part), stop=is_users)
        for part in ("step", "_init_group")
    )


def _other(
    optimiser: Optimizer, group: Mapping[str, Any], rates: Mapping[int, float]
) -> str | None:
    """How ``optimiser`` is not plain gradient descent at the rates of a group, or None."""
    name = type(optimiser).__name__
    if not isinstance(optimiser, SGD):
        return (
            f"{_EXPECTED} {name}, whose steps have another size; tune its rates, or give the "
            f"groups to SGD"
        )
    if group.get("maximize"):
        return f"{_EXPECTED} {name} with maximize=True, which raises the loss; leave maximize out"
    weights = group["params"]
    derived = max((rates.get(id(each), 0.0) for each in list.__iter__(weights)), default=0.0)
    lr, momentum = float(group.get("lr", derived)), float(group.get("momentum", 0))
    grown = (1 - float(group.get("dampening", 0))) / (1 - momentum) if momentum < 1 else inf
    if momentum and lr * grown > derived * (1 + 1e-9):
        if {"max_momentum", "base_momentum"} & group.keys():
            return (
                f"{_EXPECTED} {name} with momentum={momentum:.3g}, as OneCycleLR and CyclicLR set "
                f"it, whose steps grow to {grown:.3g} times the size; give the schedule "
                f"cycle_momentum=False"
            )
        where = "; make the schedule anew after you" if "initial_lr" in group else ";"
        return (
            f"{_EXPECTED} {name} with momentum={momentum:g}, whose steps grow to {grown:.3g} times "
            f"the size{where} multiply each rate by {1 / grown:.3g}, as in: for group in groups: "
            f"group['lr'] *= {1 / grown:.3g}"
        )
    return _decayed(
        name, float(group.get("weight_decay", 0)), lr / derived if derived else 1, rates
    )


def _decayed(name: str, decay: float, factor: float, rates: Mapping[int, float]) -> str | None:
    """Weight decay shrinks the last hidden layer by 1 - rate * decay for each layer of weights."""
    *hidden, _ = rates.values()
    kept = prod(max(1 - decay * factor * rate, 0.0) for rate in hidden)
    if 1 - kept <= _DECAY_ALLOWED:
        return None
    steps = ceil(log(2) / -log(kept)) if kept > 0.5 else 1
    return (
        f"{_EXPECTED} {name} with weight_decay={decay:g}, which alone makes the last hidden layer "
        f"smaller by about {100 * (1 - kept):.0f} % in a step, and by half in {steps}; give a "
        f"smaller weight_decay"
    )
