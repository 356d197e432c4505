"""The limit of infinite width: the law in ell and L against exact values at fixed depth."""

import pytest
from sympy import Expr, Integer, Rational, Symbol, cancel, limit, oo, sqrt

from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    Linear,
    NotSolved,
    ReLU,
    derive,
    maximal_learning_rate,
    squared_update,
)
from theory.algebra.fields import field_of
from theory.limits.infinite_width import leading_in_width
from theory.observables import D, K, Observable, f, g, trace, x, z
from theory.symbols import L, a, ell, eta, n, n_0

q = Symbol("q", positive=True)

ACTIVATIONS = [ReLU(), Linear(), LeakyReLU("1/3"), LeakyReLU()]
SCALES: list[dict[str, object]] = [
    {},
    {"weight_variance": 3},
    {"weight_variance": "1/2", "readout_variance": 5},
    {"weight_variance": q},
    {"input_width": 3},
    {"input_width": n_0, "input_norm2": q},
    {"readout_variance": n},
    {"input_norm2": 1},
]
DEPTHS = [2, 3, 4, 6]


def mlp(depth: int | None, scales: dict[str, object]) -> MLP:
    return MLP(depth=depth, **scales)  # type: ignore[arg-type]


def assert_is_the_limit(observable: Observable, scales: dict[str, object]) -> None:
    """n^power growth polynomial, at every layer from 2 of every depth, is the leading term."""
    law = derive(observable, mlp(None, scales), layer=ell).law
    for depth in DEPTHS:
        for layer in range(2, depth + 1):
            power, coefficient = derive(observable, mlp(depth, scales), layer=layer).leading_term()
            expected = (law.growth * law.polynomial).subs({L: depth, ell: layer})
            assert power == law.power
            assert cancel(expected - coefficient) == 0


# The known laws


def test_the_law_of_relu() -> None:
    update = squared_update(MLP())
    assert update.label.leading() == L**3 * eta**2 / 3
    assert update.output.leading() == L**3 * eta**2 / (3 * n)
    assert update.leading() == L**3 * eta**2 / 3
    assert maximal_learning_rate(MLP()).leading() == sqrt(3) / L ** Rational(3, 2)


def test_the_law_of_relu_at_every_layer() -> None:
    update = squared_update(MLP(), ell)
    assert update.leading() == ell**3 * eta**2 / 3
    assert update.label.law.polynomial == ell**3 / 3 + ell / 6
    assert update.output.law.polynomial == ell**3 / 3 + ell / 6
    assert (update.label.law.power, update.output.law.power) == (0, -1)
    assert update.law == update.label.law


def test_the_law_of_a_leaky_slope_is_that_of_its_fourth_moment() -> None:
    # L^3 E[D^4]/(3 E[D^2]).
    network = MLP(activation=LeakyReLU())
    m2, m4 = (network.activation.mask_moment(p) for p in (2, 4))
    expected = m4 / m2 * L**3 * eta**2 / 3
    assert cancel(squared_update(network).label.leading() - expected) == 0
    rate = maximal_learning_rate(network).leading()
    assert cancel(rate**2 - 3 * m2 / (m4 * L**3)) == 0
    assert rate.subs(a, 1) == sqrt(3) / L ** Rational(3, 2)


@pytest.mark.parametrize("slope", ["0", "1/3", "1/2", "1"])
def test_the_slope_as_a_number_and_as_a_symbol(slope: str) -> None:
    numeric = squared_update(MLP(activation=LeakyReLU(slope)))
    symbolic = squared_update(MLP(activation=LeakyReLU()))
    number = Rational(slope)
    assert symbolic.label.leading().subs(a, number) == numeric.label.leading()
    assert symbolic.output.leading().subs(a, number) == numeric.output.leading()


def test_a_linear_network_moves_as_one_with_relu() -> None:
    assert squared_update(MLP(activation=Linear())).leading() == L**3 * eta**2 / 3


# The law is the exact limit


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
@pytest.mark.parametrize("part", ["label", "output"])
def test_the_law_is_the_limit_of_every_depth_for_every_activation(
    activation: object, part: str
) -> None:
    (derivation,) = getattr(squared_update(MLP()), part).derivations
    assert_is_the_limit(derivation.observable, {"activation": activation})


@pytest.mark.wide
@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize("part", ["label", "output"])
def test_the_law_is_the_limit_of_every_depth_for_all_scales(
    scales: dict[str, object], part: str
) -> None:
    (derivation,) = getattr(squared_update(MLP()), part).derivations
    assert_is_the_limit(derivation.observable, scales)


@pytest.mark.wide
@pytest.mark.parametrize(
    "observable",
    [
        trace(K),
        z @ z,
        trace(D) * (z @ z),
        f**2,
        f**4,
        (g @ g) * (z @ z),
        g @ K @ g,
        (g @ K @ g) ** 2,
        trace(K @ K) / 2,
        trace(K @ D @ K) - 2 * trace(K) ** 2,
        x @ K @ x,
        f**2 * trace(K),
        Integer(3) * trace(K**3),
    ],
    ids=str,
)
def test_the_law_of_other_observables_is_their_limit(observable: Observable) -> None:
    assert_is_the_limit(observable, {"weight_variance": 3})
    assert_is_the_limit(observable, {})


