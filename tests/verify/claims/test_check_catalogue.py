"""What is off is named right in at least 90 % of a catalogue of errors, and never named wrong."""

import pytest

from tests.tools.claims_catalogue import Error, catalogue
from theory.outcome import Outcome
from verify import check

MISSED: tuple[str, ...] = ()
"""Errors that are rejected, and said to be none of the known differences."""


@pytest.fixture(scope="module")
def errors() -> list[Error]:
    return catalogue()


def test_the_catalogue_is_named_right_and_never_wrong(errors: list[Error]) -> None:
    assert len(errors) >= 50
    missed, wrong = [], []
    for error in errors:
        found = check(error.formula, simulate=False, **error.options)
        assert found.verdict is Outcome.REJECTED, error.name
        assert found.counterexample is not None, error.name
        said = found.difference
        if said is None:
            missed.append(error.name)
        elif said.kind is not error.kind or error.words not in said.sentence:
            wrong.append((error.name, said.kind.name, said.sentence))
    assert not wrong
    assert tuple(missed) == MISSED
    assert len(missed) <= len(errors) / 10
