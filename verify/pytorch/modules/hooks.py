"""This module refuses hooks that change a training step, and names them.

A hook that only records must not see our probes, so that no hook is called.  A copy of it is, on
stand-ins for all that it reads outside the module: `stand_in`.  Outputs and gradients of a few
steps with the copies are compared with those without.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import Any

import torch
from torch import nn

from theory.errors import InvalidArgument
from verify.pytorch.modules.chance import draws_again, global_numbers, held_numbers
from verify.pytorch.modules.computing import FAILURES, Probe, Run, later_calls
from verify.pytorch.modules.probing import HOOKS, bare, global_hooks, layered, probing
from verify.pytorch.modules.stand_ins import Copies, StandIn, Unknown, address, stand_in

__all__ = ["check_hooks"]

_NAMED = ("_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs")
_EXACT = 1e-9
_SCALES = {torch.float64: (2.0**-40, 2.0**40)}
_NARROW_SCALES = (2.0**-6, 2.0**6)
"""Inputs times these, so that bounds show, of activations and of gradients."""


@dataclass(frozen=True, eq=False)
class _Hook:
    """``function``: as the user gave it; ``kind`` and ``where``: its name in a sentence.  ``key``:
    in ``table``, None for a weight's.  ``on``: the module or weight, None for all modules.
    ``named``: the tables in which it is marked as one that takes keywords."""

    function: Callable[..., Any]
    kind: str
    where: str
    key: int
    table: dict[int, Any] | None
    on: Any = None
    named: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = getattr(self.function, "__qualname__", None) or type(self.function).__qualname__
        return f"the {self.kind} {name!r} on {self.where!r}"

    @property
    def is_pytorchs(self) -> bool:
        """Whether PyTorch's own sharding put it there."""
        return str(getattr(self.function, "__module__", "")).startswith("torch.distributed")

    def install(self, copies: Copies) -> None:
        """Put a copy where the hook was, within `probing`."""
        copy = _careful(stand_in(self.function, copies), copies)
        for each in self.named:
            getattr(self.on, each)[self.key] = True
        if self.table is not None:
            self.table[self.key] = copy
        elif self.kind == "gradient hook":
            copies[id(self.on)].register_hook(copy)
        else:
            copies[id(self.on)].register_post_accumulate_grad_hook(copy)


@dataclass(frozen=True, eq=False)
class _Steps:
    """A few steps of ``model``, each with the weights that the one before leaves behind."""

    model: nn.Module
    layers: tuple[nn.Linear, ...]
    probe: Probe
    dtype: torch.dtype | None

    @cached_property
    def unhooked(self) -> list[Run]:
        """Outputs and gradients without hooks, at all probes."""
        return self.runs(())

    @property
    def _probes(self) -> list[tuple[Probe, bool]]:
        """With whether gradients go to the inputs too."""
        scales = _SCALES.get(self.layers[0].weight.dtype, _NARROW_SCALES)
        others = [*map(self.probe.scaled, scales), self.probe.alone(), *self.probe.in_batches()]
        return [(self.probe, False), *((each, True) for each in others)]

    def runs(self, hooks: Sequence[_Hook]) -> list[Run]:
        """Outputs and gradients under copies of ``hooks`` at all probes, and where there are any
        at the first of them again and again; raises `Unknown`."""
        memory = set(map(address, self._tensors))

        def run() -> tuple[list[Run], bool, bool]:
            with probing(self.model, self.dtype) as new:
                self.probe.load(self.layers)
                copies, held, before = Copies(new, memory), held_numbers(new), global_numbers()
                for hook in hooks:
                    hook.install(copies)
                runs = [probe.run(self.model, self.layers, grad) for probe, grad in self._probes]
                later = later_calls() if hooks else ()
                runs += [self.probe.run(self.model, self.layers) for _ in later]
                return runs, held_numbers(new) != held, global_numbers() != before

        runs, own, drawn = run()
        if own or (drawn and draws_again(run)):
            raise Unknown("chance")
        return runs

    @property
    def _tensors(self) -> list[torch.Tensor]:
        return [*nn.Module.parameters(self.model), *nn.Module.buffers(self.model)]

    def change(self, hooks: Sequence[_Hook]) -> str:
        """What is expected of ``hooks`` instead, and the fix; "" where they change nothing."""
        try:
            expected = chain(self.unhooked, repeat(self.unhooked[0]))
            if all(map(_alike, self.runs(hooks), expected)):
                return ""
        except Unknown:
            return (
                "expected hooks of which one can see that they change nothing, got {}; let it "
                "return None and call tensor functions only, or remove it until training starts"
            )
        except FAILURES:  # such as outputs of another shape, or changed in place
            pass
        return "expected hooks that change neither outputs nor gradients, got {}; remove it"


