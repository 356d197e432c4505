"""A configuration is all that a cell's numbers depend on beside its seed, in one value or text."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from msgspec import Struct, json
from msgspec.structs import asdict

from theory.errors import InvalidArgument
from theory.networks.activations import LeakyReLU, Linear, ReLU
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.networks.roles import Branch, ByRole
from theory.validation import brief
from theory.words.observables import Observable
from theory.words.word import canonical_word
from verify.samplers.catalogue import BY_TEXT
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.places import places_of
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.sampler import Sampler

__all__ = [
    "Configuration",
    "ConfigurationRecord",
    "NetworkRecord",
    "configuration",
    "problem_of",
]

_FACTOR = re.compile("[KD]*|[zg][KD]*[zg]")
_MOST_WIDTHS = 10_000
"""Widths that differ, of a network that is read from a file."""


class NetworkRecord(Struct, frozen=True):
    """A network in numbers, exact rationals as text; ``width``: all where they differ."""

    depth: int
    input_norm2: str
    input_width: int
    readout_variance: str
    slope: str
    weight_variance: str
    width: int | tuple[int, ...]

    def __post_init__(self) -> None:
        if isinstance(self.width, tuple) and len(self.width) > _MOST_WIDTHS:
            raise ValueError(f"{len(self.width):,} widths, where {_MOST_WIDTHS:,} at most are read")

    @classmethod
    def of(cls, network: MLP) -> NetworkRecord:
        """The numbers of ``network``."""
        widths = tuple(int(width) for width in network.widths[1:])
        return cls(
            depth=network.layers,
            input_norm2=str(network.norm2),
            input_width=int(network.first_fan_in),
            readout_variance=str(network.s),
            slope=str(network.activation.slope),
            weight_variance=str(network.c),
            width=widths[0] if len(set(widths)) == 1 else widths,
        )

    @property
    def network(self) -> MLP:
        """The network; `InvalidArgument` where there is none of such numbers."""
        given = asdict(self)
        slope = given.pop("slope")
        return MLP(**given, activation={"0": ReLU(), "1": Linear()}.get(slope) or LeakyReLU(slope))

    @property
    def chosen(self) -> dict[str, Any]:
        """The sizes, and every other field that is not as sizes and activation alone make it."""
        usual = asdict(
            NetworkRecord.of(MLP(self.width, self.depth, activation=self.network.activation))
        )
        usual |= {"width": None, "depth": None, "slope": "0"}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def code(self) -> str:
        """Python that makes the network, where nothing is given that is at its default.

        >>> NetworkRecord.of(MLP((8, 8), input_width=8, weight_variance=2)).code
        'MLP(width=8, depth=2)'
        """
        given = self.chosen | {"activation": self.network.activation}
        given.pop("slope", None)
        usual = self.input_norm2 == str(self.input_width)
        return repr(MLP(**given | {"input_norm2": None if usual else self.input_norm2}))


class ObservableRecord(Struct, frozen=True):
    """An observable as its words with exact coefficients as text, over the width to a power."""

    terms: tuple[tuple[tuple[str, ...], str], ...]
    over: int

    @classmethod
    def of(cls, observable: Observable) -> ObservableRecord:
        """The words of ``observable``."""
        return cls(tuple((word, str(c)) for word, c in observable.terms), observable.over)

    @property
    def observable(self) -> Observable:
        """The observable; `ValueError` where there is none of such words."""
        factors = {factor for word, _ in self.terms for factor in word}
        if not all(map(_FACTOR.fullmatch, factors)):
            raise ValueError("a word that is no trace or form of K, D, z and g")
        terms = ((canonical_word(word), Fraction(c)) for word, c in self.terms)
        return Observable(Observable.of(terms).terms, self.over)


class ConfigurationRecord(Struct, frozen=True, omit_defaults=True):
    """A configuration in plain numbers and text; multipliers are None where all are 1, and the
    observable where it is the update."""

    layers: tuple[int, ...]
    network: NetworkRecord
    rates: tuple[str, ...] | None
    sampler: str
    step: str | None
    observable: ObservableRecord | None = None

    @property
    def sampler_name(self) -> str:
        """The sampler in a word, as tables name it."""
        known = BY_TEXT.get(self.sampler)
        return self.sampler.partition("(")[0].lower() if known is None else known.label

    @property
    def draws_networks(self) -> bool:
        """Whether samples are single networks; True of samplers that are not ours."""
        known = BY_TEXT.get(self.sampler)
        return known is None or known.draws_networks


@dataclass(frozen=True)
class Configuration:
    """A network, the layers measured, multipliers of eta, the step and the sampler, all checked.

    ``rates`` is None where all are 1.
    Law: two configurations whose blocks have the same bits for every seed because they are the same
    network, however it was spelled, have the same `text`.  Made by `configuration`.

    >>> short, spelled = (configuration(net) for net in (MLP(8, 2), MLP((8, 8), input_width=8)))
    >>> short.text == spelled.text
    True
    >>> Configuration.of(short.record).text == short.text
    True
    """

    network: MLP
    layers: tuple[int, ...]
    rates: tuple[Any, ...] | None
    step: float | None
    sampler: Sampler
    observable: Observable | None = None

    @cached_property
    def record(self) -> ConfigurationRecord:
        """All fields in plain numbers and text."""
        return ConfigurationRecord(
            layers=self.layers,
            network=NetworkRecord.of(self.network),
            rates=None if self.rates is None else tuple(str(rate) for rate in self.rates),
            sampler=repr(self.sampler),
            step=None if self.step is None else repr(self.step),
            observable=None if self.observable is None else ObservableRecord.of(self.observable),
        )

    @cached_property
    def text(self) -> str:
        """One line of JSON: sorted names, exact rationals as text, equal layers said once."""
        if BY_TEXT.get(self.record.sampler) != self.sampler:
            raise InvalidArgument(
                f"expected one of the samplers {', '.join(BY_TEXT)} where blocks are kept, got "
                f"sampler={self.sampler!r}; simulate without a store"
            )
        return _line(self.record)

    @cached_property
    def key(self) -> int:
        """A number of 256 bits from which, and a root seed, a cell's seed is derived.

        It is a hash of the sizes and of every other field that is not at its default, so that a
        field that a later version adds leaves the seeds of older configurations as they are.
        Law: configurations have the same key exactly where they have the same `text`.

        >>> usual = configuration(MLP(8, 2))
        >>> usual.key == configuration(MLP(8, 2, weight_variance=2), layer=2).key
        True
        >>> usual.key == configuration(MLP(8, 2, readout_variance=2)).key
        False
        """
        record = self.record
        chosen = record.network.chosen
        if record.rates is not None:
            chosen["rates"] = record.rates
        if record.step is not None:
            chosen["step"] = record.step
        if self.layers != (self.network.layers,):
            chosen["layers"] = self.layers
        if record.observable is not None:
            chosen["observable"] = record.observable
        if self.sampler != Gram():
            chosen["sampler"] = record.sampler
        return int(hashlib.sha256(_line(chosen).encode()).hexdigest(), 16)

    @cached_property
    def untrained(self) -> tuple[int, ...]:
        """The measured layers up to which no layer is trained, so that they do not move.

        >>> configuration(MLP(8, 3), layer=(1, 2, 3), rates=(0, 0, 1)).untrained
        (1, 2)
        """
        rates = self.rates or (1,)
        lowest = next((layer for layer, rate in enumerate(rates, 1) if rate), len(rates) + 1)
        return tuple(layer for layer in self.layers if layer < lowest)

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

    @classmethod
    def of(cls, record: ConfigurationRecord) -> Configuration:
        """The configuration of a record; `InvalidArgument` or `LookupError` where there is none."""
        return configuration(
            record.network.network,
            layer=record.layers,
            rates=record.rates,
            step=None if record.step is None else float(record.step),
            sampler=BY_TEXT[record.sampler],
            observable=None if record.observable is None else record.observable.observable,
        )


def configuration(
    network: MLP,
    *,
    layer: object = None,
    rates: object = None,
    step: object = None,
    sampler: Sampler = Gram(),
    observable: object = None,
) -> Configuration:
    """The configuration that these arguments of `verify.monte_carlo` mean.

    Raises `InvalidArgument` where one of them is not of the documented kind.
    """
    if not isinstance(sampler, Sampler):
        raise InvalidArgument(
            f"expected a sampler, got sampler={sampler!r}; give Gram(), RareEvents(), "
            f"Conditioned() or Dense()"
        )
    problem = numeric_problem(network, layer=layer, rates=rates, step=step, observable=observable)
    _check_network(problem, sampler)
    if problem.observable is not None:
        _check_drawn(problem.observable, sampler)
    sampler.check(problem)
    places = places_of(network)
    asked, trained = places.asked(layer), places.rates(rates)
    return Configuration(network, asked, trained, problem.step, sampler, problem.observable)


def _check_network(problem: Problem, sampler: Sampler) -> None:
    """Refuse a network that the sampler does not draw, naming the quickest that does."""
    if sampler.draws_network(problem):
        return
    quickest = (Gram(), Conditioned(), Dense())
    other = next(each for each in quickest if each.draws_network(problem))
    raise InvalidArgument(
        f"expected a network that {sampler!r} draws, got network={brief(problem.network)}; give "
        f"sampler={other!r}, which draws it"
    )


def _check_drawn(observable: Observable, sampler: Sampler) -> None:
    """Refuse an observable that the sampler does not hold, naming the quickest that does."""
    if sampler.can_draw(observable):
        return
    other = next(each for each in (Gram(), Conditioned(), Dense()) if each.can_draw(observable))
    raise InvalidArgument(
        f"expected {sampler.draws} for sampler={sampler!r}, got observable={observable}; give "
        f"sampler={other!r}, which draws it"
    )


@lru_cache(maxsize=64)
def problem_of(configuration: Configuration) -> Problem:
    """The configuration in plain numbers; one object for as long as it is in use, since samplers
    keep room for it."""
    return numeric_problem(
        configuration.network,
        layer=configuration.layers,
        rates=configuration.rates,
        step=configuration.step,
        observable=configuration.observable,
    )


def _line(record: object) -> str:
    return json.encode(record, order="sorted").decode()
