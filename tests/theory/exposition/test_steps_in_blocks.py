"""The printed derivation of residual networks: its steps, and that each is checked."""

from typing import Any

import pytest

from theory import Branch, Residual, squared_update
from theory.__main__ import main
from theory.symbols import b

OPENED = [
    *("Definition", "Readout", "Blocks above", "The block itself", "Blocks below", "Spectrum"),
    *("Closed form", "Infinite width", "Width and blocks together"),
]
NUMBERED = [*OPENED[:6], "Exact values", "Maximal learning rate"]


@pytest.mark.slow
def test_all_steps_of_an_open_network_are_written() -> None:
    steps = squared_update(Residual()).label.derivation
    assert [step.title for step in steps] == OPENED
    text = " ".join(repr(steps).split())
    for said in ("τ W^(b) D^(b) z^(b) and f = v·h^(B)", "label ~ 51*eta**2*exp(2)/4"):
        assert said in text
    assert all(step.checked or step.tests for step in steps)
    assert "tr(B)" not in text


@pytest.mark.parametrize(
    ("network", "layer", "binds"),
    [(Residual(4, 2), None, "block 2"), (Residual(4, 2), Branch(2), "the branch of block 2")],
)
def test_a_network_in_numbers_ends_with_its_rate(network: Residual, layer: Any, binds: str) -> None:
    steps = squared_update(network, layer).derivation
    assert [step.title for step in steps] == NUMBERED
    assert f"of which {binds} binds" in repr(steps[-1]).replace("\n  ", " ")
    statements = [str(each) for each in steps[-1].checked]
    assert any("at this rate" in each for each in statements)
    assert any("proven to grow" in each for each in statements)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "layer", "last"),
    [
        (Residual(blocks=3), Branch(3), "Infinite width"),
        (Residual(), b, "Infinite width"),
        (Residual(8, 3), 1, "Exact values"),
    ],
)
def test_other_layers_end_with_what_is_solved(network: Residual, layer: Any, last: str) -> None:
    assert squared_update(network, layer).label.derivation[-1].title == last


def test_latex_of_a_branch_compiles_in_shape() -> None:
    text = squared_update(Residual(4, 2), Branch(2)).derivation.latex()
    assert text.count("section{") == len(NUMBERED)
    assert r"\tau" in text
    assert "τ" not in text


def test_the_command_prints_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--network", "residual", "--width", "4", "--blocks", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("E[(Δh)²]/η² in the stream after the last block")
    assert "maximal learning rate of a linearised step (block 2 binds): 0.0463223442" in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--network", "residual", "--depth", "2"], "expected no --depth with --network residual"),
        (["--blocks", "2"], "expected no --blocks with --network mlp"),
        (["--branch-width", "2"], "expected no --branch-width with --network mlp"),
        (["--network", "residual", "--blocks", "0"], "blocks=0"),
    ],
)
def test_options_of_the_other_network_are_refused(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
