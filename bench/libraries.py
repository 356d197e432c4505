"""This module imports the other libraries, or names the missing library in one sentence."""

from __future__ import annotations

import importlib
import platform
from importlib.metadata import version
from typing import Any

from theory.errors import MupDepthError

__all__ = ["MissingLibrary", "library", "require", "versions"]

_INSTALLED_BY = {"torch": "torch", "jax": "jax jaxlib"}
_REPORTED = ("numpy", "numba", "llvmlite", "scipy", "sympy", "torch", "jax", "jaxlib")


class MissingLibrary(MupDepthError, ImportError):
    """A library that the benchmark compares with is not installed; the message gives the fix."""


def library(name: str) -> Any:
    """The module ``name``, ``"torch"`` or ``"jax"``, or one below it, as in ``"jax.numpy"``."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        top = name.partition(".")[0]
        raise MissingLibrary(
            f"expected the library {top} beside this Python, found none; install it with "
            f"'python -m pip install {_INSTALLED_BY[top]}', or run 'make bench', which does"
        ) from error


def require() -> None:
    """Raise `MissingLibrary` unless every library that we compare with can be imported."""
    for name in _INSTALLED_BY:
        library(name)


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide the figures."""
    return {"python": platform.python_version()} | {name: version(name) for name in _REPORTED}
