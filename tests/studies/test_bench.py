"""The benchmark's own parts: its plain peer, its rounds, its processes and its report."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from bench import limits
from bench.__main__ import main
from bench.contest import law_score
from bench.crew import Crew, SettingFailed
from bench.libraries import MissingLibrary, library
from bench.limits import bare_gram_draws, bare_normals, cores
from bench.literal import Literal
from bench.numpy_peer import linearised
from bench.plan import QUICK
from bench.precision import exact_spread
from bench.report import print_table, write_results
from bench.rows import Row, Section, Wanted
from bench.scaling import by_width, by_width_of_blocks
from bench.settings import Setting, candidates, numpy_setting
from bench.timing import Timing, alternate, sized
from tests.roads.literal_network import draw, forward, linearised_update
from theory import MLP
from verify import Gram, monte_carlo
from verify.numerics.variates import Stream, new_stream


@pytest.mark.parametrize("widths", [(5,), (4, 3, 5), (6, 6, 6, 6)], ids=str)
def test_numpy_peer_is_the_literal_network(widths: tuple[int, ...]) -> None:
    rates = (1.0,) * len(widths)
    network = draw(np.random.default_rng(5), widths, np.array([1.0, -2.0, 0.5]), 0.0, rates)
    update, f = linearised(network.weights, network.readout, network.x)
    assert update == pytest.approx(linearised_update(network, layer=len(widths)), rel=1e-12)
    assert f == pytest.approx(forward(network).output, rel=1e-12)


@pytest.mark.slow
def test_processes_draw_networks_of_the_law_and_a_wrong_one_is_seen() -> None:
    literal = Literal(width=16, depth=2)
    with Crew(Setting("NumPy", "plain", processes=2), literal) as crew:
        values = crew(1000)
    assert len(set(values)) == 1000
    assert abs(law_score(values, literal)) < 4.5
    assert law_score([(1.25 * label, f) for label, f in values], literal) > 4.5


@pytest.mark.slow
def test_a_setting_that_cannot_run_says_why() -> None:
    with (
        Crew(Setting("NumPy", "no such form"), Literal(4, 1)) as crew,
        pytest.raises(SettingFailed, match="KeyError: 'no such form'"),
    ):
        crew(1)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_missing_library_is_named_in_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in ("torch", "jax"):
        monkeypatch.setitem(sys.modules, each, None if each == name else sys)
    with pytest.raises(MissingLibrary, match=f"library {name} "):
        library(name)
    assert main([]) == 2
    shown = capsys.readouterr()
    assert f"pip install {name}" in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_rounds_alternate_and_ratios_are_taken_round_by_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks, order = count(), []
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)) ** 2)
    runs = {name: (lambda units, name=name: order.append((name, units)), 2) for name in "ab"}
    timings = alternate(runs, 3)
    assert order == [(name, 2) for name in "abbaab"]
    assert timings["a"].rounds == (0.5, 6.5, 8.5)
    assert timings["b"].rounds == (2.5, 4.5, 10.5)
    ratio = timings["a"].over(timings["b"])
    assert ratio.rounds == pytest.approx((0.5 / 2.5, 6.5 / 4.5, 8.5 / 10.5))
    assert (ratio.lowest, ratio.median) == pytest.approx((0.2, 8.5 / 10.5))


def test_work_is_sized_in_whole_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def run(units: int) -> None:
        clock[0] += 0.25 * units

    assert sized(run, 3, seconds=24.0) == 96
    assert sized(run, 1000, seconds=0.001) == 1000


def test_bare_draws_are_as_many_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by the streams: an array of normals or coins is a call, and each chi-square
    variate that needs more bits."""
    streams: list[Stream] = []

    def watched(generator: np.random.Generator) -> Stream:
        streams.append(new_stream(generator))
        return streams[-1]

    monkeypatch.setattr(limits, "new_stream", watched)
    bare_normals()(64 * 1024 * cores())
    assert [int(stream.calls[0]) for stream in streams] == [64] * cores()
    streams.clear()
    bare_gram_draws(64)(10 * 256 * cores())
    assert all(30 <= stream.calls[0] < 500 for stream in streams)
    assert len(streams) == cores()


def test_spread_is_that_of_the_samples() -> None:
    network, samples = MLP(64, 3), 40_000
    estimate = monte_carlo(network, samples=samples, seed=4, sampler=Gram())
    sampled = estimate.standard_error / estimate.mean * samples**0.5
    assert exact_spread(network) == pytest.approx(sampled, rel=0.1)


def test_settings_change_one_thing_at_a_time() -> None:
    for library_name, settings in candidates(4).items():
        base = settings[0]
        assert all(setting.library == library_name for setting in settings)
        assert len(set(settings)) == len(settings)
        assert all(setting.processes * setting.threads == 4 for setting in settings)
        assert all(
            sum((s.form != base.form, s.dtype != base.dtype, s.batch != base.batch)) <= 1
            for s in settings
        )
    assert len(candidates(1)["JAX"]) == len(candidates(2)["JAX"]) - 1
    assert numpy_setting(4).threads == 4


def test_report_shows_and_keeps_every_row(tmp_path: Path) -> None:
    fast = Row(
        "fast", "(2, 3)", Timing((2.0, 1.0, 4.0)), "s", Timing((5.0,)), wanted=Wanted(6, True)
    )
    slow = Row("slow", "(2, 3)", Timing((1234.5,)), "s", limit=Timing((0.5,)), wanted=Wanted(2000))
    section = Section("study", "slow", (fast, slow), notes=("third did not run: why",))
    console = Console(record=True, width=200, file=StringIO())
    print_table([section], console)
    text = console.export_text()
    for shown in ("fast (2, 3)", "1 … 4", "≥ 6: NO", "1,234 s", "≤ 2,000: yes", "50%", "why"):
        assert shown in text
    write_results(tmp_path / "results.json", {"cores": 2}, [section])
    kept = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert kept["machine"] == {"cores": 2}
    assert kept["study"]["rows"][0]["median"] == 2.0
    assert kept["study"]["rows"][0]["met"] is False
    assert kept["study"]["rows"][1]["met"] is True
    assert kept["study"]["notes"] == ["third did not run: why"]


def test_a_result_off_the_law_meets_nothing() -> None:
    row = Row("fast", "", Timing((1.0,)), "s", wanted=Wanted(10))
    assert row.met
    assert not replace(row, sound=False).met


@pytest.mark.slow
@pytest.mark.parametrize("study", [by_width, by_width_of_blocks])
def test_widths_are_compared_with_the_narrowest(study: Any) -> None:
    section = study(QUICK)
    first, second = section.rows
    assert first.ratio is not None
    assert first.ratio.rounds == (1.0, 1.0)
    assert first.wanted is None
    assert second.wanted == Wanted(1.2)
