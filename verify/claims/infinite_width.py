"""`compare_infinite_width` extrapolates measured networks to n = ∞ and compares a recursion with
them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from math import inf
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from mpmath import fp
from sympy import Integer, Rational

from theory.coverage import answered
from theory.display.drawing import Curve, Marks, draw
from theory.errors import InvalidArgument
from theory.infinite_width.wide_update import WideUpdate
from theory.laws.update import SquaredUpdate
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.networks.roles import ByRole
from theory.networks.sizes import network_at
from theory.optimisers import GradientDescent
from theory.outcome import Outcome
from theory.public_names import cached_property
from theory.symbols import n
from theory.validation import brief, typed
from theory.waiting import announced
from verify.comparison.table import in_columns
from verify.inference.estimate import Estimate
from verify.inference.numbers_in_text import signed, with_error
from verify.inference.verdict import NoCondition
from verify.numerics.streams import checked_seed, derived_seed
from verify.runs.simulation import monte_carlo
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.sampler import Sampler

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["InfiniteWidthComparison", "compare_infinite_width"]

_LEVEL = 0.01
"""Chance that true laws are rejected."""
_NOTICED = 0.1
"""A relative error that must not pass unnoticed."""
_LEAST_WIDTHS = 3


@dataclass(frozen=True, eq=False, repr=False)
class InfiniteWidthComparison(NoCondition):
    """The value of a recursion at n = infinity, and networks of several widths extrapolated to it.

    ``expected``: the value of the recursion; ``estimates``: one for each of the ``widths``.  The
    fit is E_n = E (1 + c/n).  Made by `compare_infinite_width`.

    >>> from theory import MLP, Tanh, squared_update
    >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
    >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
    >>> abs(found.z) < 4
    True
    """

    update: WideUpdate | SquaredUpdate
    widths: tuple[int, ...]
    estimates: tuple[Estimate, ...]
    expected: float
    _condition = "comparison.outcome"

    @cached_property
    def _means(self) -> tuple[Any, Any]:
        """Means over networks in the units of the recursion, and their standard errors."""
        power = getattr(self.update, "optimiser", GradientDescent()).unscaled.width_power
        units = np.array(self.widths, dtype=float) ** power
        means = np.array([float(each.total.mean) for each in self.estimates])
        errors = np.array([float(each.total.standard_error) for each in self.estimates])
        return means / units, errors / units

    @cached_property
    def _fit(self) -> tuple[Any, Any]:
        """Value and slope, and their covariance, by weighted least squares."""
        means, errors = self._means
        columns = np.stack([np.ones(len(self.widths)), 1 / np.array(self.widths)], axis=1)
        weighted = columns / errors[:, None]
        covariance = np.linalg.inv(weighted.T @ weighted)
        return covariance @ weighted.T @ (means / errors), covariance

    @property
    def value(self) -> float:
        """The networks' mean, extrapolated to n = infinity.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> abs(found.value - found.expected) < 4 * found.standard_error
        True
        """
        return float(self._fit[0][0])

    @property
    def standard_error(self) -> float:
        """Of `value`.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> 0 < found.standard_error < 0.1 * found.value
        True
        """
        return float(self._fit[1][0, 0] ** 0.5)

    @property
    def correction(self) -> float:
        """c of E_n = E (1 + c/n), measured.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> abs(found.correction) < 40
        True
        """
        return float(self._fit[0][1] / self.expected)

    @property
    def correction_error(self) -> float:
        """The standard error of `correction`.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> found.correction_error > 0
        True
        """
        return float(self._fit[1][1, 1] ** 0.5 / abs(self.expected))

    @property
    def z(self) -> float:
        """The distance of `value` from the recursion in standard errors.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> abs(found.z) < 4
        True
        """
        return (self.value - self.expected) / self.standard_error

    @property
    def curvature(self) -> float:
        """The probability that networks which follow E_n = E (1 + c/n) deviate from the fit at
        least as much as these.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> 0.001 < found.curvature <= 1
        True
        """
        means, errors = self._means
        (value, slope), _ = self._fit
        left = (means - value - slope / np.array(self.widths)) / errors
        half = len(self.widths) / 2 - 1
        return float(fp.gammainc(half, float(np.sum(left**2)) / 2, regularized=True))

    @property
    def outcome(self) -> Outcome:
        """Rejected at 1 %; undecided where an error of 10 % could pass unnoticed, and where the
        correction is not c/n at these widths.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> found.outcome
        CONSISTENT
        """
        bound = -NormalDist().inv_cdf(_LEVEL / 2)
        if self.curvature < _LEVEL:
            return Outcome.UNDECIDED
        if abs(self.z) > bound:
            return Outcome.REJECTED
        noticed = 2 * bound * self.standard_error <= _NOTICED * abs(self.expected)
        return Outcome.CONSISTENT if noticed else Outcome.UNDECIDED

    def width_within(self, tolerance: float) -> float:
        """The width from which a network's mean is within a relative ``tolerance`` of the
        recursion, by the measured correction and twice its standard error.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> found.width_within(0.1) < 1000
        True
        """
        if not 0 < tolerance < inf:
            raise InvalidArgument(
                f"expected a positive number for tolerance, got tolerance={typed(tolerance)}; "
                f"0.1 is ten per cent"
            )
        return (abs(self.correction) + 2 * self.correction_error) / tolerance

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the measured means over the value of the recursion, with two standard errors, and
        the fit, against the width; return the axes.

        ``ax``: Matplotlib axes, or None for a new figure; backend and style are the user's.

        >>> from theory import MLP, Tanh, squared_update
        >>> update = squared_update(MLP(depth=2, activation=Tanh(), weight_variance=1))
        >>> found = compare_infinite_width(update, widths=(100, 200, 400), samples=200, seed=1)
        >>> found.plot().get_xlabel()
        'width $n$'
        """
        means, errors = (each / self.expected for each in self._means)
        ends = np.geomspace(min(self.widths), max(self.widths), 33)
        fit = (self.value / self.expected) + self.correction / ends
        drawn: list[Curve | Marks] = [
            Curve("fit $E(1 + c/n)$", ends.tolist(), fit.tolist()),
            Marks("measured", self.widths, means.tolist(), errors.tolist()),
            Curve(r"$n \to \infty$", ends[[0, -1]].tolist(), [1.0, 1.0], shared=True),
        ]
        title = f"{str(self.outcome).capitalize()}: z = {signed(self.z)} as $n \\to \\infty$"
        quantity = r"$E[(\Delta z)^2]$ over its value as $n \to \infty$"
        return draw(ax, drawn, title=title, xlabel="width $n$", ylabel=quantity)

    def __str__(self) -> str:
        return in_columns(*repr(self).splitlines())

    def __repr__(self) -> str:
        """Two lines; ``print`` breaks the lines for a page of unknown width."""
        widths = ", ".join(f"{width:,}" for width in self.widths)
        why = {
            True: "; corrections beyond c/n show: give larger widths",
            False: "; an error of 10% could pass unnoticed: give more samples",
        }[self.curvature < _LEVEL]
        correction = with_error(self.correction, self.correction_error)
        return (
            f"{self.outcome}: {_wide(self.update)!r}\n"
            f"networks of widths {widths}, extrapolated by E(1 + c/n): "
            f"{with_error(self.value, self.standard_error)}, z = {signed(self.z)}; "
            f"c = {correction}, 10% from width {self.width_within(0.1):,.0f} on, 1% from "
            f"{self.width_within(0.01):,.0f}{why * (self.outcome is Outcome.UNDECIDED)}"
        )


