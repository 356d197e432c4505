"""`check` on networks: they decide without theory, a limit where they are near it."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sympy import Rational, exp, log, sqrt

from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    Linear,
    MeanOverLayers,
    maximal_learning_rate,
    squared_update,
)
from theory.claims.decision import TheoryVerdict
from theory.claims.target import Target
from theory.outcome import Outcome
from theory.symbols import L, a, ell, eta, n, n_0
from verify import Conditioned, Dense, RareEvents, cli, compare_law
from verify import check as checked
from verify.claims.networks import checked_grid
from verify.comparison.exact_values import exact_law
from verify.jobs.folder import RESULTS
from verify.testing import assert_exact

GRID = [MLP(8, 2), MLP(32, 4)]
WIDE: dict[str, Any] = {"grid": [MLP(10**6, 64), MLP(10**6, 256)], "samples": 2000}
SLOPED = MLP(input_width=n_0, activation=LeakyReLU(a))


def measured(formula: object, **options: Any) -> Outcome:
    exact = options.get("claim", "exact") == "exact"
    usual: dict[str, Any] = {"grid": GRID, "samples": 20_000} if exact else {}
    found = checked(formula, **{**usual, **options})
    assert found.evidence is not None
    return found.evidence.verdict.outcome


@pytest.mark.slow
@pytest.mark.parametrize("part", ["total", "label", "output"])
def test_exact_parts_are_told_apart_by_networks(part: str) -> None:
    update = squared_update(MLP())
    laws = {"total": update.exact, "label": update.label.exact, "output": update.output.exact}
    options = {"samples": 100_000, "part": part}
    for name, law in laws.items():
        expected = Outcome.CONSISTENT if name == part else Outcome.REJECTED
        assert measured(law, **options) is expected, (name, part)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "options", "expected"),
    [
        pytest.param(
            *(eta**2 * L**3 / 3, {"claim": "leading"}, Outcome.CONSISTENT), marks=pytest.mark.slow
        ),
        (eta**2 * ((L + 9) ** 3 / 3 + L**7 / n), WIDE | {"claim": "leading"}, Outcome.CONSISTENT),
        (eta**2 * L**3 / 2, WIDE | {"claim": "leading"}, Outcome.REJECTED),
        (eta**2 * L ** Rational(5, 2) / 3, WIDE | {"claim": "leading"}, Outcome.REJECTED),
        pytest.param(
            *(squared_update(MLP()).joint_limit(), {"claim": "joint"}, Outcome.CONSISTENT),
            marks=pytest.mark.slow,
        ),
        (2 * squared_update(MLP()).joint_limit(), WIDE | {"claim": "joint"}, Outcome.REJECTED),
        (maximal_learning_rate(MLP()).exact, {"quantity": "rate"}, Outcome.CONSISTENT),
        (2 * maximal_learning_rate(MLP()).exact, {"quantity": "rate"}, Outcome.REJECTED),
        pytest.param(
            *(sqrt(3) / L ** Rational(3, 2), {"quantity": "rate", "claim": "leading"}),
            Outcome.CONSISTENT,
            marks=pytest.mark.slow,
        ),
        (sqrt(3) / L, WIDE | {"quantity": "rate", "claim": "leading"}, Outcome.REJECTED),
        (squared_update(MLP(), ell).exact, {}, Outcome.CONSISTENT),
        (squared_update(MLP(), ell).exact.subs(ell, ell + 1), {}, Outcome.REJECTED),
        (lambda n, L: squared_update(MLP(int(n), int(L))).per_eta2, {}, Outcome.CONSISTENT),
    ],
)
def test_networks_decide_whatever_theory_says(
    formula: object, options: dict[str, Any], expected: Outcome
) -> None:
    samples = {} if "claim" in options else {"samples": 60_000}
    assert measured(formula, **samples, **options) is expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planned", "noticed"),
    [({"precision": 0.05}, 0.4), pytest.param({}, 0.04, marks=pytest.mark.slow)],
)
def test_small_grids_are_planned_and_decide(planned: dict[str, Any], noticed: float) -> None:
    found = checked(squared_update(SLOPED).label.exact, part="label", **planned)
    assert found.verdict is Outcome.CONSISTENT
    assert found.evidence is not None
    assert found.evidence.verdict.noticed < noticed
    assert {cell.network.first_fan_in for cell in found.evidence.cells} == {3}


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Conditioned(), RareEvents()])
def test_any_sampler_may_be_asked(sampler: Any) -> None:
    exact = squared_update(MLP()).exact
    assert measured(exact, sampler=sampler, samples=6000) is Outcome.CONSISTENT
    assert measured(2 * exact, sampler=sampler, samples=6000) is Outcome.REJECTED


def test_a_sampler_by_name_is_told_all_that_there_are() -> None:
    with pytest.raises(InvalidArgument) as caught:
        checked("L", grid=GRID, samples=100, sampler="gram")  # type: ignore[arg-type]
    assert "give Gram(), RareEvents(), Conditioned() or Dense()" in str(caught.value)


@pytest.mark.slow
def test_too_few_networks_do_not_undo_a_proof_and_networks_alone_prove_nothing() -> None:
    found = checked(squared_update(MLP()).exact, grid=GRID, samples=20)
    assert found.evidence is not None
    assert found.evidence.verdict.outcome is Outcome.UNDECIDED
    assert found.verdict is Outcome.CONSISTENT
    hidden = log(exp(1 + log(n)) - n) * squared_update(MLP()).exact / log(n * (exp(1) - 1))
    open_ended = checked(hidden, grid=GRID, samples=20_000)
    assert open_ended.evidence is not None
    assert open_ended.evidence.verdict.outcome is Outcome.CONSISTENT
    assert open_ended.verdict is open_ended.theory.outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("theory", Outcome)
@pytest.mark.parametrize("networks", [None, *Outcome])
def test_the_table_of_verdicts(theory: Outcome, networks: Outcome | None) -> None:
    found = checked("L**3/3", claim="leading", simulate=False)
    said = SimpleNamespace(verdict=SimpleNamespace(outcome=networks))
    evidence: Any = None if networks is None else said
    made: Any = replace(found, theory=TheoryVerdict(theory, ""), evidence=evidence)
    rejected = Outcome.REJECTED in (theory, networks)
    assert made.verdict is (Outcome.REJECTED if rejected else theory)


def test_samples_and_precision_exclude_each_other() -> None:
    with pytest.raises(InvalidArgument, match="samples=100 and precision"):
        checked("L", samples=100, precision=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "law",
    [
        squared_update(MLP()).per_eta2,
        str(squared_update(MLP()).exact),
        squared_update(MLP()),
        lambda n, L: squared_update(MLP(int(n), int(L))).per_eta2,
        lambda network, layer: squared_update(network, layer).exact,
    ],
)
def test_a_law_is_whatever_a_formula_is(law: Any) -> None:
    """`check`, `compare_law` and the assertions accept the same."""
    found = compare_law(law, networks=GRID, samples=20_000, seed=1)
    assert found.verdict.outcome is not Outcome.REJECTED
    assert all(abs(cell.log_law - cell.log_exact) < 1e-12 for cell in found.cells)
    assert checked(law, simulate=False).verdict is Outcome.CONSISTENT
    assert_exact(law, GRID[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "law",
    [
        lambda each, at: squared_update(each, at).evaluate(30),
        lambda n, layer, by=1: by * exact_law(n, layer),
    ],
)
def test_a_law_of_two_other_names_is_called_with_network_and_layer(law: Any) -> None:
    found = compare_law(law, networks=GRID, samples=400, seed=1)
    assert all(cell.log_law == cell.log_exact for cell in found.cells)


@pytest.mark.parametrize("law", [None, "n(", float("nan")])
def test_what_is_no_formula_is_no_law(law: Any) -> None:
    with pytest.raises(InvalidArgument, match="for law"):
        compare_law(law, networks=GRID, seed=1)
    with pytest.raises(InvalidArgument, match="for formula"):
        checked(law, simulate=False)
    with pytest.raises(InvalidArgument, match="for derivation"):
        assert_exact(law, GRID[0])


@pytest.mark.slow
def test_what_is_not_measured_says_why() -> None:
    for formula, options, words in (
        ("2*sqrt(3)/L^1.5", {"quantity": "rate", "criterion": MeanOverLayers()}, "mean over"),
        (lambda n, L: sum(range(int(L))), {"claim": "leading"}, "leading term"),
        ("-L", {}, "no positive value"),
        ("L/(n - 8)", {}, "no positive value"),
    ):
        found = checked(formula, grid=GRID, samples=1000, **options)
        assert found.evidence is None
        assert words in str(found.unmeasured)
        assert words in repr(found)


OTHER = [
    MLP(),
    MLP((4, 8)),
    MLP(8, 2, input_width=3),
    MLP(8, 2, activation=LeakyReLU("1/2")),
    MLP(8, 2, activation=Linear()),
    MLP(8, 2, weight_variance=1),
    MLP(8, 2, readout_variance=8),
    MLP(8, 2, input_norm2=1),
]


@pytest.mark.parametrize("simulate", [True, False])
@pytest.mark.parametrize("network", OTHER, ids=str)
def test_networks_of_another_kind_are_refused(network: MLP, simulate: bool) -> None:
    with pytest.raises(InvalidArgument, match=r"networks like MLP\(\) .* in grid, got"):
        checked("L", grid=[MLP(8, 2), network], samples=100, simulate=simulate)


@pytest.mark.parametrize("claim", ["leading", "joint"])
def test_a_limit_in_depth_has_no_layer_of_a_number(claim: str) -> None:
    with pytest.raises(InvalidArgument, match="got layer=2; the limit takes the layer to infinity"):
        checked("ell**3/3", claim=claim, layer=2)


def test_a_function_of_any_number_of_sizes_is_told_to_name_them() -> None:
    with pytest.raises(InvalidArgument, match="name its parameters so"):
        checked(lambda *a: 1)


def test_what_a_network_leaves_open_is_free_in_its_grid() -> None:
    open_ = Target(MLP(input_width=n_0, activation=LeakyReLU(a), readout_variance=n))
    grid = [
        MLP(8, 2, activation=LeakyReLU("1/2"), readout_variance=8),
        MLP(4, 3, input_width=5, readout_variance=4, weight_variance=2),
    ]
    assert checked_grid(open_, iter(grid)) == grid
    for wrong in (grid[0], MLP(8, 2, activation=LeakyReLU("1/2"), readout_variance=4)):
        with pytest.raises(InvalidArgument, match="in grid, got"):
            checked_grid(Target(MLP()) if wrong is grid[0] else open_, [wrong])
    usual = MLP(8, 2, weight_variance=2, readout_variance=1, input_norm2=8, input_width=8)
    assert checked_grid(Target(MLP()), [usual]) == [usual]
    assert checked_grid(Target(MLP((4, 8))), [MLP((4, 8))]) == [MLP((4, 8))]


def run(out: Path, *arguments: str) -> int:
    sizes = ["--width", "1000000", "--depth", "64", "256", "--samples", "2000"]
    return cli.main([*arguments, *sizes, "--out", str(out)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--formula", "eta^2*L^3/3", "--claim", "leading"], 0),
        (["--formula", "eta^2*L^3/2", "--claim", "leading"], 1),
        (["--formula", "sqrt(3)/L^1.5", "--claim", "leading", "--quantity", "rate"], 0),
        (["--formula", "log(n)*L^3", "--claim", "leading"], 3),
        (["--formula", "L^3/3"], 1),
    ],
)
def test_exit_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert run(tmp_path / "run", *arguments) == code
    printed = capsys.readouterr().out
    assert ("CONSISTENT", "REJECTED", "", "UNDECIDED")[code] in printed
    record = json.loads((tmp_path / "run" / RESULTS).read_text(encoding="utf-8"))
    assert record["outcome"] == ("consistent", "rejected", "", "undecided")[code]
    if code == 1:
        assert record["theory"]["difference"]["sentence"] in printed
        assert record["theory"]["counterexample"]["sizes"]["L"] == "1"
    if code != 3:
        assert record["networks"]["cells"][0]["samples"] == 2000


@pytest.mark.parametrize(
    "given",
    [
        {"grid": [MLP(16, 1)]},
        {"samples": 100},
        {"precision": 0.1},
        {"seed": 5},
        {"sampler": Dense()},
    ],
    ids=str,
)
def test_theory_alone_reads_no_argument_of_a_simulation(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(
        InvalidArgument, match=f"expected no {name} with simulate=False, got {name}="
    ):
        checked("1/2", network=MLP(depth=1), part="label", simulate=False, **given)


@pytest.mark.parametrize("samples", [lambda: 5, lambda width, depth: width * depth])
def test_samples_are_a_number_or_a_function_of_a_network(samples: Any) -> None:
    with pytest.raises(InvalidArgument, match="function of one network for samples, got samples="):
        compare_law(networks=[MLP(16, 2)], samples=samples, seed=1)
    (cell,) = compare_law(networks=[MLP(16, 2)], samples=lambda each: 10 * each.width, seed=1).cells
    assert cell.estimate.samples == 160
