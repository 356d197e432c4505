"""This module makes mutants: places where one operator of cosmic-ray changes the source, chosen by
a seed."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["Mutant", "mutants", "sampled"]

Span = tuple[tuple[int, int], tuple[int, int]]
"""Where something begins and ends in a source: (line from 1, column from 0), as bytes."""


@dataclass(frozen=True)
class Mutant:
    """One change of one module: the ``occurrence``-th place of an operator of cosmic-ray."""

    module: str
    operator: str
    occurrence: int
    line: int
    function: str

    def of(self, source: str) -> str:
        """``source``, the module's text, with the change made."""
        operator = import_module("cosmic_ray.plugins").get_operator(self.operator)()
        mutating = import_module("cosmic_ray.mutating")
        changed = mutating.mutate_code(source, operator, self.occurrence)
        if changed is None:
            raise LookupError(f"{self} no longer fits its module")
        return str(changed)

    def difference(self, source: str) -> list[str]:
        """The changed lines of ``source``, each with - or + before it."""
        lines = difflib.unified_diff(source.splitlines(), self.of(source).splitlines(), n=0)
        return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def mutants(module: str, operators: Sequence[str]) -> list[Mutant]:
    """All mutants of a module of the working folder, in the order of ``operators`` and places.

    The list leaves out changes that no test can notice or that stop every run: annotations, which
    are not evaluated; decorators, which compile, cache and freeze; stars and slashes of signatures.
    """
    source = Path(module).read_text(encoding="utf-8")
    silent = list(_silent(ast.parse(source)))
    tree = import_module("cosmic_ray.ast").get_ast(source)
    return [
        Mutant(module, name, occurrence, start[0], function)
        for name in operators
        for occurrence, (start, function) in enumerate(_places(tree, name))
        if not any(begin <= start < end for begin, end in silent)
        and not _in_signature(source, start)
    ]


def sampled(found: Sequence[Mutant], size: int | None, seed: int) -> list[Mutant]:
    """``size`` of the mutants ``found`` in a module, or all (None): the first of a shuffle, so
    that a larger sample holds every smaller one."""
    shuffled = list(found)
    if shuffled:
        random.Random(f"{seed} {shuffled[0].module}").shuffle(shuffled)
    return shuffled[:size]


def _places(tree: Any, name: str) -> Iterator[tuple[tuple[int, int], str]]:
    """The places where an operator applies, in the order of cosmic-ray, with the function of
    each."""
    operator = import_module("cosmic_ray.plugins").get_operator(name)()
    query = import_module("cosmic_ray.ast.ast_query").ASTQuery
    for node in import_module("cosmic_ray.ast").ast_nodes(tree):
        for start, _ in operator.mutation_positions(node):
            yield start, str(query(node).get_definition_name() or "")


def _silent(tree: ast.AST) -> Iterator[Span]:
    """Annotations and decorators."""
    for node in ast.walk(tree):
        pieces: list[ast.expr | None] = [getattr(node, "annotation", None)]
        pieces += [getattr(node, "returns", None), *getattr(node, "decorator_list", [])]
        for piece in pieces:
            if piece is not None:
                end = (piece.end_lineno or 0, piece.end_col_offset or 0)
                yield (piece.lineno, piece.col_offset), end


def _in_signature(source: str, start: tuple[int, int]) -> bool:
    """Whether a star or a slash stands where a value is expected: it is no operator."""
    lines = source.splitlines()
    line, column = start
    before = ("".join(lines[: line - 1]) + lines[line - 1][:column]).rstrip()
    return lines[line - 1][column] in "*/" and before.endswith(("(", ",", "[", "{", "*"))
