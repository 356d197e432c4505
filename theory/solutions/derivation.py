"""`derive` takes any observable of one layer to its words, its layer map and its exact mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from sympy import Add, Expr, Integer, Matrix, Symbol, sympify
from sympy.polys.domains.domain import Domain

from theory.algebra.fields import field_of
from theory.algebra.numerals import printable
from theory.coverage import answered
from theory.errors import NotSolved
from theory.exact.closed_form import ClosedForm, closed_form, closed_form_expression
from theory.exact.evaluation import DecimalRecursion, quick_mean
from theory.exact.open_cells import general_layer, open_layer
from theory.exact.recursion import Recursion, is_too_long, recursion
from theory.limits.blocks import leading_in_blocks
from theory.limits.infinite_width import MeanFieldLaw, leading_in_width, mean_field_law
from theory.networks.multipliers import NUMBERED_LAYERS, grouped, has_closed_form, open_ends
from theory.networks.network import Network, asked_layer, asked_rates, repeating_network
from theory.networks.roles import Branch, block_of
from theory.networks.sizes import Sizes, is_deep, layer_at, network_at, rates_at
from theory.precision import workdps
from theory.public_names import cached_property
from theory.solutions.solved import Solved, at_depths
from theory.solutions.unsolved import given_observable, refuse_unsolved
from theory.symbols import B, L, b, ell, n
from theory.validation import brief
from theory.waiting import announced
from theory.words.bounds import is_slow, refuse_long
from theory.words.closure import LayerMap
from theory.words.observables import Observable
from theory.words.shapes import shape_of
from theory.words.word import is_odd, word_text
from theory.words.word_maps import WordMaps, word_maps
from theory.writing.blocks import Formulas, Line, Prose
from theory.writing.equations import map_lines
from theory.writing.notation import Math
from theory.writing.rendering import block_markdown

__all__ = ["Derivation", "derive"]

_QUICK_DIGITS, _QUICK_DEPTH = 9, 10**6
"""Digits that double precision gives, up to a depth."""
_MORE_DIGITS = 20
_BY_SYMMETRY = "every term is odd in the readout v, and v and -v are equally likely"


@dataclass(frozen=True)
class Derivation(Solved):
    """The derived mean of one observable at one layer of a random network.

    `layer_map` averages one layer in the words of the kernel, from ``layer`` down to the input.
    `carried_map` averages one layer in the words of the observable's gradients, from the readout
    down to ``layer``.  Made by `derive`.

    >>> from theory import MLP, derive
    >>> from theory.observables import K, trace
    >>> derive(trace(K @ K), MLP())  # doctest: +NORMALIZE_WHITESPACE
    Derivation of E[tr(K²)] at layer L of MLP(): 2*L**3*n**3/3 to leading order; 5 words, closed
    under the layer map
    """

    observable: Observable
    network: Network
    layer: int | Symbol | Branch
    rates: Any
    _shared: ClassVar[frozenset[str]] = Solved._shared | {"even", "squares", "word_maps"}

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the masked kernel A and the activation x that arise, as text.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP()).words
        ('tr(A)', '|x|²')
        """
        return tuple(map(word_text, self.word_maps.kernel.words))

    @property
    def layer_map(self) -> Matrix:
        """The expectation of `words` over one layer: entry (i, j) is the coefficient of word j
        below the layer in word i above it, over Q(n_in, n_out), for multiplier 1.

        Shape ``(words, words)``; with symbols of the network where it has them.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP()).layer_map
        Matrix([
        [n_out/n_in,    n_out/2],
        [         0, n_out/n_in]])
        """
        return self._matrix(self.word_maps.kernel)

    @property
    def general_layer_map(self) -> Matrix:
        """`layer_map` for any weight variance c/n_in, multiplier r of the layer's own share, and
        mask moments m_p = E[D^p], all symbols; `NotSolved` for blocks, whose `layer_map` holds the
        symbols that are given to the network.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP()).general_layer_map
        Matrix([
        [c*m_2*n_out/n_in,      m_2*n_out*r],
        [               0, c*m_2*n_out/n_in]])
        """
        if not self.network._is_chain:
            raise NotSolved(
                "a block has no general map of one variance and one rate: give the network symbols "
                "instead, as in Residual(weight_variance=ByRole(up=c)), and use layer_map"
            )
        kernel = self.word_maps.kernel
        return kernel.matrix(general_layer(kernel.mask_powers())).to_Matrix()

    @property
    def carried_words(self) -> tuple[str, ...]:
        """The words that carry the observable's gradients down from the readout, as text.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, g
        >>> derive(g @ K @ g, MLP()).carried_words
        ('tr(B)',)
        """
        return tuple(map(word_text, self.word_maps.carried.words))

    @property
    def carried_map(self) -> Matrix:
        """The expectation of `carried_words` over one layer, as `layer_map`.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, g
        >>> derive(g @ K @ g, MLP()).carried_map
        Matrix([[n_out/n_in]])
        """
        return self._matrix(self.word_maps.carried)

    @property
    def layer_equations(self) -> Formulas:
        """`layer_map` as equations: the mean of each word over one layer.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> for line in derive(trace(K), MLP()).layer_equations.lines:
        ...     print(line.left.text, "=", line.right.text)
        E tr(A) = n_out/n_in tr(A) + n_out/2 |x|²
        E |x|² = n_out/n_in |x|²
        """
        return map_lines(self.words, self.word_maps.kernel.words, self.layer_map)

    @property
    def carried_equations(self) -> Formulas:
        """`carried_map` as equations.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, g
        >>> len(derive(g @ K @ g, MLP()).carried_equations.lines)
        1
        """
        return map_lines(self.carried_words, self.word_maps.carried.words, self.carried_map)

    @cached_property
    def word_maps(self) -> WordMaps:
        """The derivation before sizes, shared by all networks."""
        return word_maps(self.even, *map(shape_of, self.network._kinds()))

    @cached_property
    def even(self) -> Observable:
        """The observable without its terms that are odd in the readout v: v and -v are equally
        likely, and g turns its sign with v, so that a product of an odd number of g has mean 0."""
        terms = tuple(t for t in self.observable.terms if not is_odd(t[0]))
        return replace(self.observable, terms=terms)

    @property
    def squares(self) -> tuple[Derivation, ...]:
        """The mean of the observable's square, its terms apart: words of different degrees do not
        mix, and layer maps of one degree at a time are quicker to solve."""
        square = self.observable**2
        apart = (replace(square, terms=(term,)) for term in square.terms)
        return tuple(replace(self, observable=each) for each in apart)

    def variance(self) -> Expr:
        """The observable's variance over networks, exact, as `exact` is.

        It is the derived mean of the square, an observable of twice the degree, less the squared
        mean.  With symbols it takes a second for g^T K K g.  Raises `NotSolved` as `exact` does,
        and `InvalidArgument` where the square has too many terms.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP(8, 2)).variance()
        4352
        >>> derive(trace(K), MLP(depth=2)).variance()
        8*n**3 + 4*n**2
        """
        with announced("variance"):
            if self.in_numbers and self.opened is None:
                second = sum((each.in_field for each in self.squares), self.domain.zero)
                return printable(self.domain.to_sympy(second - self.in_field**2))
            return printable(Add(*(each._exact for each in self.squares)) - self._exact**2)

    @property
    def exact(self) -> Expr:
        """The observable's mean, exact: a rational number, or a function of the symbols that the
        network and the layer hold.

        With a symbolic depth or layer, a sum of polynomials times powers, for sizes within the
        conditions of `closed_form`; `NotSolved` for widths that differ.  Use `at` for numbers.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP()).exact
        L*n**2
        """
        return printable(self._exact)

    @property
    @announced("exact value")
    def _exact(self) -> Expr:
        if self.vanishes:
            return Integer(0)
        if self.opened is not None:
            derivation, depths = self.opened
            return at_depths(derivation._exact, depths)
        if self.in_numbers:
            return self.domain.to_sympy(self.in_field)
        return closed_form_expression(self.closed_form)

    @cached_property
    def opened(self) -> tuple[Derivation, Sizes] | None:
        """For a deep network with symbols, and for a high layer: the derivation with symbols for
        depth and layer, and their numbers."""
        network, layer = self.network, self.layer
        if not network._is_chain:
            return self._opened_blocks
        rates = grouped(self.rates)
        high = isinstance(layer, int) and layer not in NUMBERED_LAYERS
        deep = is_deep(network) or (high and network.depth == L)
        if self.vanishes or isinstance(network.width, tuple) or not deep:
            return None
        if not has_closed_form(rates, layer):
            return None
        last = layer == network.depth
        place = ell if high and not last else L if last else layer
        opened = replace(self, network=network._with(depth=None), layer=place, rates=rates)
        return opened, {L: sympify(network.depth), ell: sympify(layer)}

    @property
    def _opened_blocks(self) -> tuple[Derivation, Sizes] | None:
        """The same for a network of many blocks, above the first."""
        inside, blocks = isinstance(self.layer, Branch), self.network.depth
        block = block_of(self.layer)
        solved = self.network._depths and block != 0 and not isinstance(self.rates, tuple)
        if self.vanishes or not solved or not is_deep(self.network):
            return None
        place = B if block == blocks else b
        layer = Branch(place) if inside else place
        opened = replace(self, network=self.network._with(blocks=None), layer=layer)
        return opened, {B: sympify(blocks), b: sympify(block)}

    @property
    def in_numbers(self) -> bool:
        """Whether depth, layer and multipliers are numbers; the width may be a symbol."""
        numbers = isinstance(self.network.depth, int) and self._layer_is_number
        return numbers and not open_ends(self.rates)

    @property
    def _layer_is_number(self) -> bool:
        return isinstance(block_of(self.layer), int)

    @property
    def closed_form(self) -> ClosedForm:
        """The mean as sums of powers of rational eigenvalues, with its conditions.

        Raises `NotSolved` for widths that differ, and for multipliers layer by layer.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K), MLP()).closed_form
        ClosedForm: L*n**2
        """
        if self.vanishes:
            raise NotSolved(f"{_BY_SYMMETRY}: there are no powers to add")
        if isinstance(self.rates, tuple):
            raise NotSolved(
                "a closed form in the layer needs multipliers by group or a range of layers: give "
                "rates=ByGroup(...) or rates=TrainedLayers(...), or layer as a number"
            )
        with announced("closed form"):
            return closed_form(self.word_maps, self.network, self.layer, self.rates)

    @announced("leading term")
    def leading(self) -> Expr:
        """The leading term as n -> infinity and then, where the depth is a symbol, as it grows.

        Raises `NotSolved` where the width is a number.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, trace
        >>> derive(trace(K @ K), MLP()).leading()
        2*L**3*n**3/3
        """
        power, coefficient = self.leading_term()
        return n**power * coefficient

    def leading_term(self) -> tuple[int, Expr]:
        """Power of n and its coefficient in `leading`."""
        if self.vanishes:
            return 0, Integer(0)
        if not isinstance(self.network.depth, int):
            if not self.network._is_chain:
                return leading_in_blocks(self.sums)
            if self._has_law:
                return self.law.power, self.law.leading(self.layer)
            if self.opened is None:
                return self.solved_leading()
        if self.network.width != n:
            raise NotSolved(f"leading() is a limit of infinite width: {self.network._open_width}")
        if self.opened is not None:
            return self._leading_at_depth(*self.opened)
        if not self.in_numbers:
            return self.solved_leading()
        return leading_in_width(self.domain, self.in_field)

    @property
    def law(self) -> MeanFieldLaw:
        """The limit of infinite width, exact in ell and L.  Raises `NotSolved` as `leading`.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, g
        >>> derive(g @ K @ g, MLP()).law
        MeanFieldLaw: ell/2 at layer ell of L, the value at n = ∞
        """
        if self.vanishes:
            raise NotSolved(f"{_BY_SYMMETRY}: it has no law")
        if isinstance(self.network.depth, int):
            depth = self.network.depth
            raise NotSolved(f"the law needs a symbolic depth, got depth={depth}: leave depth out")
        if not self._has_law:
            asked = f"layer={self.layer} and rates={self.rates}"
            raise NotSolved(f"the law is not solved at {asked}: use leading(), or layer=ell")
        return mean_field_law(self.word_maps, self.network)

    @property
    def _has_law(self) -> bool:
        return self.network.depth == L and self.layer in (L, ell) and self.rates is None

    @property
    def domain(self) -> Domain:
        """The field of `in_field`."""
        return field_of(self.network._field_symbols(self.rates))

    def _forms(self) -> list[ClosedForm]:
        return [] if self.vanishes else [self.closed_form]

    @cached_property
    def in_field(self) -> Any:
        """The mean at eta = 1 as an element of `domain`."""
        if self.vanishes:
            return self.domain.zero
        if is_too_long(self.network):
            raise NotSolved(
                f"the exact function of {self.network} is too long: put numbers in, as in "
                f".at(n=64), or leave depth out and use leading()"
                if self._symbols()
                else f"the exact number of {self.network} has too many digits: use evaluate(digits)"
            )
        with announced("exact value"):
            return self._recursion().value(self._numeric_layer())

    def _symbols(self) -> frozenset[Symbol]:
        named = block_of(self.layer)
        layer = {named} if isinstance(named, Symbol) else set()
        return self.network.free_symbols | open_ends(self.rates) | layer

    def _at(self, sizes: Sizes) -> Derivation:
        network, rates = network_at(self.network, sizes), rates_at(self.rates, sizes)
        return derive(self.observable, network, layer=layer_at(self.layer, sizes), rates=rates)

    def _number(self, context: Any) -> Any:
        """The sum of the terms' means, with as many more digits as cancel in it."""
        if self.vanishes:
            return context.zero
        run, layer, digits = self._recursion(), self._numeric_layer(), context.dps
        few = context.dps <= _QUICK_DIGITS and self.network.layers <= _QUICK_DEPTH
        if few and (quick := quick_mean(run, layer)):
            return context.mpf(quick)
        for working_digits in range(digits, digits + self._most_digits(), _MORE_DIGITS):
            with workdps(working_digits) as finer:
                terms = DecimalRecursion(run, finer).means(layer)
                total, size = sum(terms, finer.zero), sum(map(abs, terms), finer.zero)
                if abs(total) * finer.mpf(10) ** (working_digits - digits) >= size:
                    return total
        return context.zero

    def _most_digits(self) -> int:
        """The number of digits to which terms must agree to count as equal."""
        return 100 + 20 * len(str(self.network.last_width))

    def _recursion(self) -> Recursion:
        if not isinstance(self.network.depth, int):
            raise NotSolved(
                "this needs a depth in numbers, got depth=L: give MLP(depth=4), say, or use exact"
            )
        if open_ends(self.rates):
            raise NotSolved(
                f"this needs multipliers in numbers, got rates={self.rates}: one for each layer"
            )
        return recursion(self.word_maps, self.network, self.rates)

    def _numeric_layer(self) -> int:
        """The cell of the layer."""
        if self._layer_is_number:
            return self.network._cell_of(self.layer)
        raise NotSolved(
            f"this needs a layer in numbers, got layer={self.layer}: give layer as a number, or "
            f"use exact, which has a closed form in {block_of(self.layer)}"
        )

    @property
    def vanishes(self) -> bool:
        """Whether the mean is 0 at every size, because every term is odd in the readout v.

        >>> from theory import MLP, derive
        >>> from theory.observables import K, f, g, z
        >>> derive(f, MLP()).vanishes, derive(f * (g @ z), MLP()).vanishes
        (True, False)
        """
        return not self.even.terms

    def _matrix(self, layer_map: LayerMap) -> Matrix:
        return layer_map.matrix(open_layer(self.network)).to_Matrix()

    def _lines(self) -> list[Line]:
        return [Line(Math.spelled(f"E[{self.observable}]"), Math.of(self._exact))]

    def _repr_markdown_(self) -> str:
        """The derived mean, and the layer map as equations."""
        if not self.words:
            return block_markdown(Prose(repr(self)))
        return block_markdown(
            Prose(
                f"${self._quantity}$ {self.network._place(self.layer)} of `{self.network}`, by "
                f"words:"
            ),
            self.layer_equations,
        )

    @property
    def _quantity(self) -> str:
        return f"E[{self.observable}]"

    def __repr__(self) -> str:
        where = f"{self.network._place(self.layer)} of {self.network}"
        return f"Derivation of E[{brief(self.observable, 120)}] {where}: {self._told}"

    @property
    def _told(self) -> str:
        """The value, and how many words carry it; the words take too long for some."""
        if self.vanishes:
            return f"0, since {_BY_SYMMETRY if self.observable.terms else 'the observable is 0'}"
        if is_slow(self.observable):
            return "its words take seconds to minutes; read words, or a value"
        size = len(self.words)
        return f"{self._headline()}; {size} word{'s' * (size != 1)}, closed under the layer map"


