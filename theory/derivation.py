"""`derive`: any observable of one layer, to its words, its layer map and its exact mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mpmath import mpf
from sympy import Expr, Integer, Matrix, Symbol, sympify
from sympy.polys.domains.domain import Domain

from theory.closed_form import ClosedForm, closed_form
from theory.closure import LayerMap
from theory.coefficients import LayerParameters
from theory.errors import InvalidArgument, NotSolved
from theory.evaluation import evaluate
from theory.formula import closed_form_expression
from theory.mean_field import MeanFieldLaw, leading_in_width, mean_field_law
from theory.network import MLP, numeric_rates
from theory.observables import Observable, Vector
from theory.recursion import Quotient, Recursion, field_of, layer_parameters, recursion
from theory.requests import asked_layer, asked_rates
from theory.schedule import ByGroup, Rates, TrainedLayers
from theory.structure import Structure, structure
from theory.symbols import L, c, ell, n, n_in, n_out, r
from theory.validation import shown
from theory.words import word_text

__all__ = ["Derivation", "derive", "open_layer"]


@dataclass(frozen=True)
class Derivation:
    """The mean of one observable at one layer of a random network, derived.

    Two layer maps carry it: ``layer_map`` takes the words of the kernel below the layer down to
    the input, and ``carried_map`` takes the words in which the observable's gradients appear down
    from the readout.  Made by `derive`.
    """

    observable: Observable
    network: MLP
    layer: int | Symbol
    rates: tuple[Expr, ...] | Rates

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the masked kernel A and the activation x that arise, as text."""
        return tuple(map(word_text, self.structure.kernel.words))

    @property
    def layer_map(self) -> Matrix:
        """The expectation of `words` over one layer: entry (i, j) is the coefficient of word j
        below the layer in word i above it, over Q(n_in, n_out), for multiplier 1.

        Shape ``(words, words)``; with symbols of the network where it has them.
        """
        return self._matrix(self.structure.kernel)

    @property
    def general_layer_map(self) -> Matrix:
        """`layer_map` for any weight variance c/n_in, multiplier r of the layer's own share, and
        mask moments m_p = E[D^p], all symbols."""
        return self._general_matrix(self.structure.kernel)

    @property
    def carried_words(self) -> tuple[str, ...]:
        """The words that carry the observable's gradients down from the readout, as text."""
        return tuple(map(word_text, self.structure.carried.words))

    @property
    def carried_map(self) -> Matrix:
        """The expectation of `carried_words` over one layer, as `layer_map`."""
        return self._matrix(self.structure.carried)

    @property
    def exact(self) -> Expr:
        """The observable's mean, exact: a rational number, or a function of the symbols that the
        network and the layer hold.

        With a symbolic depth or layer, a sum of polynomials times powers, for sizes that meet the
        conditions of `closed_form`; raises `NotSolved` for widths that differ.
        """
        if self.in_numbers:
            return self.domain.to_sympy(self.value)
        return closed_form_expression(self.closed_form)

    @property
    def in_numbers(self) -> bool:
        """Whether depth, layer and multipliers are numbers; the width may be a symbol."""
        typed = isinstance(self.rates, ByGroup | TrainedLayers)
        return isinstance(self.network.depth, int) and isinstance(self.layer, int) and not typed

    @property
    def closed_form(self) -> ClosedForm:
        """The mean as sums of powers of rational eigenvalues, with its conditions.

        Raises `NotSolved` for widths that differ, and for multipliers layer by layer.
        """
        if isinstance(self.rates, tuple):
            raise NotSolved(
                "a closed form in the layer needs multipliers by group or a range of trained "
                "layers: give rates=ByGroup(...) or rates=TrainedLayers(...), or layer as a number"
            )
        return closed_form(self.structure, self.network, sympify(self.layer), self.rates)

    def leading(self) -> Expr:
        """The leading term as n -> infinity and then, with a symbolic depth, as it grows.

        Raises `NotSolved` where the width is a number.
        """
        power, coefficient = self.leading_term()
        return n**power * coefficient

    def leading_term(self) -> tuple[int, Expr]:
        """Power of n and its coefficient in `leading`."""
        if not isinstance(self.network.depth, int):
            law = self.law
            return law.power, law.leading(self.layer)
        if self.network.width != n:
            raise NotSolved(
                "leading() is a limit of infinite width: leave width out, as in MLP(depth=4)"
            )
        return leading_in_width(self.domain, self.value)

    @property
    def law(self) -> MeanFieldLaw:
        """The limit of infinite width, exact in ell and L.  Raises `NotSolved` as `leading`."""
        if isinstance(self.network.depth, int):
            raise NotSolved(
                f"the law in depth needs a symbolic depth, got depth={self.network.depth}: leave "
                f"depth out, as in MLP()"
            )
        if self.layer not in (L, ell) or self.rates is not None:
            raise NotSolved(
                f"the law of layer={self.layer} of a network of symbolic depth with "
                f"rates={self.rates} is not solved: give depth as a number, or layer=ell without "
                f"rates"
            )
        return mean_field_law(self.structure, self.network)

    @cached_property
    def structure(self) -> Structure:
        """The derivation before sizes, shared by all networks."""
        return structure(self.observable)

    @property
    def domain(self) -> Domain:
        """The field that `value` lives in."""
        return field_of(self.network.free_symbols)

    @cached_property
    def value(self) -> Any:
        """`exact` as an element of `domain`."""
        return self._recursion().value(self._numeric_layer())

    def evaluate(self, digits: int = 15) -> mpf:
        """`exact` of a network in numbers as a decimal number, at any depth in milliseconds.

        Relative error below 10^-digits where no terms cancel in the observable.
        """
        run = self._recursion()
        if not self.domain.is_QQ:
            names = ", ".join(sorted(map(str, self.domain.symbols)))
            raise InvalidArgument(
                f"expected a network in numbers, got {self.network!r} with the symbols {names}; "
                f"give them values, as in MLP(width=64, depth=4)"
            )
        return evaluate(run, self._numeric_layer(), digits)

    def quotients(self) -> list[Quotient]:
        """The observable's mean at every layer 1 to L, unreduced."""
        run = self._recursion()
        return [run.expectation(layer) for layer in range(1, self.network.layers + 1)]

    def _recursion(self) -> Recursion:
        if not isinstance(self.network.depth, int):
            raise NotSolved(
                "this needs a depth in numbers, got depth=L: give one, as in MLP(depth=4), or ask "
                "for exact, which has a closed form in L"
            )
        if isinstance(self.rates, ByGroup | TrainedLayers):
            raise NotSolved(f"this needs multipliers in numbers, got rates={self.rates}")
        rates = numeric_rates(self.network) if self.rates is None else self.rates
        return recursion(self.structure, self.network, rates)

    def _numeric_layer(self) -> int:
        if isinstance(self.layer, int):
            return self.layer
        raise NotSolved(
            f"this needs a layer in numbers, got layer={self.layer}: give layer as a number, or "
            f"ask for exact, which has a closed form in ell"
        )

    def _matrix(self, layer_map: LayerMap) -> Matrix:
        return layer_map.matrix(open_layer(self.network)).to_Matrix()

    def _general_matrix(self, layer_map: LayerMap) -> Matrix:
        moments = [Symbol(f"m_{p}", positive=True) for p in range(1, layer_map.mask_powers() + 1)]
        domain = field_of(frozenset({n_in, n_out, c, r, *moments}))
        layer = LayerParameters(
            domain=domain,
            fan_out=domain.from_sympy(n_out),
            variance=domain.from_sympy(c / n_in),
            rate=domain.from_sympy(r),
            mask_moments=_lookup(domain, moments),
        )
        return layer_map.matrix(layer).to_Matrix()

    def __repr__(self) -> str:
        size = len(self.words)
        return (
            f"Derivation of E[{self.observable}] at layer {self.layer} of {self.network}: "
            f"{size} words, closed under the layer map"
        )


