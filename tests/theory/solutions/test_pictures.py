"""Every value draws itself beside its law, on axes that are the user's."""

import subprocess
import sys
import time
from typing import Any, cast

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sympy import exp

from theory import (
    MLP,
    Branch,
    ByGroup,
    Graph,
    HiddenLayers,
    InvalidArgument,
    LastLayer,
    LeakyReLU,
    Readout,
    Residual,
    SignDescent,
    Tanh,
    TrainedLayers,
    alignment,
    derive,
    layer_rates,
    maximal_learning_rate,
    readout_update,
    squared_update,
    tangent_kernel,
    transfer_learning_rate,
)
from theory.display.drawing import Curve, Marks, draw, wrapped
from theory.observables import K, g, trace, z
from theory.symbols import b, ell, n

UPDATE, LABEL = squared_update(MLP()), squared_update(MLP()).label
SIGN = SignDescent()
WIDE = squared_update(MLP(activation=Tanh()), ell)
VALUES: dict[str, tuple[Any, str, int, bool]] = {
    "update": (UPDATE, "depth $L$", 3, True),
    "label": (LABEL, "depth $L$", 3, True),
    "layer": (squared_update(MLP(), ell), r"layer $\ell$", 3, True),
    "layers of a network": (squared_update(MLP(64, 8), ell), r"layer $\ell$", 1, True),
    "width in numbers": (squared_update(MLP(64)), "depth $L$", 1, True),
    "rate in numbers": (maximal_learning_rate(MLP(64)), "depth $L$", 1, True),
    "layer rates in numbers": (layer_rates(MLP(64)), "depth $L$", 3, True),
    "observable in numbers": (derive(trace(K @ K), MLP(64)), "depth $L$", 1, True),
    "widths of layers": (squared_update(MLP((8, 16)), ell), r"layer $\ell$", 1, False),
    "depth in numbers": (squared_update(MLP(depth=4)), "width $n$", 1, True),
    "slope": (squared_update(MLP(activation=LeakyReLU())), "depth $L$", 3, True),
    "rate": (maximal_learning_rate(MLP()), "depth $L$", 3, True),
    "readout's rate": (maximal_learning_rate(MLP(), group=Readout()), "depth $L$", 3, True),
    "layer rates": (layer_rates(MLP()), "depth $L$", 3, True),
    "alignment": (alignment(MLP()), "depth $L$", 3, True),
    "readout": (readout_update(MLP()), "depth $L$", 3, True),
    "spread": (tangent_kernel(MLP()), "depth $L$", 2, True),
    "derivation": (derive(trace(K @ K), MLP()), "depth $L$", 3, True),
}


def xs(line: Line2D) -> list[float]:
    return np.asarray(line.get_xdata()).tolist()


def ys(line: Line2D) -> list[float]:
    return np.asarray(line.get_ydata()).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", VALUES)
def test_every_value_draws_itself_beside_its_law(name: str) -> None:
    value, xlabel, curves, has_law = VALUES[name]
    axes = value.plot(Figure().add_subplot())
    entries = [text.get_text() for text in axes.get_legend().get_texts()]
    assert axes.get_xlabel() == xlabel
    law = "law" if name != "depth in numbers" else r"$n \to \infty$ limit"
    assert [each.startswith("exact") for each in entries] == [True] * curves + [False] * has_law
    assert all(each.startswith(law) for each in entries[curves:])
    assert axes.get_title()
    assert axes.get_ylabel()
    assert len(axes.get_legend().legend_handles) == len(entries)


def test_curves_go_through_exact_values_and_laws_through_the_law() -> None:
    axes = UPDATE.plot(n=[32, 64], L=[2, 4, 8])
    exact = {str(line.get_label()): line for line in axes.get_lines()}
    for width in (32, 64):
        line = exact[f"exact, width {width}"]
        assert list(xs(line)) == [2, 4, 8]
        assert list(ys(line)) == UPDATE(width, [2, 4, 8]).tolist()
    assert list(ys(exact["law $L^{3}/3$"])) == [8 / 3, 64 / 3, 512 / 3]


