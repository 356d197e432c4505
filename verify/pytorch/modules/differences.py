"""This module names the first step at which a module departs from the theory's network.

All runs are within `probing`, where the module's weights are new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from verify.pytorch.modules.chance import part
from verify.pytorch.modules.computing import FAILURES, NO_MEMORY
from verify.pytorch.modules.held import unregistered

__all__ = [
    "RANDOM",
    "Calls",
    "Multiples",
    "Precisions",
    "distance",
    "recorded",
    "times",
    "unwrapped",
    "what_differs",
    "where_gradients_differ",
]

RANDOM = "changes from call to call in training mode"
_AGREES = 1e-9

Calls = list[tuple[int, torch.Tensor, torch.Tensor]]
"""Index of a layer, its input and its output, in the order of the calls."""

_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "ReLU": torch.relu,
    "GELU": functional.gelu,
    "GELU by tanh": partial(functional.gelu, approximate="tanh"),
    "SiLU": functional.silu,
    "tanh": torch.tanh,
    "a sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "ELU": functional.elu,
    "SELU": functional.selu,
    "Mish": functional.mish,
    "ReLU6": functional.relu6,
    "hardtanh": functional.hardtanh,
    "hardswish": functional.hardswish,
    "softsign": functional.softsign,
    "squared ReLU": lambda z: torch.relu(z) ** 2,
    "the absolute value": torch.abs,
    "the square": torch.square,
    "the sine": torch.sin,
}


def recorded(model: nn.Module, layers: Sequence[nn.Module], x: torch.Tensor) -> tuple[Calls, Any]:
    """The calls of ``layers`` while ``model`` runs on ``x``, and its output; None where it fails.

    >>> layer = nn.Linear(3, 2)
    >>> calls, output = recorded(nn.Sequential(layer), [layer], torch.ones(1, 3))
    >>> len(calls), torch.equal(calls[0][2], output)
    (1, True)
    """
    calls: Calls = []

    def note(index: int) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            calls.append((index, unwrapped(inputs[0]), unwrapped(output)))

        return hook

    handles = [layer.register_forward_hook(note(index)) for index, layer in enumerate(layers)]
    try:
        with torch.no_grad(), part(len(x)):
            return calls, model(x.clone())
    except NO_MEMORY:
        raise
    except FAILURES:
        return calls, None
    finally:
        for handle in handles:
            handle.remove()


def unwrapped(tensor: torch.Tensor) -> torch.Tensor:
    """A detached copy of ``tensor``, of a `torch.vmap` in forward the whole batch."""
    plain: Any = torch.func.debug_unwrap(tensor.detach().clone())
    return cast(torch.Tensor, plain)


class Multiples(TorchDispatchMode):
    """Within it ``factors`` collects, for each of some pre-activations, the multiples of it among
    the results of PyTorch's operators, in any order of their numbers.

    >>> one, other = torch.tensor([[-3.0], [1.0]]), torch.tensor([1.0, 3.0])
    >>> with Multiples([torch.tensor([1.0, -3.0])]) as found:
    ...     _ = 2 * one, 2 * other
    >>> found.factors
    [[2.0]]
    """

    def __init__(self, expected: Sequence[torch.Tensor], agrees: float = _AGREES) -> None:
        super().__init__()
        self._agrees = agrees
        self.factors: list[list[float]] = [[] for _ in expected]
        self._expected = [_in_order(each) for each in expected]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        counts = {len(each) for each in self._expected}
        if isinstance(result, torch.Tensor) and result.numel() in counts and _is_real(result):
            numbers = _in_order(result)
            for factors, each in zip(self.factors, self._expected, strict=True):
                factor = float(numbers.norm() / each.norm())
                if len(each) == len(numbers) and distance(numbers, factor * each) < self._agrees:
                    factors.append(factor)
        return result


class Precisions(TorchDispatchMode):
    """Within it ``found`` collects the types of the results of PyTorch's operators.

    >>> with Precisions() as seen:
    ...     _ = torch.ones(2).half().float()
    >>> torch.float16 in seen.found
    True
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.found.add(result.dtype)
        return result


def _is_real(result: torch.Tensor) -> bool:
    return result.layout is torch.strided and result.dtype in (torch.float32, torch.float64)


