"""Modules as people write them: each is the plain network, or is refused for what it does."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize
from torch.utils.checkpoint import checkpoint_sequential

from theory import MLP, InvalidArgument, LeakyReLU
from verify.pytorch import initialise, network_of

from .models import Functional, mlp


def linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


class Around(Functional):
    """Functions of inputs, activations and outputs."""

    def __init__(self, before: Any = None, act: Any = torch.relu, after: Any = None) -> None:
        super().__init__(8, 16, 16)
        self.before, self.act, self.after = before or torch.clone, act, after or torch.clone

    def forward(self, x: torch.Tensor) -> Any:
        x = self.before(x)
        for layer in self.linears[:-1]:
            x = self.act(layer(x))
        return self.after(self.linears[-1](x))


class Rescaled(Functional):
    """Twice an activation, and the half of it at the next layer."""

    def __init__(self, cast: Callable[[torch.Tensor], torch.Tensor] = torch.clone) -> None:
        super().__init__(8, 16, 16)
        self.cast = cast

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = 2 * torch.relu(self.linears[0](self.cast(x)))
        return self.linears[2](torch.relu(self.linears[1](x) / 2))


def by_einsum(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.einsum("bi,oi->bo", x, weight)


class ScaledWeights(Functional):
    """Layers that are not called, whose weights have factors that undo one another."""

    def __init__(self, *factors: float, product: Any = F.linear) -> None:
        super().__init__(8, 16, 16)
        self.factors, self.product = factors, product

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second, last = zip(self.factors, self.linears, strict=True)
        for factor, layer in (first, second):
            x = torch.relu(self.product(x, factor * layer.weight))
        return self.product(x, last[0] * last[1].weight)


class Writing(Functional):
    """Weights that forward changes."""

    def __init__(self, write: Callable[[torch.Tensor], object]) -> None:
        super().__init__(8, 16, 16)
        self.write = write

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            for weight in self.parameters():
                self.write(weight)
        return super().forward(x)


class Heads(nn.Module):
    """A trunk with two readouts."""

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.trunk, self.policy, self.value = linear(8, 8), linear(8, actions), linear(8, 1)

    def forward(self, x: torch.Tensor) -> Any:
        x = torch.relu(self.trunk(x))
        return self.policy(x), self.value(x)


class Gated(nn.Module):
    """Half of a layer gates the other half."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = linear(8, 32), linear(16, 1)

    def forward(self, x: torch.Tensor) -> Any:
        one, two = self.up(x).chunk(2, -1)
        return self.down(torch.relu(one) * two)


class LowRank(nn.Module):
    """A linear layer and a low-rank one beside it (LoRA)."""

    def __init__(self) -> None:
        super().__init__()
        self.whole, self.down, self.up = linear(8, 16), linear(8, 2), linear(2, 16)

    def forward(self, x: torch.Tensor) -> Any:
        return self.whole(x) + self.up(self.down(x))


class Equalised(nn.Linear):
    """A scale of the weight at each call."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight * (2 / self.in_features) ** 0.5)


class Masked(nn.Linear):
    """Weights times a mask."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.register_buffer("mask", (torch.arange(inputs * outputs) % 3 > 0).view(outputs, inputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask: Any = self.mask
        return F.linear(x, self.weight * mask)


class RunningMean(Functional):
    """Inputs less their running mean."""

    def __init__(self) -> None:
        super().__init__(8, 16, 16)
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean: Any = self.mean
        mean.mul_(0.9).add_(0.1 * x.detach().mean(0))
        return super().forward(x - mean)


