"""`check`, `compare_law` and the assertions on any observable that `derive` accepts."""

from typing import Any

import pytest

import theory.observables
from theory import MLP, InvalidArgument, LeakyReLU, Residual, derive
from theory.observables import K, f, g, trace, z
from theory.symbols import L, ell, eta, n
from verify import Conditioned, Dense, check, compare_law
from verify.claims.assertions import _code
from verify.comparison.compare import comparison_record
from verify.testing import assert_close, assert_exact, assert_matches_networks, samples_needed

GRID = [MLP(16, 2), MLP(16, 3), MLP(16, 2, activation=LeakyReLU("0.5"))]
DRAW: dict[str, Any] = {"networks": GRID, "samples": 4000, "seed": 1, "sampler": Dense()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "observable", "claim", "found"),
    [
        (n**2 * L, trace(K), "exact", "CONSISTENT"),
        (n * L, trace(K) / n, "exact", "CONSISTENT"),
        ("n**2*L/2", trace(K), "exact", "REJECTED"),
        ("2*n**3*L**3/3", trace(K @ K), "leading", "CONSISTENT"),
        ("n**3*L**3/3", trace(K @ K), "leading", "REJECTED"),
        ("n**3*t", trace(K), "joint", "CONSISTENT"),
        (ell / 2, g @ K @ g, "exact", "CONSISTENT"),
        (1 / n, f**2, "exact", "CONSISTENT"),
        (0, f, "exact", "CONSISTENT"),
    ],
    ids=str,
)
def test_theory_decides_claims_on_observables(
    formula: Any, observable: Any, claim: str, found: str
) -> None:
    answer = check(formula, observable=observable, claim=claim, simulate=False)
    assert answer.verdict.name == found
    assert f"of E[{observable}] in" in repr(answer) or f"is E[{observable}] in" in repr(answer)
    assert "eta" not in repr(answer)


@pytest.mark.slow
def test_a_derivation_is_a_claim_and_networks_measure_it() -> None:
    claim = derive(trace(K), MLP())
    drawn = {"grid": [MLP(8, 2), MLP(16, 3)], "samples": 4000, "sampler": Dense()}
    answer = check(claim, observable=trace(K), **drawn)  # type: ignore[arg-type]
    assert answer.evidence is not None
    assert answer.evidence.verdict.outcome.name == "CONSISTENT"
    assert answer.verdict.name == "CONSISTENT"
    negative = check(-(L / 2), observable=-(g @ K @ g), sampler=Conditioned())
    assert negative.unmeasured is not None
    assert "the mean is negative" in negative.unmeasured


@pytest.mark.parametrize("network", [MLP(), MLP(depth=2), MLP(8, 2), Residual()], ids=str)
def test_a_derivation_names_its_observable_itself(network: Any) -> None:
    alone = check(derive(trace(K), network), simulate=False)
    named = check(derive(trace(K), network), observable=trace(K), simulate=False)
    assert alone.target == named.target
    assert alone.verdict.name == "CONSISTENT"
    assert (
        check(derive(trace(K), MLP()), observable=z @ z, simulate=False).verdict.name == "REJECTED"
    )


@pytest.mark.slow
def test_a_derivation_alone_is_a_law_and_is_asserted() -> None:
    claim = derive(trace(K), MLP())
    found = compare_law(claim, **{**DRAW, "networks": GRID[:2]})
    assert comparison_record(found).quantity == "E[tr(K)]"
    assert found.verdict.outcome.name == "CONSISTENT"
    assert_exact(claim, MLP(8, 3))
    assert_matches_networks(claim, MLP(8, 2), seed=1)


def test_networks_reject_a_wrong_law_of_an_observable() -> None:
    assert compare_law(observable=trace(K @ K), **DRAW).verdict.outcome.name == "CONSISTENT"
    assert compare_law("n**2*L", observable=trace(K), **DRAW).verdict.outcome.name == "CONSISTENT"
    wrong = compare_law("n**2*L*2", observable=trace(K), **DRAW)
    assert wrong.verdict.outcome.name == "REJECTED"
    assert comparison_record(wrong).quantity == "E[tr(K)]"
    assert wrong.fits == {}
    for text in (str(wrong), wrong._repr_html_()):
        assert "E[tr(K)]" in text
        assert "rate" not in text
    planned = compare_law(
        networks=[MLP(16, 2)], precision=0.02, seed=1, observable=trace(K), sampler=Dense()
    )
    assert 100 <= planned.cells[0].sampling.samples < 4000


def test_cells_that_do_not_vary_do_not_decide() -> None:
    networks = [MLP(8, 1), MLP(8, 2)]
    found = compare_law(observable=trace(K), **DRAW | {"networks": networks})
    assert [cell.decides for cell in found.cells] == [False, True]
    assert "networks do not vary" in " ".join(str(found).split())


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"formula": n**2 * L, "observable": trace(K)}, "give sampler=Dense()"),
        ({"formula": eta * n, "observable": trace(K)}, "before a step"),
        ({"formula": n, "observable": K}, "trace(K @ K)"),
        ({"formula": n, "observable": trace(K), "part": "label"}, "leave them out"),
        ({"formula": n, "observable": trace(K), "quantity": "rate"}, "leave them out"),
    ],
)
def test_what_is_no_claim_on_an_observable_says_why(options: dict[str, Any], fix: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check(**options)
    assert fix in str(refusal.value)


def test_a_mean_without_a_sign_is_not_compared() -> None:
    for observable in (f, -trace(K)):
        with pytest.raises(InvalidArgument, match="or the square if the mean is 0"):
            compare_law(observable=observable, **DRAW)


@pytest.mark.parametrize(
    "observable",
    [trace(K), f**2 * trace(K @ K) / 3 - 1, -2 * (g @ K @ z) / n + trace(K) * n**2, 0 * f],
)
def test_the_code_of_an_observable_makes_it(observable: Any) -> None:
    names = {**vars(theory.observables), "n": n}
    assert eval(_code(observable), names) == observable


@pytest.mark.slow
def test_assertions_take_observables() -> None:
    network = MLP(16, 2)
    assert_exact("L*n**2", network, observable=trace(K))
    assert_close(lambda L, n: L * n**2 * 1.001, network, tolerance=0.01, observable=trace(K))
    assert_matches_networks(L * n**2, network, observable=trace(K), seed=1)
    assert_matches_networks(-L / 2, network, observable=-(g @ K @ g), seed=1)
    assert samples_needed(network, observable=trace(K)) > 1000
    with pytest.raises(
        AssertionError, match=r"derive\(trace\(K\), MLP\(width=16, depth=2\), layer=2\)"
    ):
        assert_exact("L*n**2 + 1", network, observable=trace(K))
    with pytest.raises(AssertionError, match=r"observable=trace\(K\), samples"):
        assert_matches_networks(L * n**2 * 1.3, network, observable=trace(K), seed=1)
    with pytest.raises(InvalidArgument, match="give the square of the observable"):
        assert_matches_networks(0, network, observable=f, seed=1)
    with pytest.raises(InvalidArgument, match="use assert_exact"):
        assert_matches_networks(n**2, MLP(16, 1), observable=trace(K), seed=1)
    with pytest.raises(InvalidArgument, match="give sampler=Dense"):
        assert_matches_networks(n, network, observable=z @ K @ z, seed=1, sampler=Conditioned())
