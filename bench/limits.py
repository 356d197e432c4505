"""This module times the least cost of a sampler: its random variates alone, from our generator."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from bench.timing import Run
from verify.numerics.chi_squares import chi_squares
from verify.numerics.coins import CoinTables, coin_counts, coin_tables
from verify.numerics.compiled import Array, kernel
from verify.numerics.single_normals import chosen_normals, single_normals
from verify.numerics.variates import (
    Stream,
    new_stream,
    trials,
)

__all__ = ["bare_gram_draws", "bare_normals", "bare_single_normals", "cores"]

_TILE = 1024
_LANES = 256


def cores() -> int:
    """Processor cores that this process can use."""
    return os.cpu_count() or 1


@kernel
def _single(key: Any, columns: Array, tiles: int, words: Array, out: Array) -> None:
    for tile in range(tiles):
        chosen_normals(key, columns, tile, 1, 1, words, out)


@kernel
def _short(stream: Stream, tiles: int, out: Array) -> None:
    for _ in range(tiles):
        single_normals(stream, out)


@kernel
def _gram(stream: Stream, layers: int, tables: CoinTables, room: Array) -> None:
    """For each of ``layers`` and each lane, draw the variates of a ReLU layer: a number of active
    neurons, squared lengths of Gaussian vectors in as many dimensions, one and two less, and a
    normal."""
    on, out = room[0], room[9]
    for _ in range(layers):
        coin_counts(stream, tables, 0, on)
        trials(stream, room[1], room[2], room[3], room[4])
        trials(stream, room[5], room[6], room[7], room[8])
        chi_squares(stream, on, 0.0, room[1], room[3], out)
        chi_squares(stream, on, 1.0, room[2], room[4], out)
        chi_squares(stream, on, 2.0, room[5], room[7], out)


def _on_all_cores(work: Callable[[int, int], object]) -> Run:
    """``work(core, units)`` on every core at once, the units shared out."""

    def run(units: int) -> None:
        with ThreadPoolExecutor(cores()) as pool:
            share = -(-units // cores())
            for done in [pool.submit(work, core, share) for core in range(cores())]:
                done.result()

    return run


def bare_single_normals() -> Run:
    """Draws a given number of single-precision normals, the weights of literal networks."""

    def work(core: int, count: int) -> None:
        words, out = np.empty(_TILE, np.uint32), np.empty(_TILE, np.float32)
        tiles = -(-count // _TILE)
        _single(np.uint64(core), np.arange(_TILE // 4, dtype=np.uint32), tiles, words, out)

    return _on_all_cores(work)


def bare_normals() -> Run:
    """Draws a given number of the normals that `verify.Conditioned` takes."""

    def work(core: int, count: int) -> None:
        out = np.empty(_TILE, np.float32)
        _short(new_stream(np.random.default_rng(core)), -(-count // _TILE), out)

    return _on_all_cores(work)


def bare_gram_draws(width: int) -> Run:
    """Draws the variates that a given number of layers of that width need in `verify.Gram`."""
    tables = coin_tables(np.array([width]))

    def work(core: int, layers: int) -> None:
        stream, room = new_stream(np.random.default_rng(core)), np.empty((10, _LANES))
        rows = -(-layers // _LANES)
        _gram(stream, rows, tables, room)

    return _on_all_cores(work)
