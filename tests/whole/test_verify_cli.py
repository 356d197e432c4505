"""The main job as a user runs it: output, files, exit codes, interruption."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from verify import cli
from verify.errors import UnusableFolder
from verify.jobs.folder import CSV, RESULTS, STORE, write_whole

SMALL = ["--width", "16", "32", "--depth", "1", "2", "--samples", "2000"]


def run(out: Path, *arguments: str) -> int:
    return cli.main([*arguments, "--out", str(out)])


def test_the_main_job_writes_its_numbers_and_its_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert run(tmp_path / "run", *SMALL) == 0
    printed = capsys.readouterr().out
    for words in ("L**3*eta**2/3", "sqrt(3)/L**(3/2)", "CONSISTENT", "family-wise 1%", "c L^β"):
        assert words in printed
    lines = [each for each in printed.splitlines() if str(tmp_path) not in each]
    assert max(map(len, lines)) <= 80
    assert (tmp_path / "run" / "rate.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((tmp_path / "run" / RESULTS).read_text(encoding="utf-8"))
    assert record["outcome"] == "consistent"
    assert len(record["cells"]) == 4
    assert record["seed"] == "1"
    assert {"python", "numpy", "numba", "sympy"} <= record["versions"].keys()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        STORE,
        "rate.pdf",
        "rate.png",
        CSV,
        RESULTS,
        "results.tex",
    ]


def test_a_recorded_cell_is_reproduced_bit_for_bit(tmp_path: Path) -> None:
    from theory import MLP
    from verify import monte_carlo

    run(tmp_path / "run", *SMALL)
    record = json.loads((tmp_path / "run" / RESULTS).read_text(encoding="utf-8"))
    for cell in record["cells"]:
        again = monte_carlo(
            MLP(cell["width"], cell["depth"]), samples=cell["samples"], seed=int(cell["seed"])
        )
        assert again.mean == cell["measured"]["total"]["mean"]
        assert again.standard_error == cell["measured"]["total"]["standard_error"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--width", "32", "--depth", "2", "--samples", "16"], 3),
        (["--width", "2", "--depth", "64", "--samples", "200"], 3),
        (["--width", "32", "--depth", "4", "--samples", "3000", "--layer", "2"], 0),
        (["--width", "32", "--depth", "2", "--samples", "4000", "--step", "0.001"], 0),
    ],
)
def test_exit_codes(tmp_path: Path, arguments: list[str], code: int) -> None:
    assert run(tmp_path / "run", *arguments) == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--width", "0"], ["width", "0"]),
        (["--depth", "-2"], ["depth", "-2"]),
        (["--samples", "0"], ["samples", "0"]),
        (["--seed", "-1"], ["seed", "-1"]),
        (["--depth", "2", "4", "--layer", "3"], ["layer", "3"]),
        (["--step", "-1"], ["step", "-1"]),
        (["--width", "32", "--depth", "4", "--step", "0.5"], ["at most 0.0018", "step=0.5"]),
        (["--formula", "L^^3"], ["formula", "character 3"]),
        (["--formula", "-L^^3"], ["formula", "character 4"]),
        (["--formula", "L", "--step", "0.1"], ["step", "0.1"]),
        (["--claim", "leading"], ["--formula"]),
        (["--quantity", "rate"], ["--formula"]),
        (["--formula", "L", "--width", "16", "--depth", "2", "--layer", "3"], ["layer", "3"]),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    assert run(tmp_path / "run", *arguments) == 2
    printed, errors = capsys.readouterr()
    assert printed == ""
    assert errors.count("\n") == 1
    assert all(word in errors for word in words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["--step", "--precision", "--minutes"])
def test_a_number_in_other_text_is_refused_with_a_fix(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([option, "x"])
    assert "expected a number, got 'x'; give a decimal such as 0.01" in capsys.readouterr().err


def test_unknown_options_exit_with_2(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(tmp_path / "run", "--sampler", "magic")
    assert stopped.value.code == 2


def test_a_folder_with_a_run_is_refused_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / RESULTS).write_text("mine", encoding="utf-8")
    assert run(tmp_path, *SMALL) == 2
    assert "holds results.json" in capsys.readouterr().err
    assert (tmp_path / RESULTS).read_text(encoding="utf-8") == "mine"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine", encoding="utf-8")
    assert run(tmp_path / "run", *SMALL) == 2
    assert (tmp_path / "run").read_text(encoding="utf-8") == "mine"


def test_an_interrupt_ends_without_a_traceback_or_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("verify.jobs.job.plan_cells", interrupted)
    assert run(tmp_path / "run", *SMALL) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "numbers.json"
    target.write_text("old", encoding="utf-8")

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("verify.jobs.folder.os.fsync", fail)
    with pytest.raises(UnusableFolder, match="disk full"):
        write_whole(target, "half")
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine", encoding="utf-8")
    link = tmp_path / "results.tex"
    link.symlink_to(mine)
    write_whole(link, "theirs")
    assert mine.read_text(encoding="utf-8") == "mine"
    assert link.read_text(encoding="utf-8") == "theirs"
    assert not link.is_symlink()


@pytest.mark.slow
def test_help_fits_a_screen_and_has_examples() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "verify", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert len(help_text.splitlines()) <= 40
    assert max(map(len, help_text.splitlines())) <= 80
    assert "examples:" in help_text


RESIDUAL = ["--network", "residual", "--width", "16", "--blocks", "2", "3", "--samples", "4000"]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        pytest.param([], ("stream 2", "stream 3"), marks=pytest.mark.slow),
        pytest.param(["--layer", "1"], ("stream 1",), marks=pytest.mark.slow),
        pytest.param(
            ["--branch", "2", "--branch-width", "8"],
            ("branch 2", "branch_width=8"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_residual_networks_are_a_run_that_resumes_replays_and_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], names: tuple[str, ...]
) -> None:
    out = tmp_path / "run"
    assert run(out, *RESIDUAL, *more) == 0
    printed = capsys.readouterr().out
    assert "51*eta**2*exp(2)/4" in printed
    record = json.loads((out / RESULTS).read_text(encoding="utf-8"))
    text = printed + json.dumps(record)
    assert all(name in text for name in names)
    assert cli.main(["--resume", str(out)]) == 0
    assert cli.main(["--replay", str(out / RESULTS)]) == 0
    assert cli.main(["--report", str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    words = [
        *(word for word in more if word.startswith("--")),
        "--network residual",
        "--blocks 2 3",
    ]
    assert all(word in page for word in words)


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (["--network", "residual", "--depth", "3"], "give --blocks"),
        (["--blocks", "4"], "add --network residual"),
        (["--network", "residual", "--branch", "2", "--layer", "1"], "give one of the two"),
        (["--network", "residual", "--branch", "9", "--blocks", "4"], "from 1 to 4 for block"),
        (["--network", "residual", "--formula", "L"], "leave --network out"),
        (
            ["--network", "residual", "--formula", "B", "--claim", "leading"],
            "check('B', claim='leading', network=Residual())",
        ),
        (["--network", "residual", "--step", "0.1"], "monte_carlo"),
    ],
)
def test_options_of_another_network_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], fix: str
) -> None:
    assert run(tmp_path / "run", *arguments) == 2
    assert fix in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
