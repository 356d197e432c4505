"""`RareEvents`: exact conditional means and tilts, means, spread, controls that must fail."""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mpmath import log
from scipy.linalg import null_space
from scipy.special import ndtri
from scipy.stats import binom

import verify.samplers.rare_events.conditional_means
import verify.samplers.rare_events.passes
import verify.samplers.rare_events.tilts
from tests.tools.uncompiled import uncompiled
from theory import MLP, InvalidArgument, LeakyReLU, Linear, squared_update
from verify import Gram, monte_carlo
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.samplers.problem import numeric_problem
from verify.samplers.rare_events.sampler import RareEvents
from verify.samplers.sampler import Sampler
from verify.samplers.vectors import vector_scales

BUDGET = 1e-3
"""Chance that a right sampler fails one of the tests of means, over all its comparisons."""
PARTS = ("label", "output", "total")
LEAKY = LeakyReLU("1/4")

# Literal networks with given forward draws, every other Gaussian integrated by quadrature.

SQRT3 = math.sqrt(3.0)
MODULES = (
    verify.samplers.rare_events.conditional_means,
    verify.samplers.rare_events.tilts,
    verify.samplers.rare_events.passes,
)
MATH = SimpleNamespace(
    inf=math.inf, exp=math.exp, log=lambda value: math.log(value) if value > 0 else -math.inf
)
"""As in compiled code, where the logarithm of zero is minus infinity."""

GIVEN = [
    ((2, 2, 2, 2), ("+-", "++", "-+"), 0.0, (1.0, 1.0, 1.0)),
    ((2, 2, 2, 2), ("+-", "+-", "-+"), 0.25, (1.0, 0.5, 2.0)),
    ((3, 2, 3, 2), ("++", "+-+", "+-"), 0.0, (1.0, 0.0, 1.0)),
    ((3, 2, 3, 2), ("+-", "+--", "+-"), 0.6, (0.0, 1.0, 1.0)),
    ((1, 2, 2, 2, 2), ("+-", "+-", "++", "-+"), 0.0, (1.0, 1.0, 1.0, 1.0)),
    ((1, 2, 2, 2, 2), ("--", "+-", "-+", "++"), 0.5, (1.0, 1.0, 0.0, 1.0)),
    ((2, 3, 1, 2), ("++-", "-", "+-"), 0.3, (1.0, 1.0, 1.0)),
    ((2, 2, 2, 2), ("+-", "--", "++"), 1.0, (1.0, 1.0, 1.0)),
    ((2, 1, 2), ("+", "-+"), 0.0, (1.0, 3.0)),
]


def given_z(widths: tuple[int, ...], signs: tuple[str, ...], slope: float) -> list[FloatArray]:
    """z of each layer in units of sd |x below|; for ReLU, inactive neurons at their mean square."""
    stream = np.random.default_rng(5)
    heights = [np.abs(stream.standard_normal(width)) for width in widths[1:]]
    return [
        np.array(
            [
                height if sign == "+" else -height if slope > 0 else -1.0
                for height, sign in zip(layer, row, strict=True)
            ]
        )
        for layer, row in zip(heights, signs, strict=True)
    ]


