"""Comparisons, checks and estimates draw themselves: marks with errors beside exact values."""

import re
from math import exp, inf
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from theory import (
    MLP,
    Branch,
    InvalidArgument,
    NotSolved,
    Residual,
    SignDescent,
    Tanh,
    derive,
    maximal_learning_rate,
    readout_update,
    squared_update,
)
from theory.display.drawing import Marks, draw
from theory.observables import K, g, trace
from theory.symbols import ell
from verify import (
    Comparison,
    Conditioned,
    Dense,
    Estimate,
    check,
    compare_law,
    monte_carlo,
    typical_learning_rate,
)
from verify.comparison.compare import comparison_record
from verify.comparison.figure import cells_of_the_law, draw_rates

GRID = [MLP(n, L) for n in (32, 256) for L in (2, 4)]


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return compare_law(networks=GRID, samples=20_000, seed=1)


@pytest.fixture(scope="module")
def measured() -> Estimate:
    return monte_carlo(MLP(32, 8), samples=5000, seed=1, layer=range(1, 9))


def xs(line: Line2D) -> list[float]:
    return np.asarray(line.get_xdata()).tolist()


def ys(line: Line2D) -> list[float]:
    return np.asarray(line.get_ydata()).tolist()


def series(axes: Any, index: int) -> Any:
    """Marks and caps of a series with error bars."""
    return axes.containers[index].lines


