"""Settings of the whole test run."""

import sys
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("thorough", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("project", settings.get_profile("thorough"), max_examples=25)
settings.load_profile("project")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pages of docs/ except start.md, and the cases of a `wide` test except the first and the last,
    count as `slow`."""
    cases = defaultdict(list)
    for item in items:
        if item.path.suffix == ".md" and item.path.name not in ("README.md", "start.md"):
            item.add_marker("slow")
        if item.get_closest_marker("wide"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for each in cases.values():
        for item in each[1:-1]:
            item.add_marker("slow")


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