class FeedbackAlignment(torch.autograd.Function):
    """A linear layer with another matrix in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, back: torch.Tensor) -> Any:
        ctx.save_for_backward(x, back)
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        x, back = ctx.saved_tensors
        return grads[0] @ back, grads[0].T @ x, None


class Feedback(nn.Linear):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.register_buffer("back", torch.ones(outputs, inputs))

    def forward(self, x: torch.Tensor) -> Any:
        step: Any = FeedbackAlignment
        return step.apply(x, self.weight, self.back)


class Kept(Functional):
    """Outputs that are computed once for each input."""

    def __init__(self) -> None:
        super().__init__(8, 16, 16)
        self.kept: dict[Any, torch.Tensor] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        key = (x.dtype, tuple(x.shape), float(x.sum()))
        return self.kept.setdefault(key, super().forward(x) if key not in self.kept else x)


class NoTraining(Functional):
    def train(self, mode: bool = True) -> Any:
        raise NotImplementedError("for inference alone")


class LossForward(nn.Module):
    """As a LightningModule whose forward takes a batch of inputs and labels."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(8, 16, 16)

    def forward(self, batch: Any) -> torch.Tensor:
        x, y = batch
        return F.mse_loss(self.net(x), y)

    def training_step(self, batch: Any) -> torch.Tensor:
        out: torch.Tensor = self(batch)
        return out


class TwoOutputs(LossForward):
    def forward(self, batch: Any) -> Any:
        return self.net(batch), 0


def quantised() -> nn.Module:
    quantise: Any = torch.ao.quantization.quantize_dynamic
    found: nn.Module = quantise(mlp(8, 16), {nn.Linear}, dtype=torch.qint8)
    return found


def with_(change: Callable[[Any], Any]) -> nn.Module:
    model = mlp(8, 16, 16)
    change(model)
    return model


