"""The law of the maximal rate measured without the theory: right laws allowed, wrong ones and a
wrong sampler excluded, and the folder of a run keeps it all."""

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.tools.paths import ROOT
from theory import MLP, Residual
from theory.outcome import Outcome
from verify import cli, compare_law
from verify.comparison.cells import Cell, measured_laws
from verify.comparison.compare import comparison_record
from verify.comparison.exact_values import exact_law, known_spread, leading_power
from verify.comparison.measured_law import LEVEL, MeasuredLaw, fit_law
from verify.comparison.verdict_in_words import conclusion, law_lines
from verify.inference.weighted_means import WeightedMean
from verify.jobs.folder import CSV, RESULTS
from verify.jobs.plan import LAW_BY_INNER_PRODUCTS, LAW_BY_NEURONS, planned_parts
from verify.samplers.gram.relu_passes import relu_scales

CONSTANT, EXPONENT = leading_power()
FALSE_ALARM = 1e-6
ROWS = 60


def made_up(width: int, depths: tuple[int, ...], samples: int, seed: int) -> Iterator[MeasuredLaw]:
    """Fits of exact values with normal errors as large as ``samples`` networks have."""
    rng = np.random.default_rng(seed)
    networks = [MLP(width, depth) for depth in depths]
    exact = [float(exact_law(network, network.layers)) for network in networks]
    errors = [known_spread(network, network.layers) / samples**0.5 for network in networks]
    for _ in range(ROWS):
        means = [
            WeightedMean(samples, mean * (1 + error * rng.standard_normal()), mean * error)
            for mean, error in zip(exact, errors, strict=True)
        ]
        law = fit_law("Gram()", width, depths, means)
        assert law is not None
        yield law


def correction(width: int, depths: tuple[int, ...]) -> float:
    """How far exact rates are from the limit, at most, in logarithms."""
    exact = [float(exact_law(MLP(width, depth), depth)) for depth in depths]
    limit = [CONSTANT * depth**EXPONENT for depth in depths]
    return float(max(abs(np.log(np.array(exact) ** -0.5 / limit))))


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 1], ids=["inner products", "neurons"])
def test_the_limit_is_excluded_no_more_often_than_stated(part: int) -> None:
    ((width, depths),) = (LAW_BY_INNER_PRODUCTS, LAW_BY_NEURONS)[part].items()
    samples = planned_parts(None, None, None, None)[part].samples
    assert samples is not None
    laws = list(made_up(width, depths, samples, seed=part))
    granted = correction(width, depths)
    missed = sum(not law.allows(CONSTANT, EXPONENT, granted) for law in laws)
    assert binom.sf(missed - 1, ROWS, 1 - LEVEL) > FALSE_ALARM
    assert not any(law.allows(CONSTANT, -1.4, granted) for law in laws)
    assert not any(law.allows(1.02 * CONSTANT, EXPONENT, granted) for law in laws)


@pytest.mark.slow
def test_finite_depth_is_seen_and_granted() -> None:
    """The plain interval alone excludes the limit: depth 64 is 6e-5 from it, the error is 1e-5."""
    ((width, depths),) = LAW_BY_INNER_PRODUCTS.items()
    plain = sum(law.exponent.holds(EXPONENT) for law in made_up(width, depths, 4000, seed=3))
    assert plain < 0.9 * ROWS
    assert 5e-5 < correction(width, depths) < 7e-5


@cache
def measured() -> Any:
    networks = [MLP(10**9, depth) for depth in (64, 256, 1024)]
    found = compare_law(networks=networks, samples=4000, seed=7)
    return replace(found, leading=(CONSTANT, EXPONENT))


def test_networks_alone_show_the_law_and_exclude_wrong_ones() -> None:
    found = measured()
    (law,) = found.measured_laws
    granted = found.correction(law)
    assert law.allows(CONSTANT, EXPONENT, granted), law
    assert not law.allows(CONSTANT, -1.4, granted)
    assert not law.allows(1.02 * CONSTANT, EXPONENT, granted)
    assert law.exponent.high - law.exponent.low < 2e-4
    first, second = law_lines(comparison_record(found))
    assert "without the theory: rate = (1.73" in first
    assert "(derived)" in second


@pytest.mark.slow
@pytest.mark.parametrize("excess", [pytest.param(1e-3, marks=pytest.mark.slow), 2e-6])
def test_a_wrong_coin_in_the_sampler_is_seen_without_exact_values(
    monkeypatch: pytest.MonkeyPatch, excess: float
) -> None:
    def biased(problem: Any) -> Any:
        """Coins that show heads too often."""
        scales = relu_scales(problem)
        shift = np.round(excess * problem.widths).astype(np.int64)
        return scales._replace(coins=scales.coins._replace(lowest=scales.coins.lowest + shift))

    monkeypatch.setattr("verify.samplers.gram.sampler.relu_scales", biased)
    found = measured.__wrapped__()
    assert found.verdict.outcome is Outcome.REJECTED
    assert found.excluding


