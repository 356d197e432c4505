"""Digests of source code: of a module of ``verify`` and of every module that it imports."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

__all__ = ["PACKAGE", "sources_digest"]

PACKAGE = Path(__file__).parents[1]
"""The folder of ``verify``."""
_IMPORT = re.compile(
    r"^from (verify[\w.]*) import (\([^)]*\)|[^\n]*)|^import (verify[\w.]*)", re.MULTILINE
)


@cache
def sources_digest(source: Path, package: Path = PACKAGE) -> str:
    """A digest of the file ``source`` and of the modules of ``verify``, in the folder ``package``,
    that it imports, directly or not: all code that a function of ``source`` may call or inline."""
    texts = _texts(package)
    own = source.read_text(encoding="utf-8")
    reached: set[str] = set()
    ahead = _imported(own) & texts.keys()
    while ahead:
        reached |= ahead
        ahead = set[str]().union(*(_imported(texts[name]) for name in ahead))
        ahead = (ahead & texts.keys()) - reached
    parts = [own, *(f"{name}\n{texts[name]}\n" for name in sorted(reached))]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


@cache
def _texts(package: Path) -> dict[str, str]:
    """Sources of all modules of ``package`` and its folders, by dotted name."""
    return {
        ".".join(("verify", *path.relative_to(package).with_suffix("").parts)): path.read_text(
            encoding="utf-8"
        )
        for path in package.rglob("*.py")
        if path.name != "__init__.py"
    }


def _imported(text: str) -> set[str]:
    """Dotted names that a source imports: modules, and names in modules, which may be modules."""
    found = set()
    for base, names, module in _IMPORT.findall(text):
        found |= {base or module, *(f"{base}.{name}" for name in re.findall(r"\w+", names))}
    return found
