"""This module says which cells may decide, by configuration, exact spread and sampler alone."""

from __future__ import annotations

from verify.comparison.exact_values import LARGEST_SPREAD, follows_law
from verify.runs.configuration import Configuration, problem_of
from verify.samplers.problem import Problem

__all__ = ["SKEWNESS_RANGE", "has_studied_skewness", "may_decide"]

LARGEST_RATIO = 2
"""The largest ratio between widths, and between the products of a layer's multiplier and fan-in."""
LEAST_WIDTH, LEAST_LEAKY_WIDTH = 16, 32
"""The least width of hidden layers: of ReLU and linear networks, and at a slope between 0 and 1."""
SKEWNESS_RANGE = (
    f"weighted samples decide where their skewness was studied: hidden widths of at least "
    f"{LEAST_WIDTH}, or {LEAST_LEAKY_WIDTH} with a leaky slope, and widths and products of "
    f"multiplier and fan-in that differ by a factor {LARGEST_RATIO} at most"
)
"""Where weighted samples decide, in words."""


def may_decide(asked: Configuration, spread: float | None) -> bool:
    """Whether a cell's z can be relied on at a feasible number of samples.

    ``spread``: exact relative standard deviation of one network, or a bound for real steps; None
    for weighted samples of the update, which decide where `has_studied_skewness`.  Where networks
    do not vary at all there is no standard error to judge by.
    """
    if spread is None:
        return asked.observable is None and has_studied_skewness(problem_of(asked))
    return 0 < spread <= LARGEST_SPREAD and follows_law(asked.network, asked.step)


def has_studied_skewness(problem: Problem) -> bool:
    """Whether the weighted samples of `verify.RareEvents` are of a network in the studied range.

    The share of a layer in the update goes with its multiplier times its fan-in, as |x|^2 goes with
    the width.  Where a few layers make the update, and in narrow leaky networks, the phases of the
    sampler do not follow it, and the skewness reaches 20 and more: docs/budgets.md.

    >>> from theory import MLP
    >>> from verify.samplers.problem import numeric_problem
    >>> networks = MLP(16, 64), MLP(16, 64, input_width=10**6), MLP(15, 64)
    >>> problems = [numeric_problem(each, layer=None, rates=None, step=None) for each in networks]
    >>> [has_studied_skewness(each) for each in problems]
    [True, False, False]
    """
    widths, shares = problem.widths, problem.rates * problem.widths[:-1]
    even = all(each.max() <= LARGEST_RATIO * each.min() for each in (widths, shares))
    least = LEAST_WIDTH if problem.slope in (0.0, 1.0) else LEAST_LEAKY_WIDTH
    return bool(even and widths[1:].min() >= least)
