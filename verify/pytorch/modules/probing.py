"""`probing` gives a module other weights for a while, and leaves it as it was.

A copy of a module is no way to do so: `copy.deepcopy` refuses locks, open files, sharded weights
and kept activations, and functions that a module holds go on to use the original.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import partial, wraps
from operator import is_
from threading import RLock
from types import FunctionType, ModuleType
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import nn
from torch.backends import cudnn
from torch.nn.modules import module as module_state

from theory.errors import InvalidArgument
from theory.waiting import announced
from verify.pytorch.modules.stand_ins import is_installed

__all__ = [
    "HOOKS",
    "bare",
    "default_torch",
    "global_hooks",
    "layered",
    "next_numbers",
    "one_at_a_time",
    "one_seed",
    "probing",
    "sets_seeds",
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
_CONTAINERS = (list, dict, set, deque)
_GENERATORS = (random.Random, np.random.Generator, np.random.RandomState, torch.Generator)
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
        try:
            with (
                _LOCK,
                announced(f"{name} runs the model and copies of its hooks"),
                default_torch(),
            ):
                return function(*args, **keywords)
        except KeyboardInterrupt as stop:
            stop.args = (f"{name} stopped, and the model is as it was",)
            raise

    return alone


@contextmanager
def probing(
    model: nn.Module, dtype: torch.dtype | None = None, *, train: bool = True
) -> Iterator[dict[int, Any]]:
    """Within it ``model`` has new weights of ``dtype``, zero until drawn, and no hooks.

    Yields all that it gives back afterwards, by id: modules, objects of the user and containers,
    themselves; new tensors, arrays and generators, by the ids of the old ones too.

    ``dtype``: None is that of each weight; buffers and tensors that modules keep are clones in it.
    ``train``: in training mode; False is the mode in which each module is.  Autograd works,
    whatever surrounds the call.  Afterwards all modules are as they were, with all that they keep
    in attributes, objects, lists, dictionaries and sets; the generators of PyTorch, NumPy and
    Python too.
    """
    cuda = {p.device for p in model.parameters() if p.device.type == "cuda"}
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.random.fork_rng(devices=list(cuda)))
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())
        stack.enter_context(default_torch())
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for hooks in global_hooks().values():
            stack.callback(_restorer(hooks))
            hooks.clear()
        reached = _reached(model)
        for held in reached:
            if isinstance(held, _CONTAINERS):
                stack.callback(_restorer(held))
        if train:
            _train(model)
        yield _exchange(model, reached, dtype)


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


@contextmanager
def one_seed(seed: int, device: torch.device) -> Iterator[None]:
    """PyTorch's generators of the processor and of ``device`` start from ``seed``; no other does.

    Within `probing`, which puts them back.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    yield


def next_numbers(new: Mapping[int, Any]) -> list[list[float]]:
    """Those that the generators of Python, NumPy and PyTorch, and those in ``new``, will draw."""
    ours: list[Any] = [random.random, np.random.random]
    every = [*(each.__self__ for each in ours), torch.default_generator, *new.values()]
    found = [deepcopy(each) for each in every if isinstance(each, _GENERATORS)]
    found += map(deepcopy, torch.cuda.default_generators)
    return [_drawn(each) for each in found]


def _drawn(generator: Any) -> list[float]:
    if not isinstance(generator, torch.Generator):
        return [generator.random() for _ in range(4)]
    kind: Any = {"dtype": torch.float64, "device": generator.device}  # whatever the default is
    drawn: list[float] = torch.rand(4, generator=generator, **kind).tolist()
    return drawn


def sets_seeds(call: Callable[[], object]) -> bool:
    """Whether the generators of Python, NumPy or PyTorch draw the same numbers after ``call``
    wherever they start.

    >>> sets_seeds(lambda: random.seed(1)), sets_seeds(random.random)
    (True, False)
    """
    found = []
    for _ in range(2):
        _ = random.random(), np.random.random(), torch.rand(1)
        call()
        found.append(next_numbers({})[:3])
    return any(one == two for one, two in zip(*found, strict=True))


def _exchange(
    model: nn.Module, reached: Sequence[Any], dtype: torch.dtype | None
) -> dict[int, Any]:
    """New tensors, arrays and generators in place of all that ``reached`` holds, by the ids of the
    old, and empty tables of hooks."""
    new: dict[int, Any] = {id(each): each for each in reached}

    def exchanged(value: Any) -> Any:
        if type(value) is tuple:
            inner = tuple(map(exchanged, value))
            return value if all(map(is_, inner, value)) else inner
        if isinstance(value, (torch.Tensor, np.ndarray, *_GENERATORS)) and id(value) not in new:
            new[id(value)] = _like(value, dtype)
            new[id(new[id(value)])] = new[id(value)]
        return new.get(id(value), value)

    for module in model.modules():
        module.__dict__["_compiled_call_impl"] = None
        for name in HOOKS:
            module.__dict__[name].clear()
    for held in reached:
        if isinstance(held, dict | list | deque):
            pairs = held.items() if isinstance(held, dict) else enumerate(held)
            for key, value in [(key, exchanged(value)) for key, value in pairs]:
                if value is not held[key]:
                    held[key] = value
    return new


def _like(value: Any, dtype: torch.dtype | None) -> Any:
    if not isinstance(value, torch.Tensor):
        return deepcopy(value)
    kind = dtype if dtype is not None and value.is_floating_point() else value.dtype
    if isinstance(value, nn.Parameter):
        zeros = torch.zeros(value.shape, dtype=kind, device=value.device)
        parameter = nn.Parameter(zeros, requires_grad=value.requires_grad)
        parameter.__dict__.update(value.__dict__)
        return parameter
    return value.detach().to(kind, copy=True)


def _reached(model: nn.Module) -> list[Any]:
    """The modules of ``model``, and the containers and objects of the user that they hold."""
    modules = list(model.modules())
    waiting, found = list(modules), {id(module): module for module in modules}
    while waiting:
        each = waiting.pop()
        inner: Any = each.values() if isinstance(each, dict) else each
        if not isinstance(each, (tuple, *_CONTAINERS)):
            inner = [vars(each)]
        for value in inner:
            holds = isinstance(value, (tuple, *_CONTAINERS)) or _is_users(value)
            if holds and id(value) not in found:
                found[id(value)] = value
                waiting.append(value)
    return [each for each in found.values() if type(each) is not tuple]


def _is_users(value: Any) -> bool:
    """Whether it is an object of a class of the user; modules not registered are none."""
    apart = isinstance(value, type | FunctionType | ModuleType | nn.Module | torch.Tensor)
    return not apart and not is_installed(type(value).__module__) and hasattr(value, "__dict__")


def _restorer(container: Any) -> Callable[[], None]:
    """A function that gives a list, dictionary or set its present contents back."""
    kept = dict(container) if isinstance(container, dict) else list(container)
    before = _flat(container)

    def restore() -> None:
        now = _flat(container)
        if len(now) != len(before) or not all(map(is_, now, before)):
            container.clear()
            (container.extend if isinstance(container, list | deque) else container.update)(kept)

    return restore


def _flat(container: Any) -> list[Any]:
    return [*container, *container.values()] if isinstance(container, dict) else list(container)