def entries(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    assert len(legend.legend_handles) == len(legend.get_texts())
    return [text.get_text() for text in legend.get_texts()]


def bars(axes: Axes) -> list[tuple[list[float], list[float], list[float]]]:
    """Sizes, heights and ends of the error bars of each set of marks."""
    found: list[Any] = list(axes.containers)
    return [
        (
            list(each.lines[0].get_xdata()),
            list(each.lines[0].get_ydata()),
            [segment[1][1] - segment[0][1] for segment in each.lines[2][0].get_segments()],
        )
        for each in found
    ]


@pytest.mark.slow
def test_a_comparison_draws_means_over_exact_values_with_two_standard_errors(
    compared: Comparison,
) -> None:
    axes = compared.plot(Figure().add_subplot())
    assert entries(axes) == [
        *(
            "law as n → ∞, width 32",
            "law as n → ∞, width 256",
            "exact",
            "measured, width 32",
            "measured, width 256",
        )
    ]
    cells = sorted(compared.cells, key=lambda cell: (cell.width, cell.depth))
    heights = [height for _, ys, _ in bars(axes) for height in ys]
    errors = [error for _, _, ends in bars(axes) for error in ends]
    for cell, height, error in zip(cells, heights, errors, strict=True):
        exact = float(squared_update(cell.network).evaluate())
        assert height == pytest.approx(cell.estimate.mean / exact)
        assert error == pytest.approx(4 * cell.score.evidence.standard_error)
    law = next(line for line in axes.get_lines() if line.get_label() == "law as n → ∞, width 32")
    truth = [L**3 / 3 / squared_update(MLP())(32, L) for L in (2, 4)]
    assert ys(law) == pytest.approx(truth)
    assert axes.get_xlabel() == "depth $L$"


@pytest.mark.slow
def test_the_size_on_the_axis_can_be_chosen(compared: Comparison) -> None:
    axes = compared.plot(against="width")
    assert axes.get_xlabel() == "width $n$"
    assert "measured, depth 4" in entries(axes)
    one, two = (
        compare_law(networks=[MLP(32, 4)], samples=2000, seed=1, layer=layer) for layer in (2, 4)
    )
    assert one.joined(two).plot().get_xlabel() == r"layer $\ell$"
    with pytest.raises(InvalidArgument, match="'depth' or 'width' or 'layer' for against, got"):
        compared.plot(against="time")


@pytest.mark.wide
@pytest.mark.parametrize(
    ("law", "networks", "samples", "words"),
    [
        (None, GRID, 20_000, "Consistent: the means in the verdict are within"),
        ("L**3", GRID, 20_000, "Rejected: the mean at width 256, depth 2 is"),
        (None, [MLP(32, 4)], 30, "Undecided: too few networks"),
        (None, [MLP(64, 64)], 300, "Undecided: no network of these sizes can decide"),
    ],
)
def test_the_title_states_the_verdict(
    law: str | None, networks: list[MLP], samples: int, words: str
) -> None:
    given = () if law is None else (law,)
    found = compare_law(*given, networks=networks, samples=samples, seed=1)
    title = found.plot().get_title().replace("\n", " ")
    assert title.startswith(words)
    assert ("law" in title) == (law is not None)


@pytest.mark.slow
def test_hollow_marks_do_not_decide() -> None:
    found = compare_law(networks=[MLP(32, 4), MLP(64, 64)], samples=500, seed=1)
    axes = found.plot(against="depth")
    faces = {tuple(each.lines[0].get_xdata()): each.lines[0] for each in axes.containers}  # type: ignore[attr-defined]
    filled = [line.get_markerfacecolor() == line.get_color() for line in faces.values()]
    assert sorted(filled) == [False, True]


@pytest.mark.slow
def test_an_estimate_is_drawn_beside_exact_values_part_by_part(measured: Estimate) -> None:
    exact = squared_update(MLP(32, 8), ell)
    axes = measured.plot(Figure().add_subplot(), theory=exact)
    names = ("total", "label", "output")
    assert entries(axes) == [f"{what}, {name}" for what in ("exact", "measured") for name in names]
    for name, (_, heights, ends) in zip(names, bars(axes), strict=True):
        part = getattr(measured, name)
        assert heights == pytest.approx(part.mean)
        assert ends == pytest.approx(4 * part.standard_error)
    line = next(each for each in axes.get_lines() if each.get_label() == "exact, label")
    assert ys(line) == pytest.approx(exact.label(range(1, 9)))
    assert axes.get_title().replace("\n", " ") == (
        "Measured means are within two standard errors of the exact values at 20 of 24 points"
    )


@pytest.mark.slow
def test_an_estimate_alone_and_beside_a_law(measured: Estimate) -> None:
    assert "grows from" in measured.plot().get_title()
    axes = measured.plot(theory=lambda layer: layer**3 / 3)
    assert entries(axes)[0] == "law, total"
    assert "of the law at 0 of 8 layers" in axes.get_title().replace("\n", " ")
    one = monte_carlo(MLP(32, 8), samples=500, seed=1)
    assert "at layer 8" in one.plot().get_title().replace("\n", " ")
    assert entries(one.plot(theory=squared_update(MLP(32, 8))))[0] == "exact, total"


@pytest.mark.parametrize("theory", [3, squared_update(MLP()), squared_update(MLP(32, 8))])
def test_what_is_no_theory_of_the_layers_is_refused(measured: Estimate, theory: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"give squared_update\(network, ell\)"):
        measured.plot(theory=theory)


@pytest.mark.parametrize(
    ("theory", "words"),
    [
        (readout_update(MLP(32, 8)), "expected the exact E[(Δz)²]/η² for theory"),
        (derive(trace(K), MLP(32, 8)), "expected the exact E[(Δz)²]/η² for theory"),
        (squared_update(MLP(32, 8)).label, "expected the exact E[(Δz)²]/η² for theory"),
        (squared_update(MLP(32, 8), rates=(0,) + (1,) * 7), "expected rates=None in theory"),
        (
            squared_update(MLP(32, 8), optimiser=SignDescent()),
            "expected optimiser=GradientDescent() in theory",
        ),
        (squared_update(MLP(32, 8), 7), "expected the value at layer 8 for theory"),
    ],
    ids=str,
)
def test_the_theory_of_another_quantity_is_refused(theory: Any, words: str) -> None:
    one = monte_carlo(MLP(32, 8), samples=20, seed=1)
    with pytest.raises(InvalidArgument, match=re.escape(words)):
        one.plot(theory=theory)


def test_the_picture_of_a_limit_calls_it_a_limit() -> None:
    network = MLP(32, 2, activation=Tanh())
    found = monte_carlo(network, samples=20, seed=1, sampler=Conditioned())
    assert entries(found.plot(theory=squared_update(network)))[0] == r"$n \to \infty$, total"


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.05, "1/20"])
def test_the_picture_of_real_steps_names_a_linearised_theory(step: Any) -> None:
    network = MLP(16, 2)
    found = monte_carlo(network, samples=50, seed=1, step=0.05, sampler=Conditioned())
    real = found.plot(theory=squared_update(network, step=step))
    assert entries(real)[0] == r"$n \to \infty$, total"
    axes = found.plot(theory=squared_update(network))
    assert entries(axes)[0] == "exact linearised step, total"
    assert "the exact values of the linearised step" in axes.get_title().replace("\n", " ")
    with pytest.raises(InvalidArgument, match=r"expected step=0\.05 in theory, as measured, got"):
        found.plot(theory=squared_update(network, step=0.1))