def open_layer(network: MLP) -> LayerParameters:
    """One layer of ``network`` with multiplier 1 and both fans open, over Q(n_in, n_out)."""
    domain = field_of((network.free_symbols - {L}) | {n_in, n_out})
    return layer_parameters(domain, network, n_in, n_out, Integer(1))


def _lookup(domain: Domain, moments: list[Symbol]) -> Callable[[int], Any]:
    return lambda power: domain.from_sympy(moments[power - 1])


def derive(
    observable: Observable, network: MLP, *, layer: object = None, rates: object = None
) -> Derivation:
    """Derive the mean of ``observable`` at a layer of ``network`` from its definition.

    ``observable``: built from `theory.observables` (``K``, ``D``, ``z``, ``g``, ``f``, ``x``,
    ``trace``).  ``layer``: None for the last hidden layer, an int, or the symbol ``ell``.
    ``rates``: one non-negative multiplier of eta per hidden layer, all 1 for None; or `ByGroup`
    or `TrainedLayers`, for any depth.

    Masks are averaged by sign symmetry, Gaussian rows by Wick's theorem, and the words that arise
    are followed until they close.  Raises `InvalidArgument` for arguments of another kind; vectors
    are one, since means odd in a neuron, such as E[dz] and E|f|, have no rational closed form.

    >>> from theory import MLP, derive
    >>> from theory.observables import K, trace
    >>> derivation = derive(trace(K @ K), MLP(depth=2))
    >>> derivation.words
    ('tr(A²)', 'xᵀAx', 'tr(A)²', 'tr(A)·|x|²', '|x|⁴')
    >>> derivation.exact
    6*n**3 + 10*n**2
    """
    if isinstance(observable, Vector):
        raise InvalidArgument(
            f"expected a number such as g @ K @ K @ g for observable, got the vector "
            f"observable={observable}: means of entries, E[dz] and E|f| among them, are odd "
            f"moments of Gaussian lengths and have no rational closed form; take a square"
        )
    if not isinstance(observable, Observable):
        raise InvalidArgument(
            f"expected an observable built from K, D, z, g and trace, got "
            f"observable={shown(observable)}"
        )
    if not isinstance(network, MLP):
        raise InvalidArgument(f"expected an MLP for network, got network={shown(network)}")
    return Derivation(observable, network, asked_layer(network, layer), asked_rates(network, rates))
