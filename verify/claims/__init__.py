"""This folder compares a user's formula with simulated networks, and adds the theory's decision."""

from theory.claims.differences import Counterexample, Difference, Kind
from verify.claims.check import Check, check

__all__ = ["Check", "Counterexample", "Difference", "Kind", "check"]
