"""The network of a recorded cell, rebuilt from the numbers of its configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from theory.networks.mlp import MLP
from verify.runs.configuration import Configuration

__all__ = ["RecordedNetwork"]


@dataclass(frozen=True)
class RecordedNetwork:
    """``network``: the code that makes it, in the fewest words; the name of its ``sampler``."""

    network: str
    width: int
    depth: int
    layer: int
    sampler: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> RecordedNetwork:
        """That of a cell; `ValueError` where its configuration is that of another."""
        asked = Configuration.from_text(json.dumps(record["configuration"]))
        network = asked.network
        found = cls(
            network=repr(_in_few_words(network)),
            width=int(network.widths[1]),
            depth=network.layers,
            layer=asked.layers[0],
            sampler=type(asked.sampler).__name__,
        )
        said = (record["width"], record["depth"], record["layer"], record["sampler"])
        if said != (found.width, found.depth, found.layer, repr(asked.sampler)):
            raise ValueError("a cell is not that of its configuration")
        return found


def _in_few_words(network: MLP) -> MLP:
    """The same network, with nothing given that is at its default.

    >>> _in_few_words(MLP((8, 8), input_width=8, weight_variance=2))
    MLP(width=8, depth=2)
    """
    widths = {*network.widths[1:]}
    plain = MLP(network.widths[1], network.layers, activation=network.activation)
    first = network.first_fan_in
    return MLP(
        widths.pop() if len(widths) == 1 else network.width,
        network.layers,
        input_width=None if first == network.widths[1] else first,
        activation=network.activation,
        weight_variance=None if network.c == plain.c else network.c,
        readout_variance=None if network.s == 1 else network.s,
        input_norm2=None if network.norm2 == first else network.norm2,
    )