def quadrature(dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights that are exact for Gaussian polynomials of degree 5 in each variable."""
    choice = np.array(list(itertools.product(range(3), repeat=dimensions)))
    nodes, weights = np.array([-SQRT3, 0.0, SQRT3]), np.array([1.0, 4.0, 1.0]) / 6.0
    return nodes[choice], weights[choice].prod(axis=1)


def literal_means(
    widths: tuple[int, ...], zs: list[FloatArray], slope: float, rates: tuple[float, ...]
) -> tuple[float, float]:
    """E|K g|^2 and E f^2 |K g|^2 given the forward pass, by backpropagation in literal networks.

    Weights of variance 1/fan-in, readout of variance 1, input of ones.
    """
    sizes = [n * (m - 1) for m, n in itertools.pairwise(widths[1:])] + [widths[-1]]
    nodes, weights = quadrature(sum(sizes))
    fresh = np.split(nodes, np.cumsum(sizes)[:-1], axis=1)
    readout = fresh.pop()
    masks = [np.where(z > 0, 1.0, slope) for z in zs]
    xs, matrices = [np.ones(widths[0])], []
    for layer, z in enumerate(zs):
        x, scale = xs[-1], widths[layer] ** -0.5
        if layer > 0:
            across = null_space(x[None])
            block = fresh[layer - 1].reshape(len(nodes), len(z), -1)
            known = np.multiply.outer(z, x / np.linalg.norm(x))
            matrices.append(scale * (known + block @ across.T))
        xs.append(masks[layer] * z * scale * np.linalg.norm(x))
    g = [masks[-1] * readout]
    for matrix, mask in zip(reversed(matrices), reversed(masks[:-1]), strict=True):
        g.insert(0, mask * np.einsum("kij,ki->kj", matrix, g[0]))
    u = rates[0] * widths[0] * g[0]
    for layer, matrix in enumerate(matrices, start=1):
        own = rates[layer] * (xs[layer] @ xs[layer]) * g[layer]
        u = own + np.einsum("kij,kj->ki", matrix, masks[layer - 1] * u)
    square, f = (u**2).sum(axis=1), readout @ xs[-1]
    return float(weights @ square), float(weights @ (f**2 * square))


def recursive_means(
    names: dict[str, Any],
    widths: tuple[int, ...],
    zs: list[FloatArray],
    slope: float,
    rates: tuple[float, ...],
) -> tuple[float, float]:
    """The same two means from the sampler's recursion."""
    words, x2 = names["Words"](1.0, *[0.0] * 7), float(widths[0])
    label = output = math.nan
    for layer, z in enumerate(zs):
        on, variance = z > 0, 1.0 / widths[layer]
        z2_on, z2_off = float(z[on] @ z[on]), float(z[~on] @ z[~on])
        t, v = z2_on + slope**2 * z2_off, float(on.sum() + slope**2 * (~on).sum())
        draws = names["Draws"](int(on.sum()), z2_on, z2_off, t, v)
        own, below = rates[layer] / variance, x2 * variance
        label, output = names["moved"](words, draws, own, widths[layer + 1], slope)
        label, output = below**2 * label, below**3 * t * output
        words = names["next_words"](words, draws, own, widths[layer + 1], slope)
        x2 = below * t
    return label, output


@cache
def literal_case(index: int) -> tuple[float, float]:
    widths, signs, slope, rates = GIVEN[index]
    return literal_means(widths, given_z(widths, signs, slope), slope, rates)


def recursive_case(names: dict[str, Any], index: int) -> tuple[float, float]:
    widths, signs, slope, rates = GIVEN[index]
    return recursive_means(names, widths, given_z(widths, signs, slope), slope, rates)


@pytest.mark.parametrize("index", range(len(GIVEN)))
def test_means_given_the_forward_draws_are_exact(index: int) -> None:
    ours = recursive_case(vars(verify.samplers.rare_events.conditional_means), index)
    assert ours == pytest.approx(literal_case(index), rel=1e-11)


def altered(wrong: str, instead: str) -> dict[str, Any]:
    """The names of the three modules with one expression replaced, as plain Python."""
    return uncompiled(MODULES, wrong, instead, math=MATH, ones=lambda word: int(word).bit_count())


@pytest.mark.parametrize(
    ("wrong", "instead"),
    [
        ("4.0 * words.mixed) * mask", "2.0 * words.mixed) * mask"),
        ("+ (trace2 + 2.0 * words.squares) * mask**2", "+ (trace2 + words.squares) * mask**2"),
        ("+ 2.0 * words.squares * spread,", ","),
        ("trace2 * trace**2 + 2.0 * words.squares * square", "trace2 * trace**2"),
        ("+ words.squares * mask * trace,", ","),
        ("(trace2 + words.squares) * spread +", "trace2 * spread +"),
        ("(trace2 + words.squares) * square + words.squares * trace**2", "trace2 * square"),
        ("square += (off + slope**2 * on) ** 2", "square += off**2"),
        ("max(draws.on - 1, 0), max", "draws.on, max"),
        ("(width + 1.0) * words.squares + words.mixed * z2", "(width + 1.0) * words.squares"),
        ("(width + 1.0) * words.squares +", "width * words.squares +"),
        ("(width + 2.0) * words.mixed)\n    label", "width * words.mixed)\n    label"),
        ("label + 2.0 * (", "label + ("),
    ],
)
def test_a_wrong_conditional_mean_is_not_exact(wrong: str, instead: str) -> None:
    names = altered(wrong, instead)
    errors = [
        np.abs(np.divide(recursive_case(names, index), literal_case(index)) - 1.0).max()
        for index in range(len(GIVEN))
    ]
    assert max(errors) > 1e-4


# The tilts: exact normalisers, and draws that follow the tilted law.

TILTS = [(0, 0), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2)]


