"""Error messages as a set: each says what was expected, what was got, and what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "theory").rglob("*.py")) + sorted((ROOT / "verify").rglob("*.py"))
WITHOUT_VALUE = ("quantiles need networks", "observables without a matrix")
"""Refusals of a combination, where no single value is wrong."""


def messages(kind: str) -> Iterator[tuple[str, str]]:
    """Where an exception is raised with a text of its own, and that text."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != kind:
                continue
            if node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr):
                yield f"{path.name}:{node.lineno}", ast.unparse(node.args[0])


@pytest.mark.parametrize(("where", "text"), list(messages("InvalidArgument")))
def test_a_refusal_says_what_it_got_and_what_to_give(where: str, text: str) -> None:
    assert "expected" in text or any(each in text for each in WITHOUT_VALUE), where
    assert "got" in text or "whose widths differ" in text or "quantiles need" in text, where
    assert ";" in text or ":" in text, where


@pytest.mark.parametrize(("where", "text"), list(messages("NotSolved")))
def test_what_is_not_solved_says_what_to_give_instead(where: str, text: str) -> None:
    inner = ("too many layers to compare", "proven to be the largest", "this has no joint limit")
    assert ":" in text or any(each in text for each in inner), where
