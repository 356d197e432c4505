"""A module called with other weights than its own, and left as it was.

A copy of a module is no way to do so: `copy.deepcopy` refuses locks, open files, sharded weights
and kept activations, and functions that a module holds go on to use the original.
"""

from __future__ import annotations

import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from threading import RLock
from typing import Any, ParamSpec, TypeVar

import torch
from torch import nn
from torch.nn.modules import module as module_state

__all__ = ["HOOKS", "bare", "global_hooks", "one_at_a_time", "one_seed", "plain_torch", "probing"]

HOOKS = {
    "_forward_pre_hooks": "forward pre-hook",
    "_forward_hooks": "forward hook",
    "_backward_pre_hooks": "backward pre-hook",
    "_backward_hooks": "backward hook",
}
"""Where a module keeps the hooks of a training step, and their name."""
_LOCK = RLock()
P = ParamSpec("P")
R = TypeVar("R")
_CONTAINERS = (list, dict, set, deque)
_WRAPPERS = (
    nn.DataParallel,
    nn.parallel.DistributedDataParallel,
    torch.optim.swa_utils.AveragedModel,
)


def bare(model: nn.Module) -> nn.Module:
    """The module inside wrappers that distribute, average or compile it.

    A subclass with its own ``forward`` is a module and no wrapper.

    >>> layer = nn.Linear(2, 1)
    >>> bare(nn.DataParallel(layer)) is layer
    True
    """
    while True:
        kind = type(model)
        if any(issubclass(kind, each) and kind.forward is each.forward for each in _WRAPPERS):
            model = model.get_submodule("module")
        elif kind.__name__ == "OptimizedModule" and kind.__module__.startswith("torch."):
            model = model.get_submodule("_orig_mod")
        else:
            return model


def global_hooks() -> dict[str, dict[int, Any]]:
    """PyTorch's hooks on all modules, by the name of their kind, as it keeps them."""
    found = {kind: getattr(module_state, f"_global{name}") for name, kind in HOOKS.items()}
    return {f"global {kind}": hooks for kind, hooks in found.items()}


def one_at_a_time(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, which one thread runs at a time: two that exchanged the weights of one module
    would mix them up."""

    @wraps(function)
    def alone(*args: P.args, **keywords: P.kwargs) -> R:
        with _LOCK:
            return function(*args, **keywords)

    return alone


@contextmanager
def probing(
    model: nn.Module, dtype: torch.dtype | None = None, *, train: bool = True
) -> Iterator[None]:
    """Within it ``model`` has new weights of ``dtype``, zero until drawn, and no hooks.

    ``dtype``: None is that of each weight; buffers and tensors that modules keep are clones in it.
    ``train``: in training mode; False is the mode in which each module is.  Autograd works,
    whatever surrounds the call.  Afterwards all modules are as they were, with all that they keep
    in attributes, lists, dictionaries and sets; PyTorch's generators too.
    """
    cuda = {p.device for p in model.parameters() if p.device.type == "cuda"}
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.random.fork_rng(devices=list(cuda)))
        stack.enter_context(plain_torch())
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for hooks in global_hooks().values():
            stack.callback(_restorer(hooks))
            hooks.clear()
        for module in set(model.modules()):
            stack.callback(_module_restorer(module))
        if train:
            model.train()
        _exchange(model, dtype)
        yield


@contextmanager
def plain_torch() -> Iterator[None]:
    """PyTorch with autograd and without autocast, whatever surrounds it, and on one thread:
    products this small are slower on more, and rounded otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            for kind in ("cpu", "cuda"):
                stack.enter_context(torch.autocast(kind, enabled=False))
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_seed(seed: int, device: torch.device) -> Iterator[None]:
    """PyTorch's generators of the processor and of ``device`` start from ``seed``; no other does.

    Within `probing`, which puts them back.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    yield


def _exchange(model: nn.Module, dtype: torch.dtype | None) -> None:
    """New tensors in place of all that modules hold, and empty tables of hooks."""
    new: dict[int, torch.Tensor] = {}

    def exchanged(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in new:
            new[id(tensor)] = _like(tensor, dtype)
        return new[id(tensor)]

    for module in set(model.modules()):
        state = module.__dict__
        state["_compiled_call_impl"] = None
        for name in HOOKS:
            state[name].clear()
        for table in (state["_parameters"], state["_buffers"], state):
            for name, value in list(table.items()):
                if isinstance(value, torch.Tensor):
                    table[name] = exchanged(value)


def _like(tensor: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    kind = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
    if isinstance(tensor, nn.Parameter):
        zeros = torch.zeros(tensor.shape, dtype=kind, device=tensor.device)
        parameter = nn.Parameter(zeros, requires_grad=tensor.requires_grad)
        parameter.__dict__.update(tensor.__dict__)
        return parameter
    return tensor.detach().to(kind, copy=True)


def _module_restorer(module: nn.Module) -> Callable[[], None]:
    """A function that gives a module back what it holds now."""
    held = dict(module.__dict__)
    inner = [_restorer(value) for value in held.values() if isinstance(value, _CONTAINERS)]

    def restore() -> None:
        module.__dict__.clear()
        module.__dict__.update(held)
        for each in inner:
            each()

    return restore


def _restorer(container: Any) -> Callable[[], None]:
    """A function that gives a list, dictionary or set its present contents back."""
    kept = dict(container) if isinstance(container, dict) else list(container)

    def restore() -> None:
        container.clear()
        (container.extend if isinstance(container, list | deque) else container.update)(kept)

    return restore
