"""Rates that reach another optimiser by any way that leaves the weights themselves are noticed."""

from __future__ import annotations

import gc
import re
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


class Logging(optim.SGD):
    """SGD's step, and a record of it."""

    def step(self, closure: Any = None) -> Any:
        self.steps = getattr(self, "steps", 0) + 1
        return super().step(closure)


class Clearing(optim.SGD):
    """SGD's step, and no gradients afterwards."""

    def step(self, closure: Any = None) -> Any:
        super().step(closure)
        self.zero_grad()


class Twice(optim.SGD):
    """SGD's step two times."""

    def step(self, closure: Any = None) -> Any:
        super().step(closure)
        return super().step()


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
    "a subclass": (
        lambda g, m: OwnStep(g),
        "got OwnStep, a subclass with its own step, whose first step is not seen to be the rate",
    ),
    "two steps": (lambda g, m: Twice(g), "got Twice, a subclass"),
    "momentum in a subclass": (lambda g, m: Logging(g, momentum=0.9), r"momentum=0\.9"),
    "a part of a step": (lambda g, m: OwnSign(g), "got OwnSign, a subclass"),
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
    "a decorated step": lambda g, m: UnderNoGrad(g),
    "a step of SGD's and a line": lambda g, m: Logging(g),
    "a step that clears the gradients": lambda g, m: Clearing(g, weight_decay=1e-4),
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
                weight.grad = torch.full_like(weight, 0.5)
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


RAISING: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "a cosine to a floor": (lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 9, 0.1), True),
    "restarts above a floor": (
        lambda o: optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 5, eta_min=0.1),
        True,
    ),
    "one factor of three": (
        lambda o: optim.lr_scheduler.LambdaLR(o, [lambda _: 1.0, lambda _: 1.0, lambda _: 9.0]),
        True,
    ),
    "a low floor": (lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 9, 1e-5), False),
    "a cosine": (lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 9), False),
    "a warm-up": (lambda o: optim.lr_scheduler.LinearLR(o, 0.1), False),
    "factors below one": (
        lambda o: optim.lr_scheduler.LambdaLR(o, [lambda _: 0.5, lambda _: 1.0, lambda _: 0.1]),
        False,
    ),
    "one factor above one": (lambda o: optim.lr_scheduler.LambdaLR(o, lambda _: 3.0), False),
}


def run(optimiser: Any, schedule: Any, steps: int) -> list[str]:
    """The warnings of steps with zero gradients."""
    for group in optimiser.param_groups:
        for weight in group["params"]:
            weight.grad = torch.zeros_like(weight)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", OutsideValidity)
        for _ in range(steps):
            optimiser.step()
            if schedule is not None:
                schedule.step()
    return [str(each.message) for each in caught if each.category is OutsideValidity]


@pytest.mark.parametrize("case", RAISING)
def test_a_schedule_that_raises_some_rates_alone_is_noticed(case: str) -> None:
    build, speaks = RAISING[case]
    optimiser = optim.SGD(parameter_groups(initialise(mlp(16, 32, 32), seed=1)))
    said = run(optimiser, build(optimiser), 12)
    assert ["has raised that of 'readout' alone from 0.0124 to" in each for each in said] == [
        True
    ] * speaks


def test_a_layer_held_by_its_plan_that_a_schedule_trains_is_noticed() -> None:
    groups = parameter_groups(initialise(mlp(16, 32, 32), seed=1), AllHidden())
    optimiser = optim.SGD(groups)
    (said,) = run(optimiser, optim.lr_scheduler.CosineAnnealingLR(optimiser, 9, 1e-4), 9)
    assert "raised that of 'readout' alone from 0 to" in said


def test_momentum_under_a_schedule_wants_the_schedule_made_anew() -> None:
    """A schedule sets rates from those with which it began, whatever they were multiplied by."""
    optimiser = optim.SGD(parameter_groups(initialise(mlp(16, 32, 32), seed=1)))
    schedule = optim.lr_scheduler.StepLR(optimiser, 5)
    for group in optimiser.param_groups:
        group["momentum"] = 0.9
    (said,) = run(optimiser, schedule, 3)
    assert "times the size; make the schedule anew after you multiply each rate by 0.1" in said
    with pytest.warns(OutsideValidity, match="times the size; multiply each rate by 0.1"):
        optim.SGD(parameter_groups(initialise(mlp(16, 32, 32), seed=1)), momentum=0.9)


