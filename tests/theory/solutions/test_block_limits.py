"""Limits of residual networks against exact values along sequences of sizes."""

from itertools import pairwise
from typing import Any

import pytest
from sympy import Rational, limit, oo, sympify

from theory import Branch, ByRole, NotSolved, Residual, readout_update, squared_update
from theory.symbols import B, T, b, eta, n, t

SCALES: dict[str, tuple[Residual, ByRole]] = {
    "multiplier 1/sqrt(B)": (Residual(), ByRole()),
    "variance 1/B in W": (
        Residual(multiplier2=1, weight_variance=ByRole(down=1 / B)),
        ByRole(),
    ),
    "variance 1/B in both": (
        Residual(multiplier2=1, weight_variance=ByRole(up=2 / B, down=1 / B)),
        ByRole(),
    ),
    "multiplier 1/B, rates B": (Residual(multiplier2=1 / B**2), ByRole(up=B, down=B)),
    "multiplier 1/B": (Residual(multiplier2=1 / B**2), ByRole()),
    "no factor": (Residual(multiplier2=1), ByRole()),
    "skip below 1": (Residual(multiplier2="1/2", skip2="1/2"), ByRole()),
}
LAWS = {
    "multiplier 1/sqrt(B)": ("51*exp(2)/4", "51*exp(2)/2"),
    "variance 1/B in W": ("5*B**2*exp(2)/3", "10*B**2*exp(2)/3"),
    "variance 1/B in both": ("25/4", "13/B"),
    "multiplier 1/B, rates B": ("25/4", "13"),
    "multiplier 1/B": ("1", "2"),
    "no factor": ("15*4**B*B**3/64", "15*4**B*B**3/64"),
    "skip below 1": ("15*B**3/64", "15*B**3/32"),
}
"""E of the stream after the last block, and inside its branch."""


@pytest.mark.wide
@pytest.mark.parametrize("inside", [False, True], ids=["stream", "branch"])
@pytest.mark.parametrize("name", SCALES)
def test_the_law_of_a_scaling_is_the_limit_of_exact_values(name: str, inside: bool) -> None:
    """E over its law tends to 1 like 1/B, at n so large that 1/n does not show; of the label part,
    since the output part grows faster where no factor bounds the stream."""
    network, rates = SCALES[name]
    update = squared_update(network, Branch(B) if inside else None, rates=rates).label
    law = update.leading_term()
    assert law[0] == 0
    assert str(law[1]) == LAWS[name][inside]
    errors = []
    for blocks in (128, 256, 512):
        exact = update.at(n=10**12, B=blocks).evaluate()
        errors.append(float(exact / law[1].subs(B, blocks).evalf(30)) - 1)
    assert abs(errors[-1]) < 0.06
    assert abs(errors[1] / errors[0] - 0.5) < 0.05
    assert abs(errors[2] / errors[1] - 0.5) < 0.03


