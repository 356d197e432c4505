"""Modules of every kind: read, or refused in a sentence that names the cause; none read wrongly."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint

from theory import MLP, InvalidArgument, LeakyReLU
from verify.pytorch import initialise, network_of, parameter_groups

from .models import Functional, mlp


class Acting(Functional):
    """A functional network with an activation of one's choice."""

    def __init__(self, act: Callable[[torch.Tensor], torch.Tensor], *widths: int) -> None:
        super().__init__(*(widths or (8, 16, 16)))
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for linear in self.linears[:-1]:
            x = self.act(linear(x))
        return self.linears[-1](x)


class Around(Functional):
    """A functional network of functions of its inputs and outputs."""

    def __init__(self, before: Any = torch.clone, after: Any = torch.clone) -> None:
        super().__init__(8, 16, 16)
        self.before, self.after = before, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.after(super().forward(self.before(x))))


def clamped(x: torch.Tensor) -> torch.Tensor:
    return x.clamp(-50, 50)


def noisy(x: torch.Tensor) -> torch.Tensor:
    return x + 0.1 * torch.randn_like(x)


class StraightThrough(torch.autograd.Function):
    """ReLU with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor) -> torch.Tensor:
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        return grads[0]


class ClippedGradient(torch.autograd.Function):
    """The identity, with a gradient between -1 and 1."""

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor) -> torch.Tensor:
        return z.clone()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        return grads[0].clamp(-1, 1)


def straight_through(z: torch.Tensor) -> Any:
    step: Any = StraightThrough
    return step.apply(z)


def clipped_gradient(z: torch.Tensor) -> Any:
    step: Any = ClippedGradient
    return step.apply(z.relu())


def partly_detached(z: torch.Tensor) -> torch.Tensor:
    h = torch.relu(z)
    return h * 0.1 + (h * 0.9).detach()


def by_dtype(z: torch.Tensor) -> torch.Tensor:
    return torch.relu(z) if z.dtype is torch.float64 else torch.tanh(z)


def detached_by_dtype(z: torch.Tensor) -> torch.Tensor:
    return torch.relu(z) if z.dtype is torch.float64 else torch.relu(z.detach())


class NoGrad(Functional):
    """No gradient below the readout."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            for linear in self.linears[:-1]:
                x = torch.relu(linear(x))
        return self.linears[-1](x)


class Dropping(Functional):
    """Functional dropout in training mode."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.dropout(torch.relu(self.linears[0](x)), 0.1, self.training)
        for linear in self.linears[1:-1]:
            x = torch.relu(linear(x))
        return self.linears[-1](x)


class Residual(Functional):
    """Residual blocks behind a linear layer without an activation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linears[0](x)
        for linear in self.linears[1:-1]:
            x = x + torch.relu(linear(x))
        return self.linears[-1](x)


class PostActivation(Functional):
    """Residual blocks with the activation behind the sum."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.linears[0](x))
        for linear in self.linears[1:-1]:
            x = torch.relu(x + linear(x))
        return self.linears[-1](x)


class PreNorm(Functional):
    """A branch of two matrices."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linears[0](x)
        _, one, two, _ = self.linears
        x = x + two(torch.relu(one(x))) / 2
        return self.linears[3](x)


class DetachedWeight(Functional):
    """The first matrix used, not learnt."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first: Any = self.linears[0]
        x = torch.relu(F.linear(x, first.weight.detach()))
        for linear in self.linears[1:-1]:
            x = torch.relu(linear(x))
        return self.linears[-1](x)


class HookInside(Functional):
    """A hook on the gradient, set in forward."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.linears[0](x))
        if x.requires_grad:
            hidden: Any = x
            hidden.register_hook(lambda g: 10 * g)
        for linear in self.linears[1:-1]:
            x = torch.relu(linear(x))
        return self.linears[-1](x)


