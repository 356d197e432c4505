"""Compiled layers average everything but their forward draws exactly.

Of a layer only its forward draws are known: how many neurons are active, and the squared lengths
of z on the active and on the inactive neurons, in units of sd |x below|.  All else is averaged, and
every term is non-negative: docs/sampler-proofs.md has the proof.
"""

from __future__ import annotations

from typing import NamedTuple

from verify.numerics.compiled import kernel

__all__ = ["Draws", "Words", "moved", "next_words"]


class Draws(NamedTuple):
    """A layer's forward draws: active neurons; squared lengths of z on the active and on the
    inactive neurons (for ReLU the second is its mean); t = |D z|^2 and v = tr D^2."""

    on: int
    z2_on: float
    z2_off: float
    t: float
    v: float


class Words(NamedTuple):
    """Means of a layer's masked kernel A = D K D given the forward draws, in powers of
    |x|^2/unit.

    With P the projection across x: along = x.Ax/|x|^2, across = tr(PA), their squares and their
    product, mixed = |P A x|^2/|x|^2 and squares = tr((PAP)^2).
    """

    unit: float
    along: float
    across: float
    along2: float
    along_across: float
    across2: float
    mixed: float
    squares: float


@kernel
def _shares(draws: Draws, slope: float) -> tuple[float, float]:
    """Shares of |x|^2 on active and on inactive neurons."""
    return draws.z2_on / draws.t, slope**2 * draws.z2_off / draws.t


@kernel
def moved(
    words: Words, draws: Draws, own: float, width: float, slope: float
) -> tuple[float, float]:
    """Means of tr(D K^2 D), in powers of sd |x below|^2/unit, and of
    tr(D K^2 D) + 2 x.D K^2 D x/|x|^2, given the forward draws.

    ``words``: of the layer below.  ``own``: the multiplier of the layer's rate over sd^2.
    """
    own *= words.unit
    on, off = _shares(draws, slope)
    z2 = draws.z2_on + draws.z2_off
    trace2 = own * (own + 2.0 * words.across) + words.across2
    round_part = trace2 + (width + 1.0) * words.squares + words.mixed * z2
    z_part = 2.0 * (own * words.along + words.along_across) + words.along2 * z2
    z_part = draws.t * (z_part + (width + 2.0) * words.mixed)
    label = draws.v * round_part + z_part
    return label, label + 2.0 * ((on + slope**2 * off) * round_part + z_part)


@kernel
def next_words(words: Words, draws: Draws, own: float, width: int, slope: float) -> Words:
    """The words of the next layer, from the words of the layer below it and its forward draws.

    ``own``: the multiplier of the layer's rate over sd^2.
    """
    own *= words.unit
    on, off = _shares(draws, slope)
    size = 1.0 / draws.t
    mask = size * (on + slope**2 * off)
    spread = size**2 * on * off * (1.0 - slope**2) ** 2
    other_on, other_off = max(draws.on - 1, 0), max(width - draws.on - 1, 0)
    trace, square = other_on + slope**2 * other_off, other_on + slope**4 * other_off
    if 0 < draws.on < width:
        trace += off + slope**2 * on
        square += (off + slope**2 * on) ** 2
    trace, square = size * trace, size**2 * square
    linear = own + words.across
    trace2 = own * (own + 2.0 * words.across) + words.across2
    crossed = own * words.along + words.along_across
    return Words(
        words.unit,
        words.along + linear * mask,
        linear * trace,
        words.along2
        + (2.0 * crossed + 4.0 * words.mixed) * mask
        + (trace2 + 2.0 * words.squares) * mask**2,
        crossed * trace + trace2 * mask * trace + 2.0 * words.squares * spread,
        trace2 * trace**2 + 2.0 * words.squares * square,
        words.mixed * trace + (trace2 + words.squares) * spread + words.squares * mask * trace,
        (trace2 + words.squares) * square + words.squares * trace**2,
    )
