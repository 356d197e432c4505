"""`WholeNetwork` is the mean of the update of one site, in a network without cells that repeat.

To first order in eta a step moves the pre-activations z of a site by -(f - y) K_zf, the block of
the kernel between the site and the output.  With E_y (f - y)^2 = 1 + f^2 the mean square is
E[tr K_zf K_fz] + E[f^2 tr K_zf K_fz], over the width.  The output is a site of width 1; its step is
averaged first, then the weights of the other sites down to the inputs, where no kernel is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import Any, NoReturn

from theory.algebra.fields import field_of
from theory.errors import NotSolved
from theory.networks.network import Network, repeating_network
from theory.networks.sites import Step
from theory.networks.sizes import Sizes, network_at
from theory.public_names import cached_property
from theory.solutions.derivation import Derivation
from theory.validation import brief
from theory.waiting import announced
from theory.words.coefficients import StepParameters, evaluate
from theory.words.letters import FIRST_INPUT, INNER, SITES, kernel, post, pre, renamed, vector
from theory.words.observables import Observable, f
from theory.words.shapes import StepShape, refuse_masks, step_parameters, step_shape
from theory.words.step import summands, word_below
from theory.words.word import Word, canonical_word

__all__ = ["WholeNetwork", "label_and_output"]

_TO_OUTPUT = Observable.of([(("".join(INNER),), Fraction(1))])
"""tr K_fz K_zf: `INNER` are the kernels from the output f to the site z and back."""
_QUICK_PRODUCTS, _MOST_PRODUCTS = 100_000, 500_000
"""Products of weights that are averaged in two seconds and in half a minute of one core."""
_TOO_MANY = (
    f"an exact value averages more than {_MOST_PRODUCTS:,} products of weights here, which takes "
    f"too long: give fewer edges, positions or layers, or simulate"
)

Numbers = dict[str, int]
"""Sites by number, as the letters of words hold them."""


class _TooManyProducts(Exception):
    """A mean takes too long."""


@dataclass(frozen=True)
class WholeNetwork(Derivation):
    """The mean of tr K_zf K_fz, or of f^2 times it, at the site that ``layer`` names."""

    @property
    def in_numbers(self) -> bool:
        """Depth and layer are numbers."""
        return True

    @cached_property
    def in_field(self) -> Any:
        """The mean at eta = 1 as an element of `domain`."""
        with announced("exact value"):
            if reason := self._refusal:
                raise NotSolved(reason)
            mean, _ = self._mean(_QUICK_PRODUCTS if self._is_quick else _MOST_PRODUCTS)
            if mean is None:
                raise NotSolved(_TOO_MANY)
            return mean

    @property
    def _is_quick(self) -> bool:
        """Whether the mean takes at most two seconds."""
        return self._mean(_QUICK_PRODUCTS)[0] is not None

    @property
    def _refusal(self) -> str:
        """Why the mean is refused, where the first two seconds show it."""
        try:
            mean, products = self._mean(_QUICK_PRODUCTS)
        except NotSolved as reason:
            return str(reason)
        return _TOO_MANY if mean is None and products > _MOST_PRODUCTS else ""

    def _mean(self, most: int) -> tuple[Any, int]:
        """The mean, from ``most`` products of weights at most, and the products counted."""
        ((word, _),) = self.observable.terms
        return _mean(self.network, self.layer, self.rates, len(word) // 2, most)

    @property
    def words(self) -> tuple[str, ...]:
        """None: no words close, since no cells repeat."""
        return ()

    @property
    def word_maps(self) -> NoReturn:
        """Raises `NotSolved`."""
        repeating_network(self.network)
        raise AssertionError

    law = squares = word_maps

    def _number(self, context: Any) -> Any:
        value = self.in_field
        return context.mpf(int(value.numerator)) / int(value.denominator)

    def _at(self, sizes: Sizes) -> WholeNetwork:
        return replace(self, network=network_at(self.network, sizes))

    def __repr__(self) -> str:
        where = f"at {brief(self.layer, write=repr)} of {self.network}"
        return f"WholeNetwork: E[{brief(self.observable, 120)}] {where}"


def label_and_output(network: Network, layer: object, rates: object) -> tuple[WholeNetwork, ...]:
    """The means of tr K_zf K_fz and of f^2 times it, at ``layer`` of ``network``."""
    given = network._asked_layer(layer), network._asked_rates(rates)
    for step in chain.from_iterable(cell for cell, _ in network._cells(given[1])):
        refuse_masks(step)
    return tuple(WholeNetwork(each, network, *given) for each in (_TO_OUTPUT, f**2 * _TO_OUTPUT))


@lru_cache(maxsize=64)
def _mean(network: Network, layer: Any, rates: Any, outputs: int, most: int) -> tuple[Any, int]:
    """E[f^(2 outputs) tr K_zf K_fz] in the field of ``network``, None where ``most`` products of
    weights are not enough; and the products of all steps up to the last one that was counted."""
    readout, z = network._readout(), network._site_name(layer)
    steps = [*(step for cell, _ in network._cells(rates) for step in cell), (readout,)]
    descent = _Descent(network, {readout.name: 1, z: 2}, outputs, most)
    try:
        for step in reversed(steps):
            if any(site.name in descent.numbers for site in step):
                descent.average(step)
    except _TooManyProducts:
        return None, descent.products
    return descent.at_the_inputs(), descent.products


class _Descent:
    """The mean as ``words`` in faces of the sites in ``numbers``, with their coefficients."""

    def __init__(self, network: Network, numbers: Numbers, outputs: int, most: int) -> None:
        self.domain = field_of(network.free_symbols)
        self.gram = network._gram()
        self.inputs = {name for pair in self.gram for name in pair}
        self.numbers, self.products, self.most = numbers, 0, most
        self._numbered([*numbers, *self.inputs])  # too many inputs are refused before any work
        output, site = post(1), pre(2)
        moved = kernel(0, output, site) + kernel(0, site, output)
        word = canonical_word((moved, *(vector(output) * 2,) * outputs))
        self.words: dict[Word, Any] = {word: self.domain.one}

    def average(self, step: Step) -> None:
        """Average ``step``.

        Its sites may be turned where that leaves the step as it is, as positions of a convolution:
        words that differ by a turn have one mean, each in the numbers of that turn.
        """
        turns = list(self._turns(step))
        first, shape = turns[0], step_shape(step, turns[0])
        down = [self._renaming(self.numbers, turn) for turn in turns]
        back = [self._renaming(turn, first) for turn in turns]
        turned = {
            word: min((_translated(word, each), k) for k, each in enumerate(down))
            for word in self.words
        }
        words = {word for word, _ in turned.values()}
        self._count(sum(summands(word, shape) for word in words))
        means = self._means(words, shape, step_parameters(self.domain, step, first))
        total: defaultdict[Word, Any] = defaultdict(lambda: self.domain.zero)
        for word, value in self.words.items():
            spelled, turn = turned[word]
            for below, mean in means[spelled].items():
                total[_translated(below, back[turn])] += value * mean
        own = {site.name for site in step}
        self.words = total
        self.numbers = {name: number for name, number in first.items() if name not in own}

    def _means(
        self, words: Iterable[Word], shape: StepShape, parameters: StepParameters
    ) -> dict[Word, dict[Word, Any]]:
        return {
            word: {
                below: evaluate(coefficient, parameters)
                for below, coefficient in word_below(word, shape).items()
            }
            for word in words
        }

    def _turns(self, step: Step) -> Iterator[Numbers]:
        """Numbers for the sites of ``step``, the sites they read, and the others that words
        hold."""
        for turn in range(len(step)):
            turned = step[turn:] + step[:turn]
            read = (edge.source for site in turned for edge in site.edges)
            numbers = self._numbered([*(site.name for site in turned), *read, *self.numbers])
            spelled = _spelled(turned, numbers)
            if turn == 0:
                first = spelled
            if spelled == first:
                yield numbers

    def _numbered(self, names: list[str]) -> Numbers:
        names = list(dict.fromkeys(names))
        inner = [name for name in names if name not in self.inputs]
        inputs = [name for name in names if name in self.inputs]
        if len(inner) >= FIRST_INPUT or len(inputs) > SITES - FIRST_INPUT:
            raise NotSolved(
                f"an exact value needs {len(inner)} sites and {len(inputs)} inputs at once, more "
                f"than {FIRST_INPUT - 1} and {SITES - FIRST_INPUT}: give fewer vertices or "
                f"positions, or simulate"
            )
        return dict(zip(inner, range(1, SITES), strict=False)) | dict(
            zip(inputs, range(FIRST_INPUT, SITES), strict=False)
        )

    def _renaming(self, one: Numbers, other: Numbers) -> _Renaming:
        return _Renaming({number: other[name] for name, number in one.items()})

    def _count(self, products: int) -> None:
        self.products += products
        if self.products > self.most:
            raise _TooManyProducts

    def at_the_inputs(self) -> Any:
        """The mean once every word is a product of inner products of inputs."""
        names = {vector(post(number)): name for name, number in self.numbers.items()}
        products = {
            _form(one, other): self.domain.from_sympy(self.gram[names[one], names[other]])
            for one in names
            for other in names
        }
        total = self.domain.zero
        for word, value in self.words.items():
            for form in word:
                value *= products[form]
            total += value
        return total


class _Renaming(dict[int, str]):
    """A table for `str.translate`: letters of the same faces of other sites."""

    def __init__(self, sites: Mapping[int, int]) -> None:
        super().__init__()
        self._sites = sites

    def __missing__(self, code: int) -> str:
        self[code] = letter = renamed(chr(code), self._sites)
        return letter


def _translated(word: Word, table: _Renaming) -> Word:
    return canonical_word(factor.translate(table) for factor in word)


def _form(one: str, other: str) -> str:
    (form,) = canonical_word((one + other,))
    return form


def _spelled(step: Step, numbers: Numbers) -> Step:
    """``step`` with numbers in the place of names."""
    return tuple(
        replace(
            site,
            name=str(numbers[site.name]),
            edges=tuple(replace(edge, source=str(numbers[edge.source])) for edge in site.edges),
        )
        for site in step
    )
