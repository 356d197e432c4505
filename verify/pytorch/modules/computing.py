"""This module computes outputs and gradients of a module and of v . s(W_L ... s(W_1 x))."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from time import monotonic
from typing import Any

import torch
from torch import nn

from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from verify.pytorch.modules.chance import part
from verify.pytorch.modules.layers import alone, placed

__all__ = [
    "FAILURES",
    "NO_MEMORY",
    "Probe",
    "Run",
    "called",
    "draw_probe",
    "draw_weights",
    "later_calls",
    "literal_layers",
    "literal_outputs",
    "standard_deviations",
]

FAILURES = (Exception, SystemExit, GeneratorExit)
"""Of functions of the user, whose failure is said in a sentence."""
NO_MEMORY = (MemoryError, torch.OutOfMemoryError)
"""Failures of the machine and not of a function."""
_INPUTS = 8
_TRIES = 8
_SIZES, _MOST_WORK = tuple(2**n for n in range(4, 11)), 3e8
_CALLS, _SECONDS = 64, 0.5


@dataclass(frozen=True, eq=False)
class Run:
    """On the processor.

    ``outputs``: shape ``(batch,)``, or as they came where there is not one for each input.
    ``gradients``: of sum_b c_b f(x_b) in each weight, zero where none arrives; None for weights
    that are not trained."""

    outputs: torch.Tensor
    gradients: tuple[torch.Tensor | None, ...]


@dataclass(frozen=True, eq=False)
class Probe:
    """Weights W_1 to W_L and v; inputs ``x``, shape ``(batch, width)``; a factor c_b for each.

    All in double precision, and numbers of single precision.
    Law: inputs times s and factors times 1/s give outputs times s and the same gradients.
    """

    weights: tuple[torch.Tensor, ...]
    x: torch.Tensor
    factors: torch.Tensor

    def load(self, layers: Sequence[nn.Linear]) -> None:
        """Put the weights into ``layers``, within `probing`."""
        with torch.no_grad():
            for layer, weight in zip(layers, self.weights, strict=True):
                layer.weight.copy_(weight)

    def scaled(self, scale: float) -> Probe:
        """With inputs times ``scale``, and factors by it."""
        return replace(self, x=self.x * scale, factors=self.factors / scale)

    def alone(self) -> Probe:
        """With the first example alone."""
        return replace(self, x=self.x[:1], factors=self.factors[:1])

    def in_batches(self) -> list[Probe]:
        """With all examples again and again, in batches of up to 1024 that are little work.

        Law: outputs repeat, and gradients are the same.
        """
        work = sum(weight.numel() for weight in self.weights)
        times = [size // _INPUTS for size in _SIZES if size * work <= _MOST_WORK]
        return [
            replace(self, x=self.x.repeat(n, 1), factors=self.factors.repeat(n) / n) for n in times
        ]

    def inputs(self, layers: Sequence[nn.Linear]) -> torch.Tensor:
        """The inputs in the precision and on the device of the first layer."""
        return self.x.to(layers[0].weight)

    def run(self, model: nn.Module, layers: Sequence[nn.Linear], grad: bool = False) -> Run:
        """Outputs and gradients of ``model``.

        ``grad``: whether gradients go to the inputs too."""
        with part(len(self.x)):
            return self._run(model, layers, grad)

    def _run(self, model: nn.Module, layers: Sequence[nn.Linear], grad: bool) -> Run:
        trained = [layer.weight.requires_grad for layer in layers]
        for layer in layers:
            layer.weight.grad = None
        found = called(model, self.inputs(layers).requires_grad_(grad))
        if found.numel() != len(self.x):
            return Run(found.detach().cpu(), ())
        outputs = found.reshape(-1)
        if outputs.requires_grad:
            total: Any = (outputs * self.factors.to(outputs)).sum()
            try:
                total.backward()
            except NO_MEMORY:
                raise
            except FAILURES as error:
                raise InvalidArgument(
                    f"expected a model with a backward pass after each call, got "
                    f"{type(error).__name__}: {error}; let each call compute its outputs anew, "
                    f"and let autograd take their gradients"
                ) from error
        return Run(outputs.detach().cpu(), tuple(map(_gradient, layers, trained)))

    def literal(self, slope: float, dtype: torch.dtype = torch.float64) -> Run:
        """Outputs and gradients of the network of the theory."""
        weights = [weight.to(dtype, copy=True).requires_grad_() for weight in self.weights]
        outputs = literal_outputs(weights, self.x, slope)
        total: Any = (outputs * self.factors.to(outputs)).sum()
        total.backward()
        return Run(outputs.detach(), tuple(weight.grad for weight in weights))


def later_calls() -> Iterator[int]:
    """Numbers of calls after which counts show, as long as these take no more than a moment."""
    start = monotonic()
    return takewhile(lambda _: monotonic() - start < _SECONDS, range(_CALLS))


def _gradient(layer: nn.Linear, trained: bool) -> torch.Tensor | None:
    if not trained:
        return None
    grad = layer.weight.grad
    return torch.zeros_like(layer.weight, device="cpu") if grad is None else grad.cpu()


def called(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The outputs of ``model``; raises `InvalidArgument` where it cannot be run on ``x``."""
    try:
        with torch.enable_grad():
            found = model(x.clone())
    except NO_MEMORY:
        raise
    except FAILURES as error:
        raise InvalidArgument(
            f"expected a model that takes inputs of shape (batch, "
            f"{', '.join(map(str, x.shape[1:]))}) in {x.dtype} to one output each, got "
            f"{type(error).__name__}: {error}; "
            + (_net_of(model) or "let its forward run on such inputs")
        ) from error
    if not isinstance(found, torch.Tensor):
        raise InvalidArgument(
            f"expected a model whose output is a tensor, got one of type {type(found).__name__}; "
            + (_net_of(model) or "return the outputs of the readout alone")
        )
    return found


