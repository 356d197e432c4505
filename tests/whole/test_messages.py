"""Error messages as a set: each says what was expected, what was got, and what to do."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.tools.paths import ROOT

WITHOUT_VALUE = ("quantiles need networks", "observables without a matrix")
"""Refusals of a combination, where no single value is wrong."""
INNER = ("too many layers to compare", "proven to be the largest", "this has no joint limit")
"""Reasons that another message repeats with its fix."""


@cache
def calls() -> list[tuple[str, ast.Call]]:
    """Every call in both packages, and where it stands."""
    paths = [path for package in ("theory", "verify") for path in (ROOT / package).rglob("*.py")]
    return [
        (f"{path.name}:{node.lineno}", node)
        for path in sorted(paths)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]


def messages(kind: str) -> Iterator[tuple[str, str]]:
    """Where an exception is raised with a text, and that text."""
    for where, node in calls():
        text = node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
        if text and getattr(node.func, "id", "") == kind:
            yield where, ast.unparse(node.args[0])


def test_a_refusal_says_what_it_got_and_what_to_give() -> None:
    found = list(messages("InvalidArgument"))
    assert len(found) > 100
    for where, text in found:
        assert "expected" in text or any(each in text for each in WITHOUT_VALUE), where
        assert "got" in text or "whose widths differ" in text or "quantiles need" in text, where
        assert ";" in text or ":" in text, where


def test_what_is_not_solved_says_what_to_give_instead() -> None:
    for where, text in messages("NotSolved"):
        assert ":" in text or any(each in text for each in INNER), where
