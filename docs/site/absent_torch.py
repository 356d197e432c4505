"""PyTorch's names without PyTorch, so that ``verify.pytorch`` can be documented."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType

__all__ = ["stand_in"]

_MODULES = (
    "torch",
    "torch.autograd",
    "torch.backends",
    "torch.masked",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.modules",
    "torch.nn.modules.module",
    "torch.nn.parallel",
    "torch.nn.parameter",
    "torch.optim",
    "torch.optim.optimizer",
    "torch.optim.swa_utils",
    "torch.utils",
    "torch.utils._python_dispatch",
)
"""The modules that ``verify.pytorch`` uses during its import, outer modules first."""


class _Absent(ModuleType):
    """A module in which every name is an empty class: enough for annotations and unions."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


def stand_in() -> None:
    """Put names in PyTorch's place where it is not installed; nothing otherwise."""
    if find_spec("torch") is None:
        for name in _MODULES:
            outer, _, inner = name.rpartition(".")
            sys.modules[name] = _Absent(name)
            if outer:
                setattr(sys.modules[outer], inner, sys.modules[name])
