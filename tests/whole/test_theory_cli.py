"""``python -m theory``: the derivation in print, and one line for bad input."""

import os
import subprocess
import sys

import pytest
from mpmath import nstr

from theory import MLP, LeakyReLU, derive, maximal_learning_rate, squared_update, waiting
from theory.__main__ import main
from theory.exposition.citation import VERSION
from theory.exposition.narrative import derivation_text
from theory.laws.update import PARTS
from theory.observables import K, trace


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ([], "As n → ∞ and then L → ∞: E[(Δz)²] ~ L**3*eta**2/3\nmaximal learning rate of a"),
        (["--depth", "2"], "As n → ∞: E[(Δz)²] ~ 3*eta**2\nmaximal learning rate of a linearised"),
        (["--width", "10", "--depth", "2"], "  label   3.5 = 7/2\n"),
        (["--width", "7"], "1. Definition"),
    ],
)
def test_the_answer_comes_first(
    capsys: pytest.CaptureFixture[str], arguments: list[str], answer: str
) -> None:
    assert main(arguments) == 0
    paragraph = capsys.readouterr().out.split("\n\n")[0]
    assert answer in paragraph


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (["--activation", "tanh"], "at the Python prompt give MLP(activation=Tanh())"),
        (["--activation=leaky_relu"], "give MLP(activation=LeakyReLU())"),
        (["--dpeth", "4"], "unrecognized arguments: --dpeth 4; the nearest option is --depth"),
        (["--formula=L"], "--formula=L; it belongs to python -m verify --formula"),
    ],
)
def test_an_unknown_option_gets_an_answer(
    arguments: list[str], fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert capsys.readouterr().err.rstrip().endswith(fix)


@pytest.mark.slow
@pytest.mark.parametrize("form", [[], ["--latex"]])
def test_a_long_derivation_is_announced(form: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    call = waiting._Call

    def started(name: str) -> waiting._Call:
        begun.append(name)
        return call(name)

    monkeypatch.setattr(waiting, "_Call", started)
    assert main(["--width", "4", "--depth", "2", *form]) == 0
    assert begun[0] == "derivation"


def test_the_version_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"mup-depth {VERSION}\n"


@pytest.mark.slow
def test_the_derivation_shows_words_laws_and_rate(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys)
    network = MLP()
    for observable in PARTS.values():
        derivation = derive(observable, network)
        assert all(word in out for word in (*derivation.words, *derivation.carried_words))
        assert f"E[{observable}]" in out
    update = squared_update(network)
    assert f"label  ~ {update.label.leading()}" in out
    assert f"output ~ {update.output.leading()}" in out
    assert f"maximal learning rate ~ {maximal_learning_rate(network).leading()}" in out
    assert "label over η² → ell**3/3 + ell/6" in out


@pytest.mark.slow
@pytest.mark.parametrize("slope", ["0", "1/3"])
def test_the_closed_forms_and_the_joint_limits_are_printed(
    capsys: pytest.CaptureFixture[str], slope: str
) -> None:
    out = "".join(printed(capsys, "--slope", slope).split())
    update = squared_update(MLP(activation=LeakyReLU(slope)))
    for part in (update.label, update.output):
        law = part.joint_law(1)
        limits = f"{law.small_t()} at small t, {law.large_t()} at large t"
        for text in (str(part.exact), str(part.joint_limit()), limits):
            assert "".join(text.split()) in out


def test_a_width_in_numbers_has_a_closed_form_and_no_limit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = " ".join(printed(capsys, "--width", "8").split())
    assert str(squared_update(MLP(8)).output.exact) in out
    assert "n → ∞" not in out


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 3])
def test_a_depth_in_numbers_is_exact_in_the_width(
    capsys: pytest.CaptureFixture[str], depth: int
) -> None:
    out = printed(capsys, "--depth", str(depth))
    update = squared_update(MLP(depth=depth))
    for part in (update, update.label, update.output):
        assert str(part.per_eta2) in " ".join(out.split())
    assert f"of which layer {depth} binds" in " ".join(out.split())
    assert "As n → ∞:\n" in out


