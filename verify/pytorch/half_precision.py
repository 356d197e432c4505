"""This module compares one step of a model in 16 bits with the same step in double precision.

A weight keeps about 8 (bfloat16) or 11 (float16) binary digits, so that a step smaller than half
the last one leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import Any, cast

import torch

from theory.networks.mlp import MLP
from verify.pytorch.modules.computing import Probe, draw_probe, literal_layers
from verify.pytorch.modules.model import ReadModel
from verify.pytorch.modules.probing import probing

__all__ = ["precision_in_words"]

_NOTICEABLE = 0.1
_HALVES = (torch.float16, torch.bfloat16)


def precision_in_words(read: ReadModel, network: MLP, rates: Sequence[float]) -> str | None:
    """A sentence where ``read`` computes in 16 bits, with the share of a step at ``rates`` that is
    left, where that is not nearly all: of the mean square of Delta z in the last hidden layer, at
    one initialisation."""
    if read.computes not in _HALVES:
        return None
    share = _share(read, network, rates)
    moves = ""
    if not isfinite(share):
        moves = "at these rates no share of a step is defined there, and "
    elif abs(share - 1) > _NOTICEABLE:
        moves = (
            f"one step of plain SGD at them moves the last hidden layer by {100 * share:.3g} % of "
            f"the mean square of the same step in float64, and "
        )
    lost = "changes of a weight below its last digit are lost; keep weights and steps in float32"
    if all(layer.weight.dtype not in _HALVES for layer in read.layers):
        lost = "forward rounds the weights, which keep their steps; leave out autocast within it"
    return (
        f"expected a model that computes in 32 bits, which these rates assume, got "
        f"{read.computes}: {moves}{lost}"
    )


def _share(read: ReadModel, network: MLP, rates: Sequence[float]) -> float:
    """Over all examples of the probe, each a separate step with a label 1."""
    probe = draw_probe(read.network)
    slope = float(network.activation.slope)
    size = float(network.norm2) ** 0.5
    moved = exact = 0.0
    with probing(read.module):
        for x in probe.x * (size / probe.x.norm(dim=1, keepdim=True)):
            probe.load(read.layers)
            before = _in_double(read)
            f: Any = read.module(x[None].to(read.layers[0].weight)).reshape(())
            ((f - 1) ** 2 / 2).backward()
            torch.optim.SGD(
                [
                    {"params": [layer.weight], "lr": rate}
                    for layer, rate in zip(read.layers, rates, strict=True)
                ]
            ).step()
            after = _in_double(read)
            one = Probe(tuple(before), x[None], torch.ones(1)).literal(slope)
            rows = zip(before, rates, one.gradients, strict=True)
            right = [w - rate * (one.outputs - 1) * cast(torch.Tensor, g) for w, rate, g in rows]
            z = _last_hidden(before, x, slope)
            moved += float((_last_hidden(after, x, slope) - z).square().sum())
            exact += float((_last_hidden(right, x, slope) - z).square().sum())
            for layer in read.layers:
                layer.weight.grad = None
    return moved / exact if exact else nan


def _in_double(read: ReadModel) -> list[torch.Tensor]:
    """Copies of the weights."""
    return [layer.weight.detach().to("cpu", torch.float64, copy=True) for layer in read.layers]


def _last_hidden(weights: Sequence[torch.Tensor], x: torch.Tensor, slope: float) -> torch.Tensor:
    """The pre-activations of the last hidden layer."""
    return literal_layers(weights[:-1], x[None], slope)[-1]
