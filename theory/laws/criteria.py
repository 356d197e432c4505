"""A criterion names the movement that a maximal learning rate bounds, and the bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sympy import Expr, Integer

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.public_names import PlainText
from theory.symbols import B, b
from theory.validation import brief, call_it, exact_number, typed, written

__all__ = [
    "BlockCriterion",
    "Branches",
    "Criterion",
    "EveryHiddenLayer",
    "LastLayer",
    "MeanOverLayers",
    "NetworkOutput",
    "Relative",
    "Stream",
    "StreamAndBranches",
    "block_criterion",
    "bound_text",
    "layer_criterion",
    "output_criterion",
    "wide_criterion",
]

_ONE = Integer(1)


def bound_text(bound: Expr) -> str:
    """A bound in a sentence."""
    return brief(bound, write=str)


@dataclass(frozen=True)
class _Bounded(PlainText):
    """A criterion with its ``bound``, an exact positive number, 1 by default."""

    bound: Expr = _ONE

    def __post_init__(self) -> None:
        self._refuse_block()
        number = exact_number("bound", self.bound)
        if number <= 0:
            raise InvalidArgument(
                f"expected a positive number for bound, got bound={typed(self.bound)}; leave "
                f"bound out to use 1"
            )
        object.__setattr__(self, "bound", number)

    def _refuse_block(self) -> None:
        """Refuse a block in the place of the bound: a criterion is no layer."""
        name = type(self).__name__
        if self.bound in (b, B) and isinstance(self, Stream | Branches | StreamAndBranches):
            raise InvalidArgument(
                f"expected a number for bound of the criterion {name}, got the block {self.bound}; "
                f"give layer={self.bound} for the stream after a block, or "
                f"layer=Branch({self.bound}) for its branch"
            )

    def __repr__(self) -> str:
        said = "" if self.bound == 1 else f"bound={written(self.bound)}"
        return f"{type(self).__name__}({said})"


@answered_class
@dataclass(frozen=True, repr=False)
class EveryHiddenLayer(_Bounded):
    """E[(Delta z)^2] <= ``bound`` in every hidden layer; the rate names the layer that binds.

    >>> EveryHiddenLayer(bound="0.1")
    EveryHiddenLayer(bound='1/10')
    """


@answered_class
@dataclass(frozen=True, repr=False)
class LastLayer(_Bounded):
    """E[(Delta z)^2] <= ``bound`` in the last hidden layer, or in the stream after the last block.

    >>> from theory import MLP, LastLayer, maximal_learning_rate
    >>> maximal_learning_rate(MLP(), criterion=LastLayer(bound="1/4")).leading()
    sqrt(3)/(2*L**(3/2))
    """


@answered_class
@dataclass(frozen=True, repr=False)
class MeanOverLayers(_Bounded):
    """The mean of E[(Delta z)^2] over the hidden layers <= ``bound``.

    >>> from theory import MLP, MeanOverLayers, maximal_learning_rate
    >>> maximal_learning_rate(MLP(), criterion=MeanOverLayers()).leading()
    2*sqrt(3)/L**(3/2)
    """


@answered_class
@dataclass(frozen=True, repr=False)
class Relative(_Bounded):
    """E[(Delta z)^2] <= ``bound`` E[z^2] in every hidden layer, as n -> infinity: the criterion
    where pre-activations shrink with the depth.

    >>> from theory import MLP, Relative, maximal_learning_rate
    >>> maximal_learning_rate(MLP(), criterion=Relative()).leading()
    sqrt(6)/L**(3/2)
    """


@answered_class
@dataclass(frozen=True, repr=False)
class Stream(_Bounded):
    """E[(Delta h)^2] <= ``bound`` in the stream of a residual network, before and after every
    block.

    >>> from theory import Residual, maximal_learning_rate
    >>> maximal_learning_rate(Residual(), criterion=Stream()).leading()
    2*sqrt(51)*exp(-1)/51
    """


@answered_class
@dataclass(frozen=True, repr=False)
class Branches(_Bounded):
    """E[(Delta U h)^2] <= ``bound`` for the pre-activations inside every branch.

    >>> from theory import Residual, maximal_learning_rate
    >>> maximal_learning_rate(Residual(), criterion=Branches()).leading()
    sqrt(102)*exp(-1)/51
    """


@answered_class
@dataclass(frozen=True, repr=False)
class StreamAndBranches(_Bounded):
    """E[(Delta h)^2] and E[(Delta U h)^2] are both <= ``bound``.

    >>> from theory import Residual, maximal_learning_rate
    >>> maximal_learning_rate(Residual(), criterion=StreamAndBranches()).leading()
    sqrt(102)*exp(-1)/51
    """


@answered_class
@dataclass(frozen=True, repr=False)
class NetworkOutput(_Bounded):
    """E[(Delta f)^2] <= ``bound`` for the network's output f: the criterion of the readout.

    >>> from theory import MLP, NetworkOutput, Readout, maximal_learning_rate
    >>> maximal_learning_rate(MLP(), group=Readout(), criterion=NetworkOutput(bound=4)).leading()
    2/n
    """


Criterion: TypeAlias = EveryHiddenLayer | LastLayer | MeanOverLayers
BlockCriterion: TypeAlias = Stream | Branches | StreamAndBranches | LastLayer


def block_criterion(criterion: object) -> BlockCriterion:
    """A criterion on a residual network; `Stream` for None."""
    if criterion is None:
        return Stream()
    if isinstance(criterion, Stream | Branches | StreamAndBranches | LastLayer):
        return criterion
    fix = "leave criterion out for the stream"
    raise InvalidArgument(
        f"expected Stream(), Branches(), StreamAndBranches() or LastLayer() for criterion of a "
        f"residual network, got criterion={typed(criterion)}; "
        f"{call_it(criterion, BlockCriterion, _elsewhere(criterion, fix))}"
    )


def layer_criterion(
    criterion: object, names: str = "EveryHiddenLayer(), LastLayer() or MeanOverLayers()"
) -> Criterion:
    """A criterion on the hidden layers at finite width; `EveryHiddenLayer` for None."""
    if criterion is None:
        return EveryHiddenLayer()
    if isinstance(criterion, EveryHiddenLayer | LastLayer | MeanOverLayers):
        return criterion
    fix = "leave criterion out for every hidden layer"
    raise InvalidArgument(
        f"expected {names} for criterion, got criterion={typed(criterion)}; "
        f"{call_it(criterion, Criterion, _elsewhere(criterion, fix))}"
    )


def _elsewhere(criterion: object, fix: str) -> str:
    """The call that takes a criterion, or else ``fix``."""
    if isinstance(criterion, Relative):
        return (
            f"maximal_learning_rate(network, criterion={criterion}) has the rate as n goes to "
            f"infinity"
        )
    if isinstance(criterion, NetworkOutput):
        return (
            f"maximal_learning_rate(network, group=Readout(), criterion={criterion}) has the rate "
            f"of the readout"
        )
    if isinstance(criterion, Stream | Branches | StreamAndBranches):
        return f"{type(criterion).__name__} is for residual networks: {fix}"
    return fix


def wide_criterion(criterion: object) -> Criterion | Relative:
    """A criterion on the hidden layers as n -> infinity; `EveryHiddenLayer` for None."""
    if isinstance(criterion, Relative):
        return criterion
    names = "EveryHiddenLayer(), LastLayer(), MeanOverLayers() or Relative()"
    return layer_criterion(criterion, names)


def output_criterion(criterion: object) -> NetworkOutput:
    """The criterion of the readout; `NetworkOutput` for None."""
    if criterion is None:
        return NetworkOutput()
    if isinstance(criterion, NetworkOutput):
        return criterion
    raise InvalidArgument(
        f"expected NetworkOutput() for criterion with group=Readout(), got "
        f"criterion={typed(criterion)}; the readout's own step moves no hidden layer"
    )
