"""The catalogue lists the samplers by the names of the command line and of stored runs."""

from __future__ import annotations

from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Sampler

__all__ = ["BY_TEXT", "SAMPLERS"]

SAMPLERS: dict[str, Sampler] = {
    sampler.name: sampler for sampler in (Dense(), Conditioned(), Gram(), RareEvents())
}
BY_TEXT = {repr(sampler): sampler for sampler in SAMPLERS.values()}
"""Samplers by the text that records hold."""
