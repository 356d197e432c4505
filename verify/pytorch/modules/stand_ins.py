"""This module copies functions so that they see the objects around them and change none.

Numbers, texts and PyTorch's functions of tensors stay; tensors become clones, and functions of the
user copies; every other object is replaced by one whose reads are the object's, and whose writes
and calls do not reach it.  A call that would act on training, such as the step of an optimiser,
raises `Unknown`.
"""

from __future__ import annotations

import builtins
import copy
import inspect
import io
import sys
import time
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping
from functools import partial
from types import (
    BuiltinFunctionType,
    BuiltinMethodType,
    CellType,
    CodeType,
    FunctionType,
    MethodType,
)
from typing import Any

import torch

__all__ = ["Copies", "StandIn", "Unknown", "address", "is_installed", "stand_in"]

_ATOMS = (bool, int, float, complex, str, bytes, type(None), type(...), slice, range)
_TORCH_ATOMS = (torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format)
_CONTAINERS = (list, dict, set, deque)
_RECORDS = ("torch.serialization", "torch.utils.tensorboard")
_HARMLESS_TYPES = ("builtins", "torch", "torch.autograd.grad_mode")
_LISTS = ("children", "modules", "named_modules", "named_parameters", "parameters")
_ENDS = ("exit", "_exit", "abort")
_LOGGING = ("getLogger", "getEffectiveLevel", "isEnabledFor")
# fmt: off
_PURE = (
    "math", "time", "torch", "torch._C", "torch._C._fft", "torch._C._linalg", "torch._C._special",
    "torch._tensor", "torch.functional", "torch.nn.functional",
)
_HARMLESS = frozenset((
    "abs", "all", "any", "bool", "bytes", "callable", "complex", "dict", "divmod", "enumerate",
    "filter", "float", "format", "frozenset", "getattr", "hasattr", "hash", "id", "int",
    "isinstance", "issubclass", "iter", "len", "list", "map", "max", "min", "next", "object",
    "pow", "property", "range", "repr", "reversed", "round", "set", "setattr", "slice", "sorted",
    "str", "sum", "super", "tuple", "zip",
))
# fmt: on


class Unknown(BaseException):
    """The behaviour of a copy depends on a call that was not made.

    No `Exception`, so that a function that handles those goes on to raise it; ``raised`` counts,
    for a function that handles all.
    """

    raised = 0

    def __init__(self, what: str) -> None:
        super().__init__(what)
        Unknown.raised += 1


