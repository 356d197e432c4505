"""Runs in their folders: interrupted, gone on with, cut short, drawn again, and refused."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import apsw
import pytest

from studies.store_text import canonical_text
from theory import MLP
from verify import Gram, cli, compare_law
from verify.comparison.exact_values import known_spread
from verify.comparison.exports import needs
from verify.errors import LostWorkers
from verify.jobs.folder import CSV, PARQUET, RESULTS, STORE
from verify.jobs.replay import replay
from verify.numerics.software import this_software
from verify.runs.configuration import configuration
from verify.runs.execution import Execution, Watch
from verify.runs.sampling import Sampling
from verify.runs.store import kept_in

CELLS = ["--width", "16", "--depth", "1", "2", "--samples", "40000"]
"""Two cells of five blocks."""


def text(folder: Path) -> str:
    return "".join(canonical_text(folder / STORE))


def record(folder: Path) -> Any:
    return json.loads((folder / RESULTS).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert cli.main([*CELLS, "--out", str(folder)]) == 0
    return folder


def same(folder: Path, whole: Path) -> bool:
    """Whether two runs have the same results and blocks, byte for byte."""
    files = [(folder / name).read_bytes() == (whole / name).read_bytes() for name in (RESULTS, CSV)]
    return all(files) and text(folder) == text(whole)


@pytest.fixture(autouse=True)
def no_figures(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take the longest, and the whole run has them."""
    monkeypatch.setattr("verify.jobs.job.write_pictures", lambda folder, comparison: None)


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_nothing_is_drawn_twice(
    tmp_path: Path,
    whole: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupted, seen = tmp_path / "run", []

    def advance(*_: object) -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("verify.runs.execution.os.cpu_count", lambda: 1)
    monkeypatch.setattr(Watch, "advance", advance)
    monkeypatch.setattr(Watch, "found", lambda *_: None)
    assert cli.main([*CELLS, "--out", str(interrupted)]) == 130
    assert f"--resume {interrupted}" in capsys.readouterr().err
    assert not (interrupted / RESULTS).exists()
    there = text(interrupted).count('"block"')
    assert 3 <= there <= 6, "at most four are given to one core at once"
    drawn: list[int] = []
    monkeypatch.setattr(Watch, "advance", lambda _, cell, samples: drawn.append(cell))
    assert cli.main(["--resume", str(interrupted)]) == 0
    assert len(drawn) == 10 - there
    assert same(interrupted, whole)


@pytest.mark.slow
def test_a_finished_run_is_shown_again_and_left_alone(
    whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in whole.iterdir()}
    times = {path: path.stat().st_mtime_ns for path in before}
    monkeypatch.setattr(Gram, "sample", None)
    assert cli.main(["--resume", str(whole)]) == 0
    assert "CONSISTENT" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in whole.iterdir()} == before
    assert {path: path.stat().st_mtime_ns for path in before} == times