def check_hooks(
    model: nn.Module, layers: Mapping[str, nn.Linear], probe: Probe, dtype: torch.dtype
) -> None:
    """Raise `InvalidArgument` for hooks that change outputs or gradients, or may.

    ``model``: with its wrappers.  ``dtype``: of steps, beside the module's own.
    """
    hooks = tuple(each for each in _hooks(model, layers) if not each.is_pytorchs)
    for kind in (dtype, None) if hooks else ():
        steps = _Steps(bare(model), tuple(layers.values()), probe, kind)
        if steps.change(hooks):
            first = bisect_left(
                range(1, len(hooks)), True, key=lambda k: bool(steps.change(hooks[:k]))
            )
            raise InvalidArgument(steps.change(hooks[: first + 1]).format(hooks[first]))


def _hooks(model: nn.Module, layers: Mapping[str, nn.Linear]) -> Iterator[_Hook]:
    """Those of a wrapper as if they were on the module within."""
    *outer, inner = layered(model)
    modules = [(name or "the model", each, each) for name, each in inner.named_modules()]
    for where, module, target in [*modules, *(("the wrapper", each, inner) for each in outer)]:
        for table, kind in HOOKS.items():
            for key, function in getattr(module, table).items():
                named = tuple(each for each in _NAMED if key in getattr(module, each))
                yield _Hook(function, kind, where, key, getattr(target, table), target, named)
    for kind, hooks in global_hooks().items():
        for key, function in hooks.items():
            yield _Hook(function, kind, "all modules", key, hooks)
    for name, layer in layers.items():
        own = layer.weight._backward_hooks, layer.weight._post_accumulate_grad_hooks
        for kind, each in zip(("gradient hook", "post-accumulate hook"), own, strict=True):
            for key, function in (each or {}).items():
                yield _Hook(function, kind, f"{name}.weight", key, None, layer.weight)


def _careful(copy: Callable[..., Any], copies: Copies) -> Callable[..., Any]:
    """``copy`` with a stand-in for the module that it is called on; raises `Unknown` for errors.

    A hook that fails on tensors with gradients, and not without, is for evaluation.
    """

    def hook(*args: Any) -> Any:
        given = [each for arg in args for each in (arg if type(arg) is tuple else (arg,))]
        copies.update((id(each), each) for each in given if isinstance(each, torch.Tensor))
        given = [stand_in(each, copies) if isinstance(each, nn.Module) else each for each in args]
        raised = Unknown.raised
        try:
            try:
                result = copy(*given)
            except FAILURES:
                result = copy(*map(_detached, given))
        except FAILURES as error:
            raise Unknown(str(error)) from error
        if type(result) is StandIn or Unknown.raised != raised:
            raise Unknown("a result")
        return result

    return hook


def _detached(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach()
    return tuple(map(_detached, value)) if type(value) is tuple else value


def _alike(one: Run, two: Run) -> bool:
    pairs = zip((one.outputs, *one.gradients), (two.outputs, *two.gradients), strict=True)
    return all(a is b or (a is not None and b is not None and _near(a, b)) for a, b in pairs)


def _near(one: torch.Tensor, two: torch.Tensor) -> bool:
    close: Any = torch.isclose
    same = one.shape == two.shape
    return same and bool(close(one, two, rtol=_EXACT, atol=0.0, equal_nan=True).all())
