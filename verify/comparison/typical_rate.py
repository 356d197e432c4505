"""`typical_learning_rate` simulates the rate that keeps the median network at the bound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, inf, isfinite, log
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.coverage import ReadAsNumber, answered
from theory.display.drawing import Marks, draw
from theory.errors import InvalidArgument, NotSolved
from theory.laws.criteria import EveryHiddenLayer
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.rates.learning_rate import real_step_call
from theory.rates.rate import maximal_learning_rate
from theory.validation import number_between, typed
from verify.inference.estimate import Estimate
from verify.inference.numbers_in_text import LATEX, TEXT, level_in_words
from verify.inference.quantiles import Quantile
from verify.numerics.streams import KEPT_SAMPLES, checked_samples
from verify.runs.configuration import configuration
from verify.runs.simulation import monte_carlo
from verify.samplers.gram.sampler import Gram
from verify.samplers.sampler import Sampler

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TypicalLearningRate", "typical_learning_rate"]


_DEEPEST = 10_000
"""The deepest networks whose rate of a real step is computed for the text."""


@dataclass(frozen=True, eq=False)
class TypicalLearningRate(ReadAsNumber):
    """The learning rate at which half of all random networks move by at most the bound.

    The bound holds in every requested layer, for the linearised update per unit of eta^2.  As
    n -> infinity, a real step at a rate above ``maximal_learning_rate(network, linearised=False)``
    moves further than the bound.
    ``network``: in numbers.  ``bound``: on a network's mean square over neurons and labels.
    ``chance``: 1/2 for the median.  ``level``: of the interval, at least.  ``layers``: the
    requested layers.  ``estimate``: the simulation.  Made by `typical_learning_rate`.

    >>> from theory import MLP
    >>> from verify import typical_learning_rate
    >>> typical = typical_learning_rate(MLP(32, 8), samples=2000, seed=1)
    >>> round(typical.rate, 6)
    0.119665
    """

    network: Network
    bound: float
    chance: float
    level: float
    layers: tuple[Any, ...]
    estimate: Estimate

    @cached_property
    def quantile(self) -> Quantile:
        """The update's quantile, of shape ``(layers,)``, with an interval at a level shared by the
        layers: each layer's own is at 1 - (1 - level)/layers, so that all hold at ``level``.

        >>> from theory import MLP
        >>> from verify import typical_learning_rate
        >>> typical = typical_learning_rate(MLP(32, 8), samples=2000, seed=1)
        >>> typical.quantile.chance
        0.5
        """
        own = 1.0 - (1.0 - self.level) / len(self.layers)
        return self.estimate.total.quantile(self.chance, own)

    @property
    def rate(self) -> float:
        """The rate; infinite where the median network is dead, which moves at no rate.

        >>> from theory import MLP
        >>> from verify import typical_learning_rate
        >>> typical = typical_learning_rate(MLP(32, 8), samples=2000, seed=1)
        >>> round(typical.rate, 6)
        0.119665
        """
        return self._rate(self.quantile.log_value)

    @property
    def value(self) -> float:
        """`rate`, as the number of a table or a format.

        >>> from theory import MLP
        >>> from verify import typical_learning_rate
        >>> found = typical_learning_rate(MLP(64, 8), samples=1000, seed=1)
        >>> found.value == found.rate == float(found)
        True
        """
        return self.rate

    @property
    def interval(self) -> tuple[float, float]:
        """The rate's confidence interval, from order statistics: nothing is assumed of the
        distribution.  0 or infinite where the samples are too few to bound it.

        >>> from theory import MLP
        >>> from verify import typical_learning_rate
        >>> typical = typical_learning_rate(MLP(32, 8), samples=2000, seed=1)
        >>> low, high = typical.interval
        >>> low < typical.rate < high
        True
        """
        return self._rate(self.quantile.log_high), self._rate(self.quantile.log_low)

    @property
    def layer(self) -> Any:
        """The requested layer, block or place with the largest median in the simulation.

        >>> from theory import MLP
        >>> from verify import typical_learning_rate
        >>> typical = typical_learning_rate(MLP(32, 8), samples=2000, seed=1)
        >>> typical.layer
        8
        """
        return self.layers[self._binding]

    @property
    def _binding(self) -> int:
        return int(np.argmax(self.quantile.log_value))

    @property
    def _place(self) -> str:
        """The layer, block or place that binds."""
        names = self.estimate.names or [f"layer {each}" for each in self.layers]
        name = names[self._binding]
        return name.replace("stream", "block") if name.startswith("stream ") else name

    @property
    def mean_rate(self) -> float:
        """The rate that keeps the *mean* at the bound, from the same networks.

        Beyond depth/width of about 1/4, rare networks set the mean.  Few samples contain them, so
        this rate is usually too large; ``theory.maximal_learning_rate`` gives the exact rate.

        >>> from theory import MLP
        >>> from verify import typical_learning_rate
        >>> typical = typical_learning_rate(MLP(32, 8), samples=2000, seed=1)
        >>> typical.mean_rate < typical.rate
        True
        """
        return self._rate(self.estimate.total.log_mean)

    def _rate(self, logs: Any) -> float:
        """sqrt(bound/largest update)."""
        exponent = (log(self.bound) - float(np.max(logs))) / 2
        return inf if exponent >= 709 else exp(exponent)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the rate that each requested layer allows, with its interval, and the rate at which
        the mean over the same networks is at the bound; the axes.  `NotSolved` where no network
        moves.

        ``ax``: Matplotlib axes, or None for a new figure; backend and style are the user's.

        >>> from theory import MLP
        >>> from verify import typical_learning_rate
        >>> found = typical_learning_rate(MLP(32, 8), samples=2000, seed=1, layer=(2, 4, 8))
        >>> axes = found.plot()
        >>> axes.get_title().replace(chr(10), " ")
        'Half of all networks keep the mean squared update within 1 up to rate 0.12; layer 8 binds'
        """
        found = self.quantile
        logs: Any = (found.log_value, found.log_high, found.log_low, self.estimate.total.log_mean)
        numbered = all(isinstance(each, int) for each in self.layers)
        numbers = self.layers if numbered else range(1, len(self.layers) + 1)
        axis = r"layer $\ell$" if self.network._is_chain else "block $b$"
        every = zip(numbers, *(map(self._rate, np.ravel(each)) for each in logs), strict=True)
        rows = [row for row in every if isfinite(row[1])]
        if not rows:
            raise NotSolved(f"the {self._name} is dead and moves at no rate: there is no picture")
        layers, rates, lows, highs, means = zip(*rows, strict=True)
        typical = Marks(self._name, layers, rates, ends=tuple(zip(lows, highs, strict=True)))
        share = "Half" if self.chance == 0.5 else f"{100 * self.chance:g} %"
        return draw(
            ax,
            [typical, Marks("mean over the same networks", layers, means, look=1)],
            title=f"{share} of all networks keep the mean squared update within {self.bound:g} up "
            f"to rate {self.rate:.3g}{f'; {self._place} binds' * (len(layers) > 1)}",
            xlabel=axis if numbered else ", ".join(self.estimate.names),
            ylabel="learning rate at the bound",
        )

    @property
    def _name(self) -> str:
        """The network that is at the bound."""
        return "median network" if self.chance == 0.5 else f"{self.chance:g} quantile of networks"

    def __repr__(self) -> str:
        low, high = (TEXT.number(f"{each:.6g}") for each in self.interval)
        return (
            f"TypicalLearningRate of {self.network}: {self.rate:.6g} in [{low}, {high}] "
            f"({level_in_words(self.level)} confidence); {self._place} binds. "
            f"This is the rate of a linearised step.{self._beyond_real_steps()}"
        )

    def _beyond_real_steps(self) -> str:
        """The largest rate of a real step as n -> infinity, and its call, where it is below this
        rate: of the last layer, without multipliers."""
        network = self.network
        usual = self.layers == (network.layers,) and self.estimate.rates is None
        if not (usual and isinstance(network, MLP)) or network.layers > _DEEPEST:
            return ""
        by = None if self.bound == 1 else EveryHiddenLayer(bound=self.bound)
        try:
            real = maximal_learning_rate(network, linearised=False, criterion=by).infinite_width()
        except (InvalidArgument, NotSolved):
            return ""
        if not self.rate > real:
            return ""
        return (
            f" It exceeds {float(real):.3g}, the largest rate of a real step as n → ∞, which "
            f"{real_step_call(network, by)} computes."
        )

    def _repr_latex_(self) -> str:
        """The rate and its interval as a formula."""
        rate, low, high = (LATEX.number(f"{each:.6g}") for each in (self.rate, *self.interval))
        return rf"$\eta_{{\text{{typical, linearised step}}}} = {rate} \in [{low}, {high}]$"