@pytest.mark.slow
def test_cells_that_do_not_suit_do_not_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.comparison.compare.known_spread", lambda *_: 1.0)

    def cells(*networks: MLP, **options: Any) -> tuple[Cell, ...]:
        return compare_law(networks=networks, samples=3000, seed=1, **options).cells

    wide = [MLP(10**6, depth) for depth in (8, 16, 32)]
    good = cells(*wide)
    assert [law.depths for law in measured_laws(good + good)] == [(8, 16, 32)]
    near = [MLP(10**6, depth) for depth in (9, 10, 63)]
    assert [law.depths for law in measured_laws(good + cells(*near))] == [(8, 16, 32, 64)[:3]]
    assert not measured_laws(good[:2])
    assert not measured_laws(cells(*wide, layer=4))
    assert not measured_laws(cells(*(MLP(1000, depth) for depth in (8, 16, 32))))
    assert not measured_laws(cells(*(MLP(10**6, depth, input_width=5) for depth in (8, 16, 32))))


def reached(module: str, seen: set[str]) -> set[str]:
    """The modules that a module of ours imports when it runs, and those that these import."""
    path = ROOT / (module.replace(".", "/") + ".py")
    if module in seen or not path.exists():
        return seen | {module}
    seen = seen | {module}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            seen = reached(str(node.module), seen)
        elif isinstance(node, ast.Import):
            seen |= {alias.name for alias in node.names}
    return seen


def test_the_measuring_knows_no_law() -> None:
    found = {
        name
        for name in reached("verify.comparison.measured_law", set())
        if name.startswith("verify")
    }
    assert "verify.inference.fit" in found
    assert not found & {
        "verify.comparison.compare",
        "verify.comparison.exact_values",
        "verify.comparison.cells",
        "verify.comparison.sample_sizes",
    }
    ours = {
        name
        for module in found
        for name in reached(module, set())
        if name.startswith("theory") and module == "verify.comparison.measured_law"
    }
    assert "theory.errors" in ours
    assert not ours & {
        "theory.laws.update",
        "theory.rates.rate",
        "theory.rates.hidden_rate",
        "theory.solutions.derivation",
    }


@pytest.mark.slow
def test_a_run_folder_keeps_the_measured_law(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    sizes = ["--width", "1000000", "--depth", "8", "32", "128", "--samples", "3000"]
    assert cli.main([*sizes, "--out", str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()
    (line,) = [line for line in printed if "measured without the theory" in line]
    record = json.loads((out / RESULTS).read_text(encoding="utf-8"))
    (law,) = record["measured_laws"]
    assert law["depths"] == [8, 32, 128]
    assert law["leading_allowed"]
    assert 0.003 < law["derived_correction"] < 0.005
    assert len((out / CSV).read_text(encoding="utf-8").splitlines()) == 4
    assert cli.main(["--resume", str(out)]) == 0
    assert line in capsys.readouterr().out
    assert json.loads((out / RESULTS).read_text(encoding="utf-8"))["measured_laws"] == [law]
    assert cli.main(["--replay", str(out / RESULTS), "--cell", "2"]) == 0
    assert cli.main(["--report", str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "measured without the theory" in page
    assert "the interval contains sqrt(3)/L**(3/2)" in page


def test_a_law_that_networks_exclude_is_rejected_whatever_the_cells_say() -> None:
    found = replace(measured(), leading=(CONSTANT, -1.4))
    assert all(abs(cell.score.z) < 4 for cell in found.cells)
    assert found.verdict.outcome is Outcome.REJECTED
    assert conclusion(comparison_record(found)).startswith(
        "REJECTED: the rate measured without the theory, (1.73"
    )
    assert comparison_record(found).outcome == "rejected"


BLOCKS = (512, 1024, 4096)


@pytest.mark.slow
def test_networks_alone_show_that_the_rate_of_residual_blocks_tends_to_a_constant() -> None:
    networks = [Residual(10**9, blocks) for blocks in BLOCKS]
    found = compare_law(networks=networks, samples=2400, seed=1)
    (law,) = replace(found, leading=leading_power()).measured_laws
    assert law.blocks
    assert law.depths == BLOCKS
    assert abs(law.exponent.value) < 0.002
    assert law.leading_allowed
    constant, _ = leading_power(blocks=True)
    correction = law.derived_correction or 0.0
    assert not law.allows(1.02 * constant, 0.0, correction)
    assert not law.allows(constant, -0.02, correction)
    assert 2 * correction * BLOCKS[0] == pytest.approx(2.4, rel=0.02)
