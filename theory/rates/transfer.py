"""`transfer_learning_rate` carries a rate, tuned on one network, to another by exact values."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mpmath import mpf, nstr
from sympy import Expr, Rational

from theory.algebra.numerals import printable, real_text
from theory.coverage import answered
from theory.errors import InvalidArgument, NotSolved
from theory.exact.evaluation import guard_digits
from theory.laws.criteria import BlockCriterion, Criterion, LastLayer, NetworkOutput
from theory.laws.expression_numbers import numbers
from theory.networks.groups import FirstLayer, Group, HiddenLayers, Readout
from theory.networks.network import Network, checked_network
from theory.precision import workdps
from theory.rates.learning_rate import LearningRate, real_step_call
from theory.rates.rate import maximal_learning_rate
from theory.solutions.composite import Composite
from theory.solutions.value import Number
from theory.symbols import n_0
from theory.validation import brief, exact_number, tolerance_value, typed
from theory.writing.blocks import Line
from theory.writing.notation import Math

__all__ = ["OutsideValidity", "TransferredLearningRate", "transfer_learning_rate"]

_NO_LIMIT = "a rate between networks in numbers has no limit: use maximal_learning_rate(MLP())"


class OutsideValidity(UserWarning):
    """Warns that a network does not follow the law in depth.

    The cause is a depth too large for the width or too small, the input width, or a weight variance
    that is not critical.

    >>> import warnings
    >>> from theory import MLP, OutsideValidity, transfer_learning_rate
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     found = transfer_learning_rate(0.1, MLP(64, 4), MLP(64, 64))
    >>> [each.category.__name__ for each in seen]
    ['OutsideValidity']
    """


@dataclass(frozen=True)
class TransferredLearningRate(Composite, Number):
    """A learning rate for ``target``: its ratio to the maximal rate of ``target`` equals the ratio
    of ``tuned`` to the maximal rate of ``source``.  `network` is the target.  Made by
    `transfer_learning_rate`.

    >>> from theory import MLP, transfer_learning_rate
    >>> transfer_learning_rate(0.05, MLP(256, 8), MLP(512, 8))
    0.0508384 for MLP(width=512, depth=8), as 0.05 for MLP(width=256, depth=8)
    """

    tuned: Rational
    source: LearningRate
    target: LearningRate

    def _number(self, context: Any) -> Any:
        tuned = context.mpf(int(self.tuned.p)) / int(self.tuned.q)
        with workdps(context.dps + guard_digits(self.source.network.layers)) as finer:
            source = self.source._number(finer)
        return tuned * self.target._number(context) / source

    @property
    def rate(self) -> float:
        """The learning rate for the target as a float; only the last digit may be wrong.

        Raises `NotSolved` where it is beyond the range of float64.

        >>> from theory import MLP, transfer_learning_rate
        >>> round(transfer_learning_rate(0.05, MLP(256, 8), MLP(1024, 32)).rate, 8)
        0.00624247
        """
        try:
            return float(self)
        except InvalidArgument:
            raise NotSolved("the rate is beyond the range of float64: use evaluate()") from None

    @property
    def ratio(self) -> Expr:
        """Maximal rate of the target over the maximal rate of the source, exact, with square roots.

        >>> from theory import MLP, transfer_learning_rate
        >>> round(float(transfer_learning_rate(0.05, MLP(256, 8), MLP(1024, 32)).ratio), 6)
        0.124849
        """
        return printable(self.target._exact / self.source._exact)

    @property
    def exact(self) -> Expr:
        """The learning rate for the target, exact.

        >>> from theory import MLP, transfer_learning_rate
        >>> found = transfer_learning_rate(0.05, MLP(256, 8), MLP(1024, 32))
        >>> abs(float(found.exact) - found.rate) < 1e-15
        True
        """
        return printable(self._exact)

    @property
    def _exact(self) -> Expr:
        return self.tuned * self.target._exact / self.source._exact

    def __repr__(self) -> str:
        rate, tuned = nstr(self.evaluate(), 6), real_text(self.tuned)
        return f"{rate} for {self.target.network}, as {tuned} for {self.source.network}"

    def _lines(self) -> list[Line]:
        left = Math("", r"\eta_{\text{target}}/\eta_{\text{source}}")
        with workdps(20) as context:
            rate, tuned = self._number(context), context.mpf(int(self.tuned.p)) / int(self.tuned.q)
            return [
                Line(Math("", r"\eta_{\text{target}}"), Math.spelled(context.nstr(rate, 6))),
                Line(left, Math.spelled(context.nstr(rate / tuned, 6))),
            ]

    def leading(self) -> Expr:
        """Raises `NotSolved`, as do the other limits: both networks are in numbers.

        >>> from theory import MLP, NotSolved, transfer_learning_rate
        >>> try:
        ...     transfer_learning_rate(0.05, MLP(256, 8), MLP(512, 8)).leading()
        ... except NotSolved as error:
        ...     print(error)
        a rate between networks in numbers has no limit: use maximal_learning_rate(MLP())
        """
        raise NotSolved(_NO_LIMIT)

    def _expanded(self, of: object) -> Any:
        raise NotSolved(_NO_LIMIT)

    def _openings(self) -> str:
        return "draw maximal_learning_rate(network) of a network with an open size"

    def _check_wide(self) -> None:
        raise NotSolved(_NO_LIMIT)

    _check_joint = _check_wide


@answered
def transfer_learning_rate(
    rate: object,
    source: Network,
    target: Network,
    *,
    criterion: Criterion | BlockCriterion | NetworkOutput | None = None,
    group: Group | None = None,
    tolerance: object = "0.25",
) -> TransferredLearningRate:
    """The learning rate for ``target`` that matches ``rate``, tuned on ``source``.

    ``rate`` times the ratio of the two maximal rates of linearised steps, exact at these sizes, for
    ``criterion`` and for ``group`` as in `maximal_learning_rate`.  ``source``, ``target``: networks
    in numbers.  Warns `OutsideValidity` where the law of ``group``'s rate errs by more than
    ``tolerance`` at the last layer.  The warning names the cause, such as the input width, or
    a ratio depth/width so large that rare networks set the mean and a typical network needs another
    rate (`verify.typical_learning_rate`).  Raises `InvalidArgument` for arguments of another kind.

    >>> from theory import MLP, transfer_learning_rate
    >>> found = transfer_learning_rate(0.05, MLP(256, 8), MLP(1024, 32))
    >>> print(f"{found.rate:.6g}, {0.05 / 4**1.5:.6g} by the law alone")
    0.00624247, 0.00625 by the law alone
    >>> from theory import Residual
    >>> round(transfer_learning_rate(0.05, Residual(256, 8), Residual(1024, 64)).rate, 6)
    0.044529
    """
    tuned = exact_number("rate", rate)
    if tuned <= 0:
        raise InvalidArgument(
            f"expected a positive learning rate for rate, got rate={typed(rate)}; give the rate "
            f"that was tuned on source"
        )
    allowed, found = tolerance_value(tolerance), []
    for name, network in (("source", source), ("target", target)):
        _check_network(name, network)
        rate_of_network = maximal_learning_rate(network, criterion=criterion, group=group)
        if not isinstance(rate_of_network, LearningRate):
            raise NotSolved(
                f"transfer is solved for criteria of rates at finite width, got criterion="
                f"{brief(criterion)}: give criterion=LastLayer(), say, or take the ratio of "
                f"maximal_learning_rate(network, criterion={brief(criterion)}).infinite_width()"
            )
        found.append(rate_of_network)
        _warn_outside(name, network, group, allowed)
    return TransferredLearningRate(tuned, *found)


def _check_network(name: str, given: object) -> None:
    network = checked_network(given, name, "MLP(64, 4), say")
    if not network._is_exact:
        raise NotSolved(
            f"transfer is solved at finite width, for piecewise linear activations without biases "
            f"and norms, got {name}={brief(network)}: multiply rate by the ratio of "
            f"maximal_learning_rate(target).infinite_width() to that of source"
        )
    if network.free_symbols:
        symbols = ", ".join(sorted(map(str, network.free_symbols)))
        raise InvalidArgument(
            f"expected a network in numbers for {name}, got {name}={network} with the symbols "
            f"{symbols}; give them values, as in MLP(width=64, depth=4)"
        )


def _warn_outside(name: str, network: Network, group: Group | None, allowed: Rational) -> None:
    """Warn where the leading term of the rate does not hold for ``network``, at its least width."""
    why = _cause(network, group, allowed)
    if why:
        warnings.warn(
            f"{name}={network} is outside the range of the law of the depth: {why}",
            OutsideValidity,
            stacklevel=4,
        )


def _cause(network: Network, group: Group | None, allowed: Rational) -> str:
    """Why the leading term of the rate does not hold, empty where it does; the input width is the
    cause where the term holds for an input as wide as the network."""
    if not network._is_chain:
        return _cause_in_blocks(network, group, allowed)
    width = network.width
    narrowest = min(map(int, width)) if isinstance(width, tuple) else int(width or 1)
    level = network._with(width=narrowest, depth=network.layers)
    square = level._with(input_width=None)
    if network.c != network.activation.critical_variance():
        return "away from the critical weight variance there is no power law"
    error = _error(level, group)
    if abs(error) <= allowed:
        return ""
    if group is None and level != square and abs(_error(square, group)) <= allowed:
        ratio = int(level.first_fan_in) / narrowest
        return f"{_times(error)} for its input width, {ratio:.3g} times its width"
    if error < 0:
        return f"{_times(error)} at depth {network.layers}, which is too small for a leading term"
    cause = f"{_times(error)} at depth/width = {network.layers / narrowest:.3g}"
    if isinstance(group, Readout):  # its typical rate is not simulated
        return cause
    if network.layers > narrowest:
        return f"{cause}; compare with {real_step_call(network)}"
    return f"{cause}; compare with the typical network, verify.typical_learning_rate"


def _cause_in_blocks(network: Network, group: Group | None, allowed: Rational) -> str:
    """The same for blocks whose scales are functions of the number of blocks; others have no law of
    the number of blocks, and empty stands for them."""
    opened = network._opened_blocks()
    try:
        error = _error_of(opened, network, group) if opened is not None else mpf(0)
    except NotSolved:
        return ""
    if abs(error) <= allowed:
        return ""
    return f"{_times(error)} at width {network.width} and {network.layers} blocks"


def _times(error: mpf) -> str:
    return f"the rate of the law is {nstr(1 + error, 3)} times the exact rate"


@lru_cache(maxsize=256)
def _error(network: Network, group: Group | None) -> mpf:
    """The leading term of the rate over the exact rate, less 1, of a network in numbers.

    The term is for a group in which every layer has the same share; the term of the first layer
    holds the input width, and the terms of the readout and of layers 2 to L do not depend on it.
    """
    given = network.input_width is not None
    wide = n_0 if given and isinstance(group, FirstLayer) else None
    if isinstance(group, HiddenLayers | Readout) and network.input_norm2 is None:
        network = network._with(input_width=None)
    return _error_of(network._with(width=None, depth=None, input_width=wide), network, group)


@lru_cache(maxsize=256)
def _error_of(opened: Network, network: Network, group: Group | None) -> mpf:
    """The leading term of the rate of ``opened`` at the sizes of ``network`` over the exact rate of
    that, less 1."""
    bounded: Any = NetworkOutput() if isinstance(group, Readout) else LastLayer()
    law = maximal_learning_rate(opened, criterion=bounded, group=group).leading()
    depth = {"L": network.layers, "B": network.layers}
    sizes = {"n": network.width, "n_0": network.first_fan_in, **depth}
    found = numbers(law, **{s.name: sizes[s.name] for s in law.free_symbols})
    exact = maximal_learning_rate(network, criterion=bounded, group=group)
    with workdps(20) as context:
        return context.mpf(found) / exact._number(context) - 1