@answered
def typical_learning_rate(
    network: Network,
    *,
    samples: int,
    seed: int,
    layer: object = None,
    bound: float = 1.0,
    chance: float = 0.5,
    level: float = 0.95,
    sampler: Sampler = Gram(),
    rates: object = None,
) -> TypicalLearningRate:
    """The largest eta for which the median network's mean squared update is at most ``bound``.

    The function simulates ``samples`` networks drawn by ``sampler``, reproducible by ``seed``.
    ``layer``: None for the last hidden layer, an int, or a tuple or range of ints; for residual
    networks, blocks or `theory.Branch`.  The layer with the largest median binds.  ``chance``: the
    share of networks kept within the bound, 0.5 for the median.  ``level``: of the confidence
    interval.  ``rates``: one multiplier of eta per layer.  Raises `InvalidArgument` for arguments
    of another kind, and above 4,194,304 samples times layers.

    >>> from theory import MLP, maximal_learning_rate
    >>> deep = MLP(width=32, depth=32)
    >>> typical = typical_learning_rate(deep, samples=20_000, seed=1)
    >>> low, high = typical.interval
    >>> low > 10 * float(maximal_learning_rate(deep).evaluate())
    True
    """
    bound = number_between("bound", bound, "leave bound out to use 1")
    chance = number_between("chance", chance, "the median has chance=0.5", 1.0)
    level = number_between("level", level, "0.95 is usual", 1.0)
    if isinstance(sampler, Sampler) and not sampler.draws_networks:
        raise InvalidArgument(
            f"expected a sampler that draws networks, got sampler={sampler!r}, whose samples are "
            f"weighted means; give Gram(), Conditioned() or Dense()"
        )
    asked = configuration(network, layer=layer, rates=rates, sampler=sampler)
    if asked.untrained == asked.layers:
        place = asked.names[-1] if asked.names else f"layer {max(asked.layers)}"
        raise InvalidArgument(
            f"expected trained weights up to {place}, got rates={typed(rates)}, "
            f"with which nothing moves there; give a multiplier above 0"
        )
    most = KEPT_SAMPLES // len(asked.layers)
    if checked_samples(samples) > most:
        raise InvalidArgument(
            f"expected at most {most:,} samples (all are stored for the median), got "
            f"samples={samples:,}; give fewer"
        )
    estimate = monte_carlo(
        network, samples=samples, seed=seed, sampler=sampler, layer=layer, rates=rates
    )
    return TypicalLearningRate(network, bound, chance, level, asked.layers, estimate)
