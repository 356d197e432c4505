"""How the commands end: the documented code and one sentence, whatever goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.tools.paths import ROOT
from theory import MLP, InvalidArgument, NotSolved
from theory.__main__ import main as theory_main
from theory.command import on_one_line
from verify import monte_carlo
from verify.cli import main as verify_main
from verify.errors import LostWorkers
from verify.jobs.folder import CSV, RESULTS, STORE
from verify.samplers.problem import MOST_LAYERS, WIDEST

SMALL = ["--width", "8", "--depth", "2", "--samples", "100"]
"""A run that is undecided: its code, 3, is no other outcome's."""


@pytest.fixture(autouse=True)
def traces(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tracebacks are kept."""
    folder = tmp_path_factory.mktemp("traces")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on standard error: one line."""
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1, errors
    assert "Traceback" not in errors
    return errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidArgument("expected this, got that; give another"), 2),
        (NotSolved("not in this form: give another"), 2),
        (LostWorkers("the workers went away"), 4),
        (MemoryError(), 2),
        (KeyboardInterrupt(), 130),
        *((kind("unforeseen\nhere"), 5) for kind in (ValueError, KeyError, OSError, TypeError)),
        (RecursionError("too deep"), 5),
        (ZeroDivisionError("0/0"), 5),
        (BrokenPipeError(32, "another pipe than standard output"), 5),
    ],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize("command", ["theory", "verify", "report"])
