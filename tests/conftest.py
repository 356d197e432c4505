"""Settings of the whole test run."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("thorough", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("project", settings.get_profile("thorough"), max_examples=50)
settings.load_profile("project")


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Matplotlib warns of more than 20 figures that stay open in one process."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def unlimited_digits() -> Iterator[None]:
    """Python prints integers of any length, as a user may decide."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)