@pytest.mark.slow
def test_it_is_drawn_against_depth_width_or_layer() -> None:
    whole = squared_update(MLP(), ell)
    for against in ("depth", "width", "layer"):
        fixed: dict[str, Any] = {} if against == "layer" else {"ell": 2}
        axes = whole.plot(against=against, **fixed)
        assert axes.get_xlabel().startswith(against)
    flat = UPDATE.plot(against="width", L=4)
    law = next(line for line in flat.get_lines() if str(line.get_label())[:3] == "law")
    assert set(ys(law)) == {64 / 3}


def test_no_line_hides_another() -> None:
    """Later curves are narrower, laws are the thinnest, dashed and on top."""
    lines = UPDATE.plot().get_lines()
    widths = [line.get_linewidth() for line in lines]
    assert widths[:3] == sorted(widths[:3], reverse=True)
    assert len(set(widths)) == len(lines) == 4
    assert lines[-1].get_linestyle() == "--"
    assert lines[-1].zorder > max(line.zorder for line in lines[:-1])
    dashes = {str((line.get_linestyle(), vars(line)["_dash_pattern"])) for line in lines}
    assert len(dashes) == 4


@pytest.mark.slow
def test_a_law_has_the_depth_in_it() -> None:
    """At one depth the leading term is a limit, or the leading term of a value that grows."""
    graph = squared_update(Graph({"a": "x", "b": "a"}, readout="b"))
    deep = squared_update(MLP(depth=2)), derive(trace(K), MLP(depth=2)), graph
    values: tuple[Any, ...] = (UPDATE, *deep)
    axes = [value.plot(Figure().add_subplot()) for value in values]
    found = [each.get_legend().get_texts()[-1] for each in axes]
    limit = r"$n \to \infty$ limit $3$"
    assert [text.get_text() for text in found] == [
        "law $L^{3}/3$",
        limit,
        "leading term $2 n^{2}$",
        limit,
    ]


@pytest.mark.slow
def test_the_title_states_the_finding() -> None:
    """Where the exact values are within a tenth of the law, the title says so, and truly."""
    title = " ".join(UPDATE.plot(n=1024, L=range(1, 65)).get_title().split())
    assert title == (
        r"$E[(\Delta z)^2]/\eta^2$ at width 1,024 is within 10% of its law $L^{3}/3$ "
        "from depth 3 to 39"
    )
    near = [depth for depth in range(1, 65) if abs(UPDATE(1024, depth) / (depth**3 / 3) - 1) < 0.1]
    assert near == list(range(3, 40))
    narrow = " ".join(LABEL.plot(n=8).get_title().split())
    assert "is nowhere within 10% of its law" in narrow
    wide = " ".join(UPDATE.plot(n=10**6, L=[16, 32]).get_title().split())
    assert "is everywhere within 10% of its law" in wide
    equal = " ".join(derive(g @ K @ g, MLP()).plot().get_title().split())
    assert equal.endswith("equals its law $L/2$ to 12 digits at every depth shown")
    by_width = " ".join(readout_update(MLP(64, activation=Tanh())).plot().get_title().split())
    assert r"$E[(\Delta f)^2]/\eta^2$ to leading order in $n$ at width 64 is" in by_width
    assert "falls from 1 to" in alignment(MLP((8, 16, 8)), layer=ell).plot().get_title()


def test_the_lines_of_a_title_are_about_equally_long() -> None:
    words = wrapped("Undecided: too few networks to notice an error of a factor 1.5").split("\n")
    assert words == ["Undecided: too few networks to", "notice an error of a factor 1.5"]
    assert wrapped("") == ""
    assert wrapped("one $a + b$ line") == "one $a + b$ line"


@pytest.mark.slow
def test_a_residual_network_is_drawn_against_its_blocks() -> None:
    """The stream is h, and a branch z, as in the definition."""
    update = squared_update(Residual(width=16))
    axes = update.plot()
    assert axes.get_xlabel() == "number of blocks $B$"
    assert axes.get_ylabel() == r"$E[(\Delta h)^2]/\eta^2$"
    (curve, law) = axes.get_lines()
    assert list(xs(curve)) == [1, 2, 4, 8, 16, 32, 64]
    assert list(ys(curve)) == pytest.approx([update(B) for B in (1, 2, 4, 8, 16, 32, 64)])
    assert list(ys(law)) == pytest.approx([float(51 * exp(2) / 4)] * 7)
    title = maximal_learning_rate(Residual(width=256)).plot().get_title().replace("\n", " ")
    assert title.endswith("from number of blocks 16 to 64")
    inside = squared_update(Residual(16, 4), Branch(b)).plot()
    assert inside.get_ylabel() == r"$E[(\Delta z)^2]/\eta^2$"
    assert inside.get_xlabel() == "block $b$"
    assert update.plot(against="blocks").get_xlabel() == "number of blocks $B$"


