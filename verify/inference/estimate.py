"""Estimates are means with standard errors, merged from independent blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.display.tables import aligned_rows, html_table
from theory.errors import InvalidArgument
from theory.networks.multipliers import multiplier_runs
from theory.networks.network import Network
from theory.optimisers import GradientDescent, Optimiser
from theory.symbols import ell
from theory.validation import brief, typed
from theory.words.observables import Observable
from theory.words.word import is_odd
from verify.inference.measurement import Measurement, ReadByLayer, number_or_array
from verify.inference.numbers_in_text import samples_in_words
from verify.inference.pictures import draw_estimate
from verify.numerics.arrays import FloatArray, exponentials, sum_of_parts
from verify.numerics.software import Software

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Block", "Estimate", "Measurement", "merge", "sum_block"]

_FEW, _FEWEST = 30.0, 3.0
"""Effective samples below which a mean over networks is called doubtful, and doubtful even where
no more networks were drawn."""

_COLUMNS = 80
"""Characters of a line."""


@dataclass(frozen=True, eq=False)
class Block:
    """One block of samples: sums by part (the total last) and layer, shape ``(parts, layers)``.

    Values are in units of ``exp(log_unit)``, their largest: ``mean``, and ``spread``, the sum of
    the squared deviations from it.  ``logs``: natural logarithms of the values themselves, shape
    ``(parts, samples, layers)``, or None where they are not kept.  ``software``: the software that
    drew them, or None where it is not kept.
    """

    samples: int
    log_unit: FloatArray
    mean: FloatArray
    spread: FloatArray
    logs: FloatArray | None = None
    software: Software | None = None


@dataclass(frozen=True, eq=False)
class Estimate(ReadByLayer):
    """The measured E[(Delta z)^2]/eta^2 of one simulation; its median and quantiles too.

    ``parts``: measurements by name: ``total``, and for a linearised update ``label`` and
    ``output``.  ``samples``: networks drawn, or weighted samples.  ``seed``: reproduces it bit for
    bit, with the same ``software``.  ``layer``: the hidden layer, or a layer for each column.
    ``step``: the rate of a real gradient step, or None where the update is linearised.
    ``observable``: the quantity measured in place of the update, with a total alone, or None.
    ``weighted``: whether samples are weighted (`RareEvents`).
    ``untrained``: the measured layers that read no trained weights.  ``names``: the measured
    layers in words, where they are not layers of an MLP.  ``moved``: the letters that a step
    moves there: z, or the stream h of a residual network, or hz for both.  ``rare``: whether
    `RareEvents` draws such networks.  ``network``: the network drawn.  ``rates``: the multipliers
    of eta, None where all are 1.  ``optimiser``: the rule of the step.

    >>> from theory import MLP
    >>> from verify import monte_carlo
    >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
    >>> e
    E[(Δz)²]/η² over 2,000 samples, seed 1
    label   27.04 ± 0.78
    output  1.68 ± 0.15
    total   28.72 ± 0.87
    """

    parts: dict[str, Measurement]
    samples: int
    seed: int
    layer: Any = None
    step: float | None = None
    observable: Observable | None = None
    weighted: bool = False
    untrained: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    software: tuple[Software, ...] = ()
    moved: str = "z"
    rare: bool = True
    network: Network | None = None
    rates: Any = None
    optimiser: Optimiser = field(default_factory=GradientDescent)

    @property
    def total(self) -> Measurement:
        """The whole update.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.total
        28.72 ± 0.87 over 2,000 samples
        """
        return self.parts["total"]

    @property
    def label(self) -> Measurement:
        """The part from the label.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.label
        27.04 ± 0.78 over 2,000 samples
        """
        return self._part("label")

    @property
    def output(self) -> Measurement:
        """The part from the network's output.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.output
        1.68 ± 0.15 over 2,000 samples
        """
        return self._part("output")

    def _part(self, name: str) -> Measurement:
        if name not in self.parts and self.observable is not None:
            raise AttributeError(
                f"the observable {self.observable} has no {name} part, only a total: leave "
                f"observable out to measure the update"
            )
        if name not in self.parts:
            raise AttributeError(
                f"a real step has no {name} part, only a total: simulate with step=None"
            )
        return self.parts[name]

    @property
    def mean(self) -> Any:
        """The total's mean.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.mean == e.total.mean
        True
        """
        return self.total.mean

    @property
    def standard_error(self) -> Any:
        """The total's standard error.

        >>> from theory import MLP
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1)
        >>> e.standard_error == e.total.standard_error
        True
        """
        return self.total.standard_error

    value, error = mean, standard_error

    def plot(self, ax: Axes | None = None, *, theory: Callable[..., Any] | None = None) -> Axes:
        """Draw the measured means over the layers, with two standard errors; return the axes.

        ``theory``: the exact value to draw with them, as ``squared_update(network, ell)``, whose
        parts are drawn too, or a law, as a function of the layers.
        ``ax``: Matplotlib axes, or None for a new figure; backend and style are the user's.

        >>> from theory import MLP, squared_update
        >>> from theory.symbols import ell
        >>> from verify import monte_carlo
        >>> e = monte_carlo(MLP(32, 4), samples=2000, seed=1, layer=range(1, 5))
        >>> e.plot(theory=squared_update(MLP(32, 4), ell)).get_title().replace(chr(10), " ")
        'Measured means are within two standard errors of the exact values at 11 of 12 points'
        """
        layers = self.layer if isinstance(self.layer, tuple) else (self.layer or 1,)
        places = range(1, len(self.names) + 1) if self.names else layers
        if theory is not None and not self.names:
            self._check_theory(theory)
        quantity = self._quantity(r"$E[(\Delta {})^2]/\eta^2$")
        real = self.step is not None and self.observable is None
        linearised = real and hasattr(theory, "network") and getattr(theory, "step", None) is None
        return draw_estimate(
            self.parts, places, ax, theory, quantity, self.names, linearised=linearised
        )

    def _check_theory(self, theory: Any) -> None:
        """Refuse a value of theory of another quantity, network, layer, step or multipliers."""
        network = getattr(theory, "network", None)
        if self.network is None or network is None:
            return
        mine = brief(self.network)
        give = f"give squared_update({mine}, ell)"
        if self.observable is not None:
            give = f"give derive(observable, {mine}, layer=ell)"
        if not self._measures(theory):
            raise InvalidArgument(
                f"expected the exact {self._quantity('E[(Δ{})²]/η²')} for theory, which was "
                f"measured, got theory={typed(theory)}; {give}"
            )
        if not _are_alike(network, self.network):
            raise InvalidArgument(
                f"expected the value of {mine} for theory, got one of {brief(network)}; {give}"
            )
        if isinstance(self.layer, int) and theory.layer not in (self.layer, ell):
            raise InvalidArgument(
                f"expected the value at layer {self.layer} for theory, got one at layer "
                f"{theory.layer}; {give}"
            )
        step = getattr(theory, "step", None)  # exact, beside a measured step as a float
        given = {"rates": self._multipliers(theory), "step": None if step is None else float(step)}
        given |= {"optimiser": getattr(theory, "optimiser", GradientDescent())}
        for name, value in given.items():
            if value != getattr(self, name) and not (name == "step" and value is None):
                raise InvalidArgument(
                    f"expected {name}={brief(getattr(self, name))} in theory, as measured, got "
                    f"{name}={brief(value)}; give squared_update the arguments of monte_carlo"
                )

    def _multipliers(self, theory: Any) -> Any:
        """The multipliers of eta of a value of theory; None where all are 1."""
        rates = (theory.derivations[0] if hasattr(theory, "derivations") else theory).rates
        runs = multiplier_runs(rates, self.network.layers) if self.network else []
        found = tuple(rate for rate, layers in runs for _ in range(layers))
        return None if set(found) <= {1} else found

    def _measures(self, theory: Any) -> bool:
        """Whether a value of theory is of the quantity that was measured."""
        if self.observable is not None:
            return bool(getattr(theory, "observable", None) == self.observable)
        update = self._quantity(r"$E[(\Delta {})^2]/\eta^2$")
        return getattr(theory, "_quantity", "") in (update, rf"{update} as $n \to \infty$")

    def __repr__(self) -> str:
        header, *rows = self._table
        lines = aligned_rows([header, *rows] if any(header) else rows)
        return "\n".join([*wrap(self._headline(), _COLUMNS), *lines, *self._cautions()])

    @property
    def _table(self) -> list[list[str]]:
        """A header and rows: a row for each part of one layer, or for each of several layers."""
        rows = [[name, *part.values()] for name, part in self.parts.items()]
        if np.size(self.total.log_mean) == 1:
            return [[""] * 2, *rows]
        layers = self.layer if isinstance(self.layer, tuple) else ()
        names = self.names or [f"layer {each}" for each in layers]
        return [list(row) for row in zip(["", *names], *rows, strict=True)]

    def _headline(self) -> str:
        of = "" if self.step is None else f" of real steps of rate {self.step:g}"
        if self.optimiser != GradientDescent():
            of += f" of {self.optimiser}"
        if self.rates is not None:
            of += f" at rates={brief(self.rates)}"
        over = samples_in_words(self.samples)
        over = over.replace("sample", "weighted sample") if self.weighted else over
        return f"{self._quantity('E[(Δ{})²]/η²')}{self._at}{of} over {over}, seed {self.seed}"

    @property
    def _at(self) -> str:
        """The measured layer, unless it is the last of a chain or a row names it."""
        if np.size(self.total.log_mean) > 1:
            return ""
        if self.names:
            return f" at {self.names[0]}"
        (layer,) = self.layer if isinstance(self.layer, tuple) else (self.layer,)
        last = self.network is None or layer in (None, self.network.depth)
        return "" if last else f" at layer {layer}"

    def _quantity(self, update: str) -> str:
        """The measured quantity: ``update`` for each letter, or the mean of an observable."""
        if self.observable is not None:
            return f"E[{brief(self.observable, 120)}]"
        return ", ".join(update.replace("{}", letter) for letter in self.moved)

    def _cautions(self) -> list[str]:
        """Why a number is undefined, or not to be trusted."""
        rare = "give sampler=RareEvents(), which draws the networks that set the mean"
        if self.step is not None:
            rare = "with step=None, RareEvents() draws the networks that set the mean"
        if not self.rare:
            rare = "draw more samples"
        if self.observable is not None:
            rare = "draw more samples; derive(observable, network) has the exact mean"
        if self.untrained and self.names:
            return [
                "no weights below are trained, or f reads no trained weights: the update is 0 there"
            ]
        if self.untrained:
            layers = ", ".join(map(str, self.untrained))
            return [f"no layer up to layer {layers} is trained: the update is 0 there"]
        if self.observable is not None and not self.observable.terms:
            return ["the observable is 0: measure another"]
        if self.observable is not None and _is_zero(self.observable):
            return [
                "the mean is 0, since every term is odd in the readout v, and v and -v are equally "
                "likely: measure the square"
            ]
        if np.any(np.isneginf(self.total.log_mean)) and not self.weighted:
            return [f"every sampled network was dead: {rare}"]
        if any("undefined" in value for part in self.parts.values() for value in part.values()):
            return [self.total.undefined or ""]
        few = float(np.min(self.total.effective_samples))
        if self.weighted or few > min(_FEW, max(self.samples / 10, _FEWEST)):
            return []
        if few > self.samples / 2:
            return [f"{self.samples} networks are too few for a standard error: draw more samples"]
        return [
            f"a few networks dominate this mean, which varies like the mean of {few:.1f} equally "
            f"weighted networks: the mean and its error are too small most of the time; {rare}"
        ]

    def _repr_html_(self) -> str:
        """The parts as a table."""
        header, *rows = self._table
        below = " ".join(self._cautions())
        return html_table(rows, header * any(header), caption=self._headline(), below=below)


def _is_zero(observable: Observable) -> bool:
    """Whether every term of an observable is odd in the readout."""
    return all(is_odd(word) for word, _ in observable.terms)


def _are_alike(one: Any, other: Network) -> bool:
    """Whether two networks have one law; True of a network with open sizes."""
    names = ("layers", "widths", "activation", "c", "bias_variance", "norm", "s", "norm2")
    return bool(one.free_symbols) or all(getattr(one, a) == getattr(other, a) for a in names)


def merge(
    blocks: Sequence[Block], parts: tuple[str, ...], *, scalar: bool
) -> dict[str, Measurement]:
    """The measurements of ``parts``, and their total, from independent blocks.

    ``scalar``: a single number named the layer; measurements then have shape ``()``.
    Law: the order of the blocks changes the result only by rounding; the sum follows this order.
    """
    counts = np.array([block.samples for block in blocks], dtype=np.float64)[:, None, None]
    units = np.stack([block.log_unit for block in blocks])
    log_unit = np.max(units, axis=0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        factors = np.exp(units - log_unit)
        means = factors * np.stack([block.mean for block in blocks])
        spreads = factors**2 * np.stack([block.spread for block in blocks])
        samples = counts.sum()
        mean = (counts * means).sum(axis=0) / samples
        spread = spreads.sum(axis=0) + (counts * (means - mean) ** 2).sum(axis=0)
        variance = spread / samples / mean**2
        error = np.sqrt(np.where(variance > 0, variance, np.nan) / max(samples - 1, np.nan))
        log_mean, share = np.log(np.abs(mean)) + log_unit, 1.0 / (samples * np.abs(mean))
        block_means = np.stack([block.mean for block in blocks])
        block_logs = np.log(np.abs(block_means)) + units
    kept = [block.logs for block in blocks if block.logs is not None]
    logs = np.concatenate(kept, axis=1) if len(kept) == len(blocks) else None
    index: Any = (lambda array: array[..., 0]) if scalar else (lambda array: array)
    return {
        name: Measurement(
            log_mean=index(log_mean[part]),
            relative_standard_error=index(error[part]),
            effective_samples=number_or_array(index(samples / (1.0 + variance[part]))),
            largest_share=number_or_array(index(share[part])),
            samples=int(samples),
            sign=index(np.sign(mean)[part]),
            block_log_means=index(block_logs[:, part]),
            block_signs=index(np.sign(block_means)[:, part]),
            block_samples=counts[:, 0, 0],
            logs=None if logs is None else index(logs[part]),
        )
        for part, name in enumerate([name for name in parts if name != "total"] + ["total"])
    }


def sum_block(logs: FloatArray, signs: FloatArray | None = None, *, keep: bool = False) -> Block:
    """A sampler's logarithms, shape ``(parts, samples, layers)``, summed over the samples, of
    numbers with these ``signs``, or positive; ``keep``: with the logarithms themselves."""
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        if len(logs) > 1:
            logs = np.concatenate((logs, sum_of_parts(logs)[None]))
        log_unit = np.max(logs, axis=1)
        log_unit = np.where(np.isneginf(log_unit), 0.0, log_unit)
        values = exponentials(logs - log_unit[:, None])
        values = values if signs is None else signs * values
        mean = values.mean(axis=1)
        spread = ((values - mean[:, None]) ** 2).sum(axis=1)
    return Block(logs.shape[1], log_unit, mean, spread, logs if keep else None)
