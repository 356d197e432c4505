"""This module trains many networks at once by plain SGD, with one batched product a layer for all.

It spells out the gradient, so that seeds and rates share every product; the tests compare it with
PyTorch's autograd and `torch.optim.SGD`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits

from studies.transfer_settings import Setting
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import derived_seed

__all__ = ["LOSSES", "Stack", "Task", "digits", "train"]

_TEST = 360
_SPLIT_SEED = 7
_AT_ONCE = 2**26


@dataclass(frozen=True, eq=False)
class Task:
    """Inputs of squared norm equal to their number, shape ``(examples, n_0)``, and labels +-1;
    ``train`` and ``test``: the examples to train on and to test on."""

    inputs: torch.Tensor
    labels: torch.Tensor
    train: torch.Tensor
    test: torch.Tensor


def digits() -> Task:
    """Even against odd among scikit-learn's 1797 handwritten digits of 8 x 8 pixels.

    Pixels less their mean, each image then scaled to |x|^2 = 64; 360 images held out.
    """
    data = load_digits()
    centred = data.data - data.data.mean(axis=0)
    inputs = centred * (centred.shape[1] ** 0.5 / np.linalg.norm(centred, axis=1, keepdims=True))
    labels = np.where(data.target % 2 == 0, 1.0, -1.0)
    order = torch.as_tensor(np.random.default_rng(_SPLIT_SEED).permutation(len(labels)))
    x, y = (torch.as_tensor(each, dtype=torch.float32) for each in (inputs, labels))
    return Task(x, y, train=order[_TEST:], test=order[:_TEST])


def _half_square(f: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (f - y) ** 2 / 2, f - y


def _logistic(f: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.nn.functional.softplus(-y * f), -y * torch.sigmoid(-y * f)


Loss = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
LOSSES: dict[str, Loss] = {"half square": _half_square, "logistic": _logistic}
"""Losses of output and label, each with its derivative in the output."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Networks of one shape: ``weights[l]`` is ``(networks, n, fan_in)``, ``readout`` is
    ``(networks, n)``."""

    weights: list[torch.Tensor]
    readout: torch.Tensor

    @classmethod
    def draw(cls, width: int, depth: int, inputs: int, seeds: Sequence[int], copies: int) -> Stack:
        """ReLU networks at mean-field initialisation, one a seed, each ``copies`` times."""
        fan_ins = [inputs, *[width] * (depth - 1)]
        drawn = []
        for seed in seeds:
            key = derived_seed(seed, width, depth) % 2**63
            generator = torch.Generator().manual_seed(key)
            shapes = [((width, m), (2.0 / m) ** 0.5) for m in fan_ins] + [((width,), 1.0 / width)]
            drawn.append(
                [torch.empty(s).normal_(0.0, std, generator=generator) for s, std in shapes]
            )
        columns = zip(*drawn, strict=True)
        tensors = [torch.stack(each).repeat_interleave(copies, 0) for each in columns]
        return cls(tensors[:-1], tensors[-1])

    def forward(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Activations of layers 0 to L, ``(networks, batch, n)``, and outputs, ``(networks,
        batch)``, of inputs ``(networks, batch, n_0)``."""
        activations = [x]
        for weight in self.weights:
            activations.append(torch.bmm(activations[-1], weight.transpose(1, 2)).relu_())
        return activations, torch.bmm(activations[-1], self.readout[:, :, None])[:, :, 0]

    def step(self, x: torch.Tensor, y: torch.Tensor, rates: torch.Tensor, loss: Loss) -> None:
        """One step of SGD, in place; ``rates``: ``(networks, layers + 1)``, the readout's last."""
        activations, f = self.forward(x)
        slope = loss(f, y)[1] / y.shape[1]
        delta = slope[:, :, None] * self.readout[:, None, :]
        self.readout.sub_(rates[:, -1:] * torch.bmm(slope[:, None, :], activations[-1])[:, 0])
        for layer in range(len(self.weights) - 1, -1, -1):
            delta *= activations[layer + 1] > 0
            below = torch.bmm(delta, self.weights[layer]) if layer else delta
            move = (delta * -rates[:, layer, None, None]).transpose(1, 2)
            self.weights[layer].baddbmm_(move, activations[layer])
            delta = below

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of all networks for the same inputs, shape ``(networks, examples)``."""
        networks, width = self.readout.shape
        size = max(1, _AT_ONCE // (len(x) * width))
        parts = []
        for start in range(0, networks, size):
            some = slice(start, start + size)
            part = Stack([weight[some] for weight in self.weights], self.readout[some])
            parts.append(part.forward(x.expand(len(part.readout), *x.shape))[1])
        return torch.cat(parts)


def train(
    task: Task,
    setting: Setting,
    depth: int,
    rates: FloatArray,
    seeds: Sequence[int],
    horizons: Sequence[int],
) -> tuple[FloatArray, FloatArray]:
    """Loss on the training set and accuracy on the held-out one after each number of steps.

    ``rates``: shape ``(rates, depth + 1)``, the same for all seeds.  Both results: ``(horizons,
    seeds, rates)``; a loss that is not finite is infinite, and its accuracy NaN.
    """
    copies, steps = len(rates), max(horizons)
    stack = Stack.draw(setting.width, depth, task.inputs.shape[1], seeds, copies)
    each = torch.as_tensor(np.tile(rates, (len(seeds), 1)), dtype=torch.float32)
    order = torch.stack([_order(task, setting.batch * steps, seed) for seed in seeds])
    found = []
    for now in range(1, steps + 1):
        batch = order[:, (now - 1) * setting.batch : now * setting.batch]
        x, y = (t[batch].repeat_interleave(copies, 0) for t in (task.inputs, task.labels))
        stack.step(x, y, each, LOSSES[setting.loss])
        if now in horizons:
            found.append(_measured(task, stack, LOSSES[setting.loss]))
    losses, accuracies = np.stack(found, axis=1).reshape(2, len(found), len(seeds), copies)
    return losses, accuracies


def _order(task: Task, count: int, seed: int) -> torch.Tensor:
    """Training examples in the order of use: a new permutation for each pass."""
    generator = torch.Generator().manual_seed(derived_seed(seed, 0) % 2**63)
    size = len(task.train)
    passes = [torch.randperm(size, generator=generator) for _ in range(-(-count // size))]
    return task.train[torch.cat(passes)][:count]


def _measured(task: Task, stack: Stack, loss: Loss) -> FloatArray:
    """Mean loss on the training set and accuracy on the held-out one, shape ``(2, networks)``."""
    f = stack.outputs(task.inputs)
    losses = loss(f[:, task.train], task.labels[task.train])[0].mean(1).double()
    right = (f[:, task.test] * task.labels[task.test] > 0).double().mean(1)
    bad = ~torch.isfinite(losses)
    losses[bad], right[bad] = torch.inf, torch.nan
    measured: FloatArray = torch.stack([losses, right]).numpy()
    return measured
