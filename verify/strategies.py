"""Hypothesis strategies draw networks in numbers, layers, multipliers and formulas.

They shrink to the smallest depth, then width, then layer; then to a ReLU network with the usual
scales and all multipliers 1.  See docs/tutorials/check.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from sympy import Add, Expr, Integer, Mul, Rational, Symbol, exp

from theory.activations import LeakyReLU, Linear, PiecewiseLinear, ReLU
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.networks.network import Network, checked_network, numeric_depth
from theory.networks.residual import Residual
from theory.networks.roles import Branch, ByRole
from theory.public_names import listed
from theory.symbols import B, L, a, b, ell, eta, n, n_0, t
from theory.validation import positive_int, typed

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "verify.strategies needs Hypothesis, which is not installed; install it with "
        "pip install 'mup-depth[testing]'",
        name="hypothesis",
    ) from None

__all__ = [
    "Point",
    "activations",
    "formulas",
    "layers",
    "multipliers",
    "networks",
    "points",
    "residuals",
    "scales",
]

_SYMBOLS = (n, L, ell, n_0, eta, t, a, B, b)
_PLURALS = {
    "multiplier2": "multipliers2",
    "skip2": "skips2",
    "input_norm2": "input_norms2",
}
"""Plurals of argument names that do not only add an s."""
_DRAWN = "a network drawn from networks()"


class Point(NamedTuple):
    """A network in numbers, one of its layers, and multipliers: the arguments of
    `theory.squared_update` and of the assertions in `verify.testing`, in their order.

    >>> from theory import MLP, squared_update
    >>> Point(MLP(2, 3), 1)
    Point(network=MLP(width=2, depth=3), layer=1, rates=None)
    >>> squared_update(*Point(MLP(2, 3), 1, (1, Fraction(1, 2), 0))).label.exact
    eta**2/2
    """

    network: Any
    layer: Any
    rates: Any = None

    def __repr__(self) -> str:
        rates = (
            tuple(map(_python_number, self.rates)) if isinstance(self.rates, tuple) else self.rates
        )
        return f"Point(network={self.network!r}, layer={self.layer!r}, rates={rates!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print the ``repr`` for Hypothesis."""
        printer.text(repr(self))


def networks(
    *,
    min_width: int = 1,
    max_width: int = 6,
    min_depth: int = 1,
    max_depth: int = 4,
    equal_widths: bool = True,
    activations: SearchStrategy[PiecewiseLinear] | None = None,
    input_widths: SearchStrategy[int | None] | None = None,
    weight_variances: SearchStrategy[Any] | None = None,
    readout_variances: SearchStrategy[Any] | None = None,
    input_norms2: SearchStrategy[Any] | None = None,
) -> SearchStrategy[MLP]:
    """Networks in numbers: by default ``MLP(width, depth)``, ReLU with the usual scales.

    ``equal_widths=False``: each hidden layer has a separate width.  The other arguments are
    strategies for the arguments of `theory.MLP` of that name, left at their defaults for None:
    ``activations`` such as `activations()`, the last three such as `scales()`.

    Shrinks to the least depth, then the least width: ``MLP(1, 1)``.  Raises `InvalidArgument` for
    bounds that are not positive ints in order, and for arguments that are not strategies.

    >>> from hypothesis import find
    >>> find(networks(), lambda network: network.layers > 1)
    MLP(width=1, depth=2)
    >>> find(networks(equal_widths=False), lambda network: len(set(network.widths)) > 1)
    MLP(width=(1, 2), depth=2)
    """
    depths, widths = _sizes("depth", min_depth, max_depth), _sizes("width", min_width, max_width)
    drawn = _drawn(
        activation=activations,
        input_width=input_widths,
        weight_variance=weight_variances,
        readout_variance=readout_variances,
        input_norm2=input_norms2,
    )
    return _networks(depths, widths, bool(equal_widths), drawn)


@st.composite
def _networks(
    draw: st.DrawFn,
    depths: SearchStrategy[int],
    widths: SearchStrategy[int],
    equal: bool,
    drawn: dict[str, SearchStrategy[Any]],
) -> MLP:
    depth = draw(depths)
    hidden = tuple(draw(widths) for _ in range(1 if equal else depth))
    rest = {name: draw(strategy) for name, strategy in drawn.items()}
    if len(set(hidden)) == 1:
        return MLP(hidden[0], depth, **rest)
    return MLP(hidden, **rest)


