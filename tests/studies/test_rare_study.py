"""The study of `RareEvents`' samples: its numbers on samples of known spread, and its record."""

import re
from pathlib import Path

import pytest

from studies import rare_events
from studies.rare_events import CELLS, SEEDS, Cell, kept_rows, print_table, rows_of
from tests.tools.paths import ROOT
from theory import MLP
from verify import RareEvents, monte_carlo


def test_spread_and_mean_are_those_of_the_sampler() -> None:
    """Against `monte_carlo`, whose standard error over its mean is spread/sqrt(samples)."""
    label, total = rows_of(Cell(8, 4, 20_000), seeds=(1, 2))
    estimate = monte_carlo(MLP(8, 4), samples=40_000, seed=3, sampler=RareEvents())
    for row, part in ((label, estimate.label), (total, estimate.total)):
        spread = float(part.standard_error / part.mean) * 40_000**0.5
        assert row.spread == pytest.approx([spread] * 2, rel=0.1)
        assert abs(row.z) < 4
        assert row.mean == pytest.approx(1.0, abs=5 * spread / 40_000**0.5)
        assert row.effective == pytest.approx(1 / (1 + spread**2), rel=0.1)
        assert all(1 / 20_000 < share < 0.01 for share in row.share)


def test_what_the_page_says_of_the_kept_rows_holds() -> None:
    rows = kept_rows()
    assert [(row.width, row.depth, row.samples) for row in rows[::2]] == [
        (cell.width, cell.depth, cell.samples) for cell in CELLS
    ]
    for row in rows:
        assert len(row.spread) == len(row.share) == len(SEEDS) == 10
        assert 0.5 < min(row.spread) <= max(row.spread) < 1.65
        assert abs(row.z) < 4
        assert abs(row.mean - 1) < 0.05
        assert max(row.share) < 0.01


def test_the_study_runs_and_keeps_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rare_events, "RESULTS", tmp_path / "rare_events.json")
    assert rare_events.main([Cell(4, 2, 100)], seeds=(1, 2)) == 0
    printed = capsys.readouterr().out
    rows = kept_rows()
    print_table(rows)
    assert capsys.readouterr().out == printed
    assert [row.part for row in rows] == ["label", "total"]


def test_make_has_the_study() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^rare-events: .*\n\t.*-m studies\.rare_events$", text, re.MULTILINE)