class StandIn:
    """Stands for ``of``; keeps attributes that are written, unless ``of`` is ours to change.

    ``original``: of which ``of`` is a copy; it lives on, and its id with it.
    """

    __slots__ = ("_copies", "_of", "_original", "_ours", "_written")

    def __init__(
        self, of: object, copies: Copies, original: object = None, *, ours: bool = False
    ) -> None:
        for name, value in zip(self.__slots__, (copies, of, original, ours, {}), strict=True):
            object.__setattr__(self, name, value)

    __class__ = property(lambda self: type(self._of))

    def __getattr__(self, name: str) -> Any:
        written = self._written
        return written[name] if name in written else self._in(getattr(self._of, name))

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(self._of, type) and issubclass(self._of, torch.nn.Module):
            raise Unknown(name)
        if self._ours:
            setattr(self._of, name, value)
        else:
            self._written[name] = value

    def _in(self, value: Any) -> Any:
        return stand_in(value, self._copies)

    def __getitem__(self, key: Any) -> Any:
        return self._in(self._of[key])

    def __setitem__(self, key: Any, value: object) -> None:
        if isinstance(self._of, list | dict | deque):
            self._of[key] = value

    def __delitem__(self, key: Any) -> None:
        if isinstance(self._of, list | dict | deque):
            del self._of[key]

    def __iadd__(self, other: Any) -> StandIn:
        if isinstance(self._of, _CONTAINERS):
            self._of += other
        return self

    def __eq__(self, other: object) -> bool:
        return bool(self._of == (other._of if type(other) is StandIn else other))

    def __hash__(self) -> int:
        return hash(self._of)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._of)

    def __subclasscheck__(self, kind: Any) -> bool:
        return issubclass(kind._of if type(kind) is StandIn else kind, self._of)

    def __len__(self) -> int:
        return len(self._of)

    def __bool__(self) -> bool:
        return bool(self._of)

    def __iter__(self) -> Iterator[Any]:
        return map(self._in, iter(self._of))

    def __contains__(self, value: object) -> bool:
        return value in self._of

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The result where it is known, of a copy for functions of the user."""
        return _called(self._of, args, keywords, self._copies)


class _NotCalled:
    """The result of a call that was not made: nothing can be read from it."""

    def __getattr__(self, name: str) -> Any:
        raise Unknown(name)

    def __bool__(self) -> bool:
        raise Unknown("bool")


def _called(function: Any, args: tuple[Any, ...], keywords: dict[str, Any], copies: Copies) -> Any:
    owner = getattr(function, "__self__", None)
    if isinstance(function, BuiltinMethodType) and isinstance(owner, _CONTAINERS):
        kept = stand_in(owner, copies)
        kept = kept._of if type(kept) is StandIn else kept
        return stand_in(getattr(kept, function.__name__)(*args, **keywords), copies)
    if function is builtins.print or function is time.sleep:
        return None
    if getattr(function, "__module__", "") == "logging":
        known = function.__name__ in _LOGGING
        return stand_in(function(*args, **keywords), copies) if known else None
    if isinstance(owner, torch.nn.Module) and function.__name__ in _LISTS:
        return map(partial(stand_in, copies=copies), function(*args, **keywords))
    if isinstance(function, StandIn | type | FunctionType | MethodType | BuiltinFunctionType):
        return _not_called(function, copies)
    inner = inspect.getattr_static(type(function), "__call__", None)
    if isinstance(inner, FunctionType) and not is_installed(inner.__module__):
        return stand_in(inner, copies)(stand_in(function, copies), *args, **keywords)
    return _not_called(function, copies)


def _not_called(function: Any, copies: Copies) -> StandIn:
    """Where a call cannot matter: not PyTorch's, none that ends in _, its sign for changes, and
    none that ends the process."""
    named = getattr(function, "__module__", None) or type(function).__module__
    name = getattr(function, "__name__", "")
    acts = named.startswith("torch") and not named.startswith(_RECORDS)
    if acts or name.endswith("_") or name in _ENDS:
        raise Unknown(name)
    return StandIn(_NotCalled(), copies)


def is_installed(module: str | None) -> bool:
    """Whether a module is Python's own or an installed package, not the user's."""
    root = str(module).partition(".")[0]
    file = str(getattr(sys.modules.get(root), "__file__", ""))
    return root in sys.stdlib_module_names - {"__main__"} or "-packages" in file


class Copies(dict[int, Any]):
    """Copies by the id of what they copy: at first those of what is ``ours`` to change.

    Tensors, arrays and containers are themselves, others stand-ins through which writes go.
    ``memory``: addresses of tensors that no other may share.
    """

    def __init__(self, ours: Mapping[int, Any], memory: Container[int] = ()) -> None:
        self.memory = memory
        for key, value in ours.items():
            itself = isinstance(value, (torch.Tensor, *_CONTAINERS)) or key != id(value)
            self[key] = value if itself else StandIn(value, self, ours=True)


def stand_in(value: Any, copies: Copies) -> Any:
    """``value`` itself, a copy, or a `StandIn`.  ``copies``: these grow.

    >>> kept = []
    >>> copied = stand_in(lambda x: kept.append(x), Copies({}))
    >>> copied(1), kept
    (None, [])
    """
    if id(value) in copies or type(value) is StandIn:
        return copies.get(id(value), value)
    if isinstance(value, FunctionType):
        return _function(value, copies)
    if isinstance(value, MethodType):
        function, owner = (stand_in(each, copies) for each in (value.__func__, value.__self__))
        is_copy = type(function) is FunctionType
        return MethodType(function, owner) if is_copy else StandIn(value, copies)
    if isinstance(value, partial):
        args = [stand_in(each, copies) for each in value.args]
        return partial(stand_in(value.func, copies), *args, **value.keywords)
    if isinstance(value, torch.Tensor):
        if address(value) in copies.memory:
            raise Unknown("memory that it shares")
        return value.detach().clone()
    if type(value) is tuple:
        return tuple(stand_in(each, copies) for each in value)
    if type(value) in _ATOMS or isinstance(value, _TORCH_ATOMS) or _is_harmless(value):
        return value
    mine = copy.copy(value) if type(value) in _CONTAINERS or isinstance(value, dict) else value
    copies[id(value)] = copies[id(mine)] = StandIn(mine, copies, value)
    return copies[id(value)]


def address(tensor: torch.Tensor) -> int:
    """Where the memory begins that ``tensor`` is a view of."""
    held: Any = getattr(tensor, "_local_tensor", tensor)  # of one in shards
    return int(held.untyped_storage().data_ptr())


def _is_harmless(value: Any) -> bool:
    """Whether it is a type or function of Python or PyTorch that changes tensors alone."""
    if isinstance(value, type):
        return value.__module__ in _HARMLESS_TYPES or issubclass(value, Exception)
    if not isinstance(value, BuiltinFunctionType):
        return False
    owner, name = getattr(value, "__self__", None), value.__name__
    if getattr(builtins, name, None) is value:
        return name in _HARMLESS
    named = value.__module__ or getattr(type(owner), "__module__", "")
    return isinstance(owner, torch.Tensor | str) or (named in _PURE and name != "sleep")


def _function(function: FunctionType, copies: Copies) -> Any:
    """PyTorch's functions of tensors as they are, those of the user copied, under `no_grad` too."""
    wrapped, scope = getattr(function, "__wrapped__", None), str(function.__globals__["__name__"])
    if isinstance(wrapped, FunctionType) and scope.startswith("torch"):
        copied = _function(wrapped, copies)
        if scope != "torch.utils._contextlib":
            return copied
        kept = [cell.cell_contents for cell in function.__closure__ or ()]
        cells = tuple(CellType(copied if each is wrapped else each) for each in kept)
        return FunctionType(function.__code__, function.__globals__, closure=cells)
    if function.__module__ in _PURE:
        return function
    if is_installed(function.__module__):
        return StandIn(function, copies)
    return _copied(function, copies)