def residuals(
    *,
    min_width: int = 1,
    max_width: int = 6,
    min_blocks: int = 1,
    max_blocks: int = 4,
    activations: SearchStrategy[PiecewiseLinear] | None = None,
    branch_widths: SearchStrategy[int | None] | None = None,
    input_widths: SearchStrategy[int | None] | None = None,
    multipliers2: SearchStrategy[Any] | None = None,
    skips2: SearchStrategy[Any] | None = None,
    weight_variances: SearchStrategy[ByRole | None] | None = None,
    readout_variances: SearchStrategy[Any] | None = None,
    input_norms2: SearchStrategy[Any] | None = None,
) -> SearchStrategy[Residual]:
    """Residual networks in numbers: by default ``Residual(width, blocks)``.

    The other arguments are strategies for the arguments of `theory.Residual` of that name, left at
    their defaults for None.  Shrinks to the least number of blocks, then the least width.

    >>> from hypothesis import find
    >>> find(residuals(), lambda network: network.blocks > 1)
    Residual(width=1, blocks=2)
    """
    blocks, widths = _sizes("blocks", min_blocks, max_blocks), _sizes("width", min_width, max_width)
    drawn = _drawn(
        activation=activations,
        branch_width=branch_widths,
        input_width=input_widths,
        multiplier2=multipliers2,
        skip2=skips2,
        weight_variance=weight_variances,
        readout_variance=readout_variances,
        input_norm2=input_norms2,
    )
    return st.builds(
        lambda blocks, width, rest: Residual(width, blocks, **rest),
        blocks,
        widths,
        st.fixed_dictionaries(drawn),
    )


def _drawn(**strategies: object) -> dict[str, SearchStrategy[Any]]:
    """The strategies that are given, each by the name of its argument."""
    return {
        name: _strategy(_PLURALS.get(name, f"{name}s"), each)
        for name, each in strategies.items()
        if each is not None
    }


def activations() -> SearchStrategy[PiecewiseLinear]:
    """ReLU, linear, and leaky slopes between them; shrinks to ReLU.

    >>> from hypothesis import find
    >>> find(activations(), lambda activation: 0 < activation.slope < 1)
    LeakyReLU('1/2')
    """
    slopes = st.sampled_from([x for x in _fractions(1, 6) if 0 < x < 1])
    leaky = st.builds(LeakyReLU, slopes)
    return st.one_of(st.just(ReLU()), st.just(Linear()), leaky)


def scales() -> SearchStrategy[Fraction | None]:
    """The usual scale, None, or an exact number from 1/4 to 4; shrinks to None.

    >>> from hypothesis import find
    >>> find(scales(), lambda scale: scale is None or scale > 1) is None
    True
    """
    return st.none() | st.sampled_from([x for x in _fractions(4, 4) if x > 0])


def layers(network: Network) -> SearchStrategy[Any]:
    """The hidden layers of a network, 1 to its depth; of a residual network the stream after its
    blocks 1 to B, its branches, and the stream before them, 0; shrinks to 1.

    Raises `InvalidArgument` where the depth is a symbol.

    >>> from hypothesis import find
    >>> from theory import MLP
    >>> find(layers(MLP(4, 3)), lambda layer: layer > 1)
    2
    """
    found = st.integers(1, numeric_depth(checked_network(network, give=_DRAWN)))
    return found | found.map(Branch) | st.just(0) if isinstance(network, Residual) else found


def multipliers(network: Network) -> SearchStrategy[Any]:
    """One multiplier of eta for each hidden layer, or for each role of a residual network, exact,
    from 0 to 3: the argument ``rates``.

    At least one is not 0.  Shrinks to all 1.  Raises `InvalidArgument` where the depth is a symbol.

    >>> from hypothesis import find
    >>> from theory import MLP
    >>> find(multipliers(MLP(4, 3)), lambda rates: rates[1] != 1)
    (1, 0, 1)
    """
    each = st.just(1) | st.sampled_from([_python_number(x) for x in _fractions(3, 3)])
    depth = numeric_depth(checked_network(network, give=_DRAWN))
    if isinstance(network, Residual):
        return st.tuples(each, each, each).filter(any).map(lambda rates: ByRole(*rates))
    return st.tuples(*[each] * depth).filter(any)


def points(
    networks: SearchStrategy[Any] | None = None, *, rates: bool = False
) -> SearchStrategy[Point]:
    """A network of ``networks`` (None: `networks()`), one of its layers, and with ``rates=True``
    multipliers too.

    Shrinks as the network does, then to layer 1, then to multipliers 1.

    >>> from hypothesis import find
    >>> find(points(), lambda point: point.layer == 2)
    Point(network=MLP(width=1, depth=2), layer=2, rates=None)
    """
    chosen = _usual_networks() if networks is None else _strategy("networks", networks)
    return _points(chosen, bool(rates))