@pytest.mark.wide
@pytest.mark.parametrize("inside", [False, True], ids=["stream", "branch"])
@pytest.mark.parametrize("name", SCALES)
def test_the_law_at_an_open_block_is_the_limit_at_a_share_of_the_blocks(
    name: str, inside: bool
) -> None:
    """At b = B/4 the error falls like 1/B; at b = B stands the law of the last block."""
    network, rates = SCALES[name]
    update = squared_update(network, Branch(b) if inside else b, rates=rates).label
    law = update.leading_term()[1]
    last = sympify(LAWS[name][inside], locals={"B": B})
    assert abs(law.subs(b, B).subs(B, 64) / last.subs(B, 64) - 1).evalf(20) < 1e-15
    errors = []
    for blocks in (128, 256, 512):
        exact = update.at(n=10**12, B=blocks, b=blocks // 4).evaluate()
        errors.append(float(exact / law.subs({b: blocks // 4, B: blocks}).evalf(30)) - 1)
    assert abs(errors[-1]) < 0.06
    assert all(abs(new / old - 0.5) < 0.06 for old, new in pairwise(errors))


@pytest.mark.parametrize("width", [1, 3])
def test_many_blocks_at_a_width_have_a_law_at_an_open_block(width: int) -> None:
    value = squared_update(Residual(width=width), b).label
    law = value.block_limit().subs(b, B / 2)
    _tends(law.subs(B, 1), lambda blocks: value.at(B=blocks, b=blocks // 2).evaluate())


@pytest.mark.slow
def test_variances_of_one_over_the_root_in_both_are_rates_of_the_root() -> None:
    """U = B^(-1/4) U' and W = B^(-1/4) W': E grows like B in the stream, like sqrt(B) inside."""
    hidden = ByRole(input=0)
    laws = [
        float(squared_update(Residual(), layer, rates=hidden).label.leading_term()[1].evalf(20))
        for layer in (None, Branch(B))
    ]
    errors = []
    for root in (16, 32):
        blocks = root**2
        network = Residual(
            10**9,
            blocks,
            multiplier2=1,
            weight_variance=ByRole(up=Rational(2, root), down=Rational(1, root)),
        )
        scaled = squared_update(Residual(10**9, blocks), rates=ByRole(up=root, down=root)).label
        label = squared_update(network).label
        assert float(label.evaluate() / scaled.evaluate()) == pytest.approx(1, rel=1e-12)
        inside = squared_update(network, Branch(blocks)).label
        ratios = label.value / blocks / laws[0], inside.value / root / laws[1]
        errors.append([ratio - 1 for ratio in ratios])
    assert all(abs(error) < 0.15 for error in errors[0])
    assert all(abs(new / old - 0.5) < 0.1 for new, old in zip(*errors[::-1], strict=True))


@pytest.mark.wide
@pytest.mark.parametrize("part", ["label", "output"])
@pytest.mark.parametrize("width", [1, 2, 5])
def test_many_blocks_at_a_width_are_an_exponential(width: int, part: str) -> None:
    value = getattr(squared_update(Residual(width=width)), part)
    _tends(value.block_limit(), lambda blocks: value.at(B=blocks).evaluate())


@pytest.mark.slow
def test_the_time_of_the_exponential_is_that_of_the_multipliers() -> None:
    whole = squared_update(Residual(width=3, multiplier2=T / B)).label.block_limit()
    for time in (Rational(1, 2), Rational(2)):
        at = squared_update(Residual(width=3, multiplier2=time / B)).label
        assert abs((whole.subs(T, time) / at.block_limit() - 1).evalf(20)) < 1e-15
        _tends(at.block_limit(), lambda blocks, at=at: at.at(B=blocks).evaluate())


def test_first_many_blocks_then_width_is_first_width_then_blocks() -> None:
    """The two limits of the mean commute at multiplier^2 = 1/B."""
    label = squared_update(Residual()).label
    wide = [float(label.block_limit().subs({n: w}).subs(eta, 1).evalf(20)) for w in (10**3, 10**6)]
    law = float(label.leading_term()[1].evalf(20))
    assert abs(wide[1] / law - 1) < 1e-4 < abs(wide[0] / law - 1)


@pytest.mark.parametrize("ratio", ["1/4", "4"])
def test_the_joint_limit_does_not_hold_the_ratio(ratio: str) -> None:
    joint = squared_update(Residual()).label.joint_limit()
    assert not joint.has(t, n)
    scale = Rational(ratio)
    _tends(joint, lambda k: squared_update(Residual(4 * k, int(4 * k * scale))).label.evaluate())


@pytest.mark.slow
def test_the_output_part_falls_with_the_width_in_every_limit() -> None:
    output = squared_update(Residual()).output
    assert output.leading_term()[0] == -1
    joint = output.joint_limit()
    _tends(joint * n, lambda k: squared_update(Residual(4 * k, 4 * k)).output.evaluate() * 4 * k)


def test_the_readout_moves_with_the_norm_of_the_stream() -> None:
    law = readout_update(Residual()).leading()
    assert str(law) == "eta**2*n**2*exp(2)"
    _tends(law / n**2, lambda k: readout_update(Residual(10**9, k)).evaluate() / 10**18)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_infinite_width_is_the_limit_of_rational_functions(blocks: int) -> None:
    series = squared_update(Residual()).label.width_series(1)
    exact = squared_update(Residual(blocks=blocks)).label.per_eta2
    first = limit(exact, n, oo)
    assert series[0].subs(B, blocks) == first
    assert series[1].subs(B, blocks) == limit((exact - first) * n, n, oo)


def test_a_number_of_blocks_has_no_limit_in_blocks() -> None:
    with pytest.raises(NotSolved, match="symbolic number of blocks"):
        squared_update(Residual(8, 4)).block_limit()


def _tends(law: Any, value: Any) -> None:
    """That a value at sizes k tends to ``law`` with an error like 1/k."""
    number = float(law.subs(eta, 1).evalf(20))
    errors = [float(value(k)) / number - 1 for k in (256, 512, 1024)]
    assert abs(errors[-1]) < 0.25
    assert abs(errors[1] / errors[0] - 0.5) < 0.08
    assert abs(errors[2] / errors[1] - 0.5) < 0.04
