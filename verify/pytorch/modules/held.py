"""This module finds all that a module holds, and puts copies in its place.

Copies share memory wherever the originals do: a count that is a view of a buffer, or a list of
views of the weights, then changes with it.
"""

from __future__ import annotations

import random
from argparse import Namespace
from array import array
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from io import BytesIO, StringIO
from itertools import count, cycle
from operator import is_
from queue import Queue
from threading import Event, Semaphore
from types import FunctionType, MemberDescriptorType, ModuleType, SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import UninitializedTensorMixin

from theory.errors import InvalidArgument
from verify.pytorch.modules.stand_ins import is_installed

__all__ = ["GENERATORS", "TABLES", "exchange", "reached", "restorer", "unregistered"]

GENERATORS = (random.Random, np.random.Generator, np.random.RandomState, torch.Generator)
_CONTAINERS = (list, dict, set, deque)
_HOLDERS = (
    *(SimpleNamespace, Namespace, UserDict, UserList, ChainMap, Queue, Semaphore, Event),
    *(WeakKeyDictionary, WeakValueDictionary, WeakSet),
)
"""Classes of Python whose objects keep what they hold in attributes, as those of the user do."""
_COPIED = (np.ndarray, *GENERATORS, bytearray, array, StringIO, BytesIO, count, cycle)


class _Slots(MutableMapping[str, Any]):
    """The attributes that an object of the user keeps in ``__slots__``."""

    def __init__(self, of: object) -> None:
        kind: Any = type(of)
        self._of, self._members = of, _members(kind)

    def __getitem__(self, name: str) -> Any:
        return self._members[name].__get__(self._of)

    def __setitem__(self, name: str, value: object) -> None:
        self._members[name].__set__(self._of, value)

    def __delitem__(self, name: str) -> None:
        self._members[name].__delete__(self._of)

    def __iter__(self) -> Iterator[str]:
        for name, member in self._members.items():
            try:
                member.__get__(self._of)
            except AttributeError:  # not set
                continue
            yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)


TABLES = (*_CONTAINERS, _Slots)


@cache
def _members(kind: Any) -> dict[str, Any]:
    """The slots of a class of the user, by name and class."""
    users = [each for each in kind.__mro__ if not is_installed(each.__module__)]
    return {
        f"{each.__qualname__}.{name}": member
        for each in users
        for name, member in vars(each).items()
        if isinstance(member, MemberDescriptorType)
    }


def reached(model: nn.Module) -> list[Any]:
    """The modules of ``model``, and the containers, objects of the user and modules not registered
    that they hold."""
    modules = list(nn.Module.modules(model))
    waiting, found = list(modules), {id(module): module for module in modules}
    while waiting:
        for value in _inside(waiting.pop()):
            if _holds(value) and id(value) not in found:
                found[id(value)] = value
                waiting.append(value)
    return [each for each in found.values() if not isinstance(each, tuple)]


def unregistered(model: nn.Module) -> list[nn.Linear]:
    """Linear layers that ``model`` holds, in a plain list or elsewhere, and does not register.

    >>> model = nn.Sequential()
    >>> model.layers = [nn.Linear(2, 1)]
    >>> unregistered(model)
    [Linear(in_features=2, out_features=1, bias=True)]
    """
    registered = set(map(id, nn.Module.modules(model)))
    found = [each for each in reached(model) if isinstance(each, nn.Linear)]
    return [each for each in found if id(each) not in registered]


def _inside(each: Any) -> Iterator[Any]:
    if isinstance(each, (tuple, *TABLES)):
        yield from each.values() if isinstance(each, Mapping) else each
    if _has_attributes(each):
        if hasattr(each, "__dict__"):
            yield vars(each)
        kind: Any = type(each)
        if _members(kind):
            yield _Slots(each)


def _holds(value: Any) -> bool:
    return isinstance(value, (tuple, *TABLES)) or _has_attributes(value)


def _has_attributes(value: Any) -> bool:
    """Whether it is a module, an object of a class of the user, or one that Python has for them."""
    kind: Any = type(value)
    if issubclass(kind, type | FunctionType | ModuleType | torch.Tensor | torch.jit.ScriptModule):
        return False
    if issubclass(kind, nn.Module) or kind in _HOLDERS:
        return True
    return not is_installed(kind.__module__) and (
        hasattr(value, "__dict__") or bool(_members(kind))
    )


def restorer(container: Any) -> Callable[[], None]:
    """A function that gives a table its present contents back."""
    kept = dict(container) if isinstance(container, Mapping) else list(container)
    before = _flat(container)

    def restore() -> None:
        now = _flat(container)
        if len(now) != len(before) or not all(map(is_, now, before)):
            container.clear()
            (container.extend if isinstance(container, list | deque) else container.update)(kept)

    return restore


def _flat(container: Any) -> list[Any]:
    return [*container, *container.values()] if isinstance(container, Mapping) else list(container)


