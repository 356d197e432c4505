"""Hooks of a module that change what a training step does, refused by name.

A hook that only records must not see our probes, so that no hook is called.  A copy of it is, on
copies of all that it reads: `stand_in`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from theory.errors import InvalidArgument
from verify.pytorch.computing import Probe
from verify.pytorch.probing import HOOKS, bare, global_hooks, probing
from verify.pytorch.stand_ins import StandIn, Unknown, stand_in

__all__ = ["check_hooks"]

_SCALES = (1.0, 1e-4, 1e4)
"""Hooks are tried on tensors times these, so that bounds show."""


@dataclass(frozen=True, eq=False)
class _Hook:
    """``function``: as the user gave it; ``kind`` and ``where``: its name in a sentence.
    ``module``: None for a hook on a weight.  ``keywords``: whether it takes those of the call."""

    function: Callable[..., Any]
    kind: str
    where: str
    module: nn.Module | None
    weight: torch.Tensor | None = None
    keywords: bool = False


@dataclass(frozen=True, eq=False)
class _Call:
    """What a module was called with, and what it put out."""

    args: tuple[Any, ...]
    keywords: dict[str, Any]
    output: Any


def check_hooks(model: nn.Module, layers: Mapping[str, nn.Linear], probe: Probe) -> None:
    """Raise `InvalidArgument` for hooks that change outputs or gradients, or may.

    ``model``: with its wrappers.
    """
    hooks = list(_hooks(model, layers))
    if not hooks:
        return
    calls = _calls(bare(model), layers, probe)
    for hook in hooks:
        called = calls.get(id(hook.module))
        if hook.module is None or called is not None:
            _check(hook, called)


def _hooks(model: nn.Module, layers: Mapping[str, nn.Linear]) -> Iterator[_Hook]:
    inner = bare(model)
    modules = {**dict(inner.named_modules()), **({} if model is inner else {"the wrapper": model})}
    for where, module in modules.items():
        kept = {kind: getattr(module, table) for table, kind in HOOKS.items()}
        named = {**module._forward_hooks_with_kwargs, **module._forward_pre_hooks_with_kwargs}
        for kind, table in kept.items():
            for key, function in table.items():
                called = inner if module is model else module
                yield _Hook(function, kind, where or "the model", called, None, key in named)
    for kind, table in global_hooks().items():
        for function in table.values():
            yield _Hook(function, kind, "all modules", inner)
    for name, layer in layers.items():
        own = layer.weight._backward_hooks, layer.weight._post_accumulate_grad_hooks
        for kind, hooks in zip(("gradient hook", "post-accumulate hook"), own, strict=True):
            for function in (hooks or {}).values():
                yield _Hook(function, kind, f"{name}.weight", None, layer.weight)


def _calls(model: nn.Module, layers: Mapping[str, nn.Linear], probe: Probe) -> dict[int, _Call]:
    """The first call of each module in a run of ``model``, by the module's id."""
    calls: dict[int, _Call] = {}

    def note(module: nn.Module, args: Any, keywords: Any, output: Any) -> None:
        calls.setdefault(id(module), _Call(args, keywords, output))

    with probing(model):
        linear = tuple(layers.values())
        probe.load(linear)
        for module in model.modules():
            module.register_forward_hook(note, with_kwargs=True)
        with torch.no_grad():
            model(probe.inputs(linear))
    return calls


def _check(hook: _Hook, called: _Call | None) -> None:
    if str(getattr(hook.function, "__module__", "")).startswith("torch.distributed"):
        return
    name = getattr(hook.function, "__qualname__", None) or type(hook.function).__qualname__
    it = f"the {hook.kind} {name!r} on {hook.where!r}"
    for scale in _SCALES:
        args, replaced = _arguments(hook, called, scale)
        before = [tensor.clone() for tensor in _tensors(args)]
        try:
            result = stand_in(hook.function)(*args)
            known = type(result) is not StandIn
        except (Exception, Unknown):
            known = False
        if not known:
            raise InvalidArgument(
                f"expected hooks of which one can see that they change nothing, got {it}; let it "
                f"return None and call tensor functions only, or remove it until training starts"
            )
        after = _tensors(args) if result is None else [*_tensors(args), *_tensors(result)]
        expected = before if result is None else [*before, *_tensors(replaced)]
        if not _alike(after, expected):
            raise InvalidArgument(
                f"expected hooks that change neither outputs nor gradients, got {it}; put what it "
                f"does into the forward of the model, or remove it"
            )


def _arguments(hook: _Hook, called: _Call | None, scale: float) -> tuple[tuple[Any, ...], Any]:
    """Arguments of a call of a hook, and the one among them that its result replaces."""
    if hook.weight is not None:
        grad = _noise(hook.weight, scale)
        if hook.kind == "gradient hook":
            return (grad,), grad.clone()
        weight = nn.Parameter(_noise(hook.weight, scale))
        weight.grad = grad
        return (weight,), None
    assert called is not None
    module: Any = StandIn(hook.module)
    args, output = _scaled(called.args, scale), _scaled(called.output, scale)
    named = ({**called.keywords},) if hook.keywords else ()
    kind = hook.kind.removeprefix("global ")
    if kind == "forward pre-hook":
        return (module, args, *named), _scaled(called.args, scale)
    if kind == "forward hook":
        return (module, args, *named, output), _scaled(called.output, scale)
    into, out = (tuple(_noise(t, scale) for t in _tensors(each)) for each in (args, output))
    if kind == "backward pre-hook":
        return (module, out), [t.clone() for t in out]
    return (module, into, out), [t.clone() for t in into]


def _noise(like: torch.Tensor, scale: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randn(like.shape, generator=generator, dtype=torch.float64, device="cpu")
    return (scale * drawn).to(like.device, like.dtype)


def _scaled(value: Any, scale: float) -> Any:
    """Tensors in ``value`` times a scale, all else as it is."""
    if isinstance(value, torch.Tensor):
        return value.detach() * scale
    return tuple(_scaled(each, scale) for each in value) if isinstance(value, tuple) else value


def _tensors(value: Any) -> list[torch.Tensor]:
    """All tensors in nested tuples, lists and dictionaries, gradients of parameters too."""
    if isinstance(value, nn.Parameter) and value.grad is not None:
        return [value.detach(), value.grad]
    if isinstance(value, torch.Tensor):
        return [value]
    inner = value.values() if type(value) is dict else value
    return (
        [t for each in inner for t in _tensors(each)] if type(value) in (tuple, list, dict) else []
    )


def _alike(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return len(one) == len(two) and all(map(torch.equal, one, two))
