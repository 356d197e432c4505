"""A module is as it was after it was read, checked, or interrupted, and so is PyTorch."""

from __future__ import annotations

import argparse
import io
import itertools
import os
import queue
import random
import signal
import sys
import threading
import time
from array import array
from collections import ChainMap, UserDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from theory import InvalidArgument
from verify.pytorch import coordinate_check, initialise, network_of, parameter_groups
from verify.pytorch.modules.probing import probing

from .models import Functional, mlp


class Counting(Functional):
    """It counts, and keeps all that it sees, in every kind of place."""

    def __init__(self, *widths: int) -> None:
        super().__init__(*widths)
        self.calls = 0
        self.last: torch.Tensor | None = None
        self.all: list[torch.Tensor] = []
        self.by_call: dict[int, torch.Tensor] = {}
        self.sizes: set[int] = set()
        self.plain = torch.zeros(())
        self.counted: torch.Tensor
        self.register_buffer("counted", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.last = x
        self.all.append(x)
        self.by_call[self.calls] = x
        self.sizes.add(len(x))
        self.plain += 1
        self.counted += 1
        return super().forward(x)


def state(model: nn.Module) -> Any:
    """Identities and values of all that a model holds, gradients too."""
    values = [*model.parameters(), *model.buffers()]
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    inner = [{name: id(value) for name, value in vars(m).items()} for m in model.modules()]
    flags = [module.training for module in model.modules()]
    return list(map(id, values)), [v.detach().clone() for v in values], grads, inner, flags


def test_a_module_is_left_as_it_was() -> None:
    model = Counting(8, 16, 16)
    initialise(model, seed=1)
    model(torch.ones(2, 8)).sum().backward()
    model.linears[0].eval()
    kept = (model.calls, len(model.all), list(model.by_call), set(model.sizes), float(model.plain))
    before = state(model)
    parameter_groups(model)
    coordinate_check(model, samples=5, seed=1)
    after = state(model)
    assert kept == (model.calls, len(model.all), [*model.by_call], model.sizes, float(model.plain))
    assert before[0] == after[0]
    for one, two in zip(before[1] + before[2], after[1] + after[2], strict=True):
        assert torch.equal(one, two)
    assert before[3:] == after[3:]


class Kept:
    """An object of the user."""

    def __init__(self) -> None:
        self.calls = 0
        self.sums: list[torch.Tensor] = []


class Deep(Functional):
    """It writes one level down, and further, and to all generators."""

    def __init__(self, *widths: int) -> None:
        super().__init__(*widths)
        self.sums: dict[str, list[torch.Tensor]] = {"x": [torch.zeros(()), torch.zeros(())]}
        self.counts = {"calls": [0]}
        self.pair = (torch.zeros(()), [torch.zeros(())])
        self.array, self.kept = np.zeros(2), Kept()
        self.kept.sums.append(torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = super().forward(x)
        self.sums["x"][0] += out.sum()
        self.sums["x"][1].data += 1
        self.counts["calls"][0] += 1
        self.pair[0].data.add_(1)
        self.pair[1][0] = self.pair[1][0] + out.mean()
        self.array += 1
        self.kept.calls += 1
        self.kept.sums[0].data.add_(1)
        self.kept.sums.append(out)
        return out


def test_objects_further_down_are_left_as_they_were() -> None:
    model = Deep(8, 8)
    generators = random.getstate(), str(np.random.get_state())
    held = model.sums["x"][0], model.pair[1][0], model.kept.sums[0], model.array
    parameter_groups(initialise(model, seed=1))
    coordinate_check(
        model,
        samples=5,
        seed=1,
        initialise=lambda m: (initialise(m), random.random(), np.random.rand()),
    )
    assert (random.getstate(), str(np.random.get_state())) == generators
    assert (model.counts["calls"], model.kept.calls, len(model.kept.sums)) == ([0], 0, 1)
    now = model.sums["x"][0], model.pair[1][0], model.kept.sums[0], model.array
    assert all(one is two for one, two in zip(held, now, strict=True))
    for value in (*model.sums["x"], model.pair[0], *now):
        assert not np.any(np.asarray(value))


class Slotted:
    """An object of the user without a dictionary."""

    __slots__ = ("calls", "later")

    def __init__(self) -> None:
        self.calls = 0


class Named(NamedTuple):
    total: torch.Tensor


def called_once_more(held: Any) -> None:
    held.calls += 1


def normed() -> Any:
    return [nn.BatchNorm1d(8, affine=False)]


HELD: dict[str, tuple[Callable[[], Any], Callable[[Any], object], Callable[[Any], Any]]] = {
    "slots": (Slotted, called_once_more, lambda h: h.calls),
    "slots not set": (Slotted, lambda h: setattr(h, "later", 1), lambda h: hasattr(h, "later")),
    "a namespace": (lambda: SimpleNamespace(calls=0), called_once_more, lambda h: h.calls),
    "arguments": (lambda: argparse.Namespace(calls=0), called_once_more, lambda h: h.calls),
    "a dictionary": (UserDict, lambda h: h.update({len(h): 1}), dict),
    "a chain": (ChainMap, lambda h: h.update({len(h): 1}), dict),
    "a queue": (queue.Queue, lambda h: h.put(1), lambda h: h.qsize()),
    "bytes": (bytearray, lambda h: h.append(1), len),
    "an array": (lambda: array("i"), lambda h: h.append(1), len),
    "a count": (itertools.count, next, repr),
    "a stream": (io.StringIO, lambda h: h.write("a"), lambda h: h.getvalue()),
    "an event": (threading.Event, lambda h: h.set(), lambda h: h.is_set()),
    "a module in a list": (
        normed,
        lambda h: h[0](torch.eye(8, dtype=h[0].running_mean.dtype)),
        lambda h: h[0].running_mean.tolist(),
    ),
    "a named tuple": (
        lambda: Named(torch.zeros(())),
        lambda h: h.total.add_(1),
        lambda h: float(h.total),
    ),
}


@pytest.mark.parametrize("case", HELD)
def test_state_in_objects_of_python_is_left_as_it_was(case: str) -> None:
    make, touch, read = HELD[case]

    class Holding(Functional):
        held = make()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            touch(self.held)
            return super().forward(x)

    model = Holding(8, 8)
    model.held = held = make()
    before = read(held)
    network_of(model)
    assert model.held is held
    assert read(held) == before
    touch(held)
    assert read(held) != before


class Failing(Functional):
    error: BaseException = KeyError("so")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise self.error


@pytest.mark.parametrize("error", [KeyError("so"), SystemExit(3), KeyboardInterrupt()])
def test_a_module_is_left_as_it_was_when_it_fails(error: BaseException) -> None:
    model = Failing(8, 8)
    model.error = error
    before = state(model)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else InvalidArgument
    with pytest.raises(expected):
        network_of(model)
    assert before[3:] == state(model)[3:]
    assert torch.is_grad_enabled()


def leave(*_: Any) -> Any:
    sys.exit("so")


@pytest.mark.parametrize("keyword", ["initialise", "loss"])
def test_an_exit_in_a_function_of_the_user_is_said_in_a_sentence(keyword: str) -> None:
    given: Any = {keyword: leave}
    with pytest.raises(InvalidArgument, match="SystemExit: so"):
        coordinate_check(mlp(16, 16), samples=5, seed=1, **given)


def end(*_: Any) -> Any:
    raise SystemExit


@pytest.mark.parametrize("stop", [leave, end])
def test_an_exit_in_a_hook_is_said_in_a_sentence(stop: Any) -> None:
    model = mlp(8, 8)
    model[0].register_forward_hook(stop)
    with pytest.raises(InvalidArgument, match="got the forward hook"):
        network_of(model)


def test_a_copy_of_a_hook_does_not_sleep() -> None:
    model = mlp(8, 8)
    model[0].register_forward_hook(lambda m, i, o: time.sleep(60))
    start = time.monotonic()
    network_of(model)
    assert time.monotonic() - start < 30


def stuck(module: Any, inputs: Any, output: Any) -> None:
    while True:
        time.monotonic()


@pytest.mark.parametrize("register", ["register_forward_hook", "register_full_backward_hook"])
def test_ctrl_c_stops_a_hook_that_never_ends(register: str) -> None:
    model = mlp(8, 8)
    getattr(model[0], register)(stuck)
    before = state(model)
    timer = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(
        KeyboardInterrupt, match="network_of stopped, and the model is as it wa"
    ) as e:
        network_of(model)
    timer.join()
    assert before[3:] == state(model)[3:]
    assert len(e.traceback) == 2
    assert e.value.__suppress_context__


def test_pytorch_is_left_as_it_was() -> None:
    model = mlp(8, 8)
    generator, threads = torch.get_rng_state(), torch.get_num_threads()
    network_of(model)
    assert torch.equal(generator, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    with torch.no_grad():
        network_of(model)
        assert not torch.is_grad_enabled()


GLOBAL: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "default dtype": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "default device": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "gradients": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(False)),
    "threads": (torch.get_num_threads, lambda: torch.set_num_threads(7)),
    "determinism": (
        torch.get_deterministic_debug_mode,
        lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    ),
    "matmul": (
        torch.get_float32_matmul_precision,
        lambda: torch.set_float32_matmul_precision("medium"),
    ),
    "anomalies": (torch.is_anomaly_enabled, lambda: torch.autograd.set_detect_anomaly(True)),
    "autocast": (
        lambda: torch.is_autocast_enabled("cpu"),
        lambda: torch.set_autocast_enabled("cpu", True),
    ),
    "cudnn": (
        lambda: torch.backends.cudnn.benchmark,
        lambda: setattr(torch.backends.cudnn, "benchmark", True),
    ),
    "PyTorch's numbers": (lambda: torch.get_rng_state().sum(), lambda: torch.manual_seed(3)),
    "Python's numbers": (lambda: hash(random.getstate()), lambda: random.seed(3)),
    "NumPy's numbers": (lambda: str(np.random.get_state()), lambda: np.random.seed(3)),
    "NumPy's errors": (lambda: np.geterr()["over"], lambda: np.seterr(over="raise")),
}


@pytest.mark.parametrize("case", GLOBAL)
def test_a_model_or_hook_or_loss_that_sets_what_is_global_leaves_it_as_it_was(case: str) -> None:
    get, put = GLOBAL[case]

    class Setting(Functional):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            put()
            return super().forward(x)

    hooked, other = initialise(mlp(16, 16), seed=1), torch.ones(16, 16, device="cpu")
    hooked[0].register_forward_hook(lambda m, i, o: put() and None)
    models = Setting(16, 16), hooked, mlp(16, 16)
    before = get()
    for model in models[:2]:
        with suppress(InvalidArgument):
            network_of(model)
        assert get() == before
    with suppress(InvalidArgument):
        coordinate_check(
            models[2], samples=5, seed=1, loss=lambda f, y: (put(), (f - y).square().mean() / 2)[1]
        )
    assert get() == before
    assert float(other.sum()) == 256


def test_threads_do_not_mix_up_a_module() -> None:
    model = initialise(mlp(8, 8, 8), seed=1)
    held = list(model.parameters())
    values = [p.detach().clone() for p in held]

    def use(_: int) -> tuple[float, ...]:
        rates = [group["lr"] for group in parameter_groups(model)]
        return (*rates, coordinate_check(model, samples=5, seed=1).layers[0].measured)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(use, range(12)))) == 1
    assert list(map(id, model.parameters())) == list(map(id, held))
    assert all(map(torch.equal, values, held))


