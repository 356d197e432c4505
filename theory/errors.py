"""This module defines the exceptions of `theory`, and the base of the exceptions of `verify`."""

from __future__ import annotations

__all__ = ["InvalidArgument", "MupDepthError", "NotSolved"]


class MupDepthError(Exception):
    """Base of every exception that this software raises on purpose.

    >>> from theory import MLP, MupDepthError
    >>> try:
    ...     MLP(width=0)
    ... except MupDepthError as error:
    ...     print(error)
    expected a positive int for width, got width=0 (int); give a whole number of at least 1
    """

    exit_code = 2
    """The exit code of a command that ends with this exception."""


class InvalidArgument(MupDepthError, ValueError):
    """An argument is not of the documented kind; the message gives its name, value and fix.

    >>> from theory import MLP, InvalidArgument
    >>> try:
    ...     MLP(depth=2.5)
    ... except InvalidArgument as error:
    ...     print(error)
    expected a positive int for depth, got depth=2.5 (float); give a whole number of at least 1
    """


class NotSolved(MupDepthError, NotImplementedError):
    """The question is well posed, but this software has no answer in this form; the message names
    the fix.

    >>> from theory import MLP, NotSolved, squared_update
    >>> try:
    ...     squared_update(MLP(width=8)).width_series(2)
    ... except NotSolved as error:
    ...     print(error)
    width_series() needs a symbolic width, got MLP(width=8): leave width out
    """
