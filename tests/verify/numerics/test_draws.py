"""The generator and the variates: known answers, a statistical battery, accuracy, independence."""

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import stats

from verify.numerics.chi_squares import _STEP, _first_look, _steepness, _trial, lengths
from verify.numerics.coins import _look_up, coin_counts, coin_tables
from verify.numerics.philox import random_words
from verify.numerics.single_normals import _pair, chosen_normals, single_normals
from verify.numerics.variates import (
    heads,
    new_stream,
    normals,
    turn_to,
    uniforms,
)
from verify.numerics.vector_math import (
    exponential,
    logarithm,
    rotation,
    single_logarithm,
    single_rotation,
)

BUDGET = 1e-3
"""Chance that a right generator fails one battery of this file; seeds are fixed."""
SIZE = 400_000


def stream(seed: int = 1) -> Any:
    return new_stream(np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, 0xFFFFFFFF_FFFFFFFF, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0_A4093822,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_answers(counter: tuple[int, ...], key: int, words: str) -> None:
    out = np.empty(4, np.uint32)
    a, b, c, d = counter
    random_words(np.uint64(key), a, b, c, d, 1, out)
    assert " ".join(f"{word:08x}" for word in out) == words


def test_columns_are_consecutive_counters() -> None:
    out = np.empty(4 * 8, np.uint32)
    random_words(np.uint64(9), 5, 6, 7, 8, 8, out)
    for j in range(8):
        one = np.empty(4, np.uint32)
        random_words(np.uint64(9), 5 + j, 6, 7, 8, 1, one)
        assert (out.reshape(4, 8)[:, j] == one).all()


def ulps(found: float, exact: Any) -> float:
    return float(abs(mpf(found) - exact) / mpf(math.ulp(float(exact))))


def test_elementary_functions_are_right_to_two_units_in_the_last_place() -> None:
    generator = np.random.default_rng(1)
    with mp.workdps(40):
        wide = np.exp(generator.uniform(-700, 700, 400))
        near = 1.0 + 1e-3 * generator.standard_normal(400)
        for x in np.concatenate((wide, near)):
            assert ulps(logarithm(float(x)), mp.log(mpf(float(x)))) < 2
        for x in -generator.exponential(100, 400).clip(0, 700):
            assert ulps(exponential(float(x)), mp.exp(mpf(float(x)))) < 1.5
    assert exponential(0.0) == 1.0
    assert exponential(-math.inf) == exponential(-1000.0) == 0.0


def test_rotations_are_rotations() -> None:
    for bits in np.random.default_rng(2).integers(0, 2**64, 1000, dtype=np.uint64):
        cosine, sine = rotation(bits)
        assert cosine**2 + sine**2 == pytest.approx(1.0, abs=1e-15)
        cosine, sine = single_rotation(np.uint32(bits >> np.uint64(32)))
        assert cosine**2 + sine**2 == pytest.approx(1.0, abs=5e-7)
    for x in np.random.default_rng(3).random(1000).astype(np.float32):
        assert single_logarithm(x) == pytest.approx(math.log(x), rel=1e-6)


def single(size: int) -> Any:
    out, words = np.empty(size, np.float32), np.empty(1024, np.uint32)
    for row in range(size // 1024):
        here = out[row * 1024 : (row + 1) * 1024]
        chosen_normals(np.uint64(3), np.arange(256), row, 0, 1, words, here)
    return out[: size // 1024 * 1024].astype(np.float64)


def double(size: int) -> Any:
    out, here = np.empty(size), stream()
    normals(here, out)
    return out


def short(size: int) -> Any:
    out, here = np.empty(size, np.float32), stream()
    single_normals(here, out)
    return out.astype(np.float64)


@pytest.mark.slow
@pytest.mark.parametrize("draw", [single, short, double])
def test_normals_pass_a_battery(draw: Any) -> None:
    """Distribution, moments to the eighth, tails, and independence of neighbours, of squares and
    of the two of a pair, at a family-wise 0.1 %."""
    x = draw(4 * SIZE)
    ps = [stats.kstest(x, "norm").pvalue, stats.kstest(x[::7] ** 2, "chi2", args=(1,)).pvalue]
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        z = (np.mean(x**power) - mean) / (variance / x.size) ** 0.5
        ps.append(2 * stats.norm.sf(abs(z)))
    for level in (1.0, 2.0, 3.0, 4.0, 4.5):
        for tail in (x > level, x < -level):
            ps.append(stats.binomtest(int(tail.sum()), x.size, stats.norm.sf(level)).pvalue)
    for lag in (1, 2, 3, 4, 8, 64, 128, 256, 512, 1024):
        for y in (x, x**2 - 1):
            z = np.mean(y[:-lag] * y[lag:]) * (x.size - lag) ** 0.5 / np.var(y)
            ps.append(2 * stats.norm.sf(abs(z)))
    angle = np.arctan2(x.reshape(-1, 256)[:, :128], x.reshape(-1, 256)[:, 128:]).ravel()
    ps.append(stats.kstest(angle, "uniform", args=(-math.pi, 2 * math.pi)).pvalue)
    counts = np.histogram2d(stats.norm.cdf(x[:-1:2]), stats.norm.cdf(x[1::2]), bins=32)[0]
    ps.append(stats.chisquare(counts.ravel()).pvalue)
    assert min(ps) * len(ps) > BUDGET, np.argmin(ps)


def test_single_normals_reach_beyond_six_and_a_half() -> None:
    """The largest radius, from the smallest 31-bit word: sqrt(-2 ln 2^-32)."""
    assert math.sqrt(-2 * single_logarithm(np.float32(0.5 * 2.0**-31))) > 6.5


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [1, 2, 3, 4, 5, 17, 1000, 10**9])
def test_lengths_have_the_chi_distribution(dimensions: int) -> None:
    out, first, chances = np.empty((3, SIZE))
    lengths(stream(dimensions % 97), np.full(SIZE, float(dimensions)), first, chances, out)
    assert stats.kstest(out**2, "chi2", args=(dimensions,)).pvalue > BUDGET / 8
    second = np.mean(out**4) / (dimensions * (dimensions + 2.0))
    error = 2.0 * (2.0 / dimensions) ** 0.5 * (1 + 6 / dimensions) ** 0.5
    assert abs(second - 1) < 5 * error / SIZE**0.5
    assert abs(np.corrcoef(out[:-1], out[1:])[0, 1]) < 5 / SIZE**0.5


def test_lengths_in_no_dimension_are_zero() -> None:
    out = np.full(4, 7.0)
    lengths(stream(), np.array([0.0, -1.0, 0.0, -2.0]), np.empty(4), np.empty(4), out)
    assert (out == 0).all()


def coin_table(coins: int) -> tuple[int, Any, Any]:
    """The lowest count of a table, the chances to keep a column, and the others less the lowest."""
    tables = coin_tables(np.array([coins]))
    other = (tables.columns & np.uint64(2**32 - 1)).astype(np.int64)
    return int(tables.lowest[0]), tables.keep, other


@pytest.mark.parametrize("coins", [1, 2, 3, 7, 64, 1000, 10**6])
def test_coin_tables_hold_the_binomial_distribution_exactly(coins: int) -> None:
    """The chance of every count, put together again from the table, to 1e-12 of its own size or
    1e-17 absolutely."""
    lowest, keep, other = coin_table(coins)
    size = keep.size
    chances = keep / size + np.bincount(other, 1 - keep, size) / size
    exact = stats.binom.pmf(np.arange(lowest, lowest + size), coins, 0.5)
    assert np.abs(chances - exact).max() < 1e-15
    assert lowest >= 0
    assert (lowest + other <= coins).all()
    assert stats.binom.cdf(lowest - 1, coins, 0.5) < 1e-19


@pytest.mark.parametrize("coins", [3, 1000, 10**9])
def test_coin_counts_follow_their_table(coins: int) -> None:
    out = np.empty(SIZE)
    coin_counts(stream(5), coin_tables(np.array([7, coins])), 1, out)
    edges = np.unique(stats.binom.ppf(np.linspace(0.02, 0.98, 25), coins, 0.5))
    counts = np.bincount(np.searchsorted(edges, out), minlength=edges.size + 1)
    cumulative = np.concatenate(([0.0], stats.binom.cdf(edges, coins, 0.5), [1.0]))
    expected = SIZE * np.diff(cumulative)
    seen = expected > 0
    assert stats.chisquare(counts[seen], expected[seen]).pvalue > BUDGET / 3


@pytest.mark.slow
@pytest.mark.parametrize("coins", [100, 5000])
def test_words_that_leave_a_count_open_are_decided_by_further_bits(coins: int) -> None:
    """A word gives a column and the first bits of a fraction.  Where the column's chance lies
    among the fractions that begin so, it is kept as often as they are below it: column by column,
    with the words that leave it open."""
    (lowest, keep, other), here = coin_table(coins), stream(7)
    bits = keep.size.bit_length() - 1
    chances = keep * 2.0 ** (32 - bits)
    columns = coin_tables(np.array([coins])).columns
    below = np.floor(chances)
    open_columns = np.flatnonzero((keep < 1) & (np.abs(chances - below - 0.5) < 0.4))
    assert open_columns.size > 20
    for column in open_columns:
        here.words[:] = (int(column) << (32 - bits)) + int(below[column])
        out = np.empty(1000)
        _look_up(here, lowest, columns, keep, np.uint64(bits), out)
        kept = int((out == lowest + column).sum())
        assert ((out == lowest + column) | (out == lowest + other[column])).all()
        chance = chances[column] - below[column]
        assert stats.binomtest(kept, 1000, chance).pvalue > BUDGET / (2 * open_columns.size)


def test_calls_and_keys_do_not_overlap() -> None:
    here, draws = stream(1), []
    for _ in range(50):
        out = np.empty(1000)
        uniforms(here, out)
        draws.append(out)
    other = np.empty(1000)
    uniforms(stream(2), other)
    assert np.unique(np.concatenate([*draws, other])).size == 51_000


@pytest.mark.parametrize(
    ("draw", "kind"), [(uniforms, float), (normals, float), (single_normals, np.float32)]
)
def test_a_call_is_a_function_of_the_key_and_its_number(draw: Any, kind: Any) -> None:
    """Calls differ, and the fourth is the same after three others as when it is gone to."""
    here, there, other = stream(1), stream(1), stream(2)
    calls = np.empty((5, 1500), kind)
    for out in calls:
        draw(here, out)
    assert np.unique(calls).size > 0.99 * calls.size
    assert np.abs(np.corrcoef(calls) - np.eye(5)).max() < 5 / 1500**0.5
    there.calls[0], other.calls[0] = 3, 3
    fourth, others = np.empty((2, 1500), kind)
    draw(there, fourth)
    draw(other, others)
    assert np.array_equal(fourth, calls[3])
    assert np.mean(others == calls[3]) < 0.01


def test_places_have_65536_calls_of_their_own() -> None:
    """What is drawn at a place does not depend on what was drawn before, and no two meet."""
    places = [(n, s, layer) for n in (0, 1, 2, 10**6) for s in range(4) for layer in (0, 1, 10**5)]
    first, begun, here = [], [], stream(1)
    for place in places:
        turn_to(here, *place)
        begun.append(int(here.calls[0]))
        uniforms(here, one := np.empty(4))
        first.append(one)
    for place, before in reversed(list(zip(places, first, strict=True))):
        turn_to(here, *place)
        uniforms(here, again := np.empty(4))
        assert np.array_equal(again, before)
    assert np.unique(first).size == 4 * len(places)
    assert np.diff(sorted(begun)).min() >= 2**16


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1023, 1025, 2047])
def test_any_number_of_single_normals(size: int) -> None:
    out = np.full(size + 1, 99.0)
    single_normals(stream(6), out[:size])
    assert out[size] == 99.0
    assert (np.abs(out[:size]) < 7).all()
    assert np.unique(out).size == size + 1