# Leading terms


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("part", ["label", "output"])
def test_leading_at_fixed_depth_is_the_limit(depth: int, part: str) -> None:
    for layer in range(1, depth + 1):
        update = getattr(squared_update(MLP(depth=depth), layer), part)
        power, coefficient = update.leading_term()
        assert limit(update.per_eta2 / n**power, n, oo) == coefficient
        assert update.leading() == coefficient * n**power * eta**2


@pytest.mark.slow
def test_leading_at_fixed_depth_keeps_the_symbols_of_the_network() -> None:
    network = MLP(depth=2, input_width=n_0, activation=LeakyReLU(), readout_variance=q)
    update = squared_update(network)
    power, coefficient = update.leading_term()
    assert cancel(limit(update.per_eta2 / n**power, n, oo) - coefficient) == 0


def test_the_law_at_the_last_layer_is_the_law_at_ell() -> None:
    for activation in (ReLU(), LeakyReLU()):
        network = MLP(activation=activation)
        for part in (squared_update(network).label, squared_update(network).output):
            polynomial = part.law.polynomial
            assert part.leading() == part.law.leading(L) * n ** (part.law.power) * eta**2
            assert polynomial.free_symbols <= {ell, L, a}


def test_the_leading_term_of_a_rational_function() -> None:
    field = field_of(frozenset({n, n_0}))

    def leading(expression: Expr) -> tuple[int, Expr]:
        return leading_in_width(field, field.from_sympy(expression))

    assert leading((3 * n**2 + n) / (2 * n**3 + n_0)) == (-1, Rational(3, 2))
    assert leading(n_0 * n + n_0**5) == (1, n_0)
    assert leading((n * n_0 + n) / (n * n_0)) == (0, (n_0 + 1) / n_0)
    assert leading(Integer(0)) == (0, 0)


def test_leading_of_an_update_that_vanishes_is_zero() -> None:
    assert squared_update(MLP(depth=2), 1, rates=(0, 1)).leading() == 0


# What is not solved, and says so


@pytest.mark.parametrize(
    "network", [MLP(4), MLP(4, 2), MLP((4, 4))], ids=["width", "width and depth", "widths"]
)
def test_no_limit_of_a_width_in_numbers(network: MLP) -> None:
    with pytest.raises(NotSolved, match="leave width out"):
        squared_update(network).leading()
    with pytest.raises(NotSolved):
        _ = squared_update(network).law


@pytest.mark.parametrize(
    ("observable", "law"),
    [
        (z @ z + 1, 2 * n),
        (z @ K @ z + z @ z, 2 * L**2 * n**2),
        (n * (z @ z) + (z @ z) ** 2, 6 * n**2),
        (g @ K @ g + f**2 * (z @ z), L / 2),
    ],
    ids=str,
)
def test_the_law_of_several_degrees_is_the_sum_of_the_highest_terms(
    observable: Observable, law: Expr
) -> None:
    assert derive(observable, MLP()).leading() == law
    exact = derive(observable, MLP(10**12, 200)).evaluate()
    assert abs(float(exact / law.subs({n: 10**12, L: 200})) - 1) < 0.03


def test_no_law_of_several_powers_of_the_gain() -> None:
    mixed = n * (z @ z) + (z @ z) ** 2
    with pytest.raises(NotSolved, match="different powers of the gain"):
        derive(mixed, MLP(weight_variance=3)).leading()
    assert "(1 + 5/n)**(L - 1)" in repr(derive(mixed, MLP(weight_variance=3)))


def test_a_text_has_the_exact_value_where_the_leading_terms_cancel() -> None:
    assert "E[-2·tr(DK) + tr(K)] at layer L of MLP(): 0;" in repr(
        derive(trace(K) - 2 * trace(D @ K), MLP())
    )


def test_no_law_where_the_leading_terms_cancel() -> None:
    # A fair coin masks half of the trace, whatever the sizes.
    difference = trace(K) - 2 * trace(D @ K)
    assert derive(difference, MLP(2, 2)).exact == 0
    with pytest.raises(NotSolved, match="leading terms in the width cancel"):
        derive(difference, MLP()).leading()


@pytest.mark.parametrize("observable", [f**2 - f**2, f], ids=["zero", "odd"])
def test_the_law_of_nothing_is_0(observable: Observable) -> None:
    assert derive(observable, MLP()).leading() == 0


def test_a_numbered_layer_of_symbolic_depth() -> None:
    assert squared_update(MLP(), 3).leading() == Rational(19, 2) * eta**2
    assert derive(g @ K @ g, MLP(), layer=3).leading() == Rational(3, 2)
    with pytest.raises(NotSolved, match="not solved at layer=3 and rates=None"):
        squared_update(MLP(), 3).law  # noqa: B018


def test_no_rates_for_a_symbolic_depth() -> None:
    with pytest.raises(InvalidArgument, match="rates"):
        squared_update(MLP(), rates=(1,))


def test_no_rate_where_the_law_may_shrink_with_depth() -> None:
    for c in (1, q):
        with pytest.raises(NotSolved, match="give depth as a number"):
            maximal_learning_rate(MLP(weight_variance=c)).leading()


def test_the_rate_where_the_law_grows_exponentially() -> None:
    """The update is proven to grow from layer to layer, so that the last layer binds."""
    law = maximal_learning_rate(MLP(weight_variance=3)).leading()
    exact = maximal_learning_rate(MLP(10**90, 200, weight_variance=3)).evaluate()
    assert abs(float(exact / law.subs(L, 200).evalf(20)) - 1) < 0.01
