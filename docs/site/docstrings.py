"""Docstrings, which are written to be read at the prompt, made safe for the site's markup."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["escape_bars", "plain"]

_LITERAL = re.compile(r"(``.*?``)")


def plain(lines: list[str]) -> list[str]:
    r"""The lines with |x| as text, not as a substitution; literals and examples left alone.

    >>> plain(["|x| and ``|z|``", ">>> '|'", "|", "", "|f|"])
    ['\\|x\\| and ``|z|``', ">>> '|'", '|', '', '\\|f\\|']
    """
    found, example = [], False
    for line in lines:
        example = line.strip() != "" and (example or line.lstrip().startswith(">>>"))
        found.append(line if example else _escaped(line))
    return found


def _escaped(line: str) -> str:
    parts = _LITERAL.split(line)
    return "".join(p if p.startswith("``") else p.replace("|", r"\|") for p in parts)


def escape_bars(app: Any, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place, as autodoc asks."""
    lines[:] = plain(lines)
