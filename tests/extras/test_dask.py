"""Runs on a real Dask cluster of several processes: same bits, lost workers, a lost scheduler."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from studies.store_text import canonical_text
from tests.tools.paths import ROOT
from theory import MLP, InvalidArgument
from verify import cli, monte_carlo
from verify.errors import LostWorkers
from verify.jobs.folder import CSV, RESULTS, STORE
from verify.runs.configuration import configuration
from verify.runs.dask import on_dask
from verify.runs.execution import Execution, Watch
from verify.runs.sampling import Sampling
from verify.runs.store import kept_in

CELLS = [
    Sampling(configuration(MLP(16, 16)), seed=1, samples=8192 * 40),
    Sampling(configuration(MLP(8, 4), layer=(2, 4)), seed=2, samples=8192 * 3 + 5),
]
BLOCKS = sum(cell.blocks for cell in CELLS)


class Cluster:
    """A scheduler and workers, each a process of its own, that run the code in a folder."""

    def __init__(self, workers: int, code: Path = ROOT) -> None:
        self.code = code
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"
        )
        self.workers = [self._worker() for _ in range(workers)]
        with Client(self.address, timeout=60, set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=120)

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
            env={**os.environ, "PYTHONPATH": str(self.code)},
            cwd=self.code,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._start(
            "dask_worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard"
        )

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def running(workers: int, code: Path = ROOT) -> Iterator[Cluster]:
    cluster = Cluster(workers, code)
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(3) as made:
        yield made


class At(Watch):
    """Kills a process once so many blocks are finished."""

    def __init__(self, block: int, victim: subprocess.Popen[bytes]) -> None:
        self.left, self.victim, self.drawn = block, victim, 0

    def advance(self, cell: int, samples: int) -> None:
        self.drawn += 1
        self.left -= 1
        if self.left == 0:
            os.kill(self.victim.pid, signal.SIGKILL)
            self.victim.wait()


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block a task, so that all workers are at work when one of them is killed."""
    monkeypatch.setattr("verify.runs.dask._TASK", 0.0)
    monkeypatch.setattr("verify.runs.dask._TASK_PER_THREAD", 0.0)


def bits(blocks: Any) -> Any:
    return [[(b.mean.tobytes(), b.spread.tobytes(), b.samples) for b in cell] for cell in blocks]


@pytest.fixture(scope="module")
def reference() -> Any:
    return bits(Execution().run(CELLS))


def test_same_bits_as_threads(cluster: Cluster, reference: Any) -> None:
    with on_dask(cluster.address) as execution:
        assert bits(execution.run(CELLS)) == reference


def test_a_client_is_taken_and_stays_open(cluster: Cluster) -> None:
    arguments: dict[str, Any] = {"samples": 20_000, "seed": 3}
    with Client(cluster.address, set_as_default=False) as client:
        with on_dask(client) as execution:
            assert execution.executor is not None
            again = monte_carlo(MLP(9, 3), executor=execution.executor, **arguments)
        assert client.status == "running"
    assert again.mean == monte_carlo(MLP(9, 3), **arguments).mean


@pytest.mark.usefixtures("small_tasks")
def test_a_worker_killed_in_mid_run_changes_nothing(reference: Any) -> None:
    with running(3) as made:
        watch = At(4, made.workers[0])
        with on_dask(made.address, Execution(watch=watch)) as execution:
            assert bits(execution.run(CELLS)) == reference
        assert watch.left < 0, "it was in mid-run"


@pytest.mark.usefixtures("small_tasks")
def test_a_scheduler_lost_in_mid_run_loses_no_block(tmp_path: Path, reference: Any) -> None:
    stored = kept_in(tmp_path / STORE)
    with running(2) as made:
        watch = At(4, made.scheduler)
        how = Execution(store=stored, watch=watch)
        with on_dask(made.address, how) as execution, pytest.raises(LostWorkers):
            execution.run(CELLS)
    there = "".join(canonical_text(tmp_path / STORE)).count("\n")
    assert 4 <= there < BLOCKS
    with running(2) as made:
        watch = At(-1, made.scheduler)
        with on_dask(made.address, Execution(store=stored, watch=watch)) as execution:
            assert bits(execution.run(CELLS)) == reference
    assert watch.drawn == BLOCKS, "found and drawn"


def test_the_command_line(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.jobs.job.write_pictures", lambda folder, comparison: None)
    sizes = ["--width", "16", "--depth", "1", "2", "--samples", "40000"]
    here, there = tmp_path / "here", tmp_path / "there"
    assert cli.main([*sizes, "--out", str(here)]) == 0
    assert cli.main([*sizes, "--out", str(there), "--dask", cluster.address]) == 0
    for name in (RESULTS, CSV):
        assert (here / name).read_bytes() == (there / name).read_bytes()


def test_a_scheduler_without_workers_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.runs.dask._PATIENCE", 2)
    with running(0) as made:
        run = ["--width", "8", "--depth", "1", "--samples", "100", "--out", str(tmp_path / "run")]
        assert cli.main([*run, "--dask", made.address]) == 4
    errors = capsys.readouterr().err
    assert "no workers" in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_whose_workers_all_leave_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("verify.runs.dask._WITHOUT_WORKERS", 1.0)
    monkeypatch.setattr("verify.runs.dask._TASK", 0.0)
    with running(1) as made:
        watch = At(2, made.workers[0])
        how = Execution(store=kept_in(tmp_path / STORE), watch=watch)
        with on_dask(made.address, how) as execution, pytest.raises(LostWorkers, match="no Dask"):
            execution.run(CELLS)


def test_a_new_run_with_a_worker_of_other_code_ends_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("theory", "verify"):
        shutil.copytree(ROOT / package, tmp_path / package)
    altered = tmp_path / "verify" / "runs" / "sampling.py"
    altered.write_text(altered.read_text("utf-8") + "# other code\n", "utf-8")
    run = ["--width", "8", "--depth", "1", "--samples", "100", "--out", str(tmp_path / "run")]
    with running(1, tmp_path) as made:
        assert cli.main([*run, "--dask", made.address]) == 4
    errors = capsys.readouterr().err
    assert "has other software (code " in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_what_is_no_scheduler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.runs.dask._PATIENCE", 1)
    with pytest.raises(InvalidArgument, match="none answered"), on_dask("tcp://127.0.0.1:1"):
        pass
    with pytest.raises(InvalidArgument, match=r"dask=7; give 'tcp"), on_dask(7):
        pass
