"""Hooks: those that record never fire on our probes, those that change something are refused."""

from __future__ import annotations

import functools
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules import module as module_hooks

from theory import InvalidArgument
from verify.pytorch import coordinate_check, initialise, network_of, parameter_groups

from .models import mlp

SEEN: list[Any] = []
BY_NAME: dict[str, Any] = {}
BY_MODULE: defaultdict[Any, list[Any]] = defaultdict(list)
COUNT = {"calls": 0}
FACTOR = 10
START = time.time()
LOG = logging.getLogger(__name__)


def seen() -> bool:
    return bool(SEEN or BY_NAME or BY_MODULE or COUNT["calls"] or Recorder.calls)


class Recorder:
    calls = 0
    factor = 3.0

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def waiting(self, module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        self.count = 0
        while self.count < 3:
            self.count += 1
        type(self).calls += 1

    def record(self, module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        self.kept.append(output.detach().cpu().numpy())
        type(self).calls += 1

    def scale(self, module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        return self.factor * output

    def __call__(self, module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        self.record(module, inputs, output)


def by_name(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    BY_NAME["hidden"] = output.detach()


def by_module(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    BY_MODULE[module].append(output.mean().item())


def counting(*_: Any) -> None:
    COUNT["calls"] += 1


def appended(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    SEEN.append(output)


def under_no_grad(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    with torch.no_grad():
        SEEN.append(output.norm())


def doubled(module: nn.Module, inputs: Any, output: torch.Tensor) -> Any:
    return 2 * output


def logging_it(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    LOG.error("mean %s", output.mean())
    print(output.shape)


def writing(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    with open("activations.txt", "a", encoding="utf-8") as file:
        file.write(f"{time.time() - START:.3f} {output.mean()}\n")
    np.save("activations.npy", output.numpy())
    module.last = output


def in_place(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    output[:, 0] = 0


def little(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    if LOG.isEnabledFor(logging.ERROR):
        logging.error("mean %s", output.mean())


def weight(module: Any) -> None:
    module.weight.data.mul_(2)


def from_the_second_on(module: nn.Module, inputs: Any, output: torch.Tensor) -> Any:
    COUNT["calls"] += 1
    return 2 * output if COUNT["calls"] > 1 else None


def from_the_fiftieth_on(module: nn.Module, inputs: Any, output: torch.Tensor) -> Any:
    COUNT["calls"] += 1
    return output.detach() if COUNT["calls"] > 50 else None


def kept(module: nn.Module, inputs: Any, output: torch.Tensor) -> Any:
    SEEN.append(output)
    return output + 0.1 * SEEN[0]


def copied(module: nn.Module, inputs: Any, output: torch.Tensor) -> Any:
    return output * 1


def of_its_parameters(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    for parameter in module.parameters():
        parameter.data *= 2


def handling_all(module: Any, inputs: Any, output: torch.Tensor) -> None:
    try:
        nn.init.zeros_(module.weight)
    except BaseException:
        SEEN.append("an error")


def frozen(module: Any) -> None:
    module.weight.requires_grad_(False)


def own_gradient(module: Any, into: Any, out: Any) -> None:
    if module.weight.grad is not None:
        module.weight.grad *= 10


def scaled(g: torch.Tensor) -> torch.Tensor:
    return FACTOR * g


def stepping(optimiser: Any, parameter: nn.Parameter) -> None:
    optimiser.step()
    optimiser.zero_grad()


def swallowing(optimiser: Any, parameter: nn.Parameter) -> None:
    try:
        optimiser.step()
    except Exception:
        SEEN.append("an error")


def clipping(parameter: nn.Parameter) -> None:
    nn.utils.clip_grad_norm_([parameter], 1.0)


OPTIMISER = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
FORWARD = nn.Module.register_forward_hook
FORWARD_NAMED = functools.partial(nn.Module.register_forward_hook, with_kwargs=True)
BEFORE = nn.Module.register_forward_pre_hook
BACKWARD = nn.Module.register_full_backward_hook


def on_gradient(module: Any, hook: Any) -> Any:
    return module.weight.register_hook(hook)


def after_gradient(module: Any, hook: Any) -> Any:
    return module.weight.register_post_accumulate_grad_hook(hook)


RECORDING: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "a lambda": (FORWARD, lambda m, i, o: SEEN.append(o)),
    "by name": (FORWARD, by_name),
    "by module": (FORWARD, by_module),
    "a counter": (FORWARD, counting),
    "a method": (FORWARD, Recorder().record),
    "a loop": (FORWARD, Recorder().waiting),
    "an object": (FORWARD, Recorder()),
    "without gradients": (FORWARD, torch.no_grad()(appended)),
    "a log": (FORWARD, logging_it),
    "files": (FORWARD, writing),
    "a partial": (FORWARD, functools.partial(lambda k, m, i, o: BY_NAME.update({k: o}), "z")),
    "the output itself": (FORWARD, lambda m, i, o: o),
    "inputs": (BEFORE, lambda m, i: SEEN.append(i[0].clone())),
    "a backward hook": (BACKWARD, lambda m, into, out: SEEN.append(out[0])),
    "a list's method": (on_gradient, SEEN.append),
    "norms": (on_gradient, lambda g: SEEN.append(g.norm().item())),
    "nothing": (on_gradient, lambda g: None),
    "no NaN": (on_gradient, lambda g: torch.nan_to_num(g)),
    "print": (on_gradient, print),
    "norms afterwards": (after_gradient, lambda p: SEEN.append(p.grad.norm())),
    "a gradient kept": (FORWARD, lambda m, i, o: SEEN.append(o.retain_grad())),
    "a gradient hook that records": (
        FORWARD,
        lambda m, i, o: o.register_hook(SEEN.append) and None,
    ),
    "a logger": (FORWARD, lambda m, i, o: logging.getLogger("so").error("%s", o.mean())),
    "a logger that writes little": (FORWARD, little),
    "a norm": (FORWARD, lambda m, i, o: SEEN.append(torch.linalg.vector_norm(o).item())),
    "a spectrum": (FORWARD, lambda m, i, o: SEEN.append(torch.linalg.svdvals(o.detach()))),
    "without gradients, within": (FORWARD, under_no_grad),
    "a name": (FORWARD, lambda m, i, o: SEEN.append(m.__class__.__name__)),
    "all weights": (FORWARD, lambda m, i, o: SEEN.append([p.norm() for p in m.parameters()])),
    "with keywords": (FORWARD_NAMED, lambda m, i, named, o: SEEN.append(o)),
    "an attribute": (FORWARD, lambda m, i, o: setattr(m, "kept", o)),
}

CHANGE, UNSEEN = "hooks that change neither outputs nor gradients", "of which one can see"
CHANGING: dict[str, tuple[Callable[[Any, Any], Any], Any, str]] = {
    "twice": (FORWARD, lambda m, i, o: 2 * o, CHANGE),
    "a method": (FORWARD, Recorder().scale, f"{CHANGE}, got the forward hook 'Recorder.scale' on"),
    "bounded": (FORWARD, lambda m, i, o: o.clamp(-100, 100), CHANGE),
    "in place": (
        FORWARD,
        in_place,
        f"{CHANGE}, got the forward hook 'in_place' on '0'; remove it$",
    ),
    "without gradients": (FORWARD, torch.no_grad()(doubled), CHANGE),
    "a mock": (FORWARD, Mock(return_value=None), UNSEEN),
    "a module": (FORWARD, lambda m, i, o: OPTIMISER and nn.Identity()(o), UNSEEN),
    "inputs": (BEFORE, lambda m, i: (2 * i[0],), CHANGE),
    "one input": (BEFORE, lambda m, i: 2 * i[0], CHANGE),
    "a backward hook": (BACKWARD, lambda m, into, out: tuple(g and None for g in into), "hook"),
    "ten times": (on_gradient, lambda g: 10 * g, "the gradient hook '.*<lambda>' on '0.weight'"),
    "a function": (on_gradient, scaled, CHANGE),
    "through a function": (on_gradient, lambda g: scaled(g), CHANGE),
    "clipped": (on_gradient, lambda g: g.clamp(-1, 1), CHANGE),
    "in place, a gradient": (on_gradient, lambda g: SEEN.append(g.zero_()), CHANGE),
    "a step": (after_gradient, functools.partial(stepping, OPTIMISER), UNSEEN),
    "a step, whatever": (after_gradient, functools.partial(swallowing, OPTIMISER), UNSEEN),
    "clipped afterwards": (after_gradient, clipping, UNSEEN),
    "no gradient": (after_gradient, lambda p: setattr(p, "grad", None), CHANGE),
    "a count": (FORWARD, from_the_second_on, CHANGE),
    "a later count": (FORWARD, from_the_fiftieth_on, CHANGE),
    "chance": (FORWARD, lambda m, i, o: 2 * o if torch.rand(()) < 1e-9 else None, UNSEEN),
    "a large batch": (FORWARD, lambda m, i, o: 2 * o if len(o) > 100 else None, CHANGE),
    "a batch of one": (FORWARD, lambda m, i, o: 2 * o if len(o) == 1 else None, CHANGE),
    "a gradient of a large batch": (
        nn.Module.register_full_backward_pre_hook,
        lambda m, out: (2 * out[0],) if len(out[0]) > 100 else None,
        CHANGE,
    ),
    "a store": (FORWARD, kept, CHANGE),
    "copied under no_grad": (FORWARD, torch.no_grad()(copied), CHANGE),
    "its parameters": (FORWARD, of_its_parameters, CHANGE),
    "every error": (FORWARD, handling_all, UNSEEN),
    "with keywords": (FORWARD_NAMED, lambda m, i, named, o: 2 * o, CHANGE),
    "cut": (FORWARD, lambda m, i, o: o.detach(), CHANGE),
    "cut in part": (FORWARD, lambda m, i, o: 0.5 * o + 0.5 * o.detach(), CHANGE),
    "a gradient hook inside": (FORWARD, lambda m, i, o: o.register_hook(scaled) and None, CHANGE),
    "a weight": (FORWARD, lambda m, i, o: weight(m), CHANGE),
    "frozen": (
        FORWARD,
        lambda m, i, o: frozen(m),
        CHANGE,
    ),
    "another forward": (FORWARD, lambda m, i, o: setattr(m, "forward", lambda x: 0 * x), "hook"),
    "its own gradient": (BACKWARD, own_gradient, CHANGE),
    "a narrow type": (FORWARD, lambda m, i, o: o.half().to(o), CHANGE),
    "a single type": (FORWARD, lambda m, i, o: 2 * o if o.dtype == torch.float32 else o, CHANGE),
}


@pytest.fixture(autouse=True)
def forget() -> None:
    SEEN.clear()
    BY_NAME.clear()
    BY_MODULE.clear()
    COUNT["calls"] = Recorder.calls = 0


@pytest.mark.parametrize("case", RECORDING)
def test_a_hook_that_records_never_fires_on_probes(
    case: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    register, hook = RECORDING[case]
    model: Any = initialise(mlp(8, 8, 8), seed=1)
    register(model[0], hook)
    parameter_groups(model)
    coordinate_check(model, samples=5, seed=1)
    initialise(model, seed=1)
    assert not seen()
    assert capsys.readouterr().out == ""
    assert not caplog.records
    assert not list(tmp_path.iterdir())
    if case == "files":
        return
    model(torch.ones(1, 8, requires_grad=True)).sum().backward()
    harmless = (
        "the output itself",
        "nothing",
        "no NaN",
        "a log",
        "print",
        "a logger",
        "a logger that writes little",
        "an attribute",
    )
    assert seen() != (case in harmless)


@pytest.mark.parametrize("case", CHANGING)
def test_a_hook_that_changes_something_is_refused_by_name(case: str) -> None:
    register, hook, words = CHANGING[case]
    model = mlp(8, 8, 8)
    register(model[0], hook)
    with pytest.raises(InvalidArgument, match=words):
        network_of(model)
    assert not seen()


def test_hooks_on_all_modules_count_too() -> None:
    model = mlp(8, 8, 8)
    handle = module_hooks.register_module_forward_hook(lambda m, i, o: SEEN.append(o))
    try:
        network_of(model)
        assert not SEEN
        model(torch.ones(1, 8))
        assert len(SEEN) == 6
    finally:
        handle.remove()
    handle = module_hooks.register_module_forward_hook(lambda m, i, o: 2 * o)
    try:
        with pytest.raises(InvalidArgument, match="the global forward hook"):
            network_of(model)
    finally:
        handle.remove()


def test_a_hook_on_a_wrapper_counts() -> None:
    model = nn.DataParallel(mlp(8, 8))
    model.register_forward_hook(lambda m, i, o: 2 * o)
    with pytest.raises(InvalidArgument, match="on 'the wrapper'"):
        network_of(model)


def test_a_hook_that_changes_another_place_is_refused() -> None:
    model: Any = mlp(8, 8, 8)
    readout, kept = model[-1].weight, list(model.parameters())

    def later(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        model[2].weight.data.mul_(2)

    alias, names = model[0].weight.detach(), {id(m): name for name, m in model.named_modules()}
    changes: dict[str, Callable[..., Any]] = {
        "memory of a weight": lambda m, i, o: alias.mul_(2) is None,
        "by its id": lambda m, i, o: 2 * o if names[id(m)] == "0" else o,
        "a module around it": later,
        "a weight that it holds": lambda m, i, o: readout.data.mul_(2) and None,
        "a list of weights": lambda m, i, o: [p.data.mul_(2) for p in kept] and None,
        "a gradient it makes": lambda m, i, o: [p.register_hook(scaled) for p in kept] and None,
        "a table of weights": lambda m, i, o: m._parameters.update(weight=2 * m.weight),
    }
    for hook in changes.values():
        handle = model[0].register_forward_hook(hook)
        before = [p.detach().clone() for p in model.parameters()]
        with pytest.raises(InvalidArgument, match="got the forward hook"):
            network_of(model)
        assert all(map(torch.equal, before, model.parameters()))
        handle.remove()
    network_of(model)


def test_a_hook_that_changes_an_activation_is_refused() -> None:
    model = nn.Sequential(
        nn.Linear(8, 8, bias=False), nn.LeakyReLU(0.1), nn.Linear(8, 1, bias=False)
    )
    model[1].register_forward_hook(lambda m, i, o: setattr(m, "negative_slope", 0.5))
    with pytest.raises(InvalidArgument, match=CHANGE):
        network_of(model)


KIND: dict[str, Callable[[Any], bool]] = {
    "an instance": lambda m: isinstance(m, nn.ReLU),
    "one of two": lambda m: isinstance(m, (nn.GELU, nn.ReLU)),
    "the type": lambda m: type(m) is nn.ReLU,
    "an equal type": lambda m: type(m) == nn.ReLU,  # noqa: E721
    "a name": lambda m: type(m).__name__ == "ReLU",
    "a class": lambda m: m.__class__ is nn.ReLU,
    "a subclass": lambda m: issubclass(type(m), nn.ReLU),
    "in a list": lambda m: type(m) in [nn.ReLU],
    "in a set": lambda m: m in {SEEN[0]},
    "by a table": lambda m: {SEEN[0]: True}.get(m, False),
    "itself": lambda m: m is SEEN[0],
}


@pytest.mark.parametrize("case", KIND)
def test_a_global_hook_on_one_kind_of_module_counts(case: str) -> None:
    model, of_kind = mlp(8, 8, 8), KIND[case]
    SEEN.append(model[1])
    handle = module_hooks.register_module_forward_hook(
        lambda m, i, o: 2 * o if of_kind(m) else None
    )
    try:
        with pytest.raises(InvalidArgument, match="the global forward hook"):
            network_of(model)
    finally:
        handle.remove()


def test_hooks_on_a_wrapper_that_change_gradients_count() -> None:
    inner = nn.DataParallel(mlp(8, 8))
    inner.register_forward_hook(lambda m, i, o: 0.5 * o + 0.5 * o.detach())
    for model in (inner, torch.optim.swa_utils.AveragedModel(inner)):
        with pytest.raises(InvalidArgument, match="on 'the wrapper'"):
            network_of(model)


def test_one_hook_of_many_is_named() -> None:
    model = mlp(8, 8, 8, 8)
    for module in model:
        module.register_forward_hook(by_name)
    model[4].register_forward_hook(doubled)
    with pytest.raises(InvalidArgument, match="got the forward hook 'doubled' on '4'"):
        network_of(model)


def test_two_hooks_that_change_nothing_alone_are_refused_together() -> None:
    model = mlp(8, 8)
    model[0].register_forward_hook(lambda m, i, o: setattr(m, "doubled", True))
    model[2].register_forward_hook(
        lambda m, i, o: 2 * o if getattr(model[0], "doubled", False) else o
    )
    with pytest.raises(InvalidArgument, match=f"{CHANGE}, got"):
        network_of(model)
