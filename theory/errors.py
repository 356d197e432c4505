"""The exception tree: what a caller can have done, or asked for, that has no answer."""

from __future__ import annotations

__all__ = ["InvalidArgument", "MupDepthError", "NotSolved"]


class MupDepthError(Exception):
    """Base of every error this software raises on purpose."""


class InvalidArgument(MupDepthError, ValueError):
    """An argument is not of the documented kind; the message names it, its value and the fix."""


class NotSolved(MupDepthError, NotImplementedError):
    """The question is well posed but not solved in this form; the message says what to give."""
