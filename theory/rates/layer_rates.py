"""`layer_rates` gives learning rates of the groups of weights, alone and jointly: first layer,
hidden layers and readout of an `MLP`; input, up, down and readout of a `Residual`.

With rates eta_i of the groups below the readout and eta_v, one step gives, to first order,

    Delta z = -(f - y) sum_i eta_i K_i g,
    Delta f = -(f - y) (sum_i eta_i g.K_i g + eta_v |x|^2),

at the last hidden layer or block, where K = sum_i K_i splits by the group that moves.  Let each
rate be its own maximal one times sqrt(s): each group then uses the share s of the bound by itself,
and s is the largest for which the joint E[(Delta z)^2] and E[(Delta f)^2] keep the bound.  K is
linear in the multipliers, so that the cross term of two groups is E of both less E of each.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations
from typing import Any, ClassVar, overload

from sympy import Add, Expr, Integer, Max, Rational, sqrt

from theory.algebra.numerals import printable, real_text
from theory.coverage import answered
from theory.errors import NotSolved
from theory.laws.criteria import EveryHiddenLayer, LastLayer, NetworkOutput, Stream, bound_text
from theory.laws.update import squared_update
from theory.networks.groups import Readout, inner_groups
from theory.networks.inputs import Inputs
from theory.networks.multipliers import ByGroup
from theory.networks.network import Network, checked_network, repeating_network
from theory.networks.roles import ByRole
from theory.networks.sizes import Sizes, network_at
from theory.optimisers import GradientDescent, Optimiser
from theory.precision import workdps
from theory.public_names import cached_property
from theory.rates.block_rate import BlockLearningRate
from theory.rates.cross_terms import (
    aligned_blocks,
    aligned_layers,
    moved_layer,
    moved_output,
    root_of_limit,
)
from theory.rates.hidden_rate import MaximalLearningRate
from theory.rates.learning_rate import LearningRate, ReadoutLearningRate, typical_call
from theory.rates.rate import maximal_learning_rate
from theory.rates.wide_layer_rates import (
    WideLayerRates,
    moved_farther,
    rate_lines,
    wide_layer_rates,
)
from theory.solutions.composite import Composite
from theory.solutions.derivation import derive
from theory.symbols import n
from theory.waiting import announced
from theory.words.observables import K, Observable, f, g
from theory.writing.blocks import Line, Table
from theory.writing.notation import Math
from theory.writing.rendering import table_html, table_text

__all__ = ["LayerRates", "layer_rates"]

_FEW_LAYERS, _QUICK_DEPTH = 16, 10**12
"""Depths up to which rates are functions of the width, and numbers, that are quick to make."""


@dataclass(frozen=True)
class LayerRates(Composite):
    """The maximal learning rates of the groups of weights under one bound, for linearised steps.

    ``inner``: the rates of the groups below the readout, each trained alone, under the bound on
    E[(Delta z)^2] in the last hidden layer or after the last block.  ``readout``: the rate of the
    readout trained alone, under the bound on E[(Delta f)^2].  Made by `layer_rates`.

    >>> from theory import MLP, Residual, layer_rates
    >>> layer_rates(MLP(64, 8))
    LayerRates of MLP(width=64, depth=8), bound 1 at the last layer
                   alone      together
    first layer    0.323193   0.171788
    hidden layers  0.0791636  0.042078
    readout        0.0112892  0.00600058
    >>> layer_rates(Residual(64, 8))
    LayerRates of Residual(width=64, blocks=8), bound 1 at the last block
             alone       together
    input    0.222219    0.0710888
    up       0.592423    0.189518
    down     0.335135    0.107211
    readout  0.00568392  0.00181831
    at equal rates input moves the stream most
    """

    inner: tuple[MaximalLearningRate | BlockLearningRate, ...]
    readout: ReadoutLearningRate
    _drawn_as: ClassVar[str] = "learning rate, trained together"

    @property
    def alone(self) -> dict[str, LearningRate]:
        """The rate of each group trained alone, by the name of the group: at these rates all groups
        below the readout move the last layer equally far.

        >>> from theory import Residual, layer_rates
        >>> rates = layer_rates(Residual()).alone
        >>> [rates[name].leading() for name in ("input", "up", "down")]
        [sqrt(3)*exp(-1)/3, 2*sqrt(15)*exp(-1)/5, sqrt(15)*exp(-1)/5]
        """
        return dict(zip((*self._groups, "readout"), self._rates, strict=True))

    @property
    def binding(self) -> str:
        """The group below the readout that moves the last layer farthest at equal rates: the group
        of the smallest rate alone, to leading order where sizes are symbols.

        >>> from theory import MLP, Residual, layer_rates
        >>> layer_rates(Residual()).binding, layer_rates(MLP(64, 8)).binding
        ('input', 'hidden layers')
        """
        sizes = [self._size(rate) for rate in self.inner]
        pairs = zip(self._groups, sizes, strict=True)
        return " and ".join(name for name, size in pairs if size == max(sizes))

    def _size(self, rate: Any) -> tuple[Any, ...]:
        """A key that orders E of the groups: E itself, or the powers of n and of the depth and the
        constant of its leading term."""
        if not self.network.free_symbols:
            return (rate._moved,)
        coefficient, power = rate._leading_moved.as_coeff_exponent(n)
        number, order = coefficient.as_coeff_exponent(self.network.depth)
        if not number.is_number:
            raise NotSolved("which group binds depends on the sizes: give numbers")
        return power, order, number.evalf(30)

    @property
    def first(self) -> MaximalLearningRate | BlockLearningRate:
        """The rate of the first layer, or of the input of a residual network, alone.

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP()).first.leading()
        1/sqrt(L)
        """
        return self.inner[0]

    @property
    def hidden(self) -> MaximalLearningRate | BlockLearningRate:
        """The rate of layers 2 to L alone; `NotSolved` where there are none, and for the blocks of
        a residual network, whose groups stand in `alone`.

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP()).hidden.leading()
        sqrt(3)/L**(3/2)
        """
        if not self.network._is_chain:
            raise NotSolved("the blocks have two groups, up and down: read alone['up']")
        if len(self.inner) == 1:
            raise NotSolved("at depth 1 there are no layers 2 to L: read first and readout")
        return self.inner[1]

    @property
    def bound(self) -> Expr:
        """The bound on E[(Delta z)^2] and E[(Delta f)^2].

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP(), bound="0.1").bound
        1/10
        """
        return self.first.criterion.bound

    @property
    def moved_layer(self) -> Expr:
        """E[(Delta z)^2] over the bound at the last hidden layer if every group trains at its rate
        alone: between 1 and the square of the number of groups, by Cauchy and Schwarz.

        >>> from theory import MLP, layer_rates
        >>> round(float(layer_rates(MLP(64, 8)).moved_layer), 4)
        3.5395
        """
        return printable(self._exact_layer)

    @property
    def moved_output(self) -> Expr:
        """E[(Delta f)^2] over the bound if every group trains at its rate alone; the step of the
        readout contributes 1.

        >>> from theory import MLP, layer_rates
        >>> round(float(layer_rates(MLP(64, 8)).moved_output), 4)
        2.2305
        """
        return printable(self._exact_output)

    @cached_property
    def _exact_layer(self) -> Expr:
        """`moved_layer`, however long its numbers are; so are the next two."""
        with announced("shares of the bound"):
            return moved_layer(self._moved_z, self._trained, self._alone[:-1], self.bound)

    @cached_property
    def _exact_output(self) -> Expr:
        with announced("shares of the bound"):
            return moved_output(self._moved_f, self._trained, self._alone, self.bound)

    @property
    def _exact_share(self) -> Expr:
        return 1 / max(self._exact_layer, self._exact_output, key=lambda moved: moved.evalf(30))

    @property
    def share(self) -> Expr:
        """The share s of its bound that each group may use when all groups train together: one over
        the larger of `moved_layer` and `moved_output`.

        Needs a network in numbers, which decide whether z or f binds.

        >>> from theory import MLP, layer_rates
        >>> round(float(layer_rates(MLP(64, 8)).share), 4)
        0.2825
        """
        if self.network.free_symbols:
            raise NotSolved(
                f"whether z or f binds depends on the sizes of {self.network}: use "
                f".at({self._example_sizes}).together for numbers; moved_layer, moved_output and "
                f"leading_share() work with symbols"
            )
        return printable(self._exact_share)

    @property
    def together(self) -> tuple[Expr, ...]:
        """The rates of all groups trained together, the readout last: each alone times sqrt(share).

        >>> from theory import MLP, layer_rates
        >>> [round(float(rate), 4) for rate in layer_rates(MLP(64, 8)).together]
        [0.1718, 0.0421, 0.006]
        """
        factor = sqrt(self.share)
        return tuple(printable(rate * factor) for rate in self._alone)

    exact = together

    def leading(self) -> tuple[Expr, ...]:
        """The leading terms of the rates trained together, as n -> infinity, then as the depth
        grows: the rates alone times sqrt(`leading_share`).

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP()).leading()[2]
        1/(n*sqrt(sqrt(3) + 2))
        """
        root = sqrt(self.leading_share())
        return tuple(rate.leading() * root for rate in (*self.inner, self.readout))

    def leading_share(self) -> Expr:
        """The limit of `share` as n -> infinity, then as the depth grows.  The `moved_output` of an
        `MLP` tends to 1 and does not bind; the `moved_output` of a `Residual` may bind.

        Needs symbolic width and depth.

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP()).leading_share()
        1/(sqrt(3) + 2)
        """
        if self.network.width != n or isinstance(self.network.depth, int):
            raise NotSolved(
                f"the limit needs symbolic width and depth, got {self.network}: leave them out"
            )
        if derive(f**2, self.network).leading().as_coeff_exponent(n)[1] >= 0:
            raise NotSolved(
                f"the limit is solved where f vanishes as n -> infinity, got {self.network}, whose "
                f"f does not: give a smaller readout_variance or input_norm2, or give numbers"
            )
        aligned = aligned_layers if self.network._is_chain else aligned_blocks
        with announced("shares of the bound"):
            crosses = (aligned(self.network, *pair) for pair in combinations(self._trained, 2))
            moved = Add(len(self.inner), *crosses)
            return 1 / (moved if self.network._is_chain else Max(moved, self._leading_output()))

    def _leading_output(self) -> Expr:
        """The limit of `moved_output` in blocks, where g^T K g and |x|^2 tend to their means."""
        squares = (
            derive(g @ K @ g, self.network, rates=rates).leading() ** 2 / rate._leading_moved
            for rate, rates in zip(self.inner, self._trained, strict=True)
        )
        return (1 + Add(*map(root_of_limit, squares))) ** 2

    def _expanded(self, of: object) -> Any:
        raise NotSolved(
            "whether z or f binds depends on the depth and on L/n: use first, hidden and readout, "
            "the rates of the groups alone, or leading()"
        )

    def _lines(self) -> list[Line]:
        return rate_lines(self._table, "~" if self.open_sizes else "≈")

    def _at(self, sizes: Sizes) -> LayerRates:
        return layer_rates(network_at(self.network, sizes), bound=self.bound)

    def _number(self, context: Any) -> tuple[Any, ...]:
        """The rates of `together`."""
        alone = [rate._number(context) for rate in (*self.inner, self.readout)]
        root = context.sqrt(max(self._moved(alone, context)))
        return tuple(rate / root for rate in alone)

    def _moved(self, alone: list[Any], context: Any) -> tuple[Any, Any]:
        """`moved_layer` and `moved_output`, with more digits, since each cross term in them is a
        whole less its shares."""
        lost = 2 * len(str(self.network.layers)) + 8
        with workdps(context.dps + lost) as finer:
            bound = finer.mpf(int(self.bound.p)) / int(self.bound.q)

            @cache
            def update(rates: object) -> Any:
                return squared_update(self.network, rates=rates)._number(finer)

            @cache
            def mean(observable: Observable, rates: object) -> Any:
                return derive(observable, self.network, rates=rates)._number(finer)

            return (
                moved_layer(update, self._trained, alone[:-1], bound),
                moved_output(mean, self._trained, alone, bound),
            )

    def _moved_z(self, rates: object) -> Expr:
        return squared_update(self.network, rates=rates)._in_full()

    def _moved_f(self, observable: Observable, rates: object) -> Expr:
        return derive(observable, self.network, rates=rates)._exact

    @property
    def _alone(self) -> list[Expr]:
        """The rates of `inner` and the readout."""
        return [rate._exact for rate in (*self.inner, self.readout)]

    @property
    def _groups(self) -> tuple[str, ...]:
        """The groups of `inner` by name."""
        return tuple(inner_groups(self.network))

    @property
    def _trained(self) -> list[object]:
        """The multipliers that train each group of `inner` alone."""
        return list(inner_groups(self.network).values())

    def __repr__(self) -> str:
        last = "the last layer" if self.network._is_chain else "the last block"
        head = f"LayerRates of {self.network}, bound {bound_text(self.bound)} at {last}"
        depth = self.network.depth if isinstance(self.network.depth, int) else 0
        sizes = ", ".join(map(str, self.open_sizes))
        if sizes and (depth > _FEW_LAYERS or self.network.width != n):
            return f"{head}: call it with numbers for {sizes}"
        if depth > _QUICK_DEPTH:
            return f"{head}: use evaluate()"
        last = typical_call(self.network) if self.network._is_chain else self._who_binds()
        with suppress(NotSolved):
            lines = table_text(self._table), filter(None, [self._farther(), last])
            return "\n".join([head, *chain(*lines)])
        return f"{head}: call it with numbers for {sizes}"

    def _farther(self) -> str:
        """Whether the rates together move an earlier layer or block by more than the last."""
        if self.network.free_symbols or len(self.inner) == 1:
            return ""
        first, *others = self.evaluate()[:-1]
        ratios = [Rational(f"{float(each / first):.12g}") for each in others]
        rates = ByGroup(1, *2 * ratios) if self.network._is_chain else ByRole(1, *ratios)
        bounded = (EveryHiddenLayer if self.network._is_chain else Stream)(self.bound)
        found = maximal_learning_rate(self.network, rates=rates, criterion=bounded)
        place = f"{'layer' if self.network._is_chain else 'block'} {found.layer}"
        return moved_farther(place, float((first / found.evaluate()) ** 2), self.bound)

    def _who_binds(self) -> str:
        """Which group moves the stream most at equal rates, where that is known."""
        try:
            group = self.binding
        except NotSolved:
            return ""
        verb = "move" if " and " in group else "moves"
        return f"at equal rates {group} {verb} the stream most"

    def _repr_html_(self) -> str | None:
        """The rates as a table; None where they have no table."""
        return None if "\n" not in repr(self) else table_html(self._table)

    @property
    def _drawn_parts(self) -> tuple[str, ...]:
        return (*self._groups, "readout")

    @property
    def _rates(self) -> tuple[LearningRate, ...]:
        return (*self.inner, self.readout)

    @property
    def _table(self) -> Table:
        """The three rates, alone and together; to leading order where sizes are symbols."""
        names, rates = self._drawn_parts, self._rates
        if self.network.free_symbols:
            header, columns = ["", "alone, to leading order"], [[each.leading() for each in rates]]
            if self.network._is_chain:  # blocks take many seconds
                with suppress(NotSolved):
                    columns.append([*self.leading()])
                    header.append("together")
            rows = zip(
                names, *([Math.of(each) for each in column] for column in columns), strict=True
            )
            return Table(tuple(header), tuple(rows))
        alone = (real_text(rate.evaluate()) for rate in rates)
        together = map(real_text, self.evaluate())
        return Table(("", "alone", "together"), tuple(zip(names, alone, together, strict=True)))


@overload
def layer_rates(network: Network, *, bound: object = Integer(1)) -> LayerRates: ...
@overload  # `WideLayerRates`, unless nothing that needs infinite width is given
def layer_rates(
    network: Network, *, bound: object = 1, inputs: Any = None, optimiser: Any = None
) -> Any: ...
@answered
def layer_rates(
    network: Network,
    *,
    bound: object = Integer(1),
    inputs: Inputs | None = None,
    optimiser: Optimiser | None = None,
) -> LayerRates | WideLayerRates:
    """The largest rates of the groups of weights, alone and together: first layer, hidden layers (2
    to L) and readout of an `MLP`; input, up, down and readout of a `Residual`.  If all groups train
    together, the rate of each group is its rate alone times one factor.

    ``bound``: of E[(Delta z)^2] in the last hidden layer, or in the stream after the last block,
    and of E[(Delta f)^2].  At depth 1 there are no layers 2 to L; only the first layer and the
    readout have rates.  The function returns `WideLayerRates`, solved as n -> infinity, for other
    networks, and if you give ``inputs`` or an ``optimiser`` other than gradient descent.

    >>> from theory import MLP, layer_rates
    >>> from theory.symbols import n_0
    >>> rates = layer_rates(MLP(input_width=n_0))
    >>> rates.first.leading(), rates.hidden.leading(), rates.readout.leading()
    (n/(sqrt(L)*n_0), sqrt(3)/L**(3/2), 1/n)
    >>> [f"{float(rate):.3g}" for rate in layer_rates(MLP(64, 8)).together]
    ['0.172', '0.0421', '0.006']
    >>> from theory import Residual, Tanh
    >>> layer_rates(Residual(64, activation=Tanh()))(B=8)[-1]  # the readout's
    0.003185...
    """
    plain = inputs is None and optimiser in (None, GradientDescent())
    if not (checked_network(network)._is_exact and plain):
        return wide_layer_rates(network, bound, inputs, optimiser)
    repeating_network(network)
    last = LastLayer(bound)
    groups = inner_groups(network).values()
    return LayerRates(
        tuple(maximal_learning_rate(network, criterion=last, rates=each) for each in groups),
        maximal_learning_rate(network, criterion=NetworkOutput(last.bound), group=Readout()),
    )
