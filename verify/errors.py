"""This module defines exceptions of `verify` for failures other than bad arguments."""

from __future__ import annotations

from theory.errors import MupDepthError

__all__ = ["LostWorkers", "UnusableFolder"]


class UnusableFolder(MupDepthError, OSError):
    """A run's folder or store is damaged, foreign, newer, full or cannot be written; the message
    names the reason and the fix.  The content stays as it was."""


class LostWorkers(MupDepthError, RuntimeError):
    """The workers that draw blocks were lost during a run; finished blocks are kept."""

    exit_code = 4