def test_single_normals_are_never_zero() -> None:
    """At the ends of the radii and at the ends of the angles of every quarter turn."""
    angles = [(quarter << 30) + end for quarter in range(4) for end in (0, 1, 2**29, 2**30 - 1)]
    words = np.array([[radius, angle] for radius in (0, 2**32 - 1) for angle in angles], np.uint32)
    out = np.array([_pair(radius, angle) for radius, angle in words])
    assert (np.abs(out) > 0).all()
    assert (np.abs(out) < 6.67).all()


@pytest.mark.parametrize("coins", [1, 2, 31, 32, 33, 1000, 32_767, 32_768, 32_769, 70_000])
def test_heads_have_the_binomial_distribution(coins: int) -> None:
    here, found = stream(coins), np.empty(4000, np.int64)
    for i in range(found.size):
        found[i] = heads(here, coins)
    assert found.min() >= 0
    assert found.max() <= coins
    z = (found.mean() - coins / 2) / (coins / 4 / found.size) ** 0.5
    assert abs(z) < 5
    fourth = (3 - 2 / coins) * (coins / 4) ** 2
    z = (
        (np.var(found) - coins / 4) / ((fourth - (coins / 4) ** 2) / found.size) ** 0.5
        if coins > 1
        else 0
    )
    assert abs(z) < 5


def test_the_last_of_an_odd_number_of_normals_is_one_of_a_pair() -> None:
    odd, even = np.empty(5), np.empty(6)
    normals(stream(8), odd)
    normals(stream(8), even)
    assert np.array_equal(odd, even[:5])


@pytest.mark.parametrize("dimensions", [2, 3, 4, 9, 64, 10**4, 10**9])
def test_what_the_first_look_keeps_is_kept(dimensions: int) -> None:
    """By the whole trial, with the largest uniform that begins with the chance's bits; and nearly
    all is decided by the first look in many dimensions."""
    decided = 0
    for x in np.linspace(-8.5, 8.5, 171):
        for chance in np.arange(0.0, 1.0, 2.0**-5):
            square = _first_look(float(dimensions), x, chance)
            if square >= 0.0:
                decided += abs(x) < 3
                assert _trial(float(dimensions), x, chance + _STEP) == pytest.approx(square)
    assert decided > 59 * 31 or dimensions < 64


def test_the_steepness_is_a_little_more_than_it_need_be() -> None:
    for shape in np.exp(np.random.default_rng(4).uniform(-0.5, 21, 20_000)):
        assert 1 + 4e-6 < _steepness(shape) * (9.0 * shape) ** 0.5 < 1 + 1.1e-5