@answered
@announced("comparison")
def compare_infinite_width(
    update: WideUpdate | SquaredUpdate,
    *,
    widths: Sequence[int],
    samples: int,
    seed: int,
    sampler: Sampler = Conditioned(),
    executor: Executor | None = None,
    progress: Callable[[Any], None] | None = None,
) -> InfiniteWidthComparison:
    """Compare ``update``, E[(Delta z)^2] as n -> infinity, with networks of several ``widths``.

    ``update``: from `theory.squared_update`, of an `MLP` or a `Residual` with a depth in numbers
    and an open width; a branch width in numbers keeps its ratio to the width.  ``widths``: three or
    more, which may differ by factors of 2; the networks' means are extrapolated by
    E_n = E (1 + c/n), which holds where the depth is small beside the widths.
    ``samples``: networks of each width; ``seed``, ``sampler``, ``executor``, ``progress``: as for
    `monte_carlo`.  Raises `InvalidArgument` for arguments of another kind, and where a mean has no
    standard error.

    >>> from theory import MLP, Tanh, squared_update
    >>> update = squared_update(MLP(depth=3, activation=Tanh(), weight_variance=1))
    >>> compare_infinite_width(update, widths=(100, 200, 400), samples=400, seed=1).outcome
    CONSISTENT
    """
    known = isinstance(update, WideUpdate | SquaredUpdate)
    if not known or not isinstance(update.network, MLP | Residual):
        raise InvalidArgument(
            f"expected the update of an MLP or a Residual, got update={typed(update)}; give "
            f"squared_update(MLP(depth=16, activation=Tanh())), the one value that is compared: "
            f"a maximal rate is the square root of bound/E of such an update"
        )
    if not isinstance(update.network.depth, int):
        raise InvalidArgument(
            f"expected a network whose depth is a number, got {brief(update.network)} in update; "
            f"give its depth, as in MLP(depth=16) or Residual(blocks=16)"
        )
    given_widths = tuple(widths) if isinstance(widths, Iterable) else (widths,)
    sizes = tuple(dict.fromkeys(given_widths))
    if len(sizes) < _LEAST_WIDTHS:
        raise InvalidArgument(
            f"expected at least {_LEAST_WIDTHS} different widths to extrapolate, got widths="
            f"{brief(given_widths)}; give widths=(1000, 2000, 4000), say"
        )
    expected = float(update.infinite_width())
    root, given = checked_seed(seed), _given(update)
    networks = [_of_width(update.network, width) for width in sizes]
    estimates = tuple(
        monte_carlo(
            network,
            samples=samples,
            seed=derived_seed(root, width),
            sampler=sampler,
            executor=executor,
            progress=progress,
            **given,
        )
        for width, network in zip(sizes, networks, strict=True)
    )
    for width, estimate in zip(sizes, estimates, strict=True):
        if estimate.total.undefined:
            raise InvalidArgument(
                f"expected networks whose mean has a standard error, got width={width} with "
                f"samples={samples}: {estimate.total.undefined}"
            )
    return InfiniteWidthComparison(update, sizes, estimates, expected)


