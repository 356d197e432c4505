"""This module describes the machine of the figures."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from bench.libraries import versions
from bench.limits import cores

__all__ = ["machine"]


def machine() -> dict[str, object]:
    """Processor, cores, memory in GiB, system, and versions of Python and the libraries."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": _memory(),
        "system": platform.platform(),
        "versions": versions(),
    }


def _processor() -> str:
    """The model that Linux names, or Python's description elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return ", ".join(sorted(names)) or platform.processor() or platform.machine()


def _memory() -> float | None:
    """Installed memory in GiB; None where the system does not tell."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    return round(size / 2**30, 1)
