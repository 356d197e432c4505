"""A configuration holds everything that a cell's numbers depend on except the seed, in one value or
text."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from msgspec import Struct, field, json

from theory.errors import InvalidArgument
from theory.networks.inputs import Inputs
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.optimisers import GradientDescent, Optimiser
from theory.validation import brief, call_it
from theory.words.observables import Observable
from theory.words.word import canonical_word
from verify.runs.network_records import (
    NetworkRecord,
    OtherRecord,
    place_in_text,
    place_of_text,
    rates_in_text,
    rates_of_text,
    record_of,
    value_of_code,
)
from verify.samplers.catalogue import BY_TEXT
from verify.samplers.conditioned.sampler import Conditioned
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.places import Place, places_of
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.sampler import Sampler

__all__ = [
    "Configuration",
    "ConfigurationRecord",
    "checked_sampler",
    "configuration",
    "problem_of",
]

_FACTOR = re.compile("[KD]*|[zg][KD]*[zg]")


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
        """The observable; raises `ValueError` for words that are not of an observable."""
        factors = {factor for word, _ in self.terms for factor in word}
        if not all(map(_FACTOR.fullmatch, factors)):
            raise ValueError("a word that is no trace or form of K, D, z and g")
        terms = ((canonical_word(word), Fraction(c)) for word, c in self.terms)
        return Observable(Observable.of(terms).terms, self.over)


class ConfigurationRecord(Struct, frozen=True, omit_defaults=True):
    """A configuration in plain numbers and text; multipliers are None where all are 1, and the
    observable where it is the update.  ``optimiser``: its code, None for gradient descent;
    ``norm1``: |x|_1 over the input width, None by default.

    ``layers``: as users give them, ``Branch(3)`` as "branch 3".  ``rates``: texts; of residual
    blocks triples by role, of a graph (source, vertex, multiplier).  ``mlp`` or ``other``: the
    network.
    """

    layers: tuple[int | str | tuple[int, int], ...]
    rates: tuple[str | tuple[str, ...], ...] | None
    sampler: str
    step: str | None
    observable: ObservableRecord | None = None
    mlp: NetworkRecord | None = field(default=None, name="network")
    other: OtherRecord | None = None
    optimiser: str | None = None
    norm1: str | None = None

    @property
    def network(self) -> NetworkRecord | OtherRecord:
        """The record of the network, of either kind."""
        found = self.mlp or self.other
        if found is None:
            raise ValueError("a configuration without a network")
        return found

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
    Law: two spellings of one network, whose blocks have the same bits for every seed, have the same
    `text`.  Made by `configuration`.

    >>> short, spelled = (configuration(net) for net in (MLP(8, 2), MLP((8, 8), input_width=8)))
    >>> short.text == spelled.text
    True
    >>> Configuration.of(short.record).text == short.text
    True
    """

    network: Network
    layers: tuple[Place, ...]
    rates: Any
    step: float | None
    sampler: Sampler
    observable: Observable | None = None
    optimiser: Optimiser = dataclasses.field(default_factory=GradientDescent)
    norm1: float | None = None

    @cached_property
    def record(self) -> ConfigurationRecord:
        """All fields in plain numbers and text."""
        network = record_of(self.network)
        return ConfigurationRecord(
            layers=tuple(map(place_in_text, self.layers)),
            mlp=network if isinstance(network, NetworkRecord) else None,
            other=None if isinstance(network, NetworkRecord) else network,
            rates=rates_in_text(self.rates),
            sampler=repr(self.sampler),
            step=None if self.step is None else repr(self.step),
            observable=None if self.observable is None else ObservableRecord.of(self.observable),
            optimiser=None if self.optimiser == GradientDescent() else repr(self.optimiser),
            norm1=None if self.norm1 is None else repr(self.norm1),
        )

    @cached_property
    def text(self) -> str:
        """One line of JSON: sorted names, exact rationals as text, equal layers once."""
        if BY_TEXT.get(self.record.sampler) != self.sampler:
            raise InvalidArgument(
                f"expected one of the samplers {', '.join(BY_TEXT)} where blocks are kept, got "
                f"sampler={self.sampler!r}; simulate without a store"
            )
        return _line(self.record)

    @cached_property
    def key(self) -> int:
        """A number of 256 bits; a cell's seed is derived from it and a root seed.

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
            chosen["layers"] = record.layers
        if record.observable is not None:
            chosen["observable"] = record.observable
        if record.optimiser is not None:
            chosen["optimiser"] = record.optimiser
        if record.norm1 is not None:
            chosen["norm1"] = record.norm1
        if self.sampler != Gram():
            chosen["sampler"] = record.sampler
        return int(hashlib.sha256(_line(chosen).encode()).hexdigest(), 16)

    @cached_property
    def untrained(self) -> tuple[Place, ...]:
        """The measured layers that do not move, since no weights that they read are trained.

        >>> configuration(MLP(8, 3), layer=(1, 2, 3), rates=(0, 0, 1)).untrained
        (1, 2)
        """
        problem = problem_of(self)
        moving = problem.sites.moving[problem.layers]
        return tuple(layer for layer, moves in zip(self.layers, moving, strict=True) if not moves)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The measured places in words; none for the numbered layers of an MLP.

        >>> from theory.networks.residual import Residual
        >>> from theory.networks.roles import Branch
        >>> configuration(Residual(8, 3), layer=(0, Branch(2)), sampler=Dense()).names
        ('stream 0', 'branch 2')
        """
        places = places_of(self.network)
        return () if isinstance(self.network, MLP) else tuple(map(places.name, self.layers))

    @cached_property
    def seconds(self) -> float:
        """Expected seconds of one core for one network.

        >>> wide, narrow = (configuration(MLP(width, 4)) for width in (10**6, 64))
        >>> wide.seconds == narrow.seconds
        True
        """
        units, cost = self.sampler.cost(self.network), self.sampler.seconds
        widths = problem_of(self).sites.widths[1:-1]
        neurons, layers = int(widths.sum()), widths.size
        return cost.unit * units + cost.neuron * neurons + cost.layer * layers + cost.network

    @classmethod
    def of(cls, record: ConfigurationRecord) -> Configuration:
        """The configuration of a record; `InvalidArgument` or `LookupError` where there is none."""
        network = record.network.network
        return configuration(
            network,
            layer=tuple(place_of_text(network, each) for each in record.layers),
            rates=rates_of_text(network, record.rates),
            step=None if record.step is None else float(record.step),
            sampler=BY_TEXT[record.sampler],
            observable=None if record.observable is None else record.observable.observable,
            optimiser=GradientDescent()
            if record.optimiser is None
            else value_of_code(record.optimiser),
            inputs=_inputs(network, None if record.norm1 is None else float(record.norm1)),
        )