def test_the_title_counts_the_drawn_parts() -> None:
    found = monte_carlo(MLP(32, 4), samples=5000, seed=1)
    title = found.plot(theory=squared_update(MLP(32, 4))).get_title().replace("\n", " ")
    assert title.endswith("of the exact values at 2 of 3 parts")


def test_the_theory_of_an_observable_is_its_own_mean() -> None:
    network = MLP(8, 2)
    found = monte_carlo(network, samples=20, seed=1, observable=trace(K), sampler=Dense())
    assert found.plot(theory=derive(trace(K), network)).get_ylabel() == "E[tr(K)]"
    for other in (squared_update(network), derive(trace(K @ K), network)):
        with pytest.raises(InvalidArgument, match=r"expected the exact E\[tr\(K\)\] for theory"):
            found.plot(theory=other)


def test_a_picture_names_the_observable_that_was_measured() -> None:
    observable, network = g @ K @ g, MLP(8, 3)
    sampler = Conditioned()
    estimate = monte_carlo(
        network, samples=500, seed=1, observable=observable, sampler=sampler, layer=(1, 2)
    )
    axes = estimate.plot()
    assert axes.get_ylabel() == "E[gᵀKg]"
    assert axes.get_title().startswith("E[gᵀKg] ")
    found = compare_law(
        networks=[network], samples=500, seed=1, observable=observable, sampler=sampler
    )
    assert found.plot().get_ylabel() == "E[gᵀKg] over its exact value"


def test_marks_whose_bars_overlap_stand_side_by_side() -> None:
    rows = [
        Marks("a", (4, 8), (1.0, 1.0), (0.2, 0.0)),
        Marks("b", (4, 8), (1.3, 3.0), (0.2, 0.1), 1),
    ]
    axes = draw(Figure().add_subplot(), rows, title="", xlabel="", ylabel="")
    (left, alone), (right, other) = (each.lines[0].get_xdata() for each in axes.containers)  # type: ignore[attr-defined]
    assert left < 4 < right
    assert alone == other == 8


def test_an_undefined_mean_is_left_out() -> None:
    axes = monte_carlo(MLP(8, 2), samples=1, seed=1, layer=(1, 2)).plot()
    assert len(bars(axes)) == 3


@pytest.mark.slow
def test_a_check_by_theory_draws_the_formula_beside_exact_values_and_law() -> None:
    axes = check("L**2/3", claim="leading", simulate=False).plot()
    names = [f"exact, width {width}" for width in ("64", "256", "1,024")]
    assert entries(axes) == ["formula", *names, "law $L^{3}/3$"]
    line = axes.get_lines()[0]
    assert ys(line) == pytest.approx([x**2 / 3 for x in xs(line)])
    assert axes.get_title().startswith("Rejected: the claim that the formula $L^{2}/3$")
    widths = check("eta**2*(3 + 5/n)", network=MLP(depth=2), simulate=False).plot()
    assert widths.get_xlabel() == "width $n$"
    rate = check("1/n", quantity="rate", claim="leading", simulate=False).plot(against="width")
    assert entries(rate)[0] == "formula"


@pytest.mark.slow
def test_marks_move_aside_only_where_they_would_cover_one_another() -> None:
    near = [Marks("a", [2, 4], [1.0, 5.0]), Marks("b", [2, 4], [1.01, 100.0], look=1)]
    axes = draw(None, near, title="", xlabel="", ylabel="")
    first, second = (series(axes, k)[0] for k in (0, 1))
    assert xs(first)[0] < 2 < xs(second)[0]
    assert xs(first)[1] == xs(second)[1] == 4