def test_a_planted_fault_ends_with_its_code_and_a_sentence(
    tmp_path: Path,
    traces: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    error: BaseException,
    code: int,
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr("verify.jobs.job.plan_cells", fail)
    monkeypatch.setattr("theory.__main__.derivation_text", fail)
    monkeypatch.setattr("verify.report.page.page_text", fail)
    monkeypatch.setattr("verify.report.page._read", lambda folder: None)
    monkeypatch.setattr("verify.report.reproduction.kept_job", lambda *_: None)
    commands = {
        "theory": lambda: theory_main([]),
        "verify": lambda: verify_main([*SMALL, "--out", str(tmp_path / "run")]),
        "report": lambda: verify_main(["--report", str(tmp_path)]),
    }
    assert commands[command]() == code
    said = sentence(capsys)
    assert not list(tmp_path.iterdir())
    kept = list(traces.iterdir())
    assert len(kept) == (code == 5)
    if kept:
        assert str(kept[0]) in said
        assert "Traceback" in kept[0].read_text(encoding="utf-8")


def test_text_of_others_stays_on_one_line_and_sends_no_control_characters() -> None:
    assert on_one_line("a\r\n\x1b[31mb\u202ec\x00é") == r"a\r\n\x1b[31mb\u202ec\x00é"
    assert len(on_one_line("x" * 10**6)) < 3000


def shell(command: str, folder: Path, **environment: str) -> tuple[int, str]:
    """The exit code of the first command of a pipe, and what was said on standard error."""
    program = f"{sys.executable} -m verify {' '.join(SMALL)}"
    script = f"{command.replace('VERIFY', program)}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "VERIFY --out a | grep -q derived",
        pytest.param("VERIFY --out a 2>&1 | true", marks=pytest.mark.slow),
        pytest.param("VERIFY --out a >&-", marks=pytest.mark.slow),
    ],
)
def test_a_closed_pipe_keeps_the_code_of_the_run(tmp_path: Path, command: str) -> None:
    assert shell(command, tmp_path)[0] == 3
    assert {RESULTS, CSV, STORE} <= {path.name for path in (tmp_path / "a").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("module", ["verify", "theory"])
def test_a_closed_pipe_does_not_fail_what_only_prints(tmp_path: Path, module: str) -> None:
    arguments = "--help" if module == "verify" else "--depth 2"
    assert shell(f"{sys.executable} -m {module} {arguments} | true", tmp_path) == (0, "")


@pytest.mark.slow
def test_a_full_device_is_bad_input_and_nothing_is_left(tmp_path: Path) -> None:
    code, said = shell("VERIFY --out a > /dev/full", tmp_path)
    assert code == 2
    assert said.count("\n") == 1
    assert "No space left" in said
    assert not list(tmp_path.iterdir())
    assert shell("VERIFY --width 0 --out a 2> /dev/full", tmp_path) == (2, "")


@pytest.mark.slow
def test_settings_of_matplotlib_have_no_part_in_pictures(tmp_path: Path) -> None:
    """TeX that is not there, a backend that is not there: the directory's settings are read; the
    tests' own directory has none."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfigure.dpi: 7\n", encoding="utf-8")
    backend = "module://matplotlib_inline.backend_inline"
    assert shell("VERIFY --out a", tmp_path, MPLBACKEND=backend, PATH=os.defpath)[0] == 3
    assert verify_main([*SMALL, "--out", str(tmp_path / "b")]) == 3
    for name in ("rate.png", "rate.pdf", "results.tex"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.slow
def test_results_are_written_before_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no LaTeX here")

    with monkeypatch.context() as patch:
        patch.setattr("verify.comparison.figure.draw_rates", fail)
        assert verify_main([*SMALL, "--out", str(tmp_path / "run")]) == 5
    out, errors = capsys.readouterr()
    assert "UNDECIDED" in out
    assert "no LaTeX here" in errors
    assert (tmp_path / "run" / RESULTS).exists()
    assert not (tmp_path / "run" / "rate.png").exists()
    assert verify_main(["--resume", str(tmp_path / "run")]) == 3
    assert (tmp_path / "run" / "rate.png").exists()


@pytest.mark.parametrize("option", ["--out", "--resume", "--report", "--replay"])
@pytest.mark.parametrize(
    "name", ["x" * 300, "a\udcffb", "a\0b", "/dev/full", "/dev/full/x", "a/" * 3000]
)
def test_names_that_are_none(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = verify_main([option, name])
    except SystemExit as stopped:
        code = int(str(stopped.code))
    assert code == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


LARGE = "99999999999999999999"


@pytest.mark.wide
@pytest.mark.parametrize("formula", [[], ["--formula", "L**3/3"]], ids=["law", "formula"])
@pytest.mark.parametrize(
    "sizes",
    [
        ["--width", LARGE],
        ["--width", "8", "--depth", LARGE],
        ["--width", "8", "--depth", "100000000", "--samples", "1"],
        ["--width", "8", "--depth", "2", "--layer", LARGE],
        ["--width", "8", "--depth", "2", "--samples", LARGE],
        ["--width", "8", "--depth", "2", "--precision", "1e-300"],
        ["--width", "1000000000", "--depth", "2", "--sampler", "conditioned"],
        ["--width", "1000000000", "--depth", "2", "--sampler", "dense"],
    ],
    ids=" ".join,
)
def test_sizes_of_twenty_digits_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sizes: Sequence[str], formula: Sequence[str]
) -> None:
    assert verify_main([*sizes, *formula, "--out", str(tmp_path / "run")]) == 2
    assert "python -m verify: expected" in sentence(capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("width", [WIDEST + 1, 2**63, 10**30])
def test_networks_beyond_every_sampler_are_refused(width: int) -> None:
    for network in (MLP(width, 2), MLP(8, MOST_LAYERS + 1), MLP(8, width), MLP((8, width))):
        with pytest.raises(InvalidArgument, match="at most"):
            monte_carlo(network, samples=1, seed=1)


def test_a_formula_that_the_theory_cannot_decide_is_not_rejected(tmp_path: Path) -> None:
    formula = "eta**2*L**3/3*exp(t)*exp(L/n)*(1+1/(1+L))**0.5"
    assert (
        verify_main(["--formula", formula, "--claim", "leading", "--out", str(tmp_path / "r")]) != 1
    )


@pytest.mark.wide
@pytest.mark.parametrize("module", ["verify", "theory"])
@pytest.mark.parametrize("after", [0.15, 0.3, 0.5, 0.8])
def test_ctrl_c_in_the_first_second_prints_no_traceback(
    tmp_path: Path, module: str, after: float
) -> None:
    """From the moment that Python looks for the package; the signal is not ignored, as it is in
    jobs that a shell puts into the background."""
    marked = (
        "import signal, sys, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "print('on', flush=True); sys.argv = ['-m']; "
    )
    code = marked + f"runpy._run_module_as_main({module!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors
    assert process.returncode in ({130} if module == "verify" else {0, 130})
    assert "interrupted" in errors or process.returncode == 0