@answered
def derive(
    observable: Observable, network: Network, layer: object = None, *, rates: object = None
) -> Derivation:
    """Derive the mean of ``observable`` at a layer of ``network`` from its definition.

    ``observable``: built from `theory.observables` (``K``, ``D``, ``z``, ``g``, ``f``, ``x``,
    ``trace``).  ``layer``: None for the last hidden layer, an int, or the symbol ``ell``.
    ``rates``: one non-negative multiplier of eta per hidden layer, all 1 for None; or `ByGroup`
    or `TrainedLayers`, for any depth.

    Masks are averaged by sign symmetry, Gaussian rows by Wick's theorem, and the words that arise
    are followed until they close.  Raises `InvalidArgument` for arguments of another kind, such as
    vectors: means odd in a neuron, for example E[dz] and E|f|, have no rational closed form.

    >>> from theory import MLP, derive
    >>> from theory.observables import K, trace
    >>> derivation = derive(trace(K @ K), MLP(depth=2))
    >>> derivation.words
    ('tr(A²)', 'xᵀAx', 'tr(A)²', 'tr(A)·|x|²', '|x|⁴')
    >>> derivation.exact
    6*n**3 + 10*n**2
    """
    given_observable(observable)
    repeating_network(network)
    refuse_long(observable)
    asked = asked_layer(network, layer)
    refuse_unsolved(observable, network, asked)
    return Derivation(observable, network, asked, asked_rates(network, rates))
