"""Negative controls run compiled sources in Python, with one expression replaced."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["uncompiled"]

_COMPILERS = {"kernel", "borrowing_kernel", "part", "formula"}
"""The functions of `verify.numerics.compiled`, which also serve as decorators."""


class _Plain(ast.NodeTransformer):
    """Leaves out what compiles, and imports from the modules ``here``."""

    def __init__(self, here: set[str]) -> None:
        self.here = here

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [
            each
            for each in node.decorator_list
            if not (isinstance(each, ast.Name) and each.id in _COMPILERS)
        ]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        compiles = isinstance(node.func, ast.Name) and node.func.id in _COMPILERS
        return node.args[0] if compiles else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module in self.here else node


def uncompiled(
    modules: Sequence[ModuleType],
    wrong: str = "",
    instead: str = "",
    everywhere: Mapping[str, str] | None = None,
    **names: Any,
) -> dict[str, Any]:
    """The names of ``modules``, which import each other in this order, as plain Python, around
    the compiled functions of other modules.

    ``wrong``: an expression that stands in one place, where ``instead`` takes its place;
    ``everywhere``: other texts to replace; ``names``: values that take the place of the modules'.
    """
    sources = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules]
    places = sum(source.count(wrong) for source in sources)
    assert not wrong or places == 1, f"the control no longer fits the source: {wrong!r}"
    replaced = {**({wrong: instead} if wrong else {}), **(everywhere or {})}
    space: dict[str, Any] = {"__name__": "uncompiled"}
    plain = _Plain({module.__name__ for module in modules})
    for source in sources:
        for old, new in replaced.items():
            source = source.replace(old, new)
        exec(compile(plain.visit(ast.parse(source)), "uncompiled", "exec"), space)
    space.update(names)
    return space
