"""This folder decides a user's own formula by theory and compares it with networks."""

from theory.claims.differences import Counterexample, Difference, Kind
from verify.claims.check import Check, check

__all__ = ["Check", "Counterexample", "Difference", "Kind", "check"]
