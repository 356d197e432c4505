"""Rates that reach another optimiser by any way that leaves the weights themselves are noticed."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn, optim

from theory import OutsideValidity
from verify.pytorch import AllHidden, initialise, parameter_groups
from verify.pytorch.optimisers import _known

from .models import mlp

Groups = list[dict[str, Any]]


class OwnStep(optim.SGD):
    """Steps of the gradient's sign."""

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for weight in group["params"]:
                weight.data.add_(weight.grad.sign(), alpha=-group["lr"])


class OwnSign(optim.SGD):
    """A part of the step replaced."""

    def _init_group(self, *arguments: Any) -> Any:
        found = super()._init_group(*arguments)
        arguments[2][:] = [grad.sign() for grad in arguments[2]]
        return found


class UnderNoGrad(optim.SGD):
    """A step of its own in one of PyTorch's decorators."""

    def step(self, closure: Any = None) -> Any:
        return super().step()

    step = torch.no_grad()(step)


class OwnName(optim.SGD):
    """The step of SGD."""


def rebuilt(groups: Groups, factor: float = 1.0) -> Groups:
    """New groups, of the rates alone."""
    return [{"params": [*group["params"]], "lr": factor * group["lr"]} for group in groups]


def mixed(groups: Groups) -> Groups:
    """New groups in which one rate is another."""
    return [*rebuilt(groups[:-1]), {"params": [*groups[-1]["params"]], "lr": 0.3}]


def set_later(**settings: Any) -> Callable[[Groups, nn.Module], Any]:
    def build(groups: Groups, model: nn.Module) -> Any:
        optimiser = optim.SGD(groups)
        for group in optimiser.param_groups:
            group.update(settings)
        return optimiser

    return build


def scheduled(groups: Groups, model: nn.Module) -> Any:
    optimiser = optim.Adam(rebuilt(groups))
    optim.lr_scheduler.LinearLR(optimiser, start_factor=0.1)
    return optimiser


def filled(groups: Groups, model: nn.Module) -> Any:
    optimiser = optim.Adam(model.parameters(), lr=0.0)
    by_weight = {id(weight): g["lr"] for g in groups for weight in g["params"]}
    (all_weights,) = optimiser.param_groups
    weights = all_weights.pop("params")
    optimiser.param_groups[:] = [
        {**all_weights, "params": [each], "lr": by_weight[id(each)]} for each in weights
    ]
    return optimiser


Build = Callable[[Groups, nn.Module], Any]
SPEAKING: dict[str, tuple[Build, str]] = {
    "a subclass": (lambda g, m: OwnStep(g), "got OwnStep, a subclass with its own step"),
    "a part of a step": (lambda g, m: OwnSign(g), "got OwnSign, a subclass"),
    "a decorated step": (lambda g, m: UnderNoGrad(g), "got UnderNoGrad, a subclass"),
    "a subclass, rebuilt": (lambda g, m: OwnStep(rebuilt(g)), "got OwnStep, a subclass"),
    "copied": (lambda g, m: optim.Adam([dict(each) for each in g]), "got Adam"),
    "rebuilt": (lambda g, m: optim.Adam(rebuilt(g)), "got Adam"),
    "rebuilt for Muon": (lambda g, m: optim.Muon(rebuilt(g)), "got Muon"),
    "rebuilt, scaled": (lambda g, m: optim.Adam(rebuilt(g, 0.1)), "got Adam"),
    "rebuilt, one rate else": (lambda g, m: optim.Adam(mixed(g)), "got Adam"),
    "by name": (
        lambda g, m: optim.Adam(
            [
                {"params": [each], "lr": {x["name"]: x["lr"] for x in g}[name]}
                for each, name in zip(
                    m.parameters(), ("layer 1", "layer 2", "readout"), strict=True
                )
            ]
        ),
        "got Adam",
    ),
    "rates as tensors": (
        lambda g, m: optim.Adam([{**x, "lr": torch.tensor(x["lr"])} for x in rebuilt(g)]),
        "got Adam",
    ),
    "rates filled in": (filled, "got Adam"),
    "a schedule": (scheduled, "got Adam"),
    "momentum, rebuilt": (lambda g, m: optim.SGD(rebuilt(g), momentum=0.9), r"momentum=0\.9"),
    "momentum later": (set_later(momentum=0.9), r"momentum=0\.9, .* grow to 10 times"),
    "Nesterov later": (set_later(momentum=0.9, nesterov=True), r"momentum=0\.9"),
    "maximize later": (set_later(maximize=True), "maximize=True"),
    "decay later": (set_later(weight_decay=0.5), r"weight_decay=0\.5"),
}
QUIET: dict[str, Build] = {
    "plain, rebuilt": lambda g, m: optim.SGD(rebuilt(g)),
    "a subclass with no step": lambda g, m: OwnName(g),
    "momentum, scaled": lambda g, m: optim.SGD(rebuilt(g, 0.1), momentum=0.9),
    "Adam at one rate": lambda g, m: optim.Adam(m.parameters(), lr=1e-3),
    "Adam at its own rates": lambda g, m: optim.Adam(
        [
            {"params": [p], "lr": rate}
            for p, rate in zip(m.parameters(), (1e-2, 1e-2, 1e-3), strict=True)
        ]
    ),
    "momentum at one rate": lambda g, m: optim.SGD(m.parameters(), lr=1e-3, momentum=0.9),
    "another model": lambda g, m: optim.Adam(mlp(16, 32, 32).parameters()),
}