@pytest.mark.slow
def test_the_limit_over_the_blocks_of_a_network_in_numbers_keeps_all_powers() -> None:
    axes = squared_update(Residual(64, 8), b).plot(b=[1, 4, 8])
    exact, limit = axes.get_lines()
    assert list(ys(limit)) == pytest.approx(
        [float(squared_update(Residual(blocks=8), k).width_series(0)[0]) for k in (1, 4, 8)]
    )
    assert list(ys(exact)) == pytest.approx(list(ys(limit)), rel=0.1)
    assert "is everywhere within 10% of its" in axes.get_title().replace("\n", " ")


def test_rates_of_layers_are_refused_at_depth_1_before_any_value() -> None:
    start = time.perf_counter()
    with pytest.raises(InvalidArgument, match="start L at 2"):
        layer_rates(MLP()).plot(n=64, L=range(1, 33))
    assert time.perf_counter() - start < 1


@pytest.mark.slow
def test_an_update_at_infinite_width_is_drawn_by_layer_and_by_depth() -> None:
    rate: Any = maximal_learning_rate(MLP(activation=Tanh())).plot()
    (at_infinity, law) = [text.get_text() for text in rate.get_legend().get_texts()]
    assert at_infinity == r"$n \to \infty$"
    assert law.startswith("law ")
    (curve,) = squared_update(MLP(depth=8, activation=Tanh()), ell).plot().get_lines()
    assert list(xs(curve)) == [*range(1, 9)]
    assert list(ys(curve)) == WIDE.infinite_width(8).tolist()
    assert [len(xs(line)) for line in WIDE.plot(L=[8, 4]).get_lines()] == [4, 8]
    numbered = squared_update(MLP(activation=Tanh()), 3)
    (curve,) = numbered.plot(L=[4, 8]).get_lines()
    assert list(ys(curve)) == [WIDE.infinite_width(depth)[2] for depth in (4, 8)]
    (again,) = WIDE.plot(against="depth", L=[4, 8], ell=3).get_lines()
    assert list(ys(again)) == list(ys(curve))
    assert min(xs(numbered.plot().get_lines()[0])) == 3
    blocks = squared_update(Residual(activation=Tanh()), 3)
    assert list(xs(blocks.plot(B=[3, 4]).get_lines()[0])) == [3, 4]


def test_a_real_step_is_named_with_its_rate() -> None:
    axes = squared_update(MLP(), step=0.01).plot(L=[1, 64])
    assert r"$n \to \infty$, real step $\eta = 0.01$" in axes.get_title()
    assert axes.get_ylabel().endswith(r"real step $\eta = 0.01$")
    assert "grows from 0.5 to 2,350" in axes.get_title().replace("\n", " ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "first"),
    [
        (maximal_learning_rate(MLP(2), group=HiddenLayers(), criterion=LastLayer()), 2),
        (squared_update(MLP(16), rates=ByGroup(0, 1, 2)).label, 2),
        (derive(trace(K), MLP(16), rates=ByGroup(0, 1, 2)), 2),
        (squared_update(MLP(16), rates=TrainedLayers(3, 5)).label, 5),
        (squared_update(MLP(activation=Tanh()), rates=TrainedLayers(3, 5)), 5),
        (squared_update(MLP(16), 7, rates=TrainedLayers(2)).label, 7),
    ],
)
def test_a_picture_starts_at_the_first_depth_that_has_a_value(value: Any, first: int) -> None:
    assert min(xs(value.plot().get_lines()[0])) == first


def test_a_law_at_one_size_is_dashed_as_its_entry_is() -> None:
    line, law = UPDATE.plot(n=64, L=[4]).get_lines()
    assert law.get_linestyle() == "--"
    assert sum(xs(law)) / 2 == sum(xs(line)) / 2 == 4
    assert list(ys(law)) == pytest.approx([64 / 3] * 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["update", "readout", "derivation", "spread", "layer rates"])