@pytest.mark.parametrize("draw", [lambda: torch.rand(1), np.random.rand, random.random])
def test_draws_of_another_thread_are_not_the_forwards(draw: Any) -> None:
    stop = threading.Event()

    def drawing() -> None:
        while not stop.wait(0.01):
            draw()

    thread = threading.Thread(target=drawing)
    thread.start()
    try:
        hooked = mlp(8, 8)
        hooked[0].register_forward_hook(lambda m, i, o: None)
        networks = [network_of(each) for _ in range(2) for each in (mlp(8, 8), hooked)]
    finally:
        stop.set()
        thread.join()
    assert {str(each) for each in networks} == {"MLP(width=8, depth=1, input_width=8)"}


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_memory_that_runs_out_is_no_fault_of_the_model(error: type[Exception]) -> None:
    model = Failing(8, 8)
    model.error = error("so")
    with pytest.raises(error, match="so"):
        network_of(model)


def test_a_call_among_tensors_that_are_not_plain_is_refused() -> None:
    model, words = mlp(8, 8), "where PyTorch computes with plain tensors, got a call within "
    with FakeTensorMode(), pytest.raises(InvalidArgument, match=f"{words}a mode that makes other"):
        network_of(model)

    def within(x: torch.Tensor) -> torch.Tensor:
        network_of(model)
        return x.sum()

    with pytest.raises(InvalidArgument, match=f"{words}a function that torch.func transforms"):
        torch.func.grad(within)(torch.ones(2))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # within torch.compile
def test_a_call_within_a_compiled_function_is_refused() -> None:
    model = mlp(8, 8)
    compiled: Any = torch.compile(lambda x: x * network_of(model).layers, backend="eager")
    with pytest.raises(InvalidArgument, match=r"outside of functions that .* compiles"):
        compiled(torch.ones(1))


def test_hooks_work_again_afterwards() -> None:
    model = mlp(8, 8)
    seen: list[int] = []
    handle = model[0].register_forward_hook(lambda m, i, o: seen.append(1))
    network_of(model)
    model(torch.ones(1, 8))
    handle.remove()
    model(torch.ones(1, 8))
    assert seen == [1]


def test_probing_has_new_weights_of_a_precision() -> None:
    model = mlp(8, 8)
    weight = model[0].weight
    with torch.inference_mode(), probing(model, torch.float64):
        assert model[0].weight is not weight
        assert model[0].weight.dtype is torch.float64
        model(torch.ones(1, 8, dtype=torch.float64)).sum().backward()
        assert model[0].weight.grad is not None
    assert model[0].weight is weight
    assert weight.grad is None