def trained(build: Build, steps: int = 3) -> None:
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = build(parameter_groups(model), model)
    for _ in range(steps):
        optimiser.zero_grad()
        for group in optimiser.param_groups:
            for weight in group["params"]:
                weight.grad = torch.ones_like(weight)
        optimiser.step()


@pytest.mark.parametrize("case", SPEAKING)
def test_another_optimiser_is_warned_of_once_by_its_first_step(case: str) -> None:
    build, words = SPEAKING[case]
    with pytest.warns(OutsideValidity, match=words) as caught:
        trained(build)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize("case", QUIET)
def test_plain_gradient_descent_and_rates_of_ones_own_say_nothing(case: str) -> None:
    trained(QUIET[case])


def test_equal_rates_times_a_number_are_not_taken_for_the_derived_ones() -> None:
    """`AllHidden` has one rate: Adam at a single rate of the user's is no sign of it."""
    model = initialise(mlp(16, 32, 32), seed=1)
    groups = parameter_groups(model, AllHidden())
    for lr, words in ((0.123, None), (groups[0]["lr"], "got Adam")):
        optimiser = optim.Adam(list(model.parameters())[:2], lr=lr)
        next(model.parameters()).grad = torch.ones(32, 16)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            optimiser.step()
        assert [words in str(each.message) for each in caught if words] == [True] * bool(words)
        assert bool(caught) is bool(words)


def test_a_setting_changed_in_training_is_noticed_at_the_next_step() -> None:
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = optim.SGD(parameter_groups(model))
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    optimiser.step()
    optimiser.param_groups[1]["momentum"] = 0.9
    with pytest.warns(OutsideValidity, match="momentum"):
        optimiser.step()


def test_weights_that_are_gone_are_forgotten() -> None:
    gc.collect()
    before = len(_known)
    parameter_groups(initialise(mlp(16, 32, 32), seed=1))
    assert len(_known) == before


def one_rate_for_all(optimiser: Any) -> None:
    for group in optimiser.param_groups:
        group["lr"] = optimiser.param_groups[0]["lr"]


SCHEDULES: dict[str, tuple[Callable[[Any, list[float]], Any], bool]] = {
    "one cycle": (lambda o, r: optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=9), True),
    "cyclic": (lambda o, r: optim.lr_scheduler.CyclicLR(o, 0.01, 0.1), True),
    "averaging": (
        lambda o, r: optim.swa_utils.SWALR(o, swa_lr=0.1, anneal_epochs=1),
        True,
    ),
    "one rate by hand": (lambda o, r: one_rate_for_all(o), True),
    "one cycle by groups": (
        lambda o, r: optim.lr_scheduler.OneCycleLR(o, r, total_steps=9, cycle_momentum=False),
        False,
    ),
    "cyclic by groups": (
        lambda o, r: optim.lr_scheduler.CyclicLR(
            o, [each / 10 for each in r], r, cycle_momentum=False
        ),
        False,
    ),
    "one rate below all": (
        lambda o, r: [group.update(lr=1e-5) for group in o.param_groups],
        False,
    ),
}


@pytest.mark.parametrize("case", SCHEDULES)
def test_one_rate_for_all_layers_is_noticed_as_it_reaches_a_step(case: str) -> None:
    schedule, speaks = SCHEDULES[case]
    model = initialise(mlp(16, 32, 32), seed=1)
    groups = parameter_groups(model)
    optimiser = optim.SGD(groups)
    scheduler = schedule(optimiser, [group["lr"] for group in groups])
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", OutsideValidity)
        for _ in range(3):
            optimiser.step()
            if isinstance(scheduler, optim.lr_scheduler.LRScheduler):
                scheduler.step()
    assert ["a learning rate for each layer" in str(each.message) for each in caught] == [
        True
    ] * speaks


def test_weight_decay_shrinks_by_the_rate_of_each_layer() -> None:
    """The sentence against the weights after a step with zero gradients."""
    model = initialise(mlp(64, 64, 64, 64, 64), seed=1)
    with pytest.warns(OutsideValidity, match=r"weight_decay=0\.1") as caught:
        optimiser = optim.SGD(parameter_groups(model), weight_decay=0.1)
    x = torch.ones(1, 64)
    before = float(model[:-1](x).detach().norm())
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimiser.step()
    shrunk = 100 * (1 - float(model[:-1](x).detach().norm()) / before)
    (said,) = {str(each.message) for each in caught}
    assert f"smaller by about {shrunk:.0f} % in a step" in said


def test_a_schedule_that_cycles_the_momentum_is_named() -> None:
    model = initialise(mlp(64, 64, 64, 64, 64), seed=1)
    groups = parameter_groups(model)
    optimiser = optim.SGD(groups, momentum=0.0)
    rates = [group["lr"] for group in groups]
    schedule = optim.lr_scheduler.OneCycleLR(optimiser, max_lr=rates, total_steps=30)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)

    def train() -> None:
        for _ in range(12):
            optimiser.step()
            schedule.step()

    with pytest.warns(OutsideValidity, match="give the schedule cycle_momentum=False"):
        train()


def test_all_weights_in_one_group_need_the_groups() -> None:
    model = initialise(mlp(64, 64, 64, 64, 64), seed=1)
    (_, second, *_) = parameter_groups(model)
    optimiser = optim.SGD(model.parameters(), lr=second["lr"])
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    with pytest.warns(OutsideValidity, match="give the groups to SGD"):
        optimiser.step()
