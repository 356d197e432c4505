"""Matplotlib with a style of its own, so that a figure does not depend on a user's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import style

__all__ = ["own_style"]


@contextmanager
def own_style(**settings: Any) -> Iterator[None]:
    """Matplotlib's default style, and ``settings``, for a figure that is made and saved inside.

    A ``matplotlibrc`` may ask for TeX, fonts or sizes that are not there, and the working
    directory's, which may be someone else's, is read before the user's.
    """
    with style.context(["default", settings]):
        yield