class FreezingItself(Functional):
    """A hidden layer that forward freezes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.linears[0].requires_grad_(False)
        return super().forward(x)


class RandomDepth(Functional):
    """Layers left out so rarely that no few calls show it."""

    def __init__(self, draw: Callable[[Any], float]) -> None:
        super().__init__(8, 8, 8)
        self.own, self.numbers = random.Random(1), np.random.default_rng(1)
        self.generator = torch.Generator()
        self.draw = draw

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.linears[0](x))
        if not self.training or self.draw(self) > 1e-9:
            x = torch.relu(self.linears[1](x))
        return self.linears[2](x)


class Mapped(Functional):
    """One example at a time, by `torch.vmap`."""

    def __init__(self, *widths: int, slope: float = 0.0) -> None:
        super().__init__(*widths)
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.vmap(self.one)(x)

    def one(self, x: torch.Tensor) -> torch.Tensor:
        for linear in self.linears[:-1]:
            x = F.leaky_relu(linear(x), self.slope)
        return self.linears[-1](x)


class Doubling(torch.Tensor):
    """A weight that computes with twice its values."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = super().__torch_function__(func, types, args, kwargs or {})
        return 2 * out.as_subclass(torch.Tensor) if func is F.linear else out


class Tagged(nn.Parameter):
    """A weight of another name."""


class Alone(Functional):
    """Another output where there is one example."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * (2 if len(x) == 1 else 1)


class Twice(nn.Linear):
    """Twice a linear layer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


class Counted(Functional):
    """Another forward from some call on, or in a batch of some size."""

    def __init__(self, act: Callable[[Any, torch.Tensor], torch.Tensor]) -> None:
        super().__init__(8, 16, 16)
        self.act, self.calls = act, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.act(self, super().forward(self.act(self, x)))


