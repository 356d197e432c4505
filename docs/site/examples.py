"""The examples of plain pages, run again at build: a page that shows another output fails it."""

from __future__ import annotations

import doctest
from typing import Any

__all__ = ["failures", "run_examples"]

SKIPPED = ("train",)
"""Pages whose examples need packages that the build does not install; `make test-all` runs them."""


def failures(text: str, name: str) -> int:
    r"""How many examples of a page give another output than the page, where pytest would say so.

    >>> failures(">>> 1 + 1\n2\n", "sums"), failures(">>> def f(:\n", "broken")
    (0, 1)
    """
    parsed = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    return runner.run(parsed, out=report.append).failed


def run_examples(app: Any, page: str, source: list[str]) -> None:
    """Warn, which fails the build, of a page with examples that give another output."""
    from sphinx.util.logging import getLogger

    executes = app.config.nb_execution_mode != "off"
    if executes and ">>>" in source[0] and not page.startswith(SKIPPED):
        failed = failures(source[0], page)
        if failed:
            getLogger(__name__).warning("%d examples give another output", failed, location=page)
