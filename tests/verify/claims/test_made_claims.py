"""`check` by theory alone on generated claims whose truth is known (`make claims` runs 5,000)."""

import pytest

from studies.claims import answers, too_undecided

SEEDS = [(1, 10), *(pytest.param(seed, 50, marks=pytest.mark.slow) for seed in (1, 2, 3, 4))]


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "claims"), SEEDS)
def test_no_verdict_on_a_made_claim_is_wrong(seed: int, claims: int) -> None:
    found = answers(claims, 10_000 * seed)
    assert len(found) == claims
    assert [each for each in found if each.wrong] == []
    assert too_undecided(found) == []
    assert {each.outcome for each in found} >= {"CONSISTENT", "REJECTED"}