def test_numbers_are_exact_and_have_no_limit(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--width", "10", "--depth", "2")
    assert "label  = 7/2" in out
    assert str(squared_update(MLP(10, 2)).output.per_eta2) in out
    rate = maximal_learning_rate(MLP(10, 2)).exact
    assert f"= {rate}\n" in out
    assert f"≈ {rate.evalf(12)}\n" in out
    assert "n → ∞" not in out


def test_numbers_too_long_to_be_written_are_given_as_decimals(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = printed(capsys, "--width", str(10**6), "--depth", str(10**5))
    total = squared_update(MLP(10**6, 10**5)).evaluate(15)
    assert f"total   {nstr(total, 15)}\n" in out
    assert "python -m theory" in out
    assert "python -m theory" in printed(capsys, "--width", "10", "--depth", str(10**5))
    assert main(["--width", str(10**6), "--depth", str(10**5), "--latex"]) == 2
    assert "leave out the width or the depth" in capsys.readouterr().err


@pytest.mark.slow
def test_where_rare_networks_set_the_rate_the_typical_one_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for depth, named in ((16, False), (17, True)):
        assert main(["--width", "64", "--depth", str(depth)]) == 0
        call = f"verify.typical_learning_rate(MLP(width=64, depth={depth}), samples=20_000, seed=1)"
        assert (call in capsys.readouterr().out) is named


def test_a_rate_in_a_notebook_is_a_number_too() -> None:
    assert r"\approx  0.0405248" in maximal_learning_rate(MLP(512, 12))._repr_latex_()


def test_a_root_too_wide_for_a_page_is_written_as_its_square() -> None:
    shown = maximal_learning_rate(MLP(depth=3, activation=LeakyReLU("0.3")))._repr_latex_()
    assert r"\eta_{\max}^{-2} &=" in shown
    assert r"n^{6} + " in shown


def test_a_large_network_prints_short_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--width", "100", "--depth", "100")
    assert "digits over" in out
    assert max(map(len, out.splitlines())) < 200


@pytest.mark.slow
def test_the_slope_enters_the_law(capsys: pytest.CaptureFixture[str]) -> None:
    assert "L**3*eta**2/3" in printed(capsys, "--slope", "1")
    assert "17*L**3*eta**2/60" in printed(capsys, "--slope", "0.5")


@pytest.mark.slow
def test_a_slope_of_zero_is_relu(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--slope", "0") == "".join(f"{p}\n\n" for p in derivation_text(MLP()))


@pytest.mark.slow
@pytest.mark.parametrize("network", [MLP(), MLP(depth=2), MLP(4)], ids=repr)
def test_every_line_fits_a_page(network: MLP) -> None:
    lines = [line for text in derivation_text(network) for line in text.splitlines()]
    assert max(map(len, lines)) <= 110


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--width", "0"], "width=0"),
        (["--depth", "-1"], "depth=-1"),
        (["--slope", "2"], "for --slope, got --slope='2'"),
        (["--slope", "nan"], "--slope='nan'"),
    ],
)
def test_bad_input_is_one_line_and_code_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("python -m theory: ")
    assert said in err


@pytest.mark.parametrize("arguments", [["--width", "x"], ["--depth", "2.5"], ["--nonsense"]])
def test_bad_options_are_code_two(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m theory" in capsys.readouterr().err


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "python -m theory --width 1000 --depth 1000" in capsys.readouterr().out


@pytest.mark.slow
def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "theory", "--depth", "1"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "maximal learning rate" in done.stdout


def test_the_printed_words_are_those_of_the_engine() -> None:
    assert set(derive(trace(K @ K), MLP()).words) == {
        "tr(A²)",
        "xᵀAx",
        "tr(A)²",
        "tr(A)·|x|²",
        "|x|⁴",
    }


@pytest.mark.slow
def test_every_line_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--width", "10", "--depth", "10"], ["--slope", "1/3"]):
        assert main(options) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.slow
def test_a_long_table_becomes_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--network", "residual", "--width", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if "λ_3  eigenvalue (" in line]
    assert len(rows) == 1