class Cast(ScaledWeights):
    """Layers that are not called, whose weights ``cast`` takes to another precision."""

    def __init__(self, cast: Callable[[torch.Tensor], torch.Tensor], *factors: float) -> None:
        def product(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
            weight = cast(weight)
            return F.linear(x.to(weight.dtype), weight).to(x.dtype)

        super().__init__(*(factors or (1.0, 1.0, 1.0)), product=product)


class Before(Around):
    """The same network after a call that has nothing to do with it."""

    def __init__(self, call: Callable[[], object], after: Any = None) -> None:
        super().__init__(before=lambda x: (call(), x)[1], after=after)


class Twice(nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return 2 * weight


class Sharing(Functional):
    """``hold``: puts memory of the module into an attribute that ``touch`` changes at each call;
    ``grown``: whether the outputs are then others."""

    def __init__(self, hold: Any, touch: Any, grown: Any = lambda m: False) -> None:
        super().__init__(8, 16, 16)
        self.register_buffer("state", torch.zeros(2))
        self.held, self.touch, self.grown = hold(self), touch, grown

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.touch(self.held)
        return super().forward(x) * (2 if self.grown(self) else 1)


class Parts(NamedTuple):
    part: torch.Tensor


class Unregistered(nn.Module):
    """Layers of which one is in a plain list."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([linear(8, 8)] * first)
        self.plain, self.readout = [linear(8, 8)], linear(8, 1)

    def forward(self, x: torch.Tensor) -> Any:
        for layer in (*self.hidden, *self.plain):
            x = torch.relu(layer(x))
        return self.readout(x)


def of_weights(view: Callable[[torch.Tensor], Any]) -> Callable[[nn.Module], list[Any]]:
    return lambda model: [view(weight.detach()) for weight in model.parameters()]


def clamp(views: Any) -> None:
    for view in views:
        torch.as_tensor(view).clamp_(-0.05, 0.05)


def add(view: Any) -> None:
    view += 1


def many(model: Any) -> bool:
    return bool(model.state[0] > 5)


def buffer_of_no_shape(model: nn.Module) -> None:
    model.register_buffer("late", nn.parameter.UninitializedBuffer())


CALLS = "got other outputs in a batch of one; leave out operations that depend on the number"
CHANCE = "draws random numbers"
SEED = r"got a forward that sets a seed; leave out torch\.manual_seed\(\) and the like"
ROUNDS = r"got a forward that calls no layer and rounds to torch\.{}; call the layers, within"
ONE_CHAIN = "one chain to one readout, got 2 with as many outputs as no layer has inputs: "
WRITES = r"leaves its weights as they are, got one that changes 'linears\.0\.weight'; clip"
REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "two heads of one output": (lambda: Heads(1), f"{ONE_CHAIN}'policy', 'value'"),
    "two heads": (lambda: Heads(4), f"{ONE_CHAIN}'policy', 'value'; leave out second heads"),
    "an average beside": (
        lambda: with_(lambda m: m.add_module("average", mlp(8, 16, 16))),
        ONE_CHAIN + "'4', 'average.4'",
    ),
    "a gate": (Gated, f"{ONE_CHAIN}'up', 'down'; leave out .* gates"),
    "LoRA": (
        lambda: nn.Sequential(LowRank(), nn.ReLU(), linear(16, 1)),
        "form one chain, got the weights' shapes .*; register .* and leave out branches",
    ),
    "quantised": (quantised, "at '0'; pass the module before it was prepared for quantisation"),
    "parametrised": (
        lambda: with_(lambda m: parametrize.register_parametrization(m[2], "weight", Twice())),
        "2.parametrizations.weight.original",
    ),
    "orthogonal": (lambda: with_(lambda m: parametrizations.orthogonal(m[2])), "_Orthogonal"),
    "tied": (lambda: with_(lambda m: setattr(m[2], "weight", m[0].weight)), "shapes|matrices"),
    "equalised": (lambda: nn.Sequential(Equalised(8, 16, False), *mlp(8, 16)[1:]), "'0' is not W"),
    "masked weights": (lambda: nn.Sequential(Masked(8, 16), *mlp(8, 16)[1:]), "'0' is not W x"),
    "feedback alignment": (
        lambda: nn.Sequential(linear(8, 16), nn.ReLU(), Feedback(16, 16), *mlp(16, 16)[1:]),
        "another gradient at '0'",
    ),
    "multipliers of inputs and outputs": (
        lambda: Around(before=lambda x: 2 * x, after=lambda f: f / 2),
        "changes its inputs before 'linears.0'",
    ),
    "a scale that the next layer undoes": (Rescaled, "2 times ReLU between 'linears.0'"),
    "weights with factors that undo one another": (
        lambda: ScaledWeights(1.0, 4.0, 0.25),
        "got 4 times those at 'linears.1'; leave out scales that undo one another",
    ),
    "the same from the first layer": (
        lambda: ScaledWeights(0.5, 2.0, 1.0, product=by_einsum),
        "got 0.5 times those at 'linears.0'",
    ),
    "the same in single precision": (lambda: Rescaled(torch.Tensor.float), "between 'linears.0'"),
    "the same in single precision, without calls": (
        lambda: Cast(torch.Tensor.float, 1.0, 4.0, 0.25),
        "got 4 times those at 'linears.1'; leave out scales that undo one another",
    ),
    "weights in bfloat16": (lambda: Cast(torch.Tensor.bfloat16), ROUNDS.format("bfloat16")),
    "weights in float16": (lambda: Cast(torch.Tensor.half), ROUNDS.format("float16")),
    "weights rounded to bfloat16": (
        lambda: Cast(lambda weight: weight.bfloat16().to(weight)),
        ROUNDS.format("bfloat16"),
    ),
    "a seed of PyTorch": (lambda: Before(lambda: torch.manual_seed(3)), SEED),
    "a seed of NumPy": (lambda: Before(lambda: np.random.seed(3)), SEED),
    "a seed of Python": (lambda: Before(lambda: random.seed(3)), SEED),
    "a seed and noise": (
        lambda: Before(lambda: torch.manual_seed(3), after=lambda f: f + torch.randn(1)),
        SEED,
    ),
    "an output multiplier": (lambda: Around(after=lambda f: f / 16), "output of 'linears.2'"),
    "a soft cap": (lambda: Around(after=lambda f: 50 * torch.tanh(f / 50)), "output of|gradient"),
    "half precision kept for the backward pass": (
        lambda: Around(after=lambda f: f.half().to(f)),
        "outputs|output",
    ),
    "weights clipped in forward": (lambda: Writing(lambda w: w.clamp_(-0.01, 0.01)), WRITES),
    "weights that shrink in forward": (lambda: Writing(lambda w: w.mul_(1 - 1e-6)), WRITES),
    "rows bounded in forward": (lambda: Writing(lambda w: w.renorm_(2, 0, 0.1)), WRITES),
    "weights clipped through views": (
        lambda: Sharing(of_weights(lambda w: w.view(-1)[3:]), clamp),
        WRITES,
    ),
    "weights clipped through arrays": (lambda: Sharing(of_weights(Tensor.numpy), clamp), WRITES),
    "a count that is a view": (lambda: Sharing(lambda m: m.state[0], add, many), CALLS),
    "a count that is a view in a tuple": (
        lambda: Sharing(lambda m: Parts(m.state[:1]), lambda parts: add(parts.part), many),
        CALLS,
    ),
    "a count that is an array": (lambda: Sharing(lambda m: m.state.numpy(), add, many), CALLS),
    "arrays of one memory": (
        lambda: Sharing(
            lambda m: (lambda a: (a, a[:1]))(np.zeros(3)),
            lambda held: add(held[1]),
            lambda m: m.held[0][0] > 5,
        ),
        CALLS,
    ),
    "other bits of the weights": (
        lambda: Sharing(of_weights(lambda w: w.view(torch.int32)), lambda _: None),
        "share memory to have one dtype, got torch.float32, torch.int32",
    ),
    "a layer in a plain list": (
        lambda: Unregistered(1),
        "calls Linear.in_features=8, out_features=8, bias=False., which it does not register",
    ),
    "its only layer in a plain list": (
        lambda: Unregistered(0),
        "registers, got Linear.* in a plain list or another object; keep them in attributes",
    ),
    "a buffer of no shape": (
        lambda: with_(buffer_of_no_shape),
        "buffers whose shapes are known, got 'late' of a lazy module not yet run",
    ),
    "running means": (RunningMean, "changes from call to call .* running means"),
    "kept outputs": (Kept, "a backward pass after each call, got RuntimeError"),
    "no training mode": (lambda: NoTraining(8, 16), "has a training mode, got NotImplementedError"),
    "a loss in forward": (
        LossForward,
        r"got ValueError: .*; pass the network alone: parameter_groups\(self\.net\)",
    ),
    "two outputs": (TwoOutputs, r"got one of type tuple; pass the network alone"),
    "dropout of few": (
        lambda: nn.Sequential(*mlp(8, 16)[:2], nn.Dropout(1e-5), linear(16, 1)),
        CHANCE,
    ),
    "dropout of few inputs": (lambda: nn.Sequential(nn.Dropout(1e-5), *mlp(8, 16)), CHANCE),
    "dropout of few outputs": (lambda: nn.Sequential(*mlp(8, 16), nn.Dropout(1e-5)), CHANCE),
    "noise times zero": (
        lambda: Around(act=lambda z: z.relu() + 0 * torch.randn_like(z)),
        CHANCE,
    ),
    "parameters alone": (
        lambda: with_(lambda m: m.add_module("w", nn.ParameterList([torch.ones(8)] * 2))),
        "got ParameterList at 'w'",
    ),
    "layers of one's own": (nn.Identity, "got 0 layer.s. of class torch.nn.Linear"),
}


@pytest.mark.parametrize("product", [F.linear, by_einsum])
def test_weights_of_layers_that_are_not_called_are_read(product: Any) -> None:
    assert network_of(ScaledWeights(1.0, 1.0, 1.0, product=product)) == MLP(16, 2, input_width=8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # within torch.ao
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("case", REFUSED)
def test_other_modules_are_refused_for_what_they_do(case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises(InvalidArgument, match=words):
        network_of(make())


class Itself(Functional):
    """A module that knows itself."""

    def __init__(self, *widths: int) -> None:
        super().__init__(*widths)
        self.me = weakref.ref(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        me: Any = self.me()
        return Functional.forward(me, x)


class InParts(Functional):
    """Parts of a batch one after the other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([super(InParts, self).forward(each) for each in x.split(4)])


class Padded(Functional):
    """A batch made full with zeros."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(F.pad(x, (0, 0, 0, -len(x) % 8)))[: len(x)]


class Elsewhere(Functional):
    """The weights of this module in another one."""

    def __init__(self, *widths: int) -> None:
        super().__init__(*widths)
        self.other = [Functional(*widths)]

    def forward(self, x: torch.Tensor) -> Any:
        return torch.func.functional_call(self.other[0], dict(self.named_parameters()), (x,))


class Penalised(Functional):
    """A penalty kept beside the outputs, and the norm of a gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.penalty = sum(weight.square().sum() for weight in self.parameters())
        return super().forward(x)


class Saved(Functional):
    """Activations kept on the processor for the backward pass."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autograd.graph.save_on_cpu():
            return super().forward(x)


class Sharded(nn.Module):
    """A wrapper that hands on its calls."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._wrapped = module

    def forward(self, *args: Any, **keywords: Any) -> Any:
        return self._wrapped(*args, **keywords)


class InSegments(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(8, 16, 16)

    def forward(self, x: torch.Tensor) -> Any:
        return checkpoint_sequential(self.net, 2, x, use_reentrant=False)


def views_of_one_tensor(model: nn.Module) -> None:
    flat, start = torch.ones(10_000), 0
    for weight in model.parameters():
        weight.data = flat[start : start + weight.numel()].view_as(weight)
        start += weight.numel()


PLAIN = MLP(16, 2, input_width=8)
READ: dict[str, tuple[Callable[[], nn.Module], MLP]] = {
    "weights in double precision": (lambda: Cast(torch.Tensor.double), PLAIN),
    "weights in single precision": (lambda: Cast(torch.Tensor.float), PLAIN),
    "a default precision set in forward": (
        lambda: Before(lambda: torch.set_default_dtype(torch.float64)),
        PLAIN,
    ),
    "views that it only reads": (
        lambda: Sharing(of_weights(lambda w: w.view(-1)), lambda views: sum(map(torch.sum, views))),
        PLAIN,
    ),
    "itself": (lambda: Itself(8, 16, 16), PLAIN),
    "in parts": (lambda: InParts(8, 16, 16), PLAIN),
    "padded": (lambda: Padded(8, 16, 16), PLAIN),
    "weights elsewhere": (lambda: Elsewhere(8, 16, 16), PLAIN),
    "penalised": (lambda: Penalised(8, 16, 16), PLAIN),
    "saved": (lambda: Saved(8, 16, 16), PLAIN),
    "a wrapper": (lambda: Sharded(mlp(8, 16, 16)), PLAIN),
    "in segments": (InSegments, PLAIN),
    "views of one tensor": (lambda: with_(views_of_one_tensor), PLAIN),
    "a gate without a gradient": (lambda: Around(act=lambda z: z * (z.detach() > 0)), PLAIN),
    "a mask of ones": (lambda: Around(act=lambda z: z.relu() * torch.ones(16)), PLAIN),
    "no NaN": (lambda: Around(act=lambda z: z.nan_to_num().relu()), PLAIN),
    "one number for each": (lambda: Around(after=lambda f: f.sum(-1)), PLAIN),
    "leaky by a maximum": (
        lambda: Around(act=lambda z: torch.maximum(z, 0.5 * z)),
        MLP(16, 2, input_width=8, activation=LeakyReLU("0.5")),
    ),
}


@pytest.mark.parametrize("case", READ)
def test_plain_networks_are_read(case: str) -> None:
    make, network = READ[case]
    model = initialise(make(), seed=1)
    assert network_of(model) == network
