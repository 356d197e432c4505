"""`layer_rates` gives learning rates of first layer, hidden layers and readout, alone and jointly.

With rates eta_1, eta_h, eta_v of the three groups, one step gives, to first order,

    Delta z = -(f - y) (eta_1 K_1 + eta_h K_h) g,
    Delta f = -(f - y) (eta_1 g.K_1 g + eta_h g.K_h g + eta_v |x|^2),

at the last hidden layer, where K = K_1 + K_h splits by the group that moves.  Let each rate be its
own maximal one times sqrt(s): each group then uses the share s of the bound by itself, and s is the
largest for which the joint E[(Delta z)^2] and E[(Delta f)^2] meet the bound.  Their cross terms
are means of the same kind, since K is linear in the multipliers.  With one hidden layer there are
no layers 2 to L: K = K_1, and two groups share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from sympy import Expr, Integer, Poly, sqrt

from theory.algebra.numerals import printable, real_text
from theory.algebra.power_sum import DEPTHS
from theory.coverage import answered
from theory.errors import NotSolved
from theory.laws.criteria import LastLayer, NetworkOutput
from theory.laws.update import squared_update
from theory.networks.groups import Readout, group_rates, inner_groups
from theory.networks.network import Network, checked_network
from theory.networks.sizes import Sizes, network_at
from theory.precision import workdps
from theory.public_names import cached_property
from theory.rates.hidden_rate import MaximalLearningRate
from theory.rates.learning_rate import ReadoutLearningRate, typical_call
from theory.rates.rate import maximal_learning_rate
from theory.solutions.composite import Composite
from theory.solutions.derivation import derive
from theory.solutions.infinite_width import highest_degree
from theory.symbols import n
from theory.waiting import announced
from theory.words.observables import K, Observable, f, g, x
from theory.writing.blocks import Line, Table
from theory.writing.notation import Math
from theory.writing.rendering import table_html, table_text

__all__ = ["LayerRates", "layer_rates"]

_ORDERS = 2
_FEW_LAYERS, _QUICK_DEPTH = 16, 10**12
"""Depths up to which rates are functions of the width, and numbers, that are quick to make."""


@dataclass(frozen=True)
class LayerRates(Composite):
    """The maximal learning rates of the groups of weights under one bound.

    ``inner``: of the first layer, and of the hidden layers where there are any, alone, bounding
    E[(Delta z)^2] in the last hidden layer; ``readout``: alone, bounding E[(Delta f)^2].  Made by
    `layer_rates`.

    >>> from theory import MLP, layer_rates
    >>> layer_rates(MLP(64, 8))
    LayerRates of MLP(width=64, depth=8), bound 1
                   alone      together
    first layer    0.323193   0.171788
    hidden layers  0.0791636  0.042078
    readout        0.0112892  0.00600058
    """

    inner: tuple[MaximalLearningRate, ...]
    readout: ReadoutLearningRate
    _drawn_as: ClassVar[str] = "learning rate, trained together"

    @property
    def first(self) -> MaximalLearningRate:
        """The rate of the first layer alone.

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP()).first.leading()
        1/sqrt(L)
        """
        return self.inner[0]

    @property
    def hidden(self) -> MaximalLearningRate:
        """The rate of layers 2 to L alone; `NotSolved` where there are none.

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP()).hidden.leading()
        sqrt(3)/L**(3/2)
        """
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
        alone: between 1 and 4, by Cauchy and Schwarz; 1 at depth 1.

        >>> from theory import MLP, layer_rates
        >>> round(float(layer_rates(MLP(64, 8)).moved_layer), 4)
        3.5395
        """
        return printable(self._exact_layer)

    @property
    def moved_output(self) -> Expr:
        """E[(Delta f)^2] over the bound if every group trains at its rate alone; the
        readout's own step makes 1 of it.

        >>> from theory import MLP, layer_rates
        >>> round(float(layer_rates(MLP(64, 8)).moved_output), 4)
        2.2305
        """
        return printable(self._exact_output)

    @cached_property
    def _exact_layer(self) -> Expr:
        """`moved_layer`, however long its numbers are; so are the next two."""
        with announced("shares of the bound"):
            return _moved_layer(self._moved_z, self._groups, self._alone[:-1], self.bound)

    @cached_property
    def _exact_output(self) -> Expr:
        with announced("shares of the bound"):
            return _moved_output(self._moved_f, self._groups, self._alone, self.bound)

    @property
    def _exact_share(self) -> Expr:
        return 1 / max(self._exact_layer, self._exact_output, key=lambda moved: moved.evalf(30))

    @property
    def share(self) -> Expr:
        """The share s of the bound that each group alone may use when all train together: one over
        the larger of `moved_layer` and `moved_output`.

        Needs a network in numbers, which decide whether z or f binds.

        >>> from theory import MLP, layer_rates
        >>> round(float(layer_rates(MLP(64, 8)).share), 4)
        0.2825
        """
        if self.network.free_symbols:
            raise NotSolved(
                f"whether z or f binds depends on the sizes of {self.network}: give numbers, as "
                f"in MLP(width=64, depth=4), or read moved_layer and moved_output"
            )
        return printable(self._exact_share)

    @property
    def together(self) -> tuple[Expr, ...]:
        """The rates of first layer, hidden layers (where there are any) and readout trained
        together: each alone times sqrt(share).

        >>> from theory import MLP, layer_rates
        >>> [round(float(rate), 4) for rate in layer_rates(MLP(64, 8)).together]
        [0.1718, 0.0421, 0.006]
        """
        factor = sqrt(self.share)
        return tuple(printable(rate * factor) for rate in self._alone)

    exact = together

    def leading(self) -> tuple[Expr, ...]:
        """The leading terms of the rates trained together, as n -> infinity, then as the depth
        grows: those alone times sqrt(`leading_share`).

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP()).leading()[2]
        1/(n*sqrt(sqrt(3) + 2))
        """
        root = sqrt(self.leading_share())
        return tuple(rate.leading() * root for rate in (*self.inner, self.readout))

    def leading_share(self) -> Expr:
        """The limit of 1/`moved_layer` as n -> infinity, then as the depth grows; the output's
        movement is then 1 and does not bind.

        Needs symbolic width and depth.

        >>> from theory import MLP, layer_rates
        >>> layer_rates(MLP()).leading_share()
        1/(sqrt(3) + 2)
        """
        if self.network.width != n or isinstance(self.network.depth, int):
            raise NotSolved(
                f"the limit needs symbolic width and depth, got {self.network}: leave them out"
            )
        cases = (None, *self._groups)
        series = [squared_update(self.network, rates=r).solved_series(_ORDERS) for r in cases]
        whole, first, hidden = series
        cross = [w - one - two for w, one, two in zip(whole, first, hidden, strict=True)]
        (i, both), (j, one), (k, two) = (_leading(each) for each in (cross, first, hidden))
        if 2 * i != j + k:
            raise NotSolved("the groups' updates are not aligned to leading order: give numbers")
        return 1 / (2 + both / sqrt(one * two))

    def _expanded(self, of: object) -> Any:
        raise NotSolved(
            "whether z or f binds depends on the depth and on L/n: ask first, hidden and readout, "
            "the rates alone, or leading()"
        )

    def _lines(self) -> list[Line]:
        table = self._table
        return [
            Line(
                Math("", rf"\eta_{{\text{{{name}, {column}}}}}"),
                cell if isinstance(cell, Math) else Math.spelled(cell),
                "~" if self.open_sizes else "≈",
            )
            for name, *cells in table.rows
            for column, cell in zip(table.header[1:], cells, strict=True)
        ]

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

            def update(rates: object) -> Any:
                return squared_update(self.network, rates=rates)._number(finer)

            def mean(observable: Observable, rates: object) -> Any:
                return derive(observable, self.network, rates=rates)._number(finer)

            return (
                _moved_layer(update, self._groups, alone[:-1], bound),
                _moved_output(mean, self._groups, alone, bound),
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
    def _groups(self) -> list[object]:
        """The multipliers that train each group of `inner` alone."""
        return [group_rates(self.network, group) for group in inner_groups(self.network)]

    def __repr__(self) -> str:
        head, depth = f"LayerRates of {self.network}, bound {self.bound}", self.network.depth
        sizes = ", ".join(map(str, self.open_sizes))
        if sizes and (self.network.width != n or (isinstance(depth, int) and depth > _FEW_LAYERS)):
            return f"{head}: call it with numbers for {sizes}"
        if isinstance(depth, int) and depth > _QUICK_DEPTH:
            return f"{head}: ask for evaluate()"
        typical = typical_call(self.network)
        return "\n".join([head, *table_text(self._table), *([typical] if typical else [])])

    def _repr_html_(self) -> str | None:
        """The rates as a table; None where only the text is quick."""
        return None if "\n" not in repr(self) else table_html(self._table)

    @property
    def _drawn_parts(self) -> tuple[str, ...]:
        return (*("first layer", "hidden layers")[: len(self.inner)], "readout")

    @property
    def _rates(self) -> tuple[MaximalLearningRate | ReadoutLearningRate, ...]:
        return (*self.inner, self.readout)

    @property
    def _table(self) -> Table:
        """The three rates, alone and together; to leading order where sizes are symbols."""
        names, rates = self._drawn_parts, self._rates
        if self.network.free_symbols:
            leading = tuple(Math.of(rate.leading()) for rate in rates)
            return Table(("", "alone, to leading order"), tuple(zip(names, leading, strict=True)))
        alone = (real_text(rate.evaluate()) for rate in rates)
        together = map(real_text, self.evaluate())
        return Table(("", "alone", "together"), tuple(zip(names, alone, together, strict=True)))


def _moved_layer(
    update: Callable[[object], Any], groups: Sequence[object], alone: Sequence[Any], bound: Any
) -> Any:
    """E[(Delta z)^2] over ``bound`` with each of the ``groups``, given by its multipliers, at its
    rate ``alone``; ``update``: the mean by multipliers, None for all groups.

    A cross term is the whole less the shares: K is linear in the multipliers.
    """
    shares = [update(rates) for rates in groups]
    cross = update(None) - sum(shares[1:], start=shares[0])
    return len(shares) + cross * prod(alone) / bound


def _moved_output(
    mean: Callable[[Observable, object], Any],
    groups: Sequence[object],
    alone: Sequence[Any],
    bound: Any,
) -> Any:
    """E[(Delta f)^2] over ``bound`` with the ``groups`` and the readout, last in ``alone``, each at
    its rate; ``mean``: of an observable by multipliers."""

    def whole(observable: Observable, rates: object) -> Any:
        return mean(observable, rates) + mean(f**2 * observable, rates)

    kernel, norm, (*inner, readout) = g @ K @ g, x @ x, alone
    squares = [whole(kernel**2, rates) for rates in groups]
    moved = (whole(kernel**2, None) - sum(squares[1:], start=squares[0])) * prod(inner)
    for square, rates, own in zip(squares, groups, inner, strict=True):
        moved += square * own**2 + 2 * readout * own * whole(norm * kernel, rates)
    return 1 + moved / bound


def _leading(series: list[Expr] | tuple[Expr, ...]) -> tuple[int, Expr]:
    """The first order in 1/n that does not vanish, and its highest power of the depth."""
    for order, coefficient in enumerate(series):
        if not Poly(coefficient, *DEPTHS).is_zero:
            return order, highest_degree(coefficient, *DEPTHS)
    raise NotSolved(
        f"the first {len(series)} coefficients of the series in 1/n vanish: give sizes as numbers"
    )


@answered
def layer_rates(network: Network, *, bound: object = Integer(1)) -> LayerRates:
    """The largest rates of first layer, hidden layers (2 to L) and readout, alone and together.

    ``bound``: of E[(Delta z)^2] in the last hidden layer and of E[(Delta f)^2]; an exact positive
    number.  At depth 1, which has no layers 2 to L, first layer and readout share the bound.

    >>> from theory import MLP, layer_rates
    >>> from theory.symbols import n_0
    >>> rates = layer_rates(MLP(input_width=n_0))
    >>> rates.first.leading(), rates.hidden.leading(), rates.readout.leading()
    (n/(sqrt(L)*n_0), sqrt(3)/L**(3/2), 1/n)
    >>> [f"{float(rate):.3g}" for rate in layer_rates(MLP(64, 8)).together]
    ['0.172', '0.0421', '0.006']
    """
    checked_network(network)
    last = LastLayer(bound)
    inner = inner_groups(network)
    return LayerRates(
        tuple(maximal_learning_rate(network, criterion=last, group=group) for group in inner),
        maximal_learning_rate(network, criterion=NetworkOutput(last.bound), group=Readout()),
    )