def _net_of(model: nn.Module) -> str:
    """The network within a LightningModule, whose forward may take or return anything."""
    return alone(model) if hasattr(model, "training_step") else ""


def literal_outputs(weights: Sequence[torch.Tensor], x: torch.Tensor, slope: float) -> torch.Tensor:
    """The outputs of the network, shape ``(batch,)``, written out."""
    return literal_layers(weights, x, slope)[-1].reshape(-1)


def literal_layers(
    weights: Sequence[torch.Tensor], x: torch.Tensor, slope: float
) -> list[torch.Tensor]:
    """W_1 x and what each later weight makes of the activated layer below, ``(batch, width)``."""
    layers = [x.to(weights[0]) @ weights[0].T]
    for weight in weights[1:]:
        z = layers[-1]
        layers.append(torch.where(z > 0, z, slope * z).to(weight) @ weight.T)
    return layers


def standard_deviations(network: MLP) -> tuple[float, ...]:
    """Those of the weights of layers 1 to L, and of the readout.

    >>> standard_deviations(MLP(8, 2, input_width=2))
    (1.0, 0.5, 0.125)
    """
    *fan_ins, last = (int(width) for width in network.widths)
    variances = *(float(network.c) / each for each in fan_ins), float(network.s) / last**2
    return tuple(variance**0.5 for variance in variances)


def draw_probe(network: MLP) -> Probe:
    """Mean-field weights under which all pre-activations and outputs have both signs, where any
    do, or else as many as in the best of a few draws; always the same ones.

    >>> probe = draw_probe(MLP(8, 2, input_width=3))
    >>> [tuple(weight.shape) for weight in probe.weights], tuple(probe.x.shape)
    ([(8, 3), (8, 8), (1, 8)], (8, 3))
    """
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu").double()

    sizes = [int(width) for width in network.widths] + [1]
    scales = [*[(2 / fan_in) ** 0.5 for fan_in in sizes[:-2]], 1 / sizes[-2]]
    best: tuple[int, Probe] | None = None
    for tries in range(_TRIES):
        x, factors = noise(_INPUTS, sizes[0]), noise(_INPUTS)
        shapes = zip(sizes[1:], sizes, strict=False)
        drawn = [noise(*shape).mul_(scale) for shape, scale in zip(shapes, scales, strict=True)]
        if tries >= _TRIES / 2:
            _enliven(drawn, x)
        if not (literal_outputs(drawn, x, 0.0) < 0).any():
            drawn[-1].neg_()
        probe = Probe(tuple(weight.float().double() for weight in drawn), x, factors)
        signs = _signs(probe)
        if best is None or signs > best[0]:
            best = signs, probe
        if signs == 2 * len(drawn):
            break
    assert best is not None
    return best[1]


def _signs(probe: Probe) -> int:
    """How many signs the pre-activations of each layer and the outputs have, in all."""
    layers = literal_layers(probe.weights, probe.x, 0.0)
    return sum(bool((z > 0).any()) + bool((z < 0).any()) for z in layers)


def _enliven(weights: Sequence[torch.Tensor], x: torch.Tensor) -> None:
    """Weights of a narrow deep network under which neurons stay positive, and of one size."""
    for weight in weights[:-1]:
        weight.diagonal().abs_().add_(1)
        z = torch.relu(x @ weight.T)
        if z.any():
            weight.mul_(x.norm() / z.norm())
            x = torch.relu(x @ weight.T)


def draw_weights(
    layers: Sequence[nn.Linear], network: MLP, generator: torch.Generator | None
) -> None:
    """Draw the weights of ``layers``, the readout last, at ``network``'s mean-field scales.

    In double precision and on the generator's device, so that the weights do not depend on those
    of the model but for rounding.  ``generator``: None is PyTorch's own.
    """
    device = "cpu" if generator is None else generator.device
    with torch.no_grad():
        for layer, spread in zip(layers, standard_deviations(network), strict=True):
            drawn = torch.empty(layer.weight.shape, dtype=torch.float64, device=device)
            drawn.normal_(0.0, spread, generator=generator)
            layer.weight.copy_(placed(drawn, layer.weight))
