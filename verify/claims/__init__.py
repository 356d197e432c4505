"""This folder compares a user's formula with simulated networks, and adds the theory's decision."""

from theory.claims.differences import Counterexample, Difference, Kind
from verify.claims.check import Check, check
from verify.claims.infinite_width import InfiniteWidthComparison, compare_infinite_width

__all__ = [
    "Check",
    "Counterexample",
    "Difference",
    "InfiniteWidthComparison",
    "Kind",
    "check",
    "compare_infinite_width",
]