def plain_moment(i: int, j: int, on: int, z2_on: int, width: int, slope: float) -> float:
    """E[T^i V^j on^(on) z2_on^(z2_on)] by a sum over the number of active neurons."""

    def chi_square(power: int, degrees: int) -> float:
        return math.prod(degrees + 2.0 * m for m in range(power))

    counts = np.arange(width + 1)
    total = 0.0
    for k, chance in zip(counts.tolist(), binom.pmf(counts, width, 0.5), strict=True):
        t = sum(
            math.comb(i, a)
            * chi_square(a + z2_on, k)
            * slope ** (2 * (i - a))
            * chi_square(i - a, width - k)
            for a in range(i + 1)
        )
        total += chance * t * (k + slope**2 * (width - k)) ** j * k**on
    return float(total)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("width", [1, 2, 3, 40])
def test_normalisers_are_exact(width: int, slope: float) -> None:
    for i, j in TILTS[1:]:
        ours = verify.samplers.rare_events.tilts.moment(i, j, width, slope)
        assert ours == pytest.approx(plain_moment(i, j, 0, 0, width, slope), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("width", [1, 60, 300])
def test_draws_follow_their_tilt(width: int, slope: float) -> None:
    """Chance of a false alarm over all nine cases: BUDGET."""
    count, stream = 400, np.random.default_rng(8)
    critical = -ndtri(BUDGET / (9 * 2 * 4 * len(TILTS)))
    for i, j in TILTS:
        draws = [
            verify.samplers.rare_events.tilts.draw(stream, i, j, width, slope) for _ in range(count)
        ]
        on, z2_on, z2_off, t, v = np.array(draws).T
        assert t == pytest.approx(z2_on + slope**2 * z2_off, rel=1e-14)
        assert v == pytest.approx(on + slope**2 * (width - on), rel=1e-14)
        normaliser = plain_moment(i, j, 0, 0, width, slope)
        for sample, exact in [
            (on, plain_moment(i, j, 1, 0, width, slope)),
            (on**2, plain_moment(i, j, 2, 0, width, slope)),
            (z2_on, plain_moment(i, j, 0, 1, width, slope)),
            (t, plain_moment(i + 1, j, 0, 0, width, slope)),
        ]:
            error = sample.std() / count**0.5
            difference = abs(sample.mean() - exact / normaliser)
            assert difference <= critical * error + 1e-12 * width, (i, j)


# Means of whole networks against exact theory.


def part_logs(logs: FloatArray) -> dict[str, FloatArray]:
    """Logarithms of label, output and total, each of shape ``(samples, layers)``."""
    return dict(zip(PARTS, (*logs, np.logaddexp(*logs)), strict=True))


def exact_log(network: MLP, layer: int, part: str, rates: Any = None) -> float:
    update = squared_update(network, layer, rates=rates)
    value = update.evaluate(30) if part == "total" else getattr(update, part).evaluate(30)
    return float(log(value)) if value else -math.inf


def figures(logs: FloatArray, exact: float) -> tuple[float, float, float]:
    """z, relative standard deviation of a sample, and the largest one's share of the sum."""
    values = np.exp(logs - exact)
    mean, spread = values.mean(), values.std(ddof=1)
    return (
        float((mean - 1.0) / spread * len(values) ** 0.5),
        float(spread / mean),
        float(values.max() / values.sum()),
    )


def sampled(
    network: MLP, samples: int, seed: int, layer: Any = None, rates: Any = None
) -> FloatArray:
    problem = numeric_problem(network, layer=layer, rates=rates, step=None)
    return RareEvents().sample(problem, block_stream(seed, 0), samples)


NETWORKS: list[tuple[MLP, Any]] = [
    (MLP(1, 1), None),
    (MLP(1, 4, input_width=3), None),
    (MLP(1, 3, activation=LEAKY), None),
    (MLP(2, 1, input_width=1), None),
    (MLP(2, 3, activation=LEAKY), (0, 1, 0)),
    (MLP(3, 5, activation=LEAKY), None),
    (MLP(3, 3, activation=Linear()), (1, 0, "0.5")),
    (MLP(4, 2, activation=Linear(), weight_variance="0.8"), None),
    (MLP(8, 5), None),
    (MLP((3, 1, 4, 1, 5), input_width=2, activation=LEAKY), (0, 1, 0, 2, 1)),
    (MLP((5, 2, 8, 3), input_width=2), (1, 0, 0, 1)),
    (MLP((6, 7, 2), input_width=4, readout_variance=3, input_norm2="0.1"), (1, 1, 0)),
    (MLP((2, 300, 3), activation=LEAKY), None),
    (MLP(300, 3), None),
]
COMPARISONS = sum(3 * network.layers for network, _ in NETWORKS)


@pytest.mark.wide
@pytest.mark.parametrize("alone", [False, True], ids=["one pass", "each layer alone"])
@pytest.mark.parametrize(("network", "rates"), NETWORKS, ids=lambda value: repr(value)[:50])
def test_means_are_exact_at_every_layer(network: MLP, rates: Any, alone: bool) -> None:
    critical, layers = -ndtri(BUDGET / (4 * COMPARISONS)), range(1, network.layers + 1)
    together = sampled(network, 30_000, 3, layers, rates)
    for layer in layers:
        logs = sampled(network, 10_000, 4, layer, rates) if alone else together
        for part, values in part_logs(logs).items():
            exact = exact_log(network, layer, part, rates)
            values = values[:, 0 if alone else layer - 1]
            if exact == -math.inf:
                assert np.isneginf(values).all(), "an untrained stack does not move"
                continue
            z, spread, share = figures(values, exact)
            assert abs(z) < critical, f"{part} at layer {layer}: z = {z}, share {share}"
            assert spread < 4


# Spread where plain sampling drowns.

SEEDS = range(10)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [16, 32, 64])
def test_a_small_spread_at_depth_over_width_of_half_one_and_two(depth: int) -> None:
    """Ten seeds; for each, |z| < 4 and no sample above 1 % of the sum."""
    network, spreads = MLP(32, depth), {"label": [0.0], "total": [0.0]}
    for seed in SEEDS:
        parts = part_logs(sampled(network, 6_000, seed))
        for part, found in spreads.items():
            z, spread, share = figures(parts[part][:, 0], exact_log(network, depth, part))
            assert abs(z) < 4, f"{part}, seed {seed}: z = {z}"
            assert share < 0.01
            found.append(spread)
    for found in spreads.values():
        assert max(found[1:]) < 1.5
        assert max(found[1:]) < 1.3 * min(found[1:])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "samples"),
    [
        (MLP(1024, 512), 8_000),
        (MLP(16, 640), 3_000),
        (MLP(2, 20), 20_000),
        (MLP(16, 64, activation=LEAKY), 8_000),
        (MLP(10**9, 8), 1_000),
    ],
    ids=repr,
)
def test_the_total_within_four_errors_at_other_shapes(network: MLP, samples: int) -> None:
    total = part_logs(sampled(network, samples, 6))["total"][:, 0]
    z, spread, share = figures(total, exact_log(network, network.layers, "total"))
    assert abs(z) < 4
    assert spread < 2
    assert share < 0.01
    if network == MLP(1024, 512):
        assert spread / samples**0.5 < 0.01, "1 % from 8,000 networks, in a second or two"


