"""A user's own formula, decided by theory and held against networks."""

from theory.claims.differences import Counterexample, Difference, Kind
from verify.claims.check import Check, check

__all__ = ["Check", "Counterexample", "Difference", "Kind", "check"]