def _of_width(network: Network, width: int) -> Network:
    """The network at another width, with the width for n everywhere; a branch width in numbers
    keeps its ratio to the width."""
    if not isinstance(network, Residual) or network.branch_width is None:
        return network_at(network._with(width=width), {n: Integer(width)})
    ratio = Rational(network.inner_width) / network.width
    if not (ratio * width).is_Integer:
        raise InvalidArgument(
            f"expected widths that are multiples of {ratio.q}, since the branch width is {ratio} "
            f"times the width, got {width} in widths; give widths=({100 * ratio.q}, "
            f"{200 * ratio.q}, {400 * ratio.q}), say"
        )
    branch = network._with(width=width, branch_width=int(ratio * width))
    return network_at(branch, {n: Integer(width)})


def _wide(update: WideUpdate | SquaredUpdate) -> WideUpdate:
    """The value at n = infinity that is compared."""
    return update if isinstance(update, WideUpdate) else update._wide


def _given(update: WideUpdate | SquaredUpdate) -> dict[str, Any]:
    """The arguments of `monte_carlo` that measure ``update``."""
    wide = _wide(update)
    given: dict[str, Any] = {"layer": wide.layer, "optimiser": wide.optimiser}
    given["step"] = None if wide.step is None else float(wide.step)
    if wide.inputs.norm1 is not None or wide.network.input_norm2 is None:
        given["inputs"] = wide.inputs
    if isinstance(wide.rates, tuple | ByRole):
        given["rates"] = wide.rates
    return given
