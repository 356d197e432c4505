"""Models for the tests of `verify.pytorch`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn

__all__ = ["Backwards", "Functional", "Pair", "ReadoutFirst", "Skip", "mlp"]


def mlp(*widths: int, bias: bool = False, activation: Any = nn.ReLU) -> nn.Sequential:
    """A ReLU network of the given widths, the input's first, with a scalar readout."""
    layers: list[nn.Module] = []
    for fan_in, width in pairwise(widths):
        layers += [nn.Linear(fan_in, width, bias=bias), activation()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1, bias=bias))


class Functional(nn.Module):
    """The same network with a forward of its own and no activation modules."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        sizes = zip(widths, (*widths[1:], 1), strict=True)
        self.linears = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in sizes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for linear in self.linears[:-1]:
            x = torch.relu(linear(x))
        return self.linears[-1](x).squeeze(-1)


class Skip(Functional):
    """A skip connection around each hidden layer but the first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.linears[0](x))
        for linear in self.linears[1:-1]:
            x = x + torch.relu(linear(x))
        return self.linears[-1](x)


class Backwards(Functional):
    """The layers but the readout used in the opposite order."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for linear in reversed(self.linears[:-1]):
            x = torch.relu(linear(x))
        return self.linears[-1](x)


class ReadoutFirst(nn.Module):
    """A network whose readout is registered before its hidden layer."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.readout = nn.Linear(width, 1, bias=False)
        self.hidden = nn.Linear(inputs, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(torch.relu(self.hidden(x)))


class Pair(Functional):
    """The outputs, and the inputs beside them."""

    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x), x
