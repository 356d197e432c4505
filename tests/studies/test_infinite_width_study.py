"""The infinite-width study: its laws, its budget, and wrong constants and exponents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sympy import E, sympify

from studies import infinite_width as study
from studies.infinite_width import (
    DEPTH,
    NETWORKS,
    OPTIMISERS,
    RESIDUALS,
    STEPS,
    Measured,
    critical_z,
    kept_rows,
    print_laws,
    print_steps,
)
from theory import MLP, Inputs, maximal_learning_rate, squared_update
from theory.errors import NotSolved

LAWS, STEP_ROWS = kept_rows()
CELLS = [row.networks for row in LAWS if row.networks] + [row.networks for row in STEP_ROWS]
BOUND = critical_z(len(CELLS))


def z_against(found: Measured, factor: float) -> float:
    """The distance of the networks from ``factor`` times the recursion."""
    return (found.value - factor * found.expected) / found.error


def test_one_budget_holds_over_all_cells() -> None:
    assert len(CELLS) >= 40
    assert max(abs(cell.z) for cell in CELLS) < BOUND
    assert [z_against(cell, 1.0) for cell in CELLS] == pytest.approx([cell.z for cell in CELLS])


@pytest.mark.parametrize("factor", [1.25, 0.8, DEPTH**0.1, DEPTH**-0.1])
def test_wrong_constants_and_exponents_are_rejected(factor: float) -> None:
    for row in LAWS:
        if row.networks:
            assert abs(z_against(row.networks, factor)) > BOUND, row


def test_deep_recursions_confirm_constants_and_exponents() -> None:
    for row in LAWS:
        if "residual" not in row.architecture and row.base == "1":
            assert row.deep == pytest.approx(1, abs=2e-3)


@pytest.mark.slow
def test_the_kept_laws_are_those_of_the_theory() -> None:
    kept = {(row.activation, row.architecture, row.optimiser): row for row in LAWS}
    for names, network in NETWORKS.items():
        for rule, optimiser in OPTIMISERS.items():
            try:
                update = squared_update(network, inputs=Inputs(), optimiser=optimiser)
                law = update.depth_law
            except NotSolved:
                assert (*names, rule) not in kept
                continue
            row = kept[*names, rule]
            assert float(sympify(row.constant)) == pytest.approx(float(law.constant), rel=1e-9)
            assert law.regime.endswith(f"; {row.regime}")
            assert row.exponent == str(law.exponent)
            assert row.networks is not None
            shallow = squared_update(
                network._with(depth=DEPTH), inputs=Inputs(), optimiser=optimiser
            )
            assert row.networks.expected == pytest.approx(float(shallow.infinite_width()))
    assert len(kept) == len(LAWS)
    assert {(row.activation, row.architecture) for row in LAWS} == {*NETWORKS, *RESIDUALS}


@pytest.mark.slow
def test_constants_of_residual_networks_are_those_of_the_theory() -> None:
    kept = {(row.activation, row.architecture, row.optimiser): row for row in LAWS}
    exact = kept["ReLU", "residual W φ(U h)", "gradient"]
    assert float(exact.constant) == pytest.approx(float(51 * E**2 / 4), rel=1e-9)
    for names, network in RESIDUALS.items():
        for rule, optimiser in OPTIMISERS.items():
            try:
                law = squared_update(network, inputs=Inputs(), optimiser=optimiser).depth_law
            except NotSolved:
                assert (*names, rule) not in kept
                continue
            row = kept[*names, rule]
            assert float(row.constant) == pytest.approx(float(law.constant), rel=1e-9)
            assert row.exponent == str(law.exponent)
            assert row.deep == pytest.approx(1, abs=0.16)


def test_real_steps_are_those_of_the_recursion() -> None:
    assert [(row.depth, row.kind) for row in STEP_ROWS] == list(STEPS)
    for row in STEP_ROWS:
        network, linearised = MLP(depth=row.depth), row.kind == "linearised"
        rate = maximal_learning_rate(network, inputs=Inputs(), linearised=linearised)
        assert row.rate == pytest.approx(float(rate))
        moved = squared_update(network, step=row.rate).infinite_width() * row.rate**2
        assert row.networks.expected == pytest.approx(moved)
        if row.kind == "real":
            assert moved == pytest.approx(1)


@pytest.mark.slow
def test_the_study_runs_and_keeps_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(study, "RESULTS", tmp_path / "found.json")
    few = {names: NETWORKS[names] for names in list(NETWORKS)[:1]}
    blocks = {names: RESIDUALS[names] for names in list(RESIDUALS)[:1]}
    for name, value in {
        "NETWORKS": few,
        "RESIDUALS": blocks,
        "OPTIMISERS": {"gradient": OPTIMISERS["gradient"]},
        "BLOCKS": 64,
        "WIDTHS": (40, 80, 160),
        "SAMPLES": 100,
        "STEPS": {(3, "real"): (100, (40, 80, 160))},
    }.items():
        monkeypatch.setattr(study, name, value)
    assert study.main() == 0
    printed = capsys.readouterr().out
    laws, steps = kept_rows()
    print_laws(laws)
    print_steps(steps)
    assert capsys.readouterr().out == printed
    wrong = replace(laws[0], networks=None)
    print_laws([wrong])
    assert capsys.readouterr().out.splitlines()[-1].endswith("-")
