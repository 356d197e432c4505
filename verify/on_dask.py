"""Blocks on the workers of a Dask cluster.  Nothing else in this software imports Dask."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from theory.network import InvalidArgument
from verify.errors import LostWorkers
from verify.execution import Execution
from verify.software import Software, this_software

__all__ = ["on_dask"]

_PATIENCE = 15
"""Seconds to wait for a scheduler."""
_TASK, _TASK_PER_THREAD = 1.0, 0.02
"""Seconds of work sent to a worker in one go, at least, and for each thread of the cluster: a
scheduler needs several milliseconds for a task (docs/scaling.md)."""
_ROOM = 256
_ROOM_PER_THREAD = 3


@contextmanager
def on_dask(cluster: Any, execution: Execution | None = None) -> Iterator[Execution]:
    """``execution`` with its blocks drawn by the workers of a Dask cluster.

    ``cluster``: the address of a scheduler, or a `distributed.Client`, which stays open.  Workers
    may come and go; a block whose worker is lost is drawn by another.  Where the scheduler is lost,
    the run ends with `LostWorkers`, and what is finished stays on the shelf.

    Raises `InvalidArgument` where Dask is missing or no scheduler answers, `LostWorkers` for
    workers with other software.
    """
    distributed = _distributed()
    if not isinstance(cluster, str | distributed.Client):
        raise InvalidArgument(
            f"expected an address or a distributed.Client for dask, got dask={cluster!r}; give "
            f"'tcp://host:8786'"
        )
    client = _connected(distributed, cluster) if isinstance(cluster, str) else cluster
    try:
        _check_workers(client)
        threads = sum(client.nthreads().values())
        yield replace(
            execution or Execution(),
            executor=client.get_executor(pure=False),
            ahead=max(_ROOM, _ROOM_PER_THREAD * threads),
            task=max(_TASK, _TASK_PER_THREAD * threads),
            alive=lambda: _check_scheduler(client),
        )
    finally:
        if client is not cluster:
            _close(client)


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


def _check_workers(client: Any) -> None:
    """Raise `LostWorkers` where a worker that is there has not our software."""
    try:
        found = client.run(this_software, on_error="return")
    except (OSError, RuntimeError) as error:
        raise LostWorkers(f"the workers cannot be asked what they run: {error}") from error
    for worker, answer in found.items():
        if not isinstance(answer, Software):
            raise LostWorkers(f"the worker {worker} cannot run mup-depth ({answer}); install it")
        difference = answer.difference(this_software(), processor=False)
        if difference:
            raise LostWorkers(
                f"the worker {worker} has other software ({difference}); install the same versions "
                f"on all machines"
            )


def _check_scheduler(client: Any) -> None:
    if client.status != "running":
        raise LostWorkers("the Dask scheduler was lost in mid-run")


def _close(client: Any) -> None:
    """Close a client, whose scheduler may be gone."""
    with suppress(Exception):
        client.close(timeout=2)
