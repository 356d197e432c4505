"""The exceptions of this software form one tree, with a leaf for each kind of failed call."""

from __future__ import annotations

__all__ = ["InvalidArgument", "MupDepthError", "NotSolved"]


class MupDepthError(Exception):
    """Base of every error this software raises on purpose.

    >>> from theory import MLP, MupDepthError
    >>> try:
    ...     MLP(width=0)
    ... except MupDepthError as error:
    ...     print(error)
    expected a positive int for width, got width=0 (int); give a whole number of at least 1
    """

    exit_code = 2
    """Of a command that ends with it."""


class InvalidArgument(MupDepthError, ValueError):
    """An argument is not of the documented kind; the message names it, its value and the fix.

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