def checked_sampler(sampler: object) -> None:
    """`InvalidArgument` for a value that is no sampler."""
    if not isinstance(sampler, Sampler):
        raise InvalidArgument(
            f"expected a sampler, got sampler={sampler!r}; "
            f"{call_it(sampler, Sampler, 'give Gram(), RareEvents(), Conditioned() or Dense()')}"
        )


def configuration(
    network: Network,
    *,
    layer: object = None,
    rates: object = None,
    step: object = None,
    sampler: Sampler = Gram(),
    observable: object = None,
    optimiser: object = GradientDescent(),
    inputs: object = None,
) -> Configuration:
    """The configuration of these arguments of `verify.monte_carlo`.

    Raises `InvalidArgument` where one of them is not of the documented kind.
    """
    checked_sampler(sampler)
    problem = numeric_problem(
        network,
        layer=layer,
        rates=rates,
        step=step,
        observable=observable,
        optimiser=optimiser,
        inputs=inputs,
    )
    _check_network(problem, sampler)
    if problem.observable is not None:
        _check_drawn(problem.observable, sampler)
    sampler.check(problem)
    places = places_of(problem.network)
    return Configuration(
        problem.network,
        places.asked(layer),
        places.rates(rates),
        problem.step,
        sampler,
        problem.observable,
        problem.optimiser,
        problem.norm1,
    )


def _check_network(problem: Problem, sampler: Sampler) -> None:
    """Refuse a network that the sampler does not draw, and name the quickest sampler that does."""
    if sampler.draws_network(problem):
        return
    quickest = (Gram(), Conditioned(), Dense())
    other = next(each for each in quickest if each.draws_network(problem))
    if sampler.draws_network(dataclasses.replace(problem, optimiser=GradientDescent())):
        raise InvalidArgument(
            f"expected GradientDescent() for optimiser with sampler={sampler!r}, got "
            f"optimiser={problem.optimiser!r}; give sampler={other!r}, which makes its steps"
        )
    raise InvalidArgument(
        f"expected a network that {sampler!r} draws, got network={brief(problem.network)}; give "
        f"sampler={other!r}, which draws it"
    )


def _check_drawn(observable: Observable, sampler: Sampler) -> None:
    """Refuse an observable that the sampler lacks, and name the quickest sampler that has it."""
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
        optimiser=configuration.optimiser,
        inputs=_inputs(configuration.network, configuration.norm1),
    )


def _inputs(network: Network, norm1: float | None) -> Inputs | None:
    """The input of a network whose |x|_1 is given."""
    if norm1 is None:
        return None
    return Inputs(((network.norm2 / network.first_fan_in,),), norm1=norm1)


def _line(record: object) -> str:
    return json.encode(record, order="sorted").decode()