def test_rates_of_a_checkpoint_are_seen_at_the_next_step() -> None:
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = optim.SGD(parameter_groups(model))
    kept = optimiser.state_dict()
    assert run(optimiser, None, 1) == []
    optimiser.load_state_dict(kept)
    assert run(optimiser, None, 1) == []
    for group in kept["param_groups"]:
        group["lr"] = 0.1
    optimiser.load_state_dict(kept)
    (said,) = run(optimiser, None, 1)
    assert "a learning rate for each layer, as parameter_groups gives it, got 0.1 for all 3" in said


def kaiming(model: Any) -> None:
    for weight in model.parameters():
        nn.init.kaiming_normal_(weight)


LATER: dict[str, tuple[Callable[[Any], Any], str | None]] = {
    "the same": (lambda m: m.load_state_dict(m.state_dict()), None),
    "drawn again": (lambda m: initialise(m, seed=2), None),
    "loaded from another": (
        lambda m: m.load_state_dict(initialise(mlp(16, 32, 32), seed=3).state_dict()),
        None,
    ),
    "in double precision": (lambda m: m.double(), None),
    "PyTorch's own": (kaiming, "got a root mean square of .* at '4.weight'"),
    "a readout times 30": (lambda m: m[-1].weight.data.mul_(30), "mean square of .* at '4.weight'"),
    "a readout of zeros": (
        lambda m: nn.init.zeros_(m[-1].weight),
        "root mean square of 0 .* at '4.weight'",
    ),
    "no number": (lambda m: m[2].weight.data.fill_(torch.nan), "not finite at '2.weight'"),
}


@pytest.mark.parametrize("case", LATER)
def test_weights_given_after_the_groups_are_looked_at_before_the_first_step(case: str) -> None:
    change, words = LATER[case]
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = optim.SGD(parameter_groups(model))
    change(model)
    said = run(optimiser, None, 3)
    if words is None:
        assert said == []
    else:
        (sentence,) = said
        assert re.search(f"at the first step the weights that parameter_groups .*{words}", sentence)


REBUILT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "weight_norm": (
        lambda m: nn.utils.parametrizations.weight_norm(m[2]),
        "model that parameter_groups has seen, got this refusal: .*_WeightNorm",
    ),
    "a normalisation": (
        lambda m: m.insert(1, nn.LayerNorm(32)),
        "model .*, got this refusal: .*LayerNorm",
    ),
    "a layer less": (lambda m: m.pop(4), r"model .*, got this refusal: .* got 32"),
    "another width": (
        lambda m: (m.__setitem__(0, nn.Linear(8, 32, bias=False)), m),
        r"layers that .* of the shapes \[\(32, 16\), .*, got \[\(32, 8\), ",
    ),
    "a layer anew": (
        lambda m: m.__setitem__(2, nn.Linear(32, 32, bias=False)),
        "weights that parameter_groups has seen, got another tensor at '2.weight'",
    ),
    "a layer anew, drawn as the theory's": (
        lambda m: (m.__setitem__(2, nn.Linear(32, 32, bias=False)), initialise(m, seed=2)),
        "weights that parameter_groups has seen, got another tensor at '2.weight'",
    ),
    "weights assigned": (
        lambda m: m.load_state_dict(initialise(mlp(16, 32, 32), seed=2).state_dict(), assign=True),
        "weights that parameter_groups has seen, got another tensor at '0.weight'",
    ),
    "another slope everywhere": (
        lambda m: [m.__setitem__(each, nn.LeakyReLU(0.5)) for each in (1, 3)],
        "activation .*, of the slope 0 below zero, got 0.5; make the groups once",
    ),
    "another slope in one layer": (
        lambda m: m.__setitem__(1, nn.LeakyReLU(0.5)),
        "model .*, got this refusal: .*slopes",
    ),
    "no activation": (
        lambda m: m.__setitem__(1, nn.Identity()),
        "model .*, got this refusal: .*no activation between '0' and '2'",
    ),
    "dropout": (
        lambda m: m.insert(2, nn.Dropout(0.5)),
        "model .*, got this refusal: .*dropout",
    ),
    "a layer used twice": (
        lambda m: (m.insert(2, m[2]), m.insert(2, nn.ReLU())),
        "model .*, got this refusal: .*use each layer once",
    ),
    "a forward of its own": (
        lambda m: setattr(m, "forward", lambda x: 2 * nn.Sequential.forward(m, x)),
        "model .*, got this refusal: .*changes the output",
    ),
}

