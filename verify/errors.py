"""A run can fail for reasons other than its arguments: two more leaves of the exceptions of
``theory``."""

from __future__ import annotations

from theory.errors import MupDepthError

__all__ = ["LostWorkers", "UnusableFolder"]


class UnusableFolder(MupDepthError, OSError):
    """A run's folder or store is damaged, foreign, newer, full or cannot be written; the message
    says which and what to do.  What it held before is as it was."""


class LostWorkers(MupDepthError, RuntimeError):
    """What draws the blocks went away in mid-run; blocks finished before are where they were."""

    exit_code = 4
