"""Tables on narrow and on dumb terminals: no digit is cut."""

import io
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from theory import MLP, InvalidArgument
from verify import Conditioned, Dense, Gram, RareEvents, compare_law, monte_carlo
from verify.comparison.compare import comparison_record
from verify.comparison.record import RunRecord
from verify.comparison.table import cell_row, cell_table, print_table


@cache
def of_three_networks() -> RunRecord:
    networks = [MLP(16, 1), MLP(2048, 1024), MLP(10**9, 3)]
    return comparison_record(compare_law(networks=networks, samples=2000, seed=1))


@pytest.mark.parametrize("terminal", ["dumb", "unknown", "xterm", ""])
@pytest.mark.parametrize("columns", ["20", "80", "200", ""])
def test_every_number_is_printed_in_full(
    terminal: str, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setenv("COLUMNS", columns)
    found = of_three_networks()
    for console in (
        Console(file=io.StringIO(), force_terminal=True, color_system=None),
        Console(file=io.StringIO(), force_terminal=True, color_system=None, width=104),
    ):
        before = console.size
        print_table(console, cell_table(found))
        out: Any = console.file
        text = out.getvalue()
        assert "…" not in text
        for cell in found.cells:
            assert all(entry in text for entry in cell_row(cell).values())
        assert console.size == before


def test_a_result_in_a_notebook_leaves_the_users_matplotlib_alone() -> None:
    """Neither a backend that was chosen nor the choice of one, settings and styles."""
    code = """
import sys, matplotlib
from verify import compare_law
from theory import MLP
matplotlib.rcParams["lines.linewidth"] = 7.0
def settings():
    return [(key, dict.__getitem__(matplotlib.rcParams, key)) for key in matplotlib.rcParams.keys()]
found = compare_law(networks=[MLP(16, 1)], samples=50, seed=1)
for backend in (None, "svg", "pdf"):
    if backend:
        import matplotlib.pyplot
        matplotlib.use(backend)
    before = settings()
    assert "<img" in found._repr_html_()
    assert settings() == before
    assert ("matplotlib.pyplot" in sys.modules) == bool(backend)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_table_of_long_numbers() -> None:
    table = Table("number", "another")
    table.add_row("1" * 90, "2" * 90)
    out = io.StringIO()
    print_table(Console(file=out, width=40, color_system=None), table)
    assert "1" * 90 in out.getvalue()
    assert "2" * 90 in out.getvalue()


@pytest.mark.parametrize("sampler", [Gram(), Conditioned(), Dense(), RareEvents()], ids=repr)
@pytest.mark.parametrize(
    ("name", "scales"),
    [
        ("input_norm2", {"input_norm2": "1e-400"}),
        ("input_norm2", {"input_norm2": "1e400"}),
        ("readout_variance", {"readout_variance": "1e-350"}),
        ("weight_variance", {"weight_variance": "1e-330"}),
        ("rates", {"rates": ("1e-400", 1)}),
    ],
)
def test_a_scale_beyond_double_precision_is_not_a_dead_network(
    sampler: Any, name: str, scales: dict[str, Any]
) -> None:
    network = MLP(8, 2, **{key: value for key, value in scales.items() if key != "rates"})
    rates = scales.get("rates")
    with pytest.raises(InvalidArgument, match=rf"for {name}, the range of double precision"):
        monte_carlo(network, samples=10, seed=1, sampler=sampler, rates=rates)


@pytest.mark.parametrize("norm", ["1e-290", "1e290"])
def test_scales_within_double_precision_are_measured(norm: str) -> None:
    plain = monte_carlo(MLP(8, 2), samples=500, seed=1).label
    scaled = monte_carlo(MLP(8, 2, input_norm2=norm), samples=500, seed=1).label
    shift = float(scaled.log_mean - plain.log_mean)
    assert shift == pytest.approx(2.302585092994046 * 2 * int(norm[2:]) - 2 * 2.0794415, abs=1e-3)