UNCHANGED: dict[str, Callable[[Any], Any]] = {
    "Identity inserted": lambda m: m.insert(1, nn.Identity()),
    "Flatten inserted": lambda m: m.insert(0, nn.Flatten()),
    "ReLU in place": lambda m: setattr(m[1], "inplace", True),
    "evaluation mode": lambda m: m.eval(),
    "a note": lambda m: setattr(m, "note", "run 3"),
}


@pytest.mark.parametrize("case", UNCHANGED)
def test_changes_that_compute_the_same_are_not_announced(case: str) -> None:
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = optim.SGD(parameter_groups(model))
    UNCHANGED[case](model)
    assert run(optimiser, None, 2) == []


def test_a_model_read_anew_at_the_first_step_keeps_its_state() -> None:
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = optim.SGD(parameter_groups(model))
    model.insert(1, nn.Identity())
    model(torch.randn(4, 16)).square().mean().backward()
    before = [(each.detach().clone(), each.grad.clone()) for each in model.parameters()]
    generator = torch.get_rng_state()
    optimiser.step()
    assert torch.equal(generator, torch.get_rng_state())
    rows = zip(before, model.parameters(), optimiser.param_groups, strict=True)
    for (weight, gradient), after, group in rows:
        assert after.grad is not None
        assert torch.equal(after.grad, gradient)
        torch.testing.assert_close(after.detach(), weight - group["lr"] * gradient)


@pytest.mark.parametrize("case", REBUILT)
def test_layers_changed_after_the_groups_are_noticed_at_the_first_step(case: str) -> None:
    change, words = REBUILT[case]
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = optim.SGD(parameter_groups(model))
    change(model)
    (said,) = run(optimiser, None, 2)
    assert re.search(f"expected at the first step the {words}", said)


def one_rate_by_hand(optimiser: Any) -> None:
    for group in optimiser.param_groups:
        group["lr"] = 0.1


def one_rate_by_state(optimiser: Any) -> None:
    other = [{"params": [nn.Parameter(torch.zeros(1))]} for _ in optimiser.param_groups]
    optimiser.load_state_dict(optim.SGD(other, lr=0.1).state_dict())


@pytest.mark.parametrize("change", [one_rate_by_hand, one_rate_by_state])
def test_one_rate_for_all_groups_without_a_schedule_is_not_blamed_on_one(change: Any) -> None:
    optimiser = optim.SGD(parameter_groups(initialise(mlp(16, 32, 32), seed=1)))
    change(optimiser)
    (said,) = run(optimiser, None, 2)
    assert "got 0.1 for all 3, as a loop over the groups, load_state_dict" in said
    assert "OneCycleLR" not in said


def test_the_advice_for_swalr_is_silent() -> None:
    optimiser = optim.SGD(parameter_groups(initialise(mlp(16, 32, 32), seed=1)))
    (said,) = run(optimiser, optim.swa_utils.SWALR(optimiser, swa_lr=0.1), 3)
    assert re.search(r"raised that of 'readout' alone .*, as SWALR\(swa_lr=0.1\) does; give", said)
    optimiser = optim.SGD(parameter_groups(initialise(mlp(16, 32, 32), seed=1)))
    for group in optimiser.param_groups:
        group.setdefault("initial_lr", group["lr"])
    rates = [group["initial_lr"] / 2 for group in optimiser.param_groups]
    assert run(optimiser, optim.swa_utils.SWALR(optimiser, swa_lr=rates), 3) == []


def test_weights_changed_in_training_are_not_looked_at() -> None:
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = optim.SGD(parameter_groups(model))
    assert run(optimiser, None, 1) == []
    kaiming(model)
    assert run(optimiser, None, 1) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # within torch.compile
def test_a_compiled_step_is_not_traced() -> None:
    optimiser = optim.SGD(parameter_groups(initialise(mlp(16, 32), seed=1)))
    step: Any = torch.compile(optimiser.step, backend="eager")
    for group in optimiser.param_groups:
        for weight in group["params"]:
            weight.grad = torch.ones_like(weight)
    before = [group["params"][0].detach().clone() for group in optimiser.param_groups]
    step()
    for old, group in zip(before, optimiser.param_groups, strict=True):
        torch.testing.assert_close(group["params"][0].detach(), old - group["lr"])


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