def _usual_networks() -> SearchStrategy[MLP]:
    return networks()


@st.composite
def _points(draw: st.DrawFn, networks: SearchStrategy[Any], rates: bool) -> Point:
    network = draw(networks)
    layer = draw(layers(network))
    return Point(network, layer, draw(multipliers(network)) if rates else None)


def formulas(*symbols: Symbol, max_terms: int = 3, roots: bool = False) -> SearchStrategy[Expr]:
    """Formulas of the laws' kind in some of the symbols n, L, ell, n_0, eta, t, a, B and b.

    Sums of rational numbers times powers of the symbols, with (1 + k/n)**L where n and L (or ell)
    are among them, exp(k t) and powers of 1 + a**2; never zero.  ``symbols``: n and L if none is
    given.  ``roots=True``: with half-integer powers, as laws of the learning rate have.  Shrinks
    to 1.  Raises `InvalidArgument` for other symbols.

    >>> from hypothesis import find
    >>> find(formulas(), lambda formula: formula.has(L))
    L
    """
    chosen = symbols or (n, L)
    for symbol in chosen:
        if symbol not in _SYMBOLS:
            raise InvalidArgument(
                f"expected symbols of theory.symbols, got {typed(symbol)}; give symbols out of "
                f"{', '.join(map(str, _SYMBOLS))}"
            )
    power = st.sampled_from((0, 1, 2, 3, 4, -1, -2, -3))
    powers = power.map(Integer) | power.map(lambda k: Rational(2 * k + 1, 2)) if roots else power
    factors = [powers.map(partial(pow, base)) for base in chosen]
    factors += _growths(chosen)
    terms = st.tuples(_coefficients(), *factors).map(lambda each: Mul(*each))
    sums = st.lists(terms, min_size=1, max_size=positive_int("max_terms", max_terms))
    return sums.map(lambda each: Add(*each)).filter(lambda formula: formula != 0)


def _coefficients() -> SearchStrategy[Expr]:
    positive = [x for x in _fractions(12, 12) if x > 0]
    numbers = st.just(Fraction(1)) | st.sampled_from(positive + [-x for x in positive])
    return numbers.map(lambda x: Rational(x.numerator, x.denominator))


def _growths(symbols: Sequence[Symbol]) -> list[SearchStrategy[Expr]]:
    """Factors that grow exponentially, or that slopes bring; each is 1 at its simplest."""
    small, one = st.integers(1, 5), st.just(Integer(1))
    found = []
    for depth in (L, ell, B, b):
        if n in symbols and depth in symbols:
            below = st.integers(0, 2)
            found.append(st.builds(lambda k, j, at=depth: (1 + k / n) ** (at - j), small, below))
    if t in symbols:
        found.append(st.builds(lambda k: exp(k * t), st.integers(-3, 5)))
    if a in symbols:
        found.append(st.builds(lambda k: (1 + a**2) ** k, st.integers(-3, 3)))
    return [one | each for each in found]


def _fractions(largest: int, denominators: int) -> list[Fraction]:
    """The fractions from 0 to ``largest``, by denominator, then by size."""
    bottoms = range(1, denominators + 1)
    found = [Fraction(k, bottom) for bottom in bottoms for k in range(largest * bottom + 1)]
    return list(dict.fromkeys(found))


def _python_number(number: Any) -> int | Fraction:
    """A number as a number of Python, which prints as itself."""
    top, bottom = int(number.numerator), int(number.denominator)
    return top if bottom == 1 else Fraction(top, bottom)


def _sizes(name: str, least: object, most: object) -> SearchStrategy[int]:
    low, high = positive_int(f"min_{name}", least), positive_int(f"max_{name}", most)
    if low > high:
        raise InvalidArgument(
            f"expected min_{name} <= max_{name}, got min_{name}={low} and max_{name}={high}; "
            f"give both"
        )
    return st.integers(low, high)


def _strategy(name: str, value: Any) -> SearchStrategy[Any]:
    if isinstance(value, SearchStrategy):
        return value
    raise InvalidArgument(
        f"expected a Hypothesis strategy for {name}, got {name}={typed(value)}; give "
        f"a strategy such as hypothesis.strategies.just(...)"
    )


def __dir__() -> list[str]:
    return listed(globals())
