"""A `Crew` is a set of processes that simulate networks with a peer's library and settings."""

from __future__ import annotations

import importlib
import multiprocessing
from multiprocessing.connection import Connection
from types import TracebackType

from bench.literal import Literal
from bench.settings import Setting
from theory.errors import MupDepthError

__all__ = ["Crew", "SettingFailed"]

_MODULES = {"PyTorch": "torch_peer", "JAX": "jax_peer", "NumPy": "numpy_peer"}
_PATIENCE = 600.0
"""Seconds until a process that does not answer counts as failed."""

Values = list[tuple[float, float]]


class SettingFailed(MupDepthError, RuntimeError):
    """A library could not run with the given settings; the message is the library's."""


def _serve(connection: Connection, setting: Setting, literal: Literal, seed: int) -> None:
    """Answer numbers of networks with their values until None comes."""
    try:
        peer = importlib.import_module(f"bench.{_MODULES[setting.library]}")
        run = peer.prepare(setting, literal, seed)
        while (networks := connection.recv()) is not None:
            connection.send(run(networks))
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")


class Crew:
    """``setting.processes`` fresh processes, which wait without work between calls.

    Called with a number of networks, a multiple of `step`, it shares them out and returns the
    label part and the output f of each.  A context manager: the processes end with it.
    """

    def __init__(self, setting: Setting, literal: Literal) -> None:
        self.setting = setting
        context = multiprocessing.get_context("spawn")
        self._connections, self._processes = [], []
        for seed in range(setting.processes):
            ours, theirs = context.Pipe()
            arguments = (theirs, setting, literal, seed)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._connections.append(ours)
            self._processes.append(process)

    @property
    def step(self) -> int:
        """The fewest networks that keep every process at work."""
        return self.setting.processes * self.setting.batch

    def __call__(self, networks: int) -> Values:
        for connection in self._connections:
            connection.send(networks // self.setting.processes)
        return [value for connection in self._connections for value in _answer(connection)]

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection, process in zip(self._connections, self._processes, strict=True):
            try:
                connection.send(None)
            except OSError:
                process.terminate()
            process.join(10.0)
            if process.is_alive():
                process.kill()
                process.join()


def _answer(connection: Connection) -> Values:
    """A process's values; `SettingFailed` where it failed, ended or does not answer."""
    try:
        if not connection.poll(_PATIENCE):
            raise SettingFailed(f"no answer within {_PATIENCE:.0f} s")
        answer = connection.recv()
    except (EOFError, OSError) as error:
        raise SettingFailed("the process ended") from error
    if isinstance(answer, str):
        raise SettingFailed(answer.splitlines()[0])
    values: Values = answer
    return values
