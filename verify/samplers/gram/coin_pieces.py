"""The coin tables of all layers of a network, end to end in the arrays that kernels take."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from verify.numerics.arrays import IntArray
from verify.numerics.coins import coin_counts, coin_table
from verify.numerics.compiled import kernel
from verify.numerics.variates import Stream

__all__ = ["CoinPieces", "active_neurons", "coin_pieces"]

Array = Any


class CoinPieces(NamedTuple):
    """For each layer from 0 on its ``lowest`` count, and where its piece of ``keep`` and
    ``columns`` begins and ends (``pieces``, shape ``(L + 1, 2)``); see `verify.numerics.coins.CoinTable`."""

    lowest: Array
    pieces: Array
    keep: Array
    columns: Array


def coin_pieces(widths: IntArray) -> CoinPieces:
    """The tables of layers of these ``widths``, equal ones once."""
    distinct, which = np.unique(widths, return_inverse=True)
    tables = [coin_table(int(width)) for width in distinct]
    ends = np.cumsum([table.keep.size for table in tables])
    return CoinPieces(
        lowest=np.array([table.lowest for table in tables], np.int64)[which],
        pieces=np.stack([np.concatenate(([0], ends[:-1]))[which], ends[which]], axis=1),
        keep=np.concatenate([table.keep for table in tables]),
        columns=np.concatenate([table.columns for table in tables]),
    )


@kernel
def active_neurons(stream: Stream, coins: CoinPieces, layer: int, out: Array) -> None:
    """Numbers of active neurons of a ``layer`` into ``out``."""
    begin, end = coins.pieces[layer]
    keep, columns = coins.keep[begin:end], coins.columns[begin:end]
    coin_counts(stream, coins.lowest[layer], columns, keep, out)
