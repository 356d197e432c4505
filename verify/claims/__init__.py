"""A user's own formula, decided by theory and held against networks."""

from verify.claims.check import Check, check
from verify.claims.counterexample import Counterexample
from verify.claims.search import Difference
from verify.claims.variants import Kind

__all__ = ["Check", "Counterexample", "Difference", "Kind", "check"]
