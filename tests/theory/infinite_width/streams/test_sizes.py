"""E |h| of streams that are not Gaussian, against samples of the stream itself."""

from typing import Any

import numpy as np
import pytest

from theory import GELU, ByRole, Inputs, LayerNorm, NotSolved, ReLU, Residual, Tanh
from theory import WeightsThenActivated as Inside
from theory.infinite_width.streams import sizes
from theory.infinite_width.streams.network import Blocks


def blocks_of(**given: Any) -> Blocks:
    network = Residual(branch=Inside(), weight_variance=ByRole(up=2), **given)
    return Blocks(network, Inputs())


@pytest.mark.wide
@pytest.mark.parametrize(
    "given",
    [
        {"activation": ReLU(), "blocks": 3},
        {"activation": GELU(), "blocks": 4, "skip2": "1/2", "multiplier2": 1},
        {"activation": Tanh(), "blocks": 4, "multiplier2": 9, "norm": LayerNorm()},
    ],
)
@pytest.mark.parametrize("centred", [False, True])
def test_sizes_of_samples_of_the_stream(given: dict[str, Any], centred: bool) -> None:
    found, samples = blocks_of(**given), 200_000
    expected, generator = sizes.stream_sizes(found, centred), np.random.default_rng(1)
    h = generator.standard_normal(samples)
    for block, seen in enumerate(found.inside):
        z = seen**0.5 * generator.standard_normal(samples)
        h = found.skip2**0.5 * h + found.tau2**0.5 * found.activation.value(z)
        size = np.abs(h - found.means[block + 1] * centred)
        assert abs(size.mean() - expected[block + 1]) < 4 * size.std() / samples**0.5


@pytest.mark.slow
def test_many_blocks_are_read_from_a_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """A series of a few terms agrees with a rule for each block."""
    found = blocks_of(activation=Tanh(), blocks=30)
    fast = sizes.stream_sizes(found)
    monkeypatch.setattr(sizes, "_TERMS", 30)
    assert fast == pytest.approx(sizes.stream_sizes(found), rel=1e-9)


def test_a_stream_whose_first_part_has_faded_is_refused() -> None:
    with pytest.raises(NotSolved, match="has decayed: give fewer"):
        sizes.stream_sizes(blocks_of(activation=Tanh(), blocks=20, skip2="1/2", multiplier2=1))