def test_bars_may_have_ends_of_their_own() -> None:
    marks = Marks("a", [1, 2], [3.0, 4.0], ends=[(2.5, 5.0), (0.0, inf)])
    assert marks.bars == [(0.5, 2.0), (4.0, 0.0)]
    assert Marks("a", [1], [3.0], [0.25]).bars == [(0.5, 0.5)]
    assert Marks("a", [1], [3.0]).bars == [(0.0, 0.0)]


def test_a_typical_rate_draws_its_intervals_by_layer() -> None:
    found = typical_learning_rate(MLP(32, 8), samples=1000, seed=1, layer=(2, 8))
    axes = found.plot()
    marks = series(axes, 0)
    assert ys(marks[0]) == pytest.approx([found._rate(x) for x in found.quantile.log_value])
    low, high = (ys(cap)[1] for cap in marks[1])
    assert (low, high) == pytest.approx(found.interval)
    assert entries(axes) == ["median network", "mean over the same networks"]
    assert axes.get_title().endswith("layer 8 binds")


def test_a_dead_median_network_has_no_picture() -> None:
    dead = typical_learning_rate(MLP(1, 6), samples=200, seed=1)
    assert dead.rate == inf
    with pytest.raises(NotSolved, match="is dead and moves at no rate"):
        dead.plot()


@pytest.mark.slow
def test_the_streams_of_residual_networks_move_h() -> None:
    """As the values of theory say."""
    network = Residual(4, 2)
    both = monte_carlo(network, samples=50, seed=1, layer=(1, Branch(2)), sampler=Dense())
    stream, branch = (
        monte_carlo(network, samples=50, seed=1, layer=each, sampler=Dense())
        for each in (2, Branch(2))
    )
    heads = [repr(each).split(" ", 1)[0] for each in (stream, branch, both)]
    assert heads == ["E[(Δh)²]/η²", "E[(Δz)²]/η²", "E[(Δh)²]/η²,"]
    assert stream.plot().get_ylabel() == squared_update(Residual()).plot().get_ylabel()
    run = compare_law(networks=[network], samples=50, seed=1, sampler=Dense())
    assert "E[(Δh)²]/η² of a linearised step" in str(run)
    assert run.plot().get_ylabel() == r"$E[(\Delta h)^2]$ over its exact value"


def test_a_check_by_theory_names_the_observable_on_its_axis() -> None:
    found = check("n**2*L", observable=trace(K), simulate=False)
    assert found.plot().get_ylabel() == "E[tr(K)]"


@pytest.mark.slow
def test_a_check_on_networks_draws_the_formula_over_exact_values() -> None:
    found = check("L**3/3", grid=GRID, samples=2000)
    axes = found.plot()
    assert "formula, width 32" in entries(axes)
    assert "exact" in entries(axes)
    assert not [name for name in entries(axes) if name.startswith("law")]
    title = axes.get_title().replace("\n", " ")
    assert title.startswith("Rejected: the claim that the formula $L^{3}/3$ is E[(Δz)²]")


@pytest.mark.slow
def test_the_rates_of_a_run_are_drawn_down_to_the_exact_rate_of_a_deep_network() -> None:
    deep = compare_law(networks=[MLP(16, 64)], samples=100, seed=1)
    axes = draw_rates(Figure().add_subplot(), cells_of_the_law(comparison_record(deep)))
    low, high = axes.get_ylim()
    exact = float(maximal_learning_rate(MLP(16, 64)))
    assert low < exact < 1e-10
    assert exact in [pytest.approx(min(ys(line))) for line in axes.lines]
    assert high < 1


@pytest.mark.slow
def test_a_joint_claim_is_drawn_with_the_joint_limit() -> None:
    claimed = check("n^3*t^3/3", claim="joint", simulate=False)
    axes = claimed.plot()
    (law,) = [line for line in axes.lines if line.get_label() == "joint limit"]
    assert len(axes.lines) == 1 + 2 * 3
    ratio, drawn = 1.0, dict(zip(xs(law), ys(law), strict=True))
    decaying, growing = 4 * ratio + 1, 6 * ratio**2 + 2 * ratio - 1
    assert drawn[64] == pytest.approx(
        64**3 * (decaying * exp(-ratio) + growing * exp(5 * ratio)) / 108, rel=1e-12
    )