def _copied(function: FunctionType, copies: Copies) -> Any:
    """A function of the same code in a scope of stand-ins."""
    scope: dict[str, Any] = {"__builtins__": _builtins(copies)}
    cells = tuple(CellType() for _ in function.__closure__ or ())
    copied = FunctionType(function.__code__, scope, function.__name__, None, cells)
    copied.__dict__["copied"] = function  # which goes on to live, and its id with it
    copies[id(function)] = copied
    names = set(_names(function.__code__))
    if "__class__" in names and "__name__" not in names:  # of a stand-in it is no stand-in
        raise Unknown("__class__")
    for name in names & set(function.__globals__):
        scope[name] = stand_in(function.__globals__[name], copies)
    for cell, own in zip(cells, function.__closure__ or (), strict=True):
        try:
            cell.cell_contents = stand_in(own.cell_contents, copies)
        except ValueError:  # an empty cell
            continue
    defaults = function.__defaults__
    copied.__defaults__ = None if defaults is None else stand_in(defaults, copies)
    named = function.__kwdefaults__ or {}
    copied.__kwdefaults__ = {name: stand_in(value, copies) for name, value in named.items()}
    return copied


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _builtins(copies: Copies) -> dict[str, Any]:
    def nothing(*_: object, **__: object) -> None:
        return None

    def opened(*_: object, **__: object) -> Any:
        return io.StringIO()

    def kind(value: Any, *_: object) -> Any:
        return stand_in(value.__class__, copies)

    def closed(*_: object, **__: object) -> Any:
        raise Unknown("a call")

    names = {name: getattr(builtins, name) for name in dir(builtins)}
    kept = {name: v for name, v in names.items() if name in _HARMLESS or _is_error(v)}
    writes: dict[str, Callable[..., Any]] = {
        "open": opened,
        "print": nothing,
        "type": kind,
        "id": lambda value: id(value._of if type(value) is StandIn else value),
    }
    blocked = {name: closed for name in names if name not in kept}
    constants = {"None": None, "True": True, "False": False, "Ellipsis": ..., "__debug__": True}
    return {**blocked, **kept, **writes, **constants}


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)