def exchange(held: Sequence[Any], dtype: torch.dtype | None) -> dict[int, Any]:
    """Copies in place of the tensors, arrays, generators and streams in ``held``; by the ids of the
    old and their own, along with ``held`` itself.

    ``dtype``: of floating point tensors; None keeps the dtype of each.
    """
    new: dict[int, Any] = {id(each): each for each in held}
    found = {id(value): value for each in held for value in _copied(each)}
    for value, copied in _copies([*found.values()], dtype):
        new[id(value)] = new[id(copied)] = copied

    def exchanged(value: Any) -> Any:
        if isinstance(value, tuple):
            inner = [exchanged(each) for each in value]
            make = tuple if type(value) is tuple else getattr(value, "_make", None)
            return make(inner) if make and not all(map(is_, inner, value)) else value
        return new.get(id(value), value)

    tables: list[Any] = [each for each in held if isinstance(each, dict | list | deque | _Slots)]
    for each in tables:
        pairs = each.items() if isinstance(each, Mapping) else enumerate(each)
        for key, value in [(key, exchanged(value)) for key, value in pairs]:
            if value is not each[key]:
                each[key] = value
    return new


def _copied(value: Any) -> Iterator[Any]:
    """All within a table or a tuple that is to be copied."""
    if isinstance(value, (tuple, *TABLES)):
        for each in value.values() if isinstance(value, Mapping) else value:
            if isinstance(each, (torch.Tensor, *_COPIED)):
                yield each
            elif isinstance(each, tuple):
                yield from _copied(each)


@dataclass(frozen=True)
class _Memory:
    """``tensor``: ``value``, or an array as one.  ``start``, ``end``: addresses of its numbers."""

    value: Any
    tensor: torch.Tensor
    device: str
    start: int
    end: int


def _memory(value: Any) -> _Memory | None:
    """Where ``value`` lies, if it is a plain tensor or array."""
    with torch._C.DisableTorchFunctionSubclass():
        try:
            tensor = torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        except (TypeError, ValueError):  # an array of other things, or one that runs backwards
            return None
        if not isinstance(tensor, torch.Tensor) or not _is_plain(tensor) or not tensor.numel():
            return None
        start = tensor.data_ptr()
        return _Memory(value, tensor.detach(), str(tensor.device), start, start + _bytes(tensor))


def _is_plain(tensor: torch.Tensor) -> bool:
    if isinstance(tensor, UninitializedTensorMixin) or tensor.layout is not torch.strided:
        return False
    known = type(tensor) is torch.Tensor or isinstance(tensor, nn.Parameter)
    return (
        known and type(tensor.data) is torch.Tensor and not (tensor.is_meta or tensor.is_quantized)
    )


def _bytes(tensor: torch.Tensor) -> int:
    last: int = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    size: int = tensor.element_size()
    return (last + 1) * size


def _copies(values: Sequence[Any], dtype: torch.dtype | None) -> Iterator[tuple[Any, Any]]:
    """Each value with its copy; those that overlap in memory overlap again."""
    known = [memory for memory in map(_memory, values) if memory]
    apart = {id(value): value for value in values}
    group: list[_Memory] = []
    for each in sorted(known, key=lambda one: (one.device, one.start)):
        if group and (each.device, each.start) >= (group[0].device, max(m.end for m in group)):
            yield from _together(group, dtype, apart)
            group = []
        group.append(each)
    yield from _together(group, dtype, apart)
    yield from ((value, _alone(value, dtype)) for value in apart.values())


def _together(
    group: Sequence[_Memory], dtype: torch.dtype | None, apart: dict[int, Any]
) -> Iterator[tuple[Any, Any]]:
    """Copies of values in one piece of memory, which are then no longer ``apart``."""
    if len(group) < 2:
        return
    first = group[0].tensor
    kinds, size = {each.tensor.dtype for each in group}, first.element_size()
    if len(kinds) > 1 or any((each.start - group[0].start) % size for each in group):
        raise InvalidArgument(
            f"expected tensors and arrays that share memory to have one dtype, got "
            f"{', '.join(sorted(map(str, kinds)))} in one piece of memory; keep copies, such as "
            f"tensor.clone(), in the attributes of the model"
        )
    numbers = (max(each.end for each in group) - group[0].start) // size
    memory = torch.empty(numbers, dtype=_kind(first, dtype), device=first.device)
    for each in group:
        start, tensor = (each.start - group[0].start) // size, each.tensor
        long = _bytes(tensor) // size
        memory[start : start + long] = tensor.as_strided((long,), (1,), tensor.storage_offset())
    for each in group:
        start, tensor = (each.start - group[0].start) // size, each.tensor
        view = memory.as_strided(tensor.shape, tensor.stride(), start).data
        yield each.value, _as(each.value, view)
        del apart[id(each.value)]


def _kind(tensor: torch.Tensor, dtype: torch.dtype | None) -> torch.dtype:
    return dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype


def _as(value: Any, tensor: torch.Tensor) -> Any:
    """``tensor`` as what ``value`` is: an array, a weight or a tensor."""
    if isinstance(value, np.ndarray):
        return tensor.numpy()
    if not isinstance(value, nn.Parameter):
        return tensor
    parameter = nn.Parameter(tensor, requires_grad=value.requires_grad)
    parameter.__dict__.update(value.__dict__)
    return parameter


def _alone(value: Any, dtype: torch.dtype | None) -> Any:
    if isinstance(value, UninitializedTensorMixin):
        return value
    if isinstance(value, nn.Parameter):
        kind = _kind(value, dtype)
        new = torch.zeros(value.shape, dtype=kind, device=value.device)
        if _is_plain(value):
            with torch._C.DisableTorchFunctionSubclass():
                new.copy_(value.detach())
        return _as(value, new)
    if isinstance(value, torch.Tensor):
        return value.detach().to(_kind(value, dtype), copy=True)
    try:
        return deepcopy(value)
    except (TypeError, AttributeError):  # iterators that Python no longer copies
        return value
