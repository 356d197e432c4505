"""Runs on a real Dask cluster of several processes: same bits, lost workers, a lost scheduler."""

from __future__ import annotations

import os
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

from theory import MLP, InvalidArgument
from verify import cli, monte_carlo
from verify.configuration import configuration
from verify.errors import LostWorkers
from verify.execution import Execution, Watch
from verify.on_dask import on_dask
from verify.run_folder import CSV, RESULTS, STORE
from verify.sampling import Sampling
from verify.store import kept_in
from verify.store_text import canonical_text

CELLS = [
    Sampling(configuration(MLP(16, 16)), seed=1, samples=8192 * 40),
    Sampling(configuration(MLP(8, 4), layer=(2, 4)), seed=2, samples=8192 * 3 + 5),
]
BLOCKS = sum(cell.blocks for cell in CELLS)


class Cluster:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, workers: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"
        )
        self.workers = [self._worker() for _ in range(workers)]
        with Client(self.address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=120)

    @staticmethod
    def _start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._start(
            "dask_worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard"
        )

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def running(workers: int) -> Iterator[Cluster]:
    cluster = Cluster(workers)
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
    monkeypatch.setattr("verify.on_dask._TASK", 0.0)
    monkeypatch.setattr("verify.on_dask._TASK_PER_THREAD", 0.0)


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
    shelf = kept_in(tmp_path / STORE)
    with running(2) as made:
        watch = At(4, made.scheduler)
        how = Execution(shelf=shelf, watch=watch)
        with on_dask(made.address, how) as execution, pytest.raises(LostWorkers):
            execution.run(CELLS)
    there = "".join(canonical_text(tmp_path / STORE)).count("\n")
    assert 4 <= there < BLOCKS
    with running(2) as made:
        watch = At(-1, made.scheduler)
        with on_dask(made.address, Execution(shelf=shelf, watch=watch)) as execution:
            assert bits(execution.run(CELLS)) == reference
    assert watch.drawn == BLOCKS, "found and drawn"


def test_the_command_line(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.job._draw", lambda folder, comparison: None)
    sizes = ["--width", "16", "--depth", "1", "2", "--samples", "40000"]
    here, there = tmp_path / "here", tmp_path / "there"
    assert cli.main([*sizes, "--out", str(here)]) == 0
    assert cli.main([*sizes, "--out", str(there), "--dask", cluster.address]) == 0
    for name in (RESULTS, CSV):
        assert (here / name).read_bytes() == (there / name).read_bytes()


def test_what_is_no_scheduler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.on_dask._PATIENCE", 1)
    with pytest.raises(InvalidArgument, match="none answered"), on_dask("tcp://127.0.0.1:1"):
        pass
    with pytest.raises(InvalidArgument, match=r"dask=7; give 'tcp"), on_dask(7):
        pass
