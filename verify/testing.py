"""This module exports assertions for property tests: `assert_exact`, `assert_close` and more."""

from theory.public_names import listed
from verify.claims.assertions import (
    assert_close,
    assert_exact,
    assert_matches_networks,
    samples_needed,
)

__all__ = ["assert_close", "assert_exact", "assert_matches_networks", "samples_needed"]


def __dir__() -> list[str]:
    return listed(globals())
