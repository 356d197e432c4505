"""The coverage study itself: that it counts, and that it would say so if coverage were too low."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from studies import coverage
from studies.coverage import CELLS, failures
from studies.repetitions import StudyCell, study
from verify import Gram
from verify.samplers.rare_events.sampler import RareEvents


def test_the_study_covers_what_it_must() -> None:
    assert len(CELLS) >= 12
    assert any(cell.width == cell.depth and cell.sampler == Gram() for cell in CELLS)
    rare = {cell.depth / cell.width for cell in CELLS if cell.sampler == RareEvents()}
    assert rare >= {0.5, 1.0, 2.0}
    assert coverage.REPETITIONS >= 2000


@pytest.mark.slow
def test_a_cell_is_counted_and_low_coverage_is_found() -> None:
    cell = study(StudyCell(Gram(), 16, 2, 50), repetitions=200, seed=1)
    assert cell.repetitions == 200
    assert cell.missed is not None
    assert cell.covered == 1 - cell.missed / 200
    assert cell.width > 1
    assert not failures([cell])
    assert failures([replace(cell, missed=40)])
    assert failures([replace(cell, alarms=20)])
    assert failures([replace(cell, grid_alarms=5)])
    assert not failures([replace(cell, missed=None, alarms=None, grid_alarms=None)])


def test_cells_too_small_for_their_level_declare_it() -> None:
    few = study(StudyCell(RareEvents(), 8, 4, 40), repetitions=50, seed=1)
    assert few.alarms is None
    assert few.grid_alarms is None
    assert few.noticed is None


def test_results_are_printed_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "coverage.json"
    monkeypatch.setattr(coverage, "RESULTS", results)
    assert coverage.main(30, [StudyCell(Gram(), 16, 2, 50)]) == 0
    assert "nowhere below nominal" in capsys.readouterr().out
    record = json.loads(results.read_text(encoding="utf-8"))
    assert record["failures"] == []
    assert record["cells"][0]["repetitions"] == 30
