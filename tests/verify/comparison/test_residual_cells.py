"""Residual networks are compared with exact values; wrong laws are rejected."""

from typing import Any

import matplotlib.pyplot as plt
import pytest

from theory import MLP, Branch, ByRole, Graph, InvalidArgument, LeakyReLU, Residual
from theory.outcome import Outcome
from verify import Conditioned, Dense, compare_law
from verify.comparison.compare import comparison_record
from verify.comparison.exact_values import exact_law
from verify.comparison.record import CellRecord
from verify.comparison.table import run_latex, run_text
from verify.report.reproduction import cell_code

GRID = [
    Residual(48, 1),
    Residual(48, 6),
    Residual(64, 16),
    Residual(256, 64),
    Residual(10**6, 256),
    Residual(64, 4, multiplier2="1/16"),
    Residual(64, 4, skip2="1/2", multiplier2="1/2"),
    Residual(64, 8, branch_width=32, input_width=16),
    Residual(64, 8, activation=LeakyReLU("1/2")),
    Residual(64, 8, weight_variance=ByRole(up=1, down="1/2"), readout_variance=2),
]


def outcome(law: Any = exact_law, networks: Any = GRID, **options: Any) -> Outcome:
    asked = {"samples": 6000, "seed": 3} | options
    return compare_law(law, networks=networks, **asked).verdict.outcome


@pytest.mark.slow
def test_networks_agree_with_exact_values_in_one_budget() -> None:
    found = compare_law(networks=GRID, samples=6000, seed=3)
    inside = [compare_law(networks=GRID[1:], layer=Branch(1), samples=6000, seed=4)]
    middle = [compare_law(networks=GRID[1:], layer=0, samples=6000, seed=5)]
    for other in (*inside, *middle):
        found = found.joined(other)
    assert len(found.cells) == 28
    assert found.verdict.outcome is Outcome.CONSISTENT, found


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Dense(), Conditioned()], ids=repr)
def test_every_sampler_agrees(sampler: Any) -> None:
    few = [Residual(32, 2), Residual(32, 4)]
    assert outcome(networks=few, sampler=sampler, samples=8000) is Outcome.CONSISTENT


@pytest.mark.slow
def test_the_multiplier_once_in_place_of_squared_is_rejected() -> None:
    def wrong(network: Residual, layer: int) -> Any:
        twice = ByRole(up=network.blocks, down=network.blocks)
        return exact_law(network, layer) if network.blocks == 1 else _value(network, twice)

    assert outcome(wrong, GRID[1:4]) is Outcome.REJECTED


def _value(network: Residual, rates: ByRole) -> Any:
    from theory import squared_update

    return squared_update(network, rates=rates).evaluate(30)


@pytest.mark.slow
def test_a_law_that_is_off_by_a_tenth_is_rejected() -> None:
    assert outcome(lambda network, at: 1.1 * exact_law(network, at), GRID[3:5]) is Outcome.REJECTED


@pytest.mark.slow
def test_a_record_names_stream_and_branch_and_gives_the_cell_again() -> None:
    for layer, name in ((None, "stream 6"), (2, "stream 2"), (Branch(2), "branch 2")):
        record = comparison_record(
            compare_law(networks=[GRID[1]], layer=layer, samples=600, seed=1)
        )
        (cell,) = record.cells
        assert cell.layer == name in run_text(record)
        assert "residual" in run_text(record)
        assert name in run_latex(record)
        assert cell.asked.network == GRID[1]
        assert isinstance(cell, CellRecord)
        code = cell_code(cell, None)
        scope: dict[str, Any] = {}
        exec(code.replace("\nmonte_carlo(", "\nfound = monte_carlo(", 1), scope)
        assert scope["found"].samples == 600


@pytest.mark.slow
def test_pictures_draw_residual_cells_against_blocks() -> None:
    compared = compare_law(networks=[Residual(32, 2), Residual(32, 4)], samples=600, seed=1)
    assert compared.plot().get_xlabel() == "number of blocks $B$"
    assert repr(compared.cells[0]).startswith("Cell: width 32, blocks 2, stream 2: ")
    said = run_text(comparison_record(compared))
    assert "width blocks" in said
    assert "depth" not in said
    assert "& $B$ &" in run_latex(comparison_record(compared))
    both = compare_law(networks=[Residual(32, 2), MLP(32, 4)], samples=600, seed=1)
    assert "width depth" in run_text(comparison_record(both))
    with pytest.raises(InvalidArgument, match="against='layer'"):
        compared.plot(against="layer")
    plt.close("all")


@pytest.mark.slow
def test_what_is_not_compared_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="no step for networks other than MLP"):
        compare_law(networks=[Residual(8, 2)], step=1e-3, samples=10, seed=1)
    graph = Graph({"a": ("x",), "b": ("x", "a")}, readout="b", width=8)
    with pytest.raises(InvalidArgument, match=r"measure it with monte_carlo\(.*sampler=Dense"):
        compare_law(networks=[graph], samples=10, seed=1, sampler=Dense())
    assert compare_law(networks=[MLP(8, 2), Residual(8, 2)], samples=10, seed=1).fits == {}