def _in_order(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.detach().double().cpu().reshape(-1).sort().values


def what_differs(
    model: nn.Module, layers: Mapping[str, nn.Linear], x: torch.Tensor, slope: float
) -> tuple[str, str]:
    """What ``model`` does with ``x`` that v . s(W_L ... s(W_1 x)) does not, and what to do then.

    ``layers``: by name, in the order of registration.  ``slope``: of s below zero.

    >>> model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 1, bias=False))
    >>> print(what_differs(model, {"0": model[0], "1": model[1]}, torch.randn(2, 3), 0.0)[0])
    a model with no activation between '0' and '1'
    """
    linear, others = list(layers.values()), unregistered(model)
    if others and (hidden := recorded(model, others, x)[0]):
        return (
            f"a model that calls {others[hidden[0][0]]}, which it does not register",
            "keep layers in attributes, nn.ModuleList or nn.Sequential, not in a plain list",
        )
    calls, found = recorded(model, linear, x)
    again, found_again = recorded(model, linear, x)
    names, used = list(layers), [index for index, _, _ in calls]
    wrong = _wrong_calls(names, used) or _skip(names, calls, slope)
    if wrong:
        return wrong
    if [index for index, _, _ in again] != used or not isinstance(found, torch.Tensor):
        return (
            "a model that computes something else at each call",
            "leave out chance, and counts of calls",
        )
    expected = x
    for k, (name, (_, into, out), (_, other, _)) in enumerate(
        zip(layers, calls, again, strict=True)
    ):
        if not (_same(into, expected) and _same(other, expected)):
            return _below(names[: k + 1], calls[: k + 1], other)
        if not _same(out, into @ layers[name].weight.detach().T):
            return f"a model whose {name!r} is not W x", "leave out its bias or scale"
        expected = _activated(out, slope)
    *_, last = names
    if _same(found, expected):
        return f"a model with an activation after {last!r}", "leave it out, the readout is linear"
    if not _same(found, found_again):
        return f"a model that {RANDOM} after {last!r}", "leave out dropout, noise and running means"
    return (
        f"a model that changes the output of {last!r}",
        "leave out the operation after it, such as a scale or a skip connection",
    )


def _wrong_calls(names: Sequence[str], used: Sequence[int]) -> tuple[str, str] | None:
    """Layers left out, used several times, or used in another order than that of registration."""
    if not used:
        return "a model that computes something else", "call the layers themselves in its forward"
    for index, name in enumerate(names):
        if not used.count(index):
            return f"a model that does not call {name!r}", "call each layer once in forward"
        if used.count(index) != 1:
            return f"a model that uses {name!r} {used.count(index)} times", "use each layer once"
    if list(used) == sorted(used):
        return None
    listed = ", ".join(repr(names[index]) for index in used)
    return (
        f"a model that uses its linear layers in the order {listed}",
        "register them in the order in which they are used",
    )


def _below(names: Sequence[str], calls: Calls, again: torch.Tensor) -> tuple[str, str]:
    """How the input of the last of ``calls``, in another run ``again``, departs from the
    activated output below it."""
    *_, name = names
    _, into, _ = calls[-1]
    where = f"before {name!r}" if len(calls) == 1 else f"between {names[-2]!r} and {name!r}"
    if not _same(into, again):
        return f"a model that {RANDOM} {where}", "leave out dropout, noise and running means"
    if len(calls) == 1:
        return (
            f"a model that changes its inputs before {name!r}",
            "scale them outside the model, and give their norm as input_norm2",
        )
    _, _, out = calls[-2]
    if _same(into, out):
        return f"a model with no activation {where}", "put an activation there, such as nn.ReLU()"
    if named := _named_activation(out, into):
        fix = "the theory at finite width covers ReLU and LeakyReLU, so give one of them"
        return f"a model with {named} {where}", fix
    ordered = (each.reshape(-1).sort()[0] for each in (out, into))
    if _named_activation(*ordered):
        return (
            f"a model that moves activations to other places {where}",
            "leave the permutation out",
        )
    return (
        f"a model with something else than its activation {where}",
        "leave out scales, normalisation and dropout",
    )


def _skip(names: Sequence[str], calls: Calls, slope: float) -> tuple[str, str] | None:
    """A later layer's input that holds an earlier one's input or output."""
    for k, ((_, _, out), (_, into, _)) in enumerate(pairwise(calls)):
        if _named_activation(out, into):
            continue
        for first in range(k + 1):
            earlier = [calls[first][1], *([calls[first - 1][2]] if first else [])]
            if any(_holds(into, out, each, slope) for each in earlier):
                around = dict.fromkeys([names[first], names[k]])
                return (
                    f"a model with a skip connection around {' and '.join(map(repr, around))}",
                    "leave it out; theory.Residual has its law, but residual modules are not read",
                )
    return None


def _holds(into: torch.Tensor, out: torch.Tensor, earlier: torch.Tensor, slope: float) -> bool:
    """Whether ``into`` is a combination of ``out``, activated or not, and ``earlier``, before or
    behind the activation."""
    if not into.numel() == out.numel() == earlier.numel():
        return False
    target, z, kept = (each.reshape(-1).double() for each in (into, out, earlier))
    for base in (_activated(z, slope), z):
        for where in (torch.ones_like(target, dtype=torch.bool), target > 0):
            columns = torch.stack([base, kept], dim=1)
            if where.sum() <= 2 or torch.linalg.matrix_rank(columns[where]) < 2:
                continue
            parts = torch.linalg.lstsq(columns[where], target[where, None]).solution[:, 0]
            both = columns @ parts
            fits = _same(both if where.all() else _activated(both, slope), target)
            if fits and parts.abs().min() > _AGREES:
                return True
    return False


def _named_activation(out: torch.Tensor, into: torch.Tensor) -> str | None:
    """The name of the function that takes ``out`` to ``into``, maybe times a number."""
    if out.numel() != into.numel():
        return None
    z, values = out.reshape(-1), into.reshape(-1)
    below = z < 0
    if below.any():
        slope = (values[below] / z[below]).median()
        if _same(values, torch.where(below, slope * z, z)):
            return f"the slope {float(slope):.4g} below zero"
    for name, activation in {**_ACTIVATIONS, "the identity": torch.clone}.items():
        ours = activation(z)
        factor = float(values @ ours / (ours @ ours).clamp_min(1e-300))
        if factor and _same(values, factor * ours):
            return name if abs(factor - 1) < _AGREES else f"{times(factor)} {name}"
    return None


def where_gradients_differ(
    names: Sequence[str],
    found: Sequence[torch.Tensor | None],
    expected: Sequence[torch.Tensor | None],
    limits: Sequence[float],
) -> str:
    """The highest layer whose gradient is off by more than its limit, in words; "" if none is.

    >>> one = torch.ones(2, 2)
    >>> where_gradients_differ(["a", "b"], [one, 3 * one], [one, one], [0.1, 0.1])
    "3 times that gradient at 'b'"
    """
    rows = list(zip(names, found, expected, limits, strict=True))
    for name, got, right, limit in reversed(rows):
        if got is None or right is None or distance(got, right) <= limit:
            continue
        if not got.any():
            return f"no gradient at all at {name!r}"
        wide = got.double()
        factor = float((wide * right).sum() / right.square().sum())
        if distance(wide, factor * right) <= limit:
            return f"{times(factor)} that gradient at {name!r}"
        return f"another gradient at {name!r}"
    return ""


def times(factor: float) -> str:
    """A factor in four digits, or as many as show that it is not 1.

    >>> times(1.41421356), times(1.00000123)
    ('1.414 times', '1.000001 times')
    """
    digits = next(n for n in (4, 7, 10, 17) if n == 17 or float(f"{factor:.{n}g}") != 1)
    return f"{factor:.{digits}g} times"


def distance(one: torch.Tensor, two: torch.Tensor) -> float:
    """The relative difference |one - two|/|two| of two tensors of one shape; 0 where both vanish.

    >>> distance(torch.tensor([1.1]), torch.tensor([1.0])) < 0.11
    True
    """
    size = torch.linalg.vector_norm(two.double())
    apart = torch.linalg.vector_norm(one.double() - two.double())
    return float(apart / size) if apart != 0 else 0.0


def _activated(z: torch.Tensor, slope: float) -> torch.Tensor:
    return torch.where(z > 0, z, slope * z)


def _same(one: torch.Tensor, two: torch.Tensor) -> bool:
    if one.numel() != two.numel():
        return False
    return distance(one.reshape(-1), two.reshape(-1)) <= _AGREES
