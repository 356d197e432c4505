"""Tables on narrow and on dumb terminals: no digit is cut."""

import io
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from theory import MLP, InvalidArgument, layer_rates, maximal_learning_rate
from verify import (
    Conditioned,
    Dense,
    Gram,
    RareEvents,
    check,
    cli,
    compare_law,
    monte_carlo,
    typical_learning_rate,
)
from verify.claims.record import check_record, read_record
from verify.comparison.compare import comparison_record
from verify.comparison.record import RunRecord
from verify.comparison.table import cell_row, cell_table, print_table


@cache
def of_three_networks() -> RunRecord:
    networks = [MLP(16, 1), MLP(2048, 1024), MLP(10**9, 3)]
    return comparison_record(compare_law(networks=networks, samples=2000, seed=1))


@pytest.mark.wide
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


@pytest.mark.slow
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


def lines_of_the_table(text: str) -> list[str]:
    """The lines from the title of the table to the end of its caption."""
    return text.partition("numbers: ")[0].splitlines()[2:-1]


QUICK = {("60", ""), ("80", "NO_COLOR")}
TERMINALS = [
    pytest.param(columns, each, marks=[] if (columns, each) in QUICK else [pytest.mark.slow])
    for columns in ("", "60", "80", "130")
    for each in ("", "NO_COLOR", "dumb")
]


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "setting"), TERMINALS)
def test_a_run_fits_the_terminal_and_a_pipe_gets_text_alone(
    columns: str,
    setting: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TERM", "dumb" if setting == "dumb" else "xterm")
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    if setting == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    sizes = ["--width", "16", "1000000000", "--depth", "2", "32", "--samples", "100"]
    cli.main([*sizes, "--out", str(tmp_path / "run")])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "…" not in out
    lines = lines_of_the_table(out)
    assert max(map(len, lines)) <= int(columns or 80)
    assert lines == [line.rstrip() for line in lines]
    words = " ".join(out.split())
    record = read_record((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    assert isinstance(record, RunRecord)
    for cell in record.cells:
        row = {k: v for k, v in cell_row(cell).items() if k not in ("sampler", "layer")}
        assert all(entry in words for entry in row.values())


def test_no_color_leaves_no_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = io.StringIO()
    found = comparison_record(compare_law(networks=[MLP(16, 1)], samples=100, seed=1))
    print_table(Console(file=out, force_terminal=True, highlight=False), cell_table(found))
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|38|9[0-7])m", out.getvalue())


def test_captions_are_sentences() -> None:
    found = compare_law(networks=[MLP(16, 1), MLP(64, 64)], samples=100, seed=1)
    caption = str(cell_table(comparison_record(found)).caption)
    assert caption.endswith(".")
    assert (
        "standard errors of the mean, where large differences count by their logarithm" in caption
    )
    weighted = compare_law(networks=[MLP(16, 1)], samples=100, seed=1, sampler=RareEvents())
    said = str(cell_table(comparison_record(weighted)).caption)
    assert "z is the difference from the expected value in standard errors." in said
    for sentence in caption[:-1].split(". "):
        assert sentence[0].isupper() or sentence.startswith("z is ")
        assert re.search(r"\b(is|comes|does)\b", sentence)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "column"),
    [
        ([], "exact"),
        (["--formula", "L**3/3"], "formula"),
        pytest.param(
            ["--formula", "L**3/3 + L", "--claim", "leading"],
            "leading term",
            marks=pytest.mark.slow,
        ),
        (["--formula", "sqrt(3)/L**1.5", "--quantity", "rate"], "1/(formula)²"),
    ],
)
def test_a_column_is_named_for_what_it_holds(
    arguments: list[str], column: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was tried stands under its name, and no column is called the law."""
    sizes = [] if "leading" in arguments else ["--width", "16", "--depth", "8"]
    cli.main([*arguments, *sizes, "--samples", "100", "--out", str(tmp_path / "run")])
    (header,) = [line for line in capsys.readouterr().out.splitlines() if "measured ± s.e." in line]
    assert f" {column} " in header
    assert "law" not in header
    tried = compare_law("L**3", networks=[MLP(16, 1)], samples=100, seed=1)
    assert "tried law" in str(tried)
    assert " exact " not in str(tried).splitlines()[2]


@pytest.mark.slow
def test_the_widest_table_of_a_claim_fits_eighty_columns() -> None:
    """With z beside its cell: `tried` as in a claim about the leading term of a rate."""
    claim = check("sqrt(3)/L**1.5", quantity="rate", claim="leading", simulate=False)
    deep = compare_law(networks=[MLP(10**9, 4096)], samples=1000, seed=1)
    out = io.StringIO()
    table = cell_table(comparison_record(deep), check_record(claim).tried)
    print_table(Console(file=out, width=80, color_system=None), table)
    lines = [line.split() for line in out.getvalue().splitlines()]
    (header,) = [line for line in lines if line[:1] == ["width"]]
    assert header[3] == "1/(leading)²"
    assert header[-1] == "z"


@pytest.mark.slow
@pytest.mark.parametrize(("depths", "lines"), [((2, 4, 8), 1), ((2, 4), 0)])
def test_a_fit_has_one_line_and_three_cells(depths: tuple[int, ...], lines: int) -> None:
    networks = [MLP(64, depth) for depth in depths]
    text = " ".join(str(compare_law(networks=networks, samples=2000, seed=1)).split())
    assert text.count("compared with exact values") == lines
    assert text.count("width 64: measured rate/exact rate") == lines


@pytest.mark.slow
def test_beyond_a_quarter_of_the_width_the_typical_rate_comes_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--width", "16", "--depth", "4", "5", "--samples", "2000"]
    folder = tmp_path / "run"
    cli.main([*sizes, "--out", str(folder)])
    printed = " ".join(capsys.readouterr().out.split())
    record = read_record((folder / "results.json").read_text(encoding="utf-8"))
    assert isinstance(record, RunRecord)
    (deep,) = (cell for cell in record.cells if cell.depth == 5)
    assert deep.total.median
    typical, mean = deep.total.median**-0.5, float(maximal_learning_rate(MLP(16, 5)))
    line = (
        f"a typical network of (width 16, depth 5, layer 5, gram) tolerates the rate "
        f"{typical:.3g} of a linearised step; maximal_learning_rate(MLP(depth=5), "
        f"linearised=False) is the largest rate of a real step as n → ∞; rare networks set the "
        f"mean, which allows the rate {mean:.3g}"
    )
    assert printed.count("typical") == printed.count(line) == 1
    cli.main(["--report", str(folder)])
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert line[1:] in page
    assert page.index(">by median<") < page.index(">by mean<")


@pytest.mark.slow
def test_theory_names_the_call_that_gives_the_typical_rate() -> None:
    """Beyond a quarter of the width, and the call runs."""
    call = "verify.typical_learning_rate(MLP(width=16, depth=5), samples=20_000, seed=1)"
    for value in (maximal_learning_rate, layer_rates):
        assert call in repr(value(MLP(16, 5)))
        assert "typical" not in repr(value(MLP(16, 4)))
        assert "typical" not in repr(value(MLP()))
    assert typical_learning_rate(MLP(width=16, depth=5), samples=200, seed=1).rate > 0
    assert "verify.typical_learning_rate" in repr(maximal_learning_rate(MLP()).validity("0.1"))


def test_a_text_is_the_same_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check("L", claim="leading", simulate=False)
    outside = str(found)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(found) == outside != ""