def test_depth_100000_at_width_16_is_an_ordinary_case() -> None:
    logs = sampled(MLP(16, 100_000), 2, 1, (1, 50_000, 100_000))
    assert np.isfinite(logs).all()
    leaky = sampled(MLP(16, 100_000, activation=LEAKY), 1, 1)
    assert np.isfinite(leaky).all()


# Controls.

FALSE_ALARM = 1e-5
CRITICAL = float(-ndtri(FALSE_ALARM / 2))
"""A difference counts as caught beyond this |z|: a false alarm in 1e-5 of right comparisons."""
POWER = 2.33
"""A control must be caught with this to spare, so that 99 % of other seeds catch it too."""


def control(names: dict[str, Any], network: MLP, samples: int, layer: Any = None) -> FloatArray:
    """Logarithms from the altered passes, uncompiled."""
    problem = numeric_problem(network, layer=layer, rates=None, step=None)
    scales = vector_scales(problem)
    out = np.empty((2, samples, problem.layers.size))
    with np.errstate(all="ignore"):
        names["rare_updates"](block_stream(17, 0), scales, problem.layers, out)
    return out


UNALTERED = ("def rare_updates(", "def rare_updates(")
TWO_PERCENT = ("= 1.0 / moment(", "= 1.02 / moment(")


def against_gram(wrong: str, instead: str) -> float:
    """The largest |z| of label and total between an altered `RareEvents` and `Gram()` at width 64
    and depth 8, where plain sampling has a moderate spread."""
    network = MLP(64, 8)
    problem = numeric_problem(network, layer=None, rates=None, step=None)
    plain = part_logs(Gram().sample(problem, block_stream(18, 0), 2**15))
    ours = part_logs(control(altered(wrong, instead), network, 2_500))
    zs = []
    for part in ("label", "total"):
        left, right = np.exp(ours[part]), np.exp(plain[part])
        error = math.hypot(left.std() / len(left) ** 0.5, right.std() / len(right) ** 0.5)
        zs.append(abs(left.mean() - right.mean()) / error)
    return max(zs)


