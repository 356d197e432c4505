"""The workers of a Dask cluster draw blocks.  Nothing else in this software imports Dask."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from theory.errors import InvalidArgument
from verify.errors import LostWorkers
from verify.numerics.software import Software, this_software
from verify.runs.execution import Execution

__all__ = ["on_dask"]

_PATIENCE = 15
"""Seconds to wait for a scheduler, and for its first worker."""
_WITHOUT_WORKERS = 60.0
"""Seconds that a run waits in its middle while no worker is there."""
_TASK, _TASK_PER_THREAD = 1.0, 0.02
"""Seconds of work sent to a worker in one go, at least, and for each thread of the cluster: a
scheduler needs several milliseconds for a task (docs/studies.md)."""
_ROOM = 256
_ROOM_PER_THREAD = 3


@contextmanager
def on_dask(cluster: Any, execution: Execution | None = None) -> Iterator[Execution]:
    """``execution`` with its blocks drawn by the workers of a Dask cluster.

    ``cluster``: the address of a scheduler, or a `distributed.Client`, which stays open.  Workers
    may come and go; a block whose worker is lost is drawn by another.  Where the scheduler is lost,
    the run ends with `LostWorkers`, and finished blocks stay in the store.

    Both sides exchange pickles: a program that answers at the address can run code here
    (docs/runs.md).

    Raises `InvalidArgument` where Dask is missing or no scheduler answers, `LostWorkers` where no
    worker is there, and for workers with other software.
    """
    distributed = _distributed()
    if not isinstance(cluster, str | distributed.Client):
        raise InvalidArgument(
            f"expected an address or a distributed.Client for dask, got dask={cluster!r}; give "
            f"'tcp://host:8786'"
        )
    client = _connected(distributed, cluster) if isinstance(cluster, str) else cluster
    try:
        _await_workers(client)
        _check_workers(client)
        threads = sum(client.nthreads().values())
        yield replace(
            execution or Execution(),
            executor=client.get_executor(pure=False),
            ahead=max(_ROOM, _ROOM_PER_THREAD * threads),
            task=max(_TASK, _TASK_PER_THREAD * threads),
            alive=_watcher(client),
        )
    finally:
        if client is not cluster:
            with suppress(Exception):  # its scheduler may be gone
                client.close(timeout=2)


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError as error:
        raise InvalidArgument(
            "expected Dask to be installed for dask, got none; install it with "
            "pip install 'mup-depth[dask]'"
        ) from error


def _connected(distributed: Any, address: str) -> Any:
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        return distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InvalidArgument(
            f"expected the address of a running Dask scheduler for dask, got dask={address!r}, "
            f"where none answered in {_PATIENCE} seconds; the scheduler prints it when it starts"
        ) from error


def _await_workers(client: Any) -> None:
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except (TimeoutError, OSError, RuntimeError) as error:
        raise LostWorkers(
            f"the Dask scheduler has no workers, and none came in {_PATIENCE} seconds; start some "
            f"with  dask worker ADDRESS"
        ) from error


def _check_workers(client: Any) -> None:
    """Raise `LostWorkers` where a connected worker has other software."""
    try:
        found = client.run(this_software, on_error="return")
    except (OSError, RuntimeError) as error:
        raise LostWorkers(f"the workers do not report their software: {error}") from error
    for worker, answer in found.items():
        if not isinstance(answer, Software):
            raise LostWorkers(f"the worker {worker} cannot run mup-depth ({answer}); install it")
        difference = answer.difference(this_software(), processor=False)
        if difference:
            raise LostWorkers(
                f"the worker {worker} has other software ({difference}); install the same versions "
                f"on all machines"
            )


def _watcher(client: Any) -> Callable[[], None]:
    """A function that raises `LostWorkers` where the scheduler is lost, or has had no workers for
    `_WITHOUT_WORKERS` seconds."""
    gone: float | None = None

    def check() -> None:
        nonlocal gone
        if client.status != "running":
            raise LostWorkers("the Dask scheduler was lost in mid-run")
        try:
            workers = len(client.nthreads())
        except (OSError, RuntimeError) as error:
            raise LostWorkers(f"the Dask scheduler was lost in mid-run: {error}") from error
        now = time.monotonic()
        gone = None if workers else gone or now
        if gone is not None and now - gone > _WITHOUT_WORKERS:
            raise LostWorkers(f"no Dask worker was there for {_WITHOUT_WORKERS:.0f} seconds")

    return check
