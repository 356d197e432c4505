"""`Inputs` says which inputs a step is on, and whose pre-activations it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Integer, sqrt, sympify

from theory.coverage import answered_class
from theory.errors import InvalidArgument, NotSolved
from theory.networks.network import Network
from theory.public_names import PlainText
from theory.symbols import n, n_0
from theory.validation import brief, exact_number, positive_value, typed, written

__all__ = ["Inputs", "asked_inputs", "fan_in_ratio"]

_ONE = ((Integer(1),),)


@answered_class
@dataclass(frozen=True, repr=False)
class Inputs(PlainText):
    """The input of a network as its width grows.

    Only one input is solved; ``probe``, ``batch`` and ``labels`` are reserved for several inputs.
    ``gram``: ``((q,),)`` with q = |x|^2/n_0, the table of inner products over the input width.
    ``norm1``: |x|_1/n_0, which sign descent reads; None is sqrt(q), for entries +-sqrt(q).

    >>> from theory import Inputs
    >>> Inputs(gram=((2,),))
    Inputs(gram=((2,),))
    """

    gram: tuple[tuple[Expr, ...], ...] = _ONE
    probe: int = 0
    batch: tuple[int, ...] | None = None
    labels: tuple[tuple[Expr, ...], ...] | None = None
    norm1: Expr | None = None

    def __post_init__(self) -> None:
        gram = _table("gram", self.gram)
        if len(gram) > 1 or (self.batch is not None and len(self.batch) > 1):
            raise NotSolved(
                f"steps on several inputs are not solved at infinite width, got gram="
                f"{brief(self.gram)}: give one input, as in Inputs(gram=((1,),))"
            )
        object.__setattr__(self, "gram", gram)
        for name, value, only in (
            ("probe", self.probe, 0),
            ("batch", self.batch, (0,)),
            ("labels", self.labels, _ONE),
        ):
            if value is not None and value != only:
                raise InvalidArgument(
                    f"expected {written(only)} for {name} of one input, got {name}={typed(value)}; "
                    f"leave it out"
                )
        if self.norm1 is not None:
            object.__setattr__(self, "norm1", self._checked_norm1())

    def _checked_norm1(self) -> Expr:
        norm1 = positive_value("norm1", exact_number("norm1", self.norm1))
        if norm1**2 > self.square:
            raise InvalidArgument(
                f"expected norm1 of at most the square root of gram, {sqrt(self.square)}, got "
                f"norm1={typed(self.norm1)}; it is |x|_1/n_0, and gram holds |x|^2/n_0"
            )
        return norm1

    def __repr__(self) -> str:
        said = [] if self.gram == _ONE else [f"gram={written(self.gram)}"]
        said += [] if self.norm1 is None else [f"norm1={written(self.norm1)}"]
        return f"Inputs({', '.join(said)})"

    @property
    def square(self) -> Expr:
        """|x|^2 over the input width.

        >>> from theory import Inputs
        >>> Inputs().square
        1
        """
        return self.gram[0][0]

    @property
    def size(self) -> Expr:
        """|x|_1 over the input width.

        >>> from theory import Inputs
        >>> Inputs(gram=((4,),)).size
        2
        """
        return sqrt(self.square) if self.norm1 is None else self.norm1


def _table(name: str, rows: object) -> tuple[tuple[Expr, ...], ...]:
    tolist = getattr(rows, "tolist", None)
    listed: Any = tolist() if tolist is not None else rows
    square = isinstance(listed, Sequence) and all(
        isinstance(row, Sequence) and len(row) == len(listed) for row in listed
    )
    if not square or not listed or isinstance(listed, str):
        raise InvalidArgument(
            f"expected a square table of numbers for {name}, got {name}={typed(rows)}; one input "
            f"has {name}=((1,),)"
        )
    if len(listed) > 1:
        return tuple(tuple(map(sympify, row)) for row in listed)
    return ((positive_value(name, exact_number(name, listed[0][0])),),)


def asked_inputs(network: Network, inputs: object) -> Inputs:
    """The inputs that a call gives; for None the one of ``network``, whose |x|^2 is a number times
    the input width.  `InvalidArgument` for inputs that contradict the ``input_norm2`` of the
    network."""
    if not isinstance(inputs, Inputs | None):
        raise InvalidArgument(
            f"expected Inputs(...) for inputs, got inputs={typed(inputs)}; leave it out for the "
            f"input of the network"
        )
    if inputs is not None and network.input_norm2 is None:
        return inputs
    square = sympify(network.norm2) / network.first_fan_in
    if not square.is_number:
        raise NotSolved(
            f"as n -> infinity |x|^2 must be a number times the input width, got {network.norm2}: "
            f"give input_norm2={network.norm2}*{network.first_fan_in} or leave input_norm2 out"
        )
    if inputs is not None and inputs.square != square:
        raise InvalidArgument(
            f"expected one |x|^2, got input_norm2={brief(network.input_norm2)} of the network and "
            f"inputs={inputs}; give gram=(({square},),), or leave one of the two out"
        )
    return inputs or Inputs(gram=((square,),))


def fan_in_ratio(network: Network) -> Expr:
    """The input width over the width as n -> infinity; 0 for an input width in numbers alone."""
    width, size = network.width, sympify(network.first_fan_in)
    if isinstance(width, tuple):
        raise NotSolved(
            f"infinite width needs one width, got {network}: give one width, or leave it out"
        )
    ratio = size / width
    if size == n_0 and width != n_0:
        raise NotSolved(
            f"as n -> infinity the ratio n_0/n is needed, got {network}: leave input_width out, or "
            f"give widths in numbers"
        )
    return Integer(0) if ratio.has(n) else ratio