class Cast(nn.Module):
    """Inputs in another precision."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(self.dtype)


def after(calls: int, act: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], nn.Module]:
    return lambda: Counted(lambda m, z: act(z) if m.calls > calls else z)


def beyond(size: int, act: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], nn.Module]:
    return lambda: Counted(lambda m, z: act(z) if len(z) > size else z)


class Lightning(nn.Module):
    """As a LightningModule: the network and the loss side by side."""

    def __init__(self, loss: nn.Module | None) -> None:
        super().__init__()
        self.net = mlp(8, 8)
        if loss is not None:
            self.loss = loss

    def training_step(self, batch: Any) -> torch.Tensor:
        raise NotImplementedError


pruned: Any = prune.l1_unstructured


def changed(change: Callable[[Any], Any]) -> nn.Module:
    model = mlp(8, 8, 8)
    change(model)
    return model


def share_memory(model: Any) -> None:
    model[2].weight.data = model[0].weight.data.T


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "detach": (
        lambda: Acting(lambda z: torch.relu(z).detach()),
        "no gradient at all at 'linears.1'",
    ),
    "no_grad": (lambda: NoGrad(8, 8, 8), "no gradient at all at 'linears.1'"),
    "straight-through": (lambda: Acting(straight_through), "another gradient at 'linears.1'"),
    "partly detached": (lambda: Acting(partly_detached), "0.1 times that gradient at 'linears.1'"),
    "clipped gradients": (lambda: Acting(clipped_gradient), "gradient at"),
    "a reentrant checkpoint": (
        lambda: Reentrant(8, 8, 8),
        "no gradient at all at 'linears.0'.*use_reentrant=False",
    ),
    "a weight detached": (lambda: DetachedWeight(8, 8, 8), "no gradient at all at 'linears.0'"),
    "a batch of one": (lambda: Alone(8, 8, 8), "in a batch of one"),
    "one number": (
        lambda: Counted(lambda m, z: z.sum() if z.ndim == 1 else z),
        "changes the output of 'linears.2'",
    ),
    "an exit": (lambda: Acting(lambda z: sys.exit(3)), "got SystemExit: 3; let its forward run"),
    "twice in a batch of 32": (
        lambda: Counted(lambda m, z: 2 * z if len(z) == 32 else z),
        "in a batch of 32",
    ),
    "every seventh call": (
        lambda: Counted(lambda m, z: z if m.calls % 7 else 2 * z),
        "other outputs (at a later call|in a batch)",
    ),
    "a narrow forward": (
        lambda: nn.Sequential(Cast(torch.float16), mlp(8, 8)),
        r"shape \(batch, 8\) in torch.float32 .* dtype.*; let its forward run on such inputs",
    ),
    "one and a little": (
        lambda: Acting(lambda z: z.relu() * (1 + 1e-4)),
        "1.0001 times ReLU between",
    ),
    "twice after 20 calls": (after(20, lambda z: 2 * z), "other outputs at a later call"),
    "twice after 50 calls": (after(50, lambda z: 2 * z), "other outputs at a later call"),
    "detached after 20 calls": (after(20, torch.detach), "no gradient at all .* at a later call"),
    "noise after 20 calls": (after(20, lambda z: z + torch.randn(1)), "draws random numbers"),
    "in 16 bits after 20 calls": (
        lambda: after(20, lambda z: 2 * z)().bfloat16(),
        "other outputs at a later call",
    ),
    "twice in a batch of 10": (beyond(9, lambda z: 2 * z), "other outputs in a batch of 16"),
    "twice in a batch of 1000": (beyond(999, lambda z: 2 * z), "outputs in a batch of 1024"),
    "the mean of a batch": (beyond(200, lambda z: z - z.mean(0)), "in a batch of 256"),
    "detached in a batch of 100": (beyond(99, torch.detach), "no gradient .* in a batch of 128"),
    "detached in a batch of one": (
        lambda: Counted(lambda m, z: z.detach() if len(z) == 1 else z),
        "in a batch of one",
    ),
    "a scaled layer": (
        lambda: nn.Sequential(Twice(8, 8, bias=False), mlp(8, 8)[1:]),
        "'0' is not W x",
    ),
    "a hook in forward": (
        lambda: HookInside(8, 8, 8),
        "10 times that gradient at 'linears.0'; .*register_hook",
    ),
    "no gradient, deep, in 16 bits": (
        lambda: Acting(detached_by_dtype, *[32] * 40).bfloat16(),
        "no gradient at all at 'linears.38' in torch.bfloat16",
    ),
    "outputs by dtype": (lambda: Acting(by_dtype), "other outputs in torch.float32"),
    "gradients by dtype": (
        lambda: Acting(detached_by_dtype),
        "no gradient at all at 'linears.1' in torch.float32",
    ),
    "dropout in eval": (
        lambda: Dropping(8, 8, 8).eval(),
        "call to call in training mode between 'linears.0' and 'linears.1'; leave out dropout",
    ),
    "frozen in forward": (
        lambda: FreezingItself(8, 8, 8),
        "no gradient at all at 'linears.0'",
    ),
    "frozen in forward, in 16 bits": (
        lambda: FreezingItself(8, 8, 8).bfloat16(),
        "no gradient at all at 'linears.0'",
    ),
    "random depth": (lambda: RandomDepth(lambda _: random.random()), "draws random numbers"),
    "random depth, NumPy": (lambda: RandomDepth(lambda _: np.random.rand()), "draws random"),
    "random depth, PyTorch": (lambda: RandomDepth(lambda _: float(torch.rand(()))), "draws random"),
    "random depth, its own": (lambda: RandomDepth(lambda m: m.own.random()), "draws random"),
    "random depth, its own NumPy": (lambda: RandomDepth(lambda m: m.numbers.random()), "draws"),
    "random depth, its own PyTorch": (
        lambda: RandomDepth(lambda m: float(torch.rand((), generator=m.generator))),
        "draws random numbers",
    ),
    "a weight of another class": (
        lambda: changed(
            lambda m: setattr(m[0], "weight", nn.Parameter(m[0].weight.data.as_subclass(Doubling)))
        ),
        "'0.weight' of type Doubling",
    ),
    "noise": (
        lambda: Acting(lambda z: z.relu() + 1e-3 * torch.randn_like(z)),
        "changes from call to call",
    ),
    "noise on inputs": (
        lambda: Around(noisy),
        "changes from call to call in training mode before 'linears.0'",
    ),
    "dropout on inputs": (
        lambda: Around(F.dropout),
        "changes from call to call in training mode before 'linears.0'",
    ),
    "noise on outputs": (
        lambda: Around(after=noisy),
        "changes from call to call in training mode after 'linears.2'",
    ),
    "clamped inputs": (
        lambda: Around(clamped),
        "changes its inputs before 'linears.0', at .*clamp",
    ),
    "clamped outputs": (
        lambda: Around(after=clamped),
        "changes the output of 'linears.2', at inputs .*; leave out clamp",
    ),
    "clamped activations": (
        lambda: Acting(lambda z: clamped(z.relu())),
        "bounds or shifts its activations",
    ),
    "a permutation": (
        lambda: Acting(lambda z: z.relu().flip(-1)),
        "moves activations to other places between 'linears.0' and 'linears.1'; leave the perm",
    ),
    "residual": (lambda: Residual(8, 8, 8, 8), "a skip connection around 'linears.1'"),
    "residual, post": (lambda: PostActivation(8, 8, 8), "a skip connection around 'linears.1'"),
    "residual, pre": (lambda: PreNorm(8, 8, 8, 8), "around 'linears.1' and 'linears.2'"),
    "a loss beside": (lambda: Lightning(nn.MSELoss()), "parameter_groups\\(self.net\\)"),
    "no forward": (
        lambda: Lightning(None),
        "pass the network alone: parameter_groups\\(self.net\\)",
    ),
    "complex": (lambda: changed(lambda m: m.to(torch.complex64)), "'0.weight' of torch.complex64"),
    "float8": (lambda: mlp(8, 8).to(torch.float8_e4m3fn), "'0.weight' of torch.float8_e4m3fn"),
    "shared memory": (
        lambda: changed(share_memory),
        "'0.weight' and '2.weight' in the same memory",
    ),
    "an expanded row": (
        lambda: changed(lambda m: setattr(m[2].weight, "data", torch.ones(1, 8).expand(8, 8))),
        "'2.weight' whose entries share memory",
    ),
    "pruning": (
        lambda: changed(lambda m: pruned(m[0], "weight", 0.5)),
        "got '0.weight_orig'",
    ),
    "weight_norm": (
        lambda: changed(lambda m: nn.utils.parametrizations.weight_norm(m[0])),
        "_WeightNorm",
    ),
    "spectral_norm": (lambda: changed(lambda m: nn.utils.spectral_norm(m[0])), "0.weight_orig"),
}


ACTIVATIONS: list[tuple[str, Callable[[torch.Tensor], torch.Tensor], str]] = [
    ("gelu", F.gelu, "GELU"),
    ("gelu by tanh", lambda z: F.gelu(z, approximate="tanh"), "GELU by tanh"),
    ("tanh", torch.tanh, "tanh"),
    ("silu", F.silu, "SiLU"),
    ("elu", F.elu, "ELU"),
    ("softplus", F.softplus, "softplus"),
    ("sigmoid", torch.sigmoid, "a sigmoid"),
    ("the absolute value", torch.abs, "the slope -1 below zero"),
    ("squared", lambda z: torch.relu(z) ** 2, "squared ReLU"),
    ("scaled", lambda z: 2**0.5 * torch.relu(z), "1.414 times ReLU"),
    ("steep", lambda z: F.leaky_relu(z, 2.0), "the slope 2 below zero"),
    ("linear", lambda z: 0.5 * z, "the slope 0.5|0.5 times the identity"),
    ("normalised", lambda z: F.layer_norm(z.relu(), z.shape[-1:]), "something else"),
]


@pytest.mark.parametrize(("name", "act", "words"), ACTIVATIONS, ids=lambda each: str(each)[:20])
def test_an_activation_is_named_by_its_values(name: str, act: Any, words: str) -> None:
    with pytest.raises(
        InvalidArgument, match=f"got a model with {words}.* between 'linears.0' and"
    ):
        network_of(Acting(act))


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
@pytest.mark.parametrize("case", REFUSED)
def test_other_modules_are_refused_with_their_cause(case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises(InvalidArgument, match=words):
        network_of(make())


def test_a_scripted_module_is_refused() -> None:
    jit: Any = torch.jit
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        model = jit.trace(mlp(8, 8), torch.ones(1, 8))
    with pytest.raises(InvalidArgument, match="pass the module before it was scripted"):
        network_of(model)


class Keeping(Functional):
    """It keeps activations, counts, holds a lock and an open file."""

    def __init__(self, *widths: int) -> None:
        super().__init__(*widths)
        self.kept: torch.Tensor | None = None
        self.list: list[torch.Tensor] = []
        self.lock, self.file = threading.Lock(), sys.__stdout__
        self.count: torch.Tensor
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with self.lock:
            self.count += 1
            self.kept = torch.relu(self.linears[0](x))
            self.list.append(self.kept)
            x = self.kept
            for linear in self.linears[1:-1]:
                x = torch.relu(linear(x))
            return self.linears[-1](x)


class Checkpointed(Functional):
    """Hidden layers computed again in the backward pass."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.linears[0](x))
        for linear in self.linears[1:-1]:
            x = checkpoint(lambda y, f=linear: torch.relu(f(y)), x, use_reentrant=False)
        return self.linears[-1](x)