@pytest.mark.slow
def test_the_right_weight_agrees_with_plain_sampling() -> None:
    assert against_gram(*UNALTERED) < CRITICAL


@pytest.mark.slow
def test_a_weight_wrong_by_two_percent_per_layer_does_not() -> None:
    assert against_gram(*TWO_PERCENT) > CRITICAL + POWER


NARROW, NARROW_LEAKY = MLP(3, 4), MLP(3, 4, activation=LeakyReLU("1/2"))
CONTROLS = [
    ("fourth moment", 300, NARROW, "(1.0, 1.0, 3.0, 15.0)", "(1.0, 1.0, 2.0, 15.0)"),
    ("sixth moment", 1000, NARROW, "(1.0, 1.0, 3.0, 15.0)", "(1.0, 1.0, 3.0, 12.0)"),
    ("degrees of freedom", 300, NARROW, "on_degrees += 2 * lengths", "on_degrees += lengths"),
    ("a coin too few", 1000, NARROW, "width - marked)", "max(width - marked - 1, 0))"),
    ("odds of a marked neuron", 2200, NARROW_LEAKY, "slope ** (2 * masks)", "slope**masks"),
    (
        "share of plain draws",
        500,
        NARROW,
        "_UNTILTED_SHARE * math.exp(-top)",
        "0.4 * math.exp(-top)",
    ),
    ("one T too few", 300, NARROW, "factor = t", "factor = 1.0"),
    ("never back to the first phase", 2200, NARROW, "phase = 0", "phase = phase"),
    (
        "never another phase",
        2400,
        NARROW,
        "phase = min(int(3.0 * u / plan.turn), 2)",
        "phase = phase",
    ),
    ("layers above", 300, NARROW, "variance**2 / scale[layer, 0, 0]", "variance**2 * width**2 / 4"),
]


def against_exact(names: dict[str, Any], network: MLP, samples: int) -> float:
    """The largest |z| over parts and layers."""
    layers = range(1, network.layers + 1)
    parts = part_logs(control(names, network, samples, layers))
    return max(
        abs(figures(logs[:, layer - 1], exact_log(network, layer, part))[0])
        for part, logs in parts.items()
        for layer in layers
    )


@pytest.mark.slow
@pytest.mark.parametrize("network", [NARROW, NARROW_LEAKY], ids=repr)
def test_the_unaltered_passes_are_not_caught(network: MLP) -> None:
    assert against_exact(altered(*UNALTERED), network, 1_500) < CRITICAL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "samples", "network", "wrong", "instead"), CONTROLS, ids=lambda value: str(value)[:30]
)
def test_an_altered_pass_is_caught(
    what: str, samples: int, network: MLP, wrong: str, instead: str
) -> None:
    z = against_exact(altered(wrong, instead), network, samples)
    assert z > CRITICAL + POWER, f"{what}: z = {z}"


# Interface.


def test_same_bits_for_any_number_of_threads() -> None:
    arguments: dict[str, Any] = {"samples": 1700, "seed": 5, "layer": (3, 1)}
    reference = monte_carlo(MLP(9, 3), sampler=RareEvents(), **arguments)
    with ThreadPoolExecutor(3) as pool:
        again = monte_carlo(MLP(9, 3), sampler=RareEvents(), executor=pool, **arguments)
    for part in PARTS:
        assert np.array_equal(reference.parts[part].log_mean, again.parts[part].log_mean)


def test_a_plain_value_that_refuses_what_it_cannot_do() -> None:
    sampler: Sampler = RareEvents()
    assert repr(sampler) == "RareEvents()"
    assert sampler == RareEvents()
    assert sampler.cost(MLP(7, 5)) == 5
    assert sampler.planned_samples(MLP(7, 5)) == 40_000
    assert sampler.planned_samples(MLP(7, 10**5)) == 1_000
    with pytest.raises(InvalidArgument, match=r"step=None for sampler=RareEvents\(\).*step=0.1"):
        monte_carlo(MLP(4, 2), samples=10, seed=1, step=0.1, sampler=sampler)
    with pytest.raises(InvalidArgument, match="width=10000000000"):
        monte_carlo(MLP(10**10, 2), samples=10, seed=1, sampler=sampler)
