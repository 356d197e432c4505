"""What a module computes that the theory's network does not: said of one run through its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

__all__ = ["what_differs"]

_AGREES = 1e-9

Calls = list[tuple[int, torch.Tensor, torch.Tensor]]
"""Index of a layer, its input and its output, in the order of the calls."""


def what_differs(
    model: nn.Module, names: Sequence[str], x: torch.Tensor, slope: float
) -> tuple[str, str]:
    """What ``model`` does with ``x`` that v . s(W_L ... s(W_1 x)) does not, and what to do then.

    ``names``: of its linear layers, in the order of registration.  ``slope``: of s below zero.

    >>> layers = nn.Linear(3, 4, bias=False), nn.Linear(4, 1, bias=False)
    >>> print(what_differs(nn.Sequential(*layers), ["0", "1"], torch.randn(2, 3), 0.0)[0])
    one with no activation between '0' and '1'
    """
    calls: Calls = []
    found = _recorded(model, [model.get_submodule(name) for name in names], x, calls)
    used = [index for index, _, _ in calls]
    if not used:
        return "one that computes something else", "call the layers themselves in its forward"
    return (
        _order(names, used)
        or _below(names, x, calls)
        or _between(names, calls, slope)
        or _above(names, calls, found, slope)
    )


def _recorded(
    model: nn.Module, layers: Sequence[nn.Module], x: torch.Tensor, calls: Calls
) -> torch.Tensor:
    """The output of ``model``, with the calls of ``layers`` noted on the way."""

    def note(index: int) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            calls.append((index, inputs[0].detach().clone(), output.detach().clone()))

        return hook

    handles = [layer.register_forward_hook(note(index)) for index, layer in enumerate(layers)]
    with torch.no_grad():
        found: torch.Tensor = model(x)
    for handle in handles:
        handle.remove()
    return found


def _order(names: Sequence[str], used: Sequence[int]) -> tuple[str, str] | None:
    """Layers left out, used several times, or used in another order than that of registration."""
    for index, name in enumerate(names):
        if used.count(index) != 1:
            return f"one that uses {name!r} {used.count(index)} times", "use each layer once"
    if list(used) == sorted(used):
        return None
    listed = ", ".join(repr(names[index]) for index in used)
    return (
        f"one that uses its linear layers in the order {listed}",
        "register them in the order in which they are used",
    )


def _below(names: Sequence[str], x: torch.Tensor, calls: Calls) -> tuple[str, str] | None:
    if _same(calls[0][1], x):
        return None
    return (
        f"one that changes its inputs before {names[0]!r}",
        "scale them outside the model, and give their norm as input_norm2",
    )


def _between(names: Sequence[str], calls: Calls, slope: float) -> tuple[str, str] | None:
    for (one, _, out), (two, into, _) in pairwise(calls):
        where = f"between {names[one]!r} and {names[two]!r}"
        if _same(into, out):
            return f"one with no activation {where}", "put one there, such as nn.ReLU()"
        if not _same(into, _activated(out, slope)):
            return (
                f"one with something else than its activation {where}",
                "leave out skip connections, scales and dropout",
            )
    return None


def _above(
    names: Sequence[str], calls: Calls, found: torch.Tensor, slope: float
) -> tuple[str, str]:
    last = calls[-1][2]
    if _same(found, _activated(last, slope)):
        return f"one with an activation after {names[-1]!r}", "leave it out, the readout is linear"
    return (
        f"one that changes the output of {names[-1]!r}",
        "leave out what comes after it, such as a scale or a skip connection",
    )


def _activated(z: torch.Tensor, slope: float) -> torch.Tensor:
    return torch.where(z > 0, z, slope * z)


def _same(one: torch.Tensor, two: torch.Tensor) -> bool:
    if one.numel() != two.numel():
        return False
    scale = two.abs().max().clamp_min(torch.finfo(two.dtype).tiny)
    return bool((one.reshape(-1) - two.reshape(-1)).abs().max() <= _AGREES * scale)
