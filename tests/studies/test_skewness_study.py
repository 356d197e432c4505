"""The skewness study: its range, its numbers on samples of known skewness, and its record."""

from pathlib import Path

import numpy as np
import pytest

from studies import skewness
from studies.skewness import FEWEST, NETWORKS, PATTERNS, kept_rows, print_table
from verify.inference.weighted_means import SKEWNESS


def test_the_kept_rows_cover_the_range_and_stay_below_the_allowance() -> None:
    rows = kept_rows()
    assert len(rows) == NETWORKS >= 200
    assert max(max(row.skewness) for row in rows) < SKEWNESS
    assert {row.pattern.split(", ")[1] for row in rows} == set(PATTERNS)
    assert min(row.width for row in rows if row.slope in ("0", "1")) == 16
    assert min(row.width for row in rows) == 16
    assert max(row.depth / row.width for row in rows) > 15
    assert all(row.samples >= FEWEST for row in rows)


def test_a_skewness_is_that_of_the_values() -> None:
    gamma = np.random.default_rng(1).gamma(4.0, size=200_000)
    assert skewness.skewness_of(np.log(gamma) + 900.0) == pytest.approx(1.0, abs=0.1)


def test_the_study_runs_and_keeps_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(skewness, "RESULTS", tmp_path / "skewness.json")
    monkeypatch.setattr(skewness, "LAYERS", 10_000)
    assert skewness.main(3) == 0
    printed = capsys.readouterr().out
    print_table(kept_rows())
    assert capsys.readouterr().out == printed
