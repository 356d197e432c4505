"""Transfer of a tuned rate: exact ratios, their algebra, and the warning outside the law."""

import re
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.strategies import generated
from theory import (
    MLP,
    FirstLayer,
    HiddenLayers,
    InvalidArgument,
    LastLayer,
    LeakyReLU,
    MeanOverLayers,
    NotSolved,
    OutsideValidity,
    Readout,
    Relative,
    Residual,
    maximal_learning_rate,
    squared_update,
    transfer_learning_rate,
)
from theory.symbols import a, eta

SMALL = st.builds(MLP, st.integers(1, 8), st.integers(2, 5), input_width=st.integers(1, 5))
GROUPS = st.sampled_from([None, FirstLayer(), HiddenLayers(), Readout()])


@pytest.mark.slow
@generated(20)
@given(SMALL, SMALL, SMALL, GROUPS)
@pytest.mark.filterwarnings("ignore::theory.rates.transfer.OutsideValidity")
def test_transfers_compose(one: MLP, two: MLP, three: MLP, group: Any) -> None:
    forth = transfer_learning_rate("0.3", one, two, group=group)
    onwards = transfer_learning_rate(forth.rate, two, three, group=group)
    direct = transfer_learning_rate("0.3", one, three, group=group)
    assert onwards.rate == pytest.approx(direct.rate, rel=1e-14)
    assert float(direct.exact) == pytest.approx(direct.rate, rel=1e-14)
    assert float(direct) == direct.rate
    assert transfer_learning_rate("0.3", one, one, group=group).rate == 0.3


@pytest.mark.slow
@generated(20)
@given(SMALL, SMALL)
@pytest.mark.filterwarnings("ignore::theory.rates.transfer.OutsideValidity")
def test_the_target_moves_as_the_source_did(source: MLP, target: MLP) -> None:
    """Growth from layer to layer holds for these networks, so that the last layer is compared."""
    found = transfer_learning_rate("0.3", source, target)
    before = squared_update(source).exact.subs(eta, found.tuned)
    after = squared_update(target).exact.subs(eta, found.exact)
    assert before == after.simplify()
    assert found.ratio**2 == squared_update(source).per_eta2 / squared_update(target).per_eta2


def test_within_the_law_the_ratio_is_the_power_of_the_depth() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = transfer_learning_rate(0.1, MLP(10**6, 100), MLP(10**6, 400))
    assert found.rate == pytest.approx(0.1 / 8, rel=0.01)
    assert "MLP(width=1000000, depth=400)" in repr(found)


@pytest.mark.parametrize("criterion", [LastLayer(), LastLayer("1/9"), MeanOverLayers()], ids=repr)
def test_criteria_are_passed_on_and_their_bounds_cancel(criterion: Any) -> None:
    source, target = MLP(64, 4), MLP(128, 6)
    rates = [maximal_learning_rate(each, criterion=criterion).exact for each in (source, target)]
    found = transfer_learning_rate(1, source, target, criterion=criterion)
    assert found.rate == pytest.approx(float(rates[1] / rates[0]), rel=1e-14)


@pytest.mark.parametrize(
    ("source", "target", "named"),
    [
        (MLP(64, 64), MLP(64, 4), "source"),
        (MLP(64, 4), MLP(64, 64), "target"),
        (MLP(64, 4), MLP((64, 8, 64, 64)), "target"),
        (MLP(64, 4), MLP(64, 64, input_width=784), "target"),
    ],
)
def test_outside_the_range_of_the_law_there_is_a_warning(
    source: MLP, target: MLP, named: str
) -> None:
    with pytest.warns(OutsideValidity, match=f"^{named}=.*depth/width") as caught:
        transfer_learning_rate(0.1, source, target)
    assert len(caught) == 1
    assert caught[0].filename == __file__


DEPTH, INPUT = r"depth/width = 0\.5; compare", "for its input width, 156 times"
SHALLOW = "too small"


@pytest.mark.parametrize(
    ("target", "group", "cause"),
    [
        (MLP(64, 8), None, ""),
        (MLP(64, 32), None, DEPTH),
        (MLP(64, 8, input_width=10_000), None, INPUT),
        (MLP((64, 64, 80, 64), input_width=10_000), None, INPUT),
        (MLP(64, 1, input_width=10_000), None, INPUT),
        (MLP(64, 32, input_width=10_000), None, DEPTH),
        (MLP(64, 8, input_width=10_000), FirstLayer(), ""),
        (MLP(64, 32, input_width=10_000), FirstLayer(), DEPTH),
        (MLP(64, 8, input_width=10_000), HiddenLayers(), ""),
        (MLP(64, 32, input_width=10_000), HiddenLayers(), DEPTH),
        (MLP(64, 2, input_width=10_000), HiddenLayers(), SHALLOW),
        (MLP(64, 4, input_width=10_000), Readout(), ""),
        (MLP(64, 32, input_width=10_000), Readout(), r"depth/width = 0\.5$"),
        (MLP(64, 8, input_norm2=18), None, ""),
        (MLP(64, 8, activation=LeakyReLU("1/3")), None, ""),
        (MLP(64, 4, weight_variance=1), None, "away from the critical weight variance"),
    ],
    ids=repr,
)
def test_the_warning_names_the_cause(target: MLP, group: Any, cause: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        transfer_learning_rate(0.1, MLP(128, 8), target, group=group)
    said = [str(each.message) for each in caught if str(each.message).startswith("target=")]
    assert len(said) == bool(cause)
    if cause:
        assert re.search(cause, said[0])
        causes = (DEPTH, INPUT, SHALLOW)
        assert not any(re.search(other, said[0]) for other in causes if other != cause)


def test_the_warning_is_where_the_law_fails() -> None:
    """Against the interval of depths that `validity` finds at width 64."""
    low, high = maximal_learning_rate(MLP()).validity("0.1").depths(64)  # type: ignore[misc]
    for depth in range(1, high + 3):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            transfer_learning_rate(0.1, MLP(64, low), MLP(64, depth), tolerance="0.1")
        assert bool(caught) == (not low <= depth <= high)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rate": 0}, "rate=0"),
        ({"rate": -0.1}, "rate=-0.1"),
        ({"rate": float("nan")}, "rate=nan"),
        ({"rate": "fast"}, "rate='fast'"),
        ({"source": MLP()}, "source=MLP.*symbols L, n"),
        ({"target": MLP(depth=3)}, "target=MLP.*symbols n"),
        ({"target": 64}, "target=64"),
        ({"source": MLP(4, 2, input_norm2=a)}, "source"),
        ({"tolerance": 2}, "tolerance=2"),
        ({"group": "all"}, "group='all'"),
        ({"criterion": 1}, "criterion=1"),
    ],
)
def test_bad_input(changed: dict[str, Any], message: str) -> None:
    usual: dict[str, Any] = {"rate": 0.1, "source": MLP(64, 2), "target": MLP(64, 3)}
    with pytest.raises(InvalidArgument, match=message):
        transfer_learning_rate(**(usual | changed))


@pytest.mark.parametrize("kind", [MLP, Residual])
def test_a_criterion_at_infinite_width_is_refused(kind: Any) -> None:
    relative: Any = Relative()
    with pytest.raises(NotSolved, match=r"got criterion=Relative\(\): give .*infinite_width\(\)"):
        transfer_learning_rate("0.1", kind(64, 2), kind(128, 4), criterion=relative)
