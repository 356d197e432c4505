"""What one cell's numbers depend on beside its seed, as a value and as one canonical text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from theory.errors import InvalidArgument
from theory.networks.activations import Activation, LeakyReLU, Linear, ReLU
from theory.networks.mlp import MLP, numeric_layers, numeric_rates
from verify.samplers.catalogue import SAMPLERS, sampler_of
from verify.samplers.gram.sampler import Gram
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.sampler import Sampler
from verify.untrusted import plain_json

__all__ = ["Configuration", "configuration", "problem_of"]

_MOST_WIDTHS = 10_000
"""Widths that differ, of a network that is read from a file."""


@dataclass(frozen=True)
class Configuration:
    """A network, the layers measured, multipliers of eta, the step and the sampler, all checked.

    ``rates`` is None where all are 1.
    Law: two configurations whose blocks have the same bits for every seed because they are the same
    network, however it was spelled, have the same `text`.  Made by `configuration`.

    >>> plain, spelled = (configuration(net) for net in (MLP(8, 2), MLP((8, 8), input_width=8)))
    >>> plain.text == spelled.text
    True
    >>> Configuration.from_text(plain.text).text == plain.text
    True
    """

    network: MLP
    layers: tuple[int, ...]
    rates: tuple[Any, ...] | None
    step: float | None
    sampler: Sampler

    @cached_property
    def text(self) -> str:
        """One line of JSON: sorted names, exact rationals as text, equal layers said once."""
        asked = self._asked | {"layers": list(self.layers), "sampler": self._sampler}
        return _line(asked | {"network": _plain(self.network)})

    @property
    def _asked(self) -> dict[str, Any]:
        """Multipliers and step as text; None for the default."""
        return {
            "rates": None if self.rates is None else [str(rate) for rate in self.rates],
            "step": None if self.step is None else repr(self.step),
        }

    @cached_property
    def key(self) -> int:
        """A number of 256 bits from which, and a root seed, a cell's seed is derived.

        It is a hash of the sizes and of every other field that is not at its default, so that a
        field that a later version adds leaves the seeds of older configurations as they are.
        Law: configurations have the same key exactly where they have the same `text`.

        >>> plain = configuration(MLP(8, 2))
        >>> plain.key == configuration(MLP(8, 2, weight_variance=2), layer=2).key
        True
        >>> plain.key == configuration(MLP(8, 2, readout_variance=2)).key
        False
        """
        network, sampler = self.network, self.sampler
        usual = _plain(MLP(network.width, network.depth, activation=network.activation))
        usual |= {"width": None, "depth": None, "slope": "0"}
        chosen = {name: value for name, value in _plain(network).items() if value != usual[name]}
        chosen |= {name: value for name, value in self._asked.items() if value is not None}
        if self.layers != (network.layers,):
            chosen["layers"] = list(self.layers)
        if sampler != Gram():
            chosen["sampler"] = repr(sampler)
        return int(hashlib.sha256(_line(chosen).encode()).hexdigest(), 16)

    @property
    def _sampler(self) -> str:
        name = repr(self.sampler)
        if self.sampler not in SAMPLERS.values():
            raise InvalidArgument(
                f"expected one of the samplers {', '.join(map(repr, SAMPLERS.values()))} where "
                f"blocks are kept, got sampler={name}; simulate without a store"
            )
        return name

    @cached_property
    def seconds(self) -> float:
        """Expected seconds of one core for one network.

        >>> wide, narrow = (configuration(MLP(width, 4)) for width in (10**6, 64))
        >>> wide.seconds == narrow.seconds
        True
        """
        network, cost = self.network, self.sampler.seconds
        units = self.sampler.cost(network)
        neurons, layers = sum(network.widths[1:]), network.layers
        return cost.unit * units + cost.neuron * neurons + cost.layer * layers + cost.network

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `text`, in hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def from_text(cls, text: str) -> Configuration:
        """The configuration that a `text` says; `InvalidArgument` for text that says none."""
        try:
            return _read(plain_json(text))
        except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise InvalidArgument(
                f"expected the text of a configuration, got {text[:60]!r} "
                f"({str(error)[:200]}); take it from a run's results.json"
            ) from error


def configuration(
    network: MLP,
    *,
    layer: object = None,
    rates: object = None,
    step: object = None,
    sampler: Sampler = Gram(),
) -> Configuration:
    """The configuration that these arguments of `verify.monte_carlo` mean.

    Raises `InvalidArgument` where one of them is not of the documented kind.
    """
    if not isinstance(sampler, Sampler):
        raise InvalidArgument(
            f"expected a sampler, got sampler={sampler!r}; give Gram(), RareEvents(), "
            f"Conditioned() or Dense()"
        )
    problem = numeric_problem(network, layer=layer, rates=rates, step=step)
    sampler.check(problem)
    exact = numeric_rates(network, rates)
    trained = None if all(rate == 1 for rate in exact) else exact
    layers = numeric_layers(network, layer)
    return Configuration(network, layers, trained, problem.step, sampler)


@lru_cache(maxsize=64)
def problem_of(configuration: Configuration) -> Problem:
    """The configuration in plain numbers; one object for as long as it is in use, since samplers
    keep room for it."""
    return numeric_problem(
        configuration.network,
        layer=configuration.layers,
        rates=configuration.rates,
        step=configuration.step,
    )


def _read(plain: dict[str, Any]) -> Configuration:
    sizes, rates, step = plain["network"], plain["rates"], plain["step"]
    width = sizes["width"]
    if isinstance(width, list) and len(width) > _MOST_WIDTHS:
        raise ValueError(f"{len(width):,} widths, where {_MOST_WIDTHS:,} at most are read")
    network = MLP(
        tuple(width) if isinstance(width, list) else width,
        sizes["depth"],
        input_width=sizes["input_width"],
        activation=_activation(sizes["slope"]),
        weight_variance=sizes["weight_variance"],
        readout_variance=sizes["readout_variance"],
        input_norm2=sizes["input_norm2"],
    )
    return configuration(
        network,
        layer=tuple(plain["layers"]),
        rates=None if rates is None else tuple(rates),
        step=None if step is None else float(step),
        sampler=sampler_of(plain["sampler"]),
    )


def _activation(slope: str) -> Activation:
    return {"0": ReLU(), "1": Linear()}.get(slope) or LeakyReLU(slope)


def _plain(network: MLP) -> dict[str, Any]:
    return {
        "input_width": int(network.first_fan_in),
        "width": _once([int(width) for width in network.widths[1:]]),
        "depth": network.layers,
        "slope": str(network.activation.slope),
        "weight_variance": str(network.c),
        "readout_variance": str(network.s),
        "input_norm2": str(network.norm2),
    }


def _line(plain: dict[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def _once(values: Sequence[Any]) -> Any:
    """The value itself where all are equal, else the list."""
    return values[0] if len(set(values)) == 1 else list(values)
