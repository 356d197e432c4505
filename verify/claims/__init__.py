"""A user's own formula, decided by theory and held against networks."""

from theory.claims.decision import Counterexample
from theory.claims.differences import Difference, Kind
from verify.claims.check import Check, check

__all__ = ["Check", "Counterexample", "Difference", "Kind", "check"]
