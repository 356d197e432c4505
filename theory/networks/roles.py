"""The weights of a residual network have roles: input, up and down; a branch is of one of three
kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from sympy import Expr, Symbol

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.public_names import PlainText
from theory.symbols import B, b, meant
from theory.validation import LARGEST, count_between, positive_value, typed, written

__all__ = [
    "ALL_ONE",
    "ActivatedThenWeights",
    "Branch",
    "BranchKind",
    "ByRole",
    "UpDown",
    "WeightsThenActivated",
    "block_of",
    "checked_branch",
    "in_blocks",
]


@answered_class
@dataclass(frozen=True)
class ByRole(PlainText):
    """One number for each role of weights in a residual network: W_in, U (up) and W (down).

    As rates: multipliers of eta; None is 1, and 0 leaves the weights of that role untrained.  As
    variances: of one weight times its fan-in; None is the critical variance, 1 for the input, the
    critical variance of the activation for up, 1 for down.  Exact numbers, or rational functions of
    the number of blocks, ``theory.symbols.B``.

    >>> ByRole(up=2, down="1/2")
    ByRole(up=2, down='1/2')
    """

    input: Any = None
    up: Any = None
    down: Any = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None:
                read = positive_value(each.name, in_blocks(value), zero=True)
                object.__setattr__(self, each.name, read)

    def __repr__(self) -> str:
        return f"ByRole({', '.join(f'{k}={written(v)}' for k, v in self._given())})"

    def _given(self) -> list[tuple[str, Expr]]:
        pairs = ((each.name, getattr(self, each.name)) for each in fields(self))
        return [(name, value) for name, value in pairs if value is not None]

    def _filled(self, input: object = 1, up: object = 1, down: object = 1) -> ByRole:  # noqa: A002
        """The numbers with these values in the place of None."""
        return ByRole(**({"input": input, "up": up, "down": down} | dict(self._given())))

    def _mapped(self, function: Callable[[Expr], Expr]) -> ByRole:
        """``function`` of every number given."""
        return ByRole(**{name: function(value) for name, value in self._given()})


@answered_class
@dataclass(frozen=True)
class Branch(PlainText):
    """The pre-activations U h^(block - 1) inside a branch of a residual network.

    ``block``: an int from 1, or ``theory.symbols.b``, or ``theory.symbols.B``, the last one.

    >>> Branch(3)
    Branch(3)
    """

    block: int | Symbol

    def __post_init__(self) -> None:
        block = meant(self.block, b, B)
        if block not in (b, B):
            if isinstance(block, Symbol):
                raise InvalidArgument(
                    f"expected an int or the symbol theory.symbols.b or B for block, got "
                    f"block={typed(block)}; give Branch(1), say"
                )
            block = count_between("block", block, 1, LARGEST)
        object.__setattr__(self, "block", block)

    def __repr__(self) -> str:
        return f"Branch({self.block})"


def block_of(layer: Any) -> Any:
    """The block of a `Branch`; any other layer as it is."""
    return layer.block if isinstance(layer, Branch) else layer


def in_blocks(value: object) -> object:
    """An expression with its symbol named B read as `theory.symbols.B`."""
    if isinstance(value, Expr):
        return value.xreplace({each: meant(each, B) for each in value.free_symbols})
    return value


ALL_ONE = ByRole(1, 1, 1)
"""The multipliers that leave eta as it is."""


@dataclass(frozen=True)
class BranchKind(PlainText):
    """The branch of a block.  Abstract: use `UpDown`, `ActivatedThenWeights` or
    `WeightsThenActivated`."""


@answered_class
@dataclass(frozen=True)
class UpDown(BranchKind):
    """The branch W sigma(U h): two matrices, solved exactly at finite width.

    >>> UpDown()
    UpDown()
    """


@answered_class
@dataclass(frozen=True)
class ActivatedThenWeights(BranchKind):
    """The branch W sigma(h): one matrix of the role ``up``, of variance up/width.

    >>> ActivatedThenWeights()
    ActivatedThenWeights()
    """


@answered_class
@dataclass(frozen=True)
class WeightsThenActivated(BranchKind):
    """The branch sigma(W h): one matrix of the role ``up``, of variance up/width.

    >>> WeightsThenActivated()
    WeightsThenActivated()
    """


def checked_branch(branch: object) -> None:
    """Raise `InvalidArgument` for a value that is no branch."""
    if not isinstance(branch, BranchKind):
        raise InvalidArgument(
            f"expected UpDown(), ActivatedThenWeights() or WeightsThenActivated() for branch, got "
            f"branch={typed(branch)}; leave it out for two matrices"
        )