class Reentrant(Functional):
    """The first layer computed again, of inputs without a gradient: autograd sees none."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = checkpoint(lambda y: torch.relu(self.linears[0](y)), x, use_reentrant=True)
        for linear in self.linears[1:-1]:
            x = torch.relu(linear(x))
        return self.linears[-1](x)


class Single(Functional):
    """A forward that casts its inputs to single precision."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.float())


class Written(Functional):
    """Weights used without calling their layers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights: list[Any] = [linear.weight for linear in self.linears]
        for weight in weights[:-1]:
            x = torch.relu(x @ weight.T)
        return x @ weights[-1].T


class PlainList(nn.Module):
    """Layers used through a Python list, with a forward set on the instance."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 16, bias=False), nn.Linear(16, 1, bias=False)
        self.used = [self.a, self.b]
        self.forward = lambda x: self.used[1](torch.relu(self.used[0](x)))


class Ours(nn.Module):
    """An activation module of one's own."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z.clamp(min=0)


READ: dict[str, tuple[Callable[[], nn.Module], MLP]] = {
    "keeping things": (lambda: Keeping(8, 16, 16), MLP(16, 2, input_width=8)),
    "checkpointed": (lambda: Checkpointed(8, 16, 16), MLP(16, 2, input_width=8)),
    "single": (lambda: Single(8, 16, 16), MLP(16, 2, input_width=8)),
    "written out": (lambda: Written(8, 16, 16), MLP(16, 2, input_width=8)),
    "a plain list": (PlainList, MLP(16, 1, input_width=8)),
    "a module of one's own": (lambda: mlp(8, 16, activation=Ours), MLP(16, 1, input_width=8)),
    "an empty container": (
        lambda: nn.Sequential(mlp(8, 8), nn.Sequential()),
        MLP(8, 1, input_width=8),
    ),
    "double": (lambda: mlp(8, 8).double(), MLP(8, 1, input_width=8)),
    "bfloat16": (lambda: mlp(8, 8, 8).bfloat16(), MLP(8, 2, input_width=8)),
    "deep, in 16 bits": (lambda: mlp(*[32] * 49).bfloat16(), MLP(32, 48, input_width=32)),
    "float16": (lambda: mlp(8, 8, 8).half(), MLP(8, 2, input_width=8)),
    "narrow and deep": (lambda: mlp(*[2] * 33), MLP(2, 32, input_width=2)),
    "data parallel": (lambda: nn.DataParallel(mlp(8, 8)), MLP(8, 1, input_width=8)),
    "averaged": (lambda: torch.optim.swa_utils.AveragedModel(mlp(8, 8)), MLP(8, 1, input_width=8)),
    "traced by fx": (lambda: torch.fx.symbolic_trace(mlp(8, 8)), MLP(8, 1, input_width=8)),
    "a frozen readout": (
        lambda: changed(lambda m: m[-1].requires_grad_(False)),
        MLP(8, 2, input_width=8),
    ),
    "functional leaky": (
        lambda: Acting(F.leaky_relu),
        MLP(16, 2, input_width=8, activation=LeakyReLU("0.01")),
    ),
    "single within": (
        lambda: Acting(lambda z: torch.relu(z.float()).to(z.dtype)),
        MLP(16, 2, input_width=8),
    ),
    "a maximum": (
        lambda: Acting(lambda z: torch.maximum(z, z / 4)),
        MLP(16, 2, input_width=8, activation=LeakyReLU("0.25")),
    ),
    "by vmap": (lambda: Mapped(8, 16, 16), MLP(16, 2, input_width=8)),
    "leaky, by vmap": (
        lambda: Mapped(8, 16, 16, slope=0.25),
        MLP(16, 2, input_width=8, activation=LeakyReLU("0.25")),
    ),
    "a weight of a class that computes the same": (
        lambda: changed(lambda m: setattr(m[0], "weight", Tagged(m[0].weight.data))),
        MLP(8, 2, input_width=8),
    ),
    "in place": (lambda: Acting(lambda z: z.relu_()), MLP(16, 2, input_width=8)),
    "two ReLUs": (
        lambda: nn.Sequential(mlp(8, 8)[:2], nn.ReLU(), nn.Linear(8, 1, bias=False)),
        MLP(8, 1, input_width=8),
    ),
}


@pytest.mark.parametrize("case", READ)
def test_modules_are_read(case: str) -> None:
    make, network = READ[case]
    assert network_of(make()) == network


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # within torch.compile
def test_a_compiled_module_is_read_without_compiling_it() -> None:
    model: Any = torch.compile(mlp(8, 8))
    assert network_of(model) == MLP(8, 1, input_width=8)
    inner = mlp(8, 8)
    inner.compile()
    assert network_of(inner) == MLP(8, 1, input_width=8)
    assert inner._compiled_call_impl is not None


@pytest.mark.parametrize(
    "around",
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast("cpu"),
        lambda: torch.device("meta"),
    ],
    ids=["no_grad", "inference_mode", "autocast", "another device"],
)
def test_what_surrounds_the_call_does_not_matter(around: Callable[[], Any]) -> None:
    model = mlp(8, 8)
    with around():
        assert network_of(model) == MLP(8, 1, input_width=8)


def test_a_module_of_dead_neurons_is_not_read_as_any_other() -> None:
    """A narrow deep network is zero at most inputs, at most weights, whatever its scale."""
    with pytest.raises(InvalidArgument, match="a model with 2 times ReLU"):
        network_of(Acting(lambda z: 2 * z.relu(), *[2] * 40))


@pytest.mark.parametrize("width", [1, 2, 3, 8])
@pytest.mark.parametrize("depth", [1, 2, 8, 40])
def test_a_readout_is_linear_at_every_size(width: int, depth: int) -> None:
    chain = mlp(*[width] * (depth + 1))
    assert network_of(chain) == MLP(width, depth, input_width=width)
    for last in (nn.ReLU(), Ours()):
        with pytest.raises(InvalidArgument, match="an activation after"):
            network_of(nn.Sequential(*chain, last))


def test_weights_made_in_inference_mode_are_refused() -> None:
    with torch.inference_mode():
        model = mlp(8, 8)
    with pytest.raises(InvalidArgument, match=r"made in torch\.inference_mode"):
        initialise(model)


def test_a_wrapper_with_a_forward_is_read_as_the_module_that_it_is() -> None:
    class Doubled(nn.DataParallel):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    class OptimizedModule(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self._orig_mod = model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 3 * self._orig_mod(x)

    model = initialise(mlp(16, 32, 32), seed=1)
    assert parameter_groups(nn.DataParallel(model))
    for wrapped in (Doubled(model), OptimizedModule(model)):
        with pytest.raises(InvalidArgument):
            parameter_groups(wrapped)


class Alternating(Functional):
    """Every second call leaves the layers out, and each doubles the output."""

    def __init__(self, first: int) -> None:
        super().__init__(8, 8)
        self.calls = first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls % 2:
            return 2 * super().forward(x)
        *hidden, last = (layer.weight for layer in self.linears)
        for weight in hidden:
            x = torch.relu(x @ weight.T)
        return 2 * (x @ last.T)


@pytest.mark.parametrize("first", [0, 1])
def test_a_module_that_runs_otherwise_each_time_is_refused(first: int) -> None:
    words = "computes something else at each call|call the layers themselves"
    with pytest.raises(InvalidArgument, match=words):
        network_of(Alternating(first))