def test_the_law_beside_a_width_in_numbers_is_that_of_the_open_one(name: str) -> None:
    """Drawn with width 64 put into the value, and with the curve of width 64 of the open value."""
    value = VALUES[name][0]
    drawn = [value.at(n=64).plot(L=[2, 8]), value.plot(n=64, L=[2, 8])]
    laws = [[ys(line) for line in axes.get_lines() if line.get_zorder() == 2.5] for axes in drawn]
    assert laws[0] == laws[1] != []
    titles = [axes.get_title() for axes in drawn]
    assert titles[0] == titles[1]
    assert "at width 64" in titles[0].replace("\n", " ")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: squared_update(MLP(8, 2)).plot(), r"layer open, as in squared_update\(.*, ell\)$"),
        (
            lambda: transfer_learning_rate(1, MLP(64, 2), MLP(64, 4)).plot(),
            r"draw maximal_learning_rate\(network\)",
        ),
        (lambda: layer_rates(MLP(8, 2)).plot(), "leave width or depth open$"),
        (lambda: squared_update(MLP(depth=3, activation=Tanh())).plot(), "leave depth or layer op"),
        (lambda: WIDE.plot(against="depth"), "a number for ell"),
        (lambda: WIDE.plot(ell=[2, 9], L=8), "depth of at least 9, got depth=8"),
        (lambda: UPDATE.plot(against="layer"), "expected 'width' or 'depth' for against"),
        (lambda: UPDATE.plot(L=4), "expected several numbers for L"),
        (lambda: UPDATE.plot(n=[]), "expected several numbers for n"),
        (lambda: UPDATE.plot(cast("Any", 3)), "expected Matplotlib axes for ax, got ax=3"),
        (lambda: UPDATE.plot(m=4), "expected no size but n, L, got m=4"),
        (lambda: squared_update(MLP(), ell).plot(n=[1, 2], L=[2, 3]), "for n and L"),
        (lambda: squared_update(MLP(), ell).plot(against="depth"), "a number for ell"),
        (lambda: UPDATE.plot(L=[0, 1]), "a positive whole number for L"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(call: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        call()


@pytest.mark.slow
def test_axes_that_are_given_are_drawn_on_and_returned() -> None:
    axes = Figure().add_subplot()
    assert UPDATE.plot(axes, n=64) is axes
    assert isinstance(UPDATE.plot(), Axes)


@pytest.mark.slow
@pytest.mark.parametrize("own", [{}, {"lines.linewidth": 0.7}])
def test_ink_colours_and_widths_are_the_users(own: dict[str, Any]) -> None:
    from matplotlib import rcParams, style

    with style.context(["dark_background", own]):
        *curves, law = UPDATE.plot().get_lines()
        cycle = rcParams["axes.prop_cycle"].by_key()["color"]
        unit = rcParams["lines.linewidth"]
    assert law.get_color() == "white"
    assert [line.get_color() for line in curves] == cycle[:3]
    assert curves[-1].get_linewidth() == unit
    assert all(unit <= line.get_linewidth() <= 2.1 * unit for line in curves)


@pytest.mark.slow
def test_a_tall_formula_in_a_title_stays_clear_of_the_frame() -> None:
    axes = readout_update(MLP(64, activation=Tanh())).plot()
    assert "dfrac" in axes.get_title().split("\n")[-1]
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert axes.title.get_window_extent().y0 > axes.bbox.y1 + 2


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_backend_and_style_are_the_users(chosen: bool) -> None:
    """The figure is a figure of pyplot, also where the user loads pyplot later; no setting changes
    except an open backend, and Matplotlib is not loaded before `plot`."""
    code = f"""
import sys
from theory import MLP, squared_update
assert "matplotlib" not in sys.modules
import matplotlib
if {chosen}:
    import matplotlib.pyplot as plt
    plt.switch_backend("svg")
matplotlib.rcParams["lines.linewidth"] = 7.0
def settings():
    rc = matplotlib.rcParams
    return [(key, dict.__getitem__(rc, key)) for key in rc.keys() if {chosen} or key != "backend"]
before = settings()
axes = squared_update(MLP()).plot(n=64)
assert settings() == before
import matplotlib.pyplot as plt
assert plt.gcf() is axes.figure
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_a_constant_is_at_every_depth_and_a_legend_covers_no_line() -> None:
    axes = derive(n * (z @ z) * 2 - 4 * n**2 + 1, MLP(64)).plot()
    title = "E[1 - 4·n² + 2·n·|z|²] at width 64 is 1 at every depth shown"
    assert axes.get_title().split() == title.split()
    levels = [Curve("level" * (y == 1), [1, 50], [y, y], 0) for y in range(1, 50)]
    drawn = draw(None, levels, title="", xlabel="", ylabel="")
    legend = drawn.get_legend()
    assert legend is not None
    assert legend.get_bbox_to_anchor().bounds[0] > 0.9 * drawn.bbox.x1


def test_a_legend_covers_no_error_bar() -> None:
    curves = [
        Curve("tried law, width 16", [2], [0.714]),
        Curve("tried law, width 32", [4], [0.75], 1),
    ]
    unit = Curve("exact", [2, 4], [1.0, 1.0], shared=True)
    marks = [
        Marks("measured, width 16", [2], [0.983], [0.0283]),
        Marks("measured, width 32", [4], [0.976], [0.035], 1),
    ]
    title = "Rejected: the mean at width 16, depth 2 is 9.3 standard errors from the tried law"
    drawn = draw(None, [*curves, unit, *marks], title=title, xlabel="d", ylabel="y")
    legend = drawn.get_legend()
    assert legend is not None
    drawn.figure.draw_without_rendering()  # type: ignore[union-attr]
    box = legend.get_window_extent()
    for bar in drawn.collections:
        for path in bar.get_paths():
            inside = path.transformed(bar.get_transform())
            assert not inside.intersects_bbox(box.padded(2), filled=False)


def test_an_open_width_divides_the_picture() -> None:
    update, rate = (f(MLP(), optimiser=SIGN) for f in (squared_update, maximal_learning_rate))
    line = update.plot(Figure().add_subplot(), L=[4, 8]).get_lines()[0]
    assert ys(line) == pytest.approx([update.infinite_width(4), update.infinite_width(8)])
    axes = rate.plot(Figure().add_subplot())
    assert axes.get_ylabel() == r"maximal learning rate as $n \to \infty$ times $n$"
    law = axes.get_lines()[1]
    assert ys(law)[-1] == pytest.approx(np.pi * 1.5**0.5 / xs(law)[-1] ** 1.5)


def test_one_number_for_the_axis_names_the_other_axis() -> None:
    with pytest.raises(InvalidArgument, match="against='width'"):
        UPDATE.plot(L=8)


def test_a_spread_is_drawn_as_the_quantity_that_it_is_of() -> None:
    axes = squared_update(MLP(depth=1)).label.spread.plot(n=[4, 8])
    assert axes.get_ylabel() == "(gᵀK²g)/n of one network"


@pytest.mark.slow
def test_a_value_of_several_numbers_has_their_curves_at_each_size() -> None:
    kernel = tangent_kernel(MLP())
    axes = kernel.plot(n=[64, 256], L=[2, 4, 8])
    lines = {str(line.get_label()): ys(line) for line in axes.get_lines()}
    for width in (64, 256):
        for place, part in enumerate(("mean", "standard deviation")):
            wanted = [float(kernel(n=width, L=depth)[place]) for depth in (2, 4, 8)]
            assert lines[f"exact, {part}, width {width}"] == pytest.approx(wanted)
    assert axes.get_title().startswith("gᵀKg of one network, standard deviation, at width 256")
    rates: Any = layer_rates(MLP()).plot(n=[64, 256], L=[2, 4])
    assert len(rates.get_legend().get_texts()) == 3 * 2 + 1


def test_the_rate_of_the_readout_is_named() -> None:
    title = maximal_learning_rate(MLP(), group=Readout()).plot(L=[2, 4]).get_title()
    assert "maximal learning rate of the readout" in title.replace("\n", " ").lower()


@pytest.mark.slow
def test_a_long_law_is_not_in_the_legend() -> None:
    axes: Any = squared_update(Residual(64, 16), b).plot()
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert max(map(len, texts)) < 60
    axes.figure.draw_without_rendering()
    assert axes.get_window_extent().width > axes.figure.bbox.width / 3


@pytest.mark.slow
def test_each_curve_over_layers_goes_to_its_own_depth() -> None:
    axes = squared_update(MLP(), ell).plot(against="layer", L=[8, 16], n=64)
    lines = [xs(line)[-1] for line in axes.get_lines() if str(line.get_label())[0] == "e"]
    assert lines == [8, 16]
