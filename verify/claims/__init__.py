"""A user's own formula, decided by theory and held against networks."""

from theory.claims.counterexample import Counterexample
from theory.claims.search import Difference
from theory.claims.variants import Kind
from verify.claims.check import Check, check

__all__ = ["Check", "Counterexample", "Difference", "Kind", "check"]
