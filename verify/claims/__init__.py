"""This folder decides a user's own formula by theory and compares it with networks."""

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
