"""`probing` gives a module other weights for a while, and leaves it as it was.

A copy of a module is no way to do so: `copy.deepcopy` refuses locks, open files, sharded weights
and kept activations, and functions that a module holds go on to use the original.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from threading import RLock
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import nn
from torch.backends import cudnn
from torch.nn.modules import module as module_state

from theory.errors import InvalidArgument
from theory.waiting import announced
from verify.pytorch.modules.held import TABLES, exchange, reached, restorer

__all__ = [
    "HOOKS",
    "bare",
    "default_torch",
    "global_hooks",
    "layered",
    "one_at_a_time",
    "probing",
]

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
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_default_device, torch.set_default_device),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (lambda: cudnn.benchmark, partial(setattr, cudnn, "benchmark")),
    (lambda: cudnn.deterministic, partial(setattr, cudnn, "deterministic")),
)
"""How settings of all of PyTorch are read, and set."""
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
    return layered(model)[-1]


def layered(model: nn.Module) -> list[nn.Module]:
    """``model``, what it wraps, and so on: `bare` is the last."""
    kind = type(model)
    if any(issubclass(kind, each) and kind.forward is each.forward for each in _WRAPPERS):
        return [model, *layered(model.get_submodule("module"))]
    if kind.__name__ == "OptimizedModule" and kind.__module__.startswith("torch."):
        return [model, *layered(model.get_submodule("_orig_mod"))]
    return [model]


def global_hooks() -> dict[str, dict[int, Any]]:
    """PyTorch's hooks on all modules, by the name of their kind, as it keeps them."""
    found = {kind: getattr(module_state, f"_global{name}") for name, kind in HOOKS.items()}
    return {f"global {kind}": hooks for kind, hooks in found.items()}


def one_at_a_time(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, which one thread runs at a time: two that exchanged the weights of one module
    would mix them up.  It runs in `default_torch`, is announced where it takes long, and Ctrl-C
    stops it."""
    name = getattr(function, "__name__", "")

    @wraps(function)
    def alone(*args: P.args, **keywords: P.kwargs) -> R:
        _refuse_surroundings(name)
        try:
            with (
                _LOCK,
                announced(f"{name} runs the model and copies of its hooks"),
                default_torch(),
            ):
                return function(*args, **keywords)
        except KeyboardInterrupt as stop:
            stop.args = (f"{name} stopped, and the model is as it was",)
            raise stop.with_traceback(None) from None

    return alone


def _refuse_surroundings(name: str) -> None:
    """Raise `InvalidArgument` where tensors are not plain ones, whatever the model is."""
    if type(torch.empty(0, device="cpu")) is not torch.Tensor:
        got, fix = "a mode that makes other tensors", "call it outside of FakeTensorMode"
    elif torch._C._functorch.peek_interpreter_stack() is not None:
        got, fix = "a function that torch.func transforms", "call it outside of grad, vmap and jvp"
    else:
        return
    raise InvalidArgument(
        f"expected {name} where PyTorch computes with plain tensors, got a call within {got}; {fix}"
    )


@contextmanager
def probing(
    model: nn.Module, dtype: torch.dtype | None = None, *, train: bool = True
) -> Iterator[dict[int, Any]]:
    """Within it ``model`` has copies of its weights, in ``dtype``, and no hooks.

    Yields all that it gives back afterwards, by id: modules, objects of the user and containers,
    themselves; new tensors, arrays and generators, by the ids of the old ones too.

    ``dtype``: None is that of each weight; buffers and tensors that modules keep are clones in it.
    ``train``: in training mode; False is the mode in which each module is.  Autograd works,
    whatever surrounds the call.  Afterwards all modules are as they were, with all that they keep
    in attributes, objects, lists, dictionaries and sets; the generators of PyTorch, NumPy and
    Python too.  No other thread may use the model or these generators meanwhile.
    """
    cuda = {p.device for p in nn.Module.parameters(model) if p.device.type == "cuda"}
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.random.fork_rng(devices=list(cuda)))
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())
        stack.enter_context(default_torch())
        if "torch._dynamo" in sys.modules:
            try:
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            except RuntimeError as error:
                raise InvalidArgument(
                    f"expected a call outside of functions that torch.compile compiles, got "
                    f"{error}; call it before the compiled function, and give that the result"
                ) from error
        for hooks in global_hooks().values():
            stack.callback(restorer(hooks))
            hooks.clear()
        held = reached(model)
        for each in held:
            if isinstance(each, TABLES):
                stack.callback(restorer(each))
        if train:
            _train(model)
        for module in nn.Module.modules(model):
            module.__dict__["_compiled_call_impl"] = None
            for name in HOOKS:
                module.__dict__[name].clear()
        yield exchange(held, dtype)


def _train(model: nn.Module) -> None:
    try:
        model.train()
    except Exception as error:
        raise InvalidArgument(
            f"expected a model that has a training mode, got {type(error).__name__}: {error} from "
            f"its train(); let train() set the mode"
        ) from error


@contextmanager
def default_torch() -> Iterator[None]:
    """PyTorch with autograd and without autocast, whatever surrounds it, and on one thread:
    products this small are slower on more, and rounded otherwise.  What functions of the user set
    for all of PyTorch and NumPy is put back."""
    with ExitStack() as stack:
        for read, put in _SETTINGS:
            stack.callback(_put_back, read, put, read())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            stack.enter_context(torch.autocast(kind, enabled=False))
        stack.enter_context(np.errstate())
        torch.set_num_threads(1)
        yield


def _put_back(read: Callable[[], Any], put: Callable[[Any], object], before: Any) -> None:
    if read() != before:
        put(before)