def test_a_time_budget_stops_at_recorded_blocks_and_the_run_can_go_on(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert cli.main([*CELLS, "--minutes", "1e-9", "--out", str(run)]) in (0, 3)
    assert "16,384 of 80,000 networks" in capsys.readouterr().out
    for cell in record(run)["cells"]:
        assert (cell["blocks"], cell["samples"], cell["planned_samples"]) == (1, 8192, 40_000)
    assert cli.main(["--replay", str(run / RESULTS), "--cell", "1"]) == 0
    assert "REPRODUCED: cell 1, 8,192 networks" in capsys.readouterr().out
    assert cli.main(["--resume", str(run)]) == 0
    assert same(run, whole)


def test_a_precision_is_planned_from_the_exact_variance(tmp_path: Path) -> None:
    arguments = ["--width", "16", "32", "--depth", "2", "--precision", "0.02"]
    assert cli.main([*arguments, "--out", str(tmp_path / "run")]) == 0
    for cell in record(tmp_path / "run")["cells"]:
        spread = known_spread(MLP(cell["width"], 2), 2)
        assert 0 <= cell["samples"] - (spread / 0.02) ** 2 < 1
        assert cell["relative_standard_error"] == pytest.approx(0.02, rel=1e-2)


@pytest.mark.slow
def test_a_formula_is_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    formula = ["--formula", "eta**2*(3 + 8/n + 45/n**2 + 213/n**3 + 315/n**4)"]
    sizes = ["--width", "16", "--depth", "2", "--samples", "20000"]
    code = cli.main([*formula, *sizes, "--out", str(run)])
    first = (run / RESULTS).read_bytes()
    (run / RESULTS).unlink()
    assert cli.main(["--resume", str(run)]) == code
    assert (run / RESULTS).read_bytes() == first
    assert cli.main(["--replay", str(run / RESULTS)]) == 0
    assert "REPRODUCED" in capsys.readouterr().out


def test_a_replay_notices_one_changed_bit(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = record(whole)
    changed["cells"][0]["measured"]["label"]["mean"] *= 1 + 2**-50
    file = tmp_path / RESULTS
    file.write_text(json.dumps(changed), encoding="utf-8")
    assert cli.main(["--replay", str(file), "--cell", "0"]) == 1
    assert "DIFFERENT" in (said := capsys.readouterr().out)
    assert "label mean" in said
    assert "Software and compiler target equal the recorded ones: the record was changed." in said
    assert cli.main(["--replay", str(file), "--cell", "1"]) == 0


@pytest.mark.parametrize("place", ["software", "other_software"])
@pytest.mark.parametrize(
    ("name", "other"), [("processor", "riscv64 generic"), ("numba", "0.1"), ("llvmlite", "0.1")]
)
def test_a_replay_names_another_compiler_target_as_the_cause(
    tmp_path: Path,
    whole: Path,
    capsys: pytest.CaptureFixture[str],
    place: str,
    name: str,
    other: str,
) -> None:
    changed = record(whole)
    changed["cells"][0]["measured"]["label"]["mean"] *= 1 + 2**-50
    maker = changed["software"] | {name: other}
    changed[place] = maker if place == "software" else [maker]
    file = tmp_path / RESULTS
    file.write_text(json.dumps(changed), encoding="utf-8")
    assert cli.main(["--replay", str(file), "--cell", "0"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "The cause is other software or another compiler target: here " in said
    assert f"{name} {record(whole)['software'][name]} against {other}." in said


def test_the_target_is_what_the_compiler_was_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    here = this_software()
    for name, value in (("CPU_NAME", "generic"), ("CPU_FEATURES", ""), ("USING_SVML", True)):
        this_software.cache_clear()
        monkeypatch.setattr(f"numba.config.{name}", value)
        assert "processor" in this_software().difference(here)
        monkeypatch.undo()
    this_software.cache_clear()
    assert this_software() == here


def test_a_record_is_replayed_after_a_reader_that_rounds_numbers(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As jq and JavaScript read and write it: every number is a double."""
    kept = (whole / RESULTS).read_text(encoding="utf-8")
    file = tmp_path / RESULTS
    file.write_text(json.dumps(json.loads(kept, parse_int=rounded)), encoding="utf-8")
    for cell in ("0", "1"):
        assert cli.main(["--replay", str(file), "--cell", cell]) == 0
        assert "REPRODUCED" in capsys.readouterr().out


def rounded(digits: str) -> int:
    return int(float(digits))


@pytest.mark.parametrize(
    ("seed", "read"), [("7", 7), (7, 7), (2**53 - 1, 2**53 - 1), (str(2**80), 2**80)]
)
def test_a_seed_is_read_as_text_or_as_an_exact_number(
    tmp_path: Path, whole: Path, seed: object, read: int
) -> None:
    changed = record(whole)
    put("seed", seed)(changed)
    (tmp_path / RESULTS).write_text(json.dumps(changed), encoding="utf-8")
    assert replay(tmp_path / RESULTS, 0, Execution()).sampling.seed == read


@pytest.mark.parametrize("seed", [2**53, 2**63 + 1, 1.5e19, 7.0])
def test_a_seed_that_may_have_been_rounded_is_refused(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], seed: float
) -> None:
    changed = record(whole)
    put("seed", seed)(changed)
    (tmp_path / RESULTS).write_text(json.dumps(changed), encoding="utf-8")
    assert cli.main(["--replay", str(tmp_path / RESULTS), "--cell", "0"]) == 2
    said = capsys.readouterr().err
    assert "which may have been rounded: seeds are text" in said
    assert said.count("\n") == 1


def _holding(name: str, record: dict[str, Any]) -> dict[str, Any]:
    """The first cell of a record, or the record, whichever has such an entry."""
    first: dict[str, Any] = record["cells"][0]
    return first if name in first else record


def drop(*names: str) -> Callable[[dict[str, Any]], object]:
    """Take an entry of a record away."""

    def spoil(record: dict[str, Any]) -> None:
        place: dict[str, Any] = _holding(names[0], record)
        for name in names[:-1]:
            place = place[name]
        del place[names[-1]]

    return spoil


def put(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    """Another value for an entry of a record."""

    def spoil(record: dict[str, Any]) -> None:
        _holding(name, record)[name] = value

    return spoil


NO_CELLS: tuple[object, ...] = (None, [], 3, [3])
NO_PARTS: tuple[object, ...] = (None, {}, {"other": {}})


@pytest.mark.parametrize(
    "spoil",
    [
        *(drop(name) for name in ("cells", "software", "configuration", "measured", "seed")),
        *(drop("measured", name) for name in ("total",)),
        drop("measured", "label", "mean"),
        *(put("cells", cells) for cells in NO_CELLS),
        *(put("measured", parts) for parts in NO_PARTS),
        put("software", {"code": "x", "another": "y"}),
        put("part", "another"),
        *(put("seed", seed) for seed in ("abc", "", "-1", "1.0", "٣", True, None, [1])),
        *(put("samples", count) for count in ("5", -5, 10**30)),
    ],
)
def test_a_record_that_was_changed_is_not_drawn_again(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], spoil: Any
) -> None:
    changed = record(whole)
    spoil(changed)
    file = tmp_path / RESULTS
    file.write_text(json.dumps(changed), encoding="utf-8")
    assert cli.main(["--replay", str(file), "--cell", "0"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert errors.startswith("python -m verify: expected ")


def test_a_deep_record_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / RESULTS
    file.write_text("[" * 10**5, encoding="utf-8")
    assert cli.main(["--replay", str(file)]) == 2
    assert "something else" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", [RESULTS, CSV])
def test_results_that_are_damaged_are_written_anew(tmp_path: Path, whole: Path, name: str) -> None:
    copy(whole, tmp_path)
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    assert cli.main(["--resume", str(tmp_path)]) == 0
    assert same(tmp_path, whole)


def copy(whole: Path, folder: Path) -> None:
    for name in (RESULTS, CSV, STORE):
        (folder / name).write_bytes((whole / name).read_bytes())


def test_a_figure_that_is_missing_is_drawn_anew(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(whole, tmp_path)
    asked: list[Path] = []
    monkeypatch.setattr("verify.jobs.job.write_pictures", lambda folder, _: asked.append(folder))
    assert cli.main(["--resume", str(tmp_path)]) == 0
    assert asked == [tmp_path]


def test_a_run_names_the_software_that_drew_it(tmp_path: Path, whole: Path) -> None:
    copy(whole, tmp_path)
    connection = apsw.Connection(str(tmp_path / STORE))
    found = connection.execute("SELECT text FROM software").get
    other = json.loads(str(found)) | {"processor": "another"}
    connection.execute("INSERT INTO software (text) VALUES (?)", (json.dumps(other),))
    connection.execute("UPDATE blocks SET software = 2 WHERE block = 0")
    connection.close()
    (tmp_path / RESULTS).unlink()
    assert cli.main(["--resume", str(tmp_path)]) == 0
    kept = record(tmp_path)
    processors = [each["processor"] for each in (kept["software"], *kept["other_software"])]
    assert sorted(processors) == sorted(["another", record(whole)["software"]["processor"]])


def test_a_job_that_cannot_be_read_is_damage(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(whole, tmp_path)
    connection = apsw.Connection(str(tmp_path / STORE))
    connection.execute("UPDATE facts SET value = 'x' WHERE name = 'job'")
    connection.close()
    assert cli.main(["--resume", str(tmp_path)]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_a_folder_of_a_version_with_other_seeds_is_refused_and_says_so(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(whole, tmp_path)
    old = record(whole) | {"format": 3}
    (tmp_path / RESULTS).write_text(json.dumps(old), encoding="utf-8")
    connection = apsw.Connection(str(tmp_path / STORE))
    plan = json.loads(str(connection.execute("SELECT value FROM facts WHERE name = 'plan'").get))
    seeded = json.dumps([[text, "1", samples] for text, _, samples in plan])
    connection.execute("UPDATE facts SET value = ? WHERE name = 'plan'", (seeded,))
    connection.close()
    for asked in (["--resume", str(tmp_path)], ["--replay", str(tmp_path / RESULTS)]):
        capsys.readouterr()
        assert cli.main(asked) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "older version" in said
        assert "whose cells have other seeds" in said


@pytest.mark.parametrize("plan", ["x", "[1]", "null", "[" * 10**5])
def test_a_plan_that_cannot_be_read_is_another_plan(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], plan: str
) -> None:
    copy(whole, tmp_path)
    connection = apsw.Connection(str(tmp_path / STORE))
    connection.execute("UPDATE facts SET value = ? WHERE name = 'plan'", (plan,))
    connection.close()
    assert cli.main(["--resume", str(tmp_path)]) == 2
    assert "plans in another way" in capsys.readouterr().err


def test_a_formula_without_networks_is_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert cli.main(["--formula", "L**(L**L)", "--claim", "leading", "--out", str(run)]) == 3
    capsys.readouterr()
    assert cli.main(["--out", str(run)]) == 2
    assert "--resume" not in capsys.readouterr().err
    assert cli.main(["--resume", str(run)]) == 2
    assert "nothing can be resumed" in capsys.readouterr().err


def nothing(_: Path) -> None:
    """Nothing there."""


def foreign(folder: Path) -> None:
    (folder / STORE).write_text("mine" * 99, encoding="utf-8")


def newer(folder: Path) -> None:
    connection = apsw.Connection(str(folder / STORE))
    connection.pragma("user_version", 7)
    connection.close()


def damaged(folder: Path) -> None:
    with (folder / STORE).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(foreign, "not a store of runs"), (newer, "of format 7"), (damaged, "damaged")],
)
def test_an_unusable_folder_is_one_sentence_and_stays_as_it_is(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], spoil: Any, words: str
) -> None:
    for name in (RESULTS, STORE):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    spoil(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert cli.main(["--resume", str(tmp_path)]) == 2
    errors = capsys.readouterr().err
    assert words in errors
    assert errors.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.slow
def test_a_full_disk_leaves_what_is_there(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    """No room for the results: the blocks are there, and the run goes on once there is."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr("verify.jobs.folder.os.fsync", full)
        assert cli.main([*CELLS, "--out", str(run)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in run.iterdir()] == [STORE]
    assert cli.main(["--resume", str(run)]) == 0
    assert same(run, whole)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--resume", "none"], ["resume", "none"]),
        (["--resume", "RUN", "--width", "8"], ["width", "[8]"]),
        (["--resume", "RUN", "--out", "other"], ["out", "other"]),
        (["--out", "RUN"], ["holds results.json", "--resume"]),
        (["--replay", "none.json"], ["replay", "none.json"]),
        (["--replay", "RUN/results.csv"], ["replay", "something else"]),
        (["--replay", "RUN/results.json", "--cell", "2"], ["cell=2", "0 to 1"]),
        (["--replay", "RUN/results.json", "--samples", "9"], ["samples"]),
        (["--replay", "RUN/results.json", "--dask", "tcp://x:1"], ["dask"]),
        (["--replay", "RUN/results.json", "--parquet"], ["parquet"]),
        (["--cell", "2"], ["--replay"]),
        (["--samples", str(10**15), "--out", "x"], ["samples=1000000000000000"]),
        (["--precision", "0", "--out", "x/y/z"], ["precision=0.0"]),
        (["--minutes", "0", "--out", "x"], ["minutes", "0.0"]),
        (["--samples", "9", "--precision", "0.1", "--out", "x"], ["samples=9", "precision=0.1"]),
        (["--precision", "2", "--out", "x"], ["precision", "2.0"]),
        (["--precision", "1e-9", "--width", "64", "--out", "x"], ["precision", "reach"]),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path,
    whole: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([each.replace("RUN", str(whole)) for each in arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert all(word in errors for word in words)
    assert not list(tmp_path.iterdir())


class Breaking(Executor):
    """Runs a few blocks, then breaks down."""

    left = 4

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        future: Future[Any] = Future()
        self.left -= 1
        if self.left < 0:
            future.set_exception(BrokenProcessPool("all workers are gone"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_blocks_drawn_in_one_go_are_the_same(tmp_path: Path) -> None:
    cells = [Sampling(configuration(MLP(6, depth)), seed=1, samples=8192 * 7) for depth in (1, 2)]
    tasks: list[int] = []

    class Counting(Watch):
        def begin(self, samplings: object) -> None:
            tasks.append(0)

    class Here(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            tasks[-1] += 1
            future: Future[Any] = Future()
            future.set_result(fn(*args, **kwargs))
            return future

    block = 8192 * cells[1].configuration.seconds
    reference, together = (
        Execution(Here(), task=task, watch=Counting()).run(cells) for task in (0.0, 3.1 * block)
    )
    assert [[b.mean.tolist() for b in cell] for cell in reference] == [
        [b.mean.tolist() for b in cell] for cell in together
    ]
    assert tasks[0] == 14 > 1.5 * tasks[1]


def test_lost_workers_lose_no_block(tmp_path: Path) -> None:
    cells = [Sampling(configuration(MLP(6, 2)), seed=1, samples=8192 * 8)]
    stored = kept_in(tmp_path / STORE)
    with pytest.raises(LostWorkers, match="all workers are gone"):
        Execution(Breaking(), store=stored, ahead=2).run(cells)
    assert text(tmp_path).count("\n") == 4
    (blocks,) = Execution(store=stored).run(cells)
    (reference,) = Execution().run(cells)
    assert [b.mean.tolist() for b in blocks] == [b.mean.tolist() for b in reference]


@pytest.mark.slow
def test_tables_hold_every_digit_and_what_reproduces_them(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pandas, parquet = needs("pandas"), needs("pyarrow.parquet")
    assert cli.main(["--resume", str(whole), "--parquet"]) == 0
    with (whole / CSV).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = parquet.read_table(whole / PARQUET).to_pydict()
    (whole / PARQUET).unlink()
    comparison = compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=40_000, seed=1)
    frame = comparison.frame()
    assert isinstance(frame, pandas.DataFrame)
    for index, cell in enumerate(record(whole)["cells"]):
        for part in ("total", "label", "output"):
            mean = cell["measured"][part]["mean"]
            assert float(rows[index][f"{part}_mean"]) == mean
            assert columns[f"{part}_mean"][index] == mean == frame[f"{part}_mean"][index]
        assert rows[index]["seed"] == columns["seed"][index] == frame["seed"][index] == cell["seed"]
        assert json.loads(rows[index]["configuration"]) == cell["configuration"]


def test_a_missing_library_is_said_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    assert cli.main([*CELLS, "--parquet", "--out", str(tmp_path / "run")]) == 2
    assert "pip install 'mup-depth[tables]'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
