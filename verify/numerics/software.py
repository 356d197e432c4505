"""`Software` names the code and the processor that made a block, which decide its bits."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import llvmlite.binding
from numba import config

from verify.numerics.compiled import PACKAGE, sources_digest
from verify.untrusted import structured

__all__ = ["Software", "this_software"]

_LONGEST = 200


@dataclass(frozen=True)
class Software:
    """``code``: a digest of all modules that blocks depend on.  ``processor``: the compiler's
    target, and the C library; with another, results of the same law may differ in the last
    bits.

    >>> here = this_software()
    >>> Software.from_text(here.text) == here
    True
    """

    code: str
    numpy: str
    numba: str
    llvmlite: str
    processor: str

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (value.isprintable() and len(value) <= _LONGEST):
                raise ValueError(f"{name} names no software")

    @property
    def text(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Software:
        """The software of a `text`; raises `ValueError` for any other text."""
        return structured(text, cls)

    def difference(self, other: Software, *, processor: bool = True) -> str:
        """The differences from ``other``, in words; empty without any.  ``processor``: whether
        its kind counts."""
        mine, others = asdict(self), asdict(other)
        names = [name for name in mine if processor or name != "processor"]
        found = [n for n in names if mine[n] != others[n]]
        return ", ".join(f"{name} {mine[name]} against {others[name]}" for name in found)


@lru_cache(maxsize=1)
def this_software() -> Software:
    """The software of this process."""
    return Software(
        code=sources_digest(PACKAGE / "runs" / "sampling.py")[:16],
        numpy=version("numpy"),
        numba=version("numba"),
        llvmlite=version("llvmlite"),
        processor=_target(),
    )


def _target() -> str:
    """The target of compiled code, as Numba was set or found it, and its library of logarithms."""
    settings: Any = config
    name, features = settings.CPU_NAME, settings.CPU_FEATURES
    if name is None:
        name = llvmlite.binding.get_host_cpu_name()
    if features is None:
        features = llvmlite.binding.get_host_cpu_features().flatten()
    digest = hashlib.sha256(features.encode()).hexdigest()[:8]
    library = "SVML" if settings.USING_SVML else "-".join(filter(None, platform.libc_ver()))
    return f"{platform.machine()} {name} (features {digest}, {library or platform.system()})"
