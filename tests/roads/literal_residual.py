"""Residual networks with explicit weights, in plain NumPy, several at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from verify.numerics.arrays import FloatArray
from verify.samplers.blocks import Blocks

__all__ = ["literal_updates"]


class _Weights(NamedTuple):
    """Shapes: h^0 and v ``(networks, n)``; by block, U ``(networks, m, n)`` and W
    ``(networks, n, m)``."""

    h: FloatArray
    up: list[FloatArray]
    down: list[FloatArray]
    readout: FloatArray


class _Forward(NamedTuple):
    """The streams and the pre-activations of the branches, from below up."""

    streams: list[FloatArray]
    branches: list[FloatArray]


def _drawn(net: Blocks, numbers: np.random.Generator, count: int) -> _Weights:
    n, m, blocks = net.width, net.branch_width, range(net.up_rates.size)
    h = net.input_sd * net.input_norm * numbers.standard_normal((count, n))
    up = [net.up_sd * numbers.standard_normal((count, m, n)) for _ in blocks]
    down = [net.down_sd * numbers.standard_normal((count, n, m)) for _ in blocks]
    return _Weights(h, up, down, net.readout_sd * numbers.standard_normal((count, n)))


def _times(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("kij,kj->ki", matrices, vectors))


def _transposed(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("kij,ki->kj", matrices, vectors))


def _square(vectors: FloatArray) -> FloatArray:
    return np.asarray((vectors**2).sum(axis=1, keepdims=True))


def _slopes(net: Blocks, z: FloatArray) -> FloatArray:
    return np.where(z > 0.0, 1.0, net.slope)


def _run(net: Blocks, weights: _Weights) -> _Forward:
    streams, branches = [weights.h], []
    for up, down in zip(weights.up, weights.down, strict=True):
        branches.append(_times(up, streams[-1]))
        active = _slopes(net, branches[-1]) * branches[-1]
        streams.append(net.skip * streams[-1] + _times(down, active))
    return _Forward(streams, branches)


def _gradients(net: Blocks, weights: _Weights, run: _Forward) -> _Forward:
    streams, branches = [weights.readout], []
    for b in range(len(weights.up) - 1, -1, -1):
        slopes = _slopes(net, run.branches[b])
        branches.append(slopes * _transposed(weights.down[b], streams[-1]))
        streams.append(net.skip * streams[-1] + _transposed(weights.up[b], branches[-1]))
    return _Forward(streams[::-1], branches[::-1])


def _kernel(net: Blocks, weights: _Weights, run: _Forward, back: _Forward) -> _Forward:
    """The update of every site over -(f - y), to first order."""
    streams, branches = [net.input_rate * net.input_norm**2 * back.streams[0]], []
    for b, z in enumerate(run.branches):
        own = net.up_rates[b] * _square(run.streams[b]) * back.branches[b]
        branches.append(own + _times(weights.up[b], streams[-1]))
        slopes = _slopes(net, z)
        own = net.down_rates[b] * _square(slopes * z) * back.streams[b + 1]
        carried = _times(weights.down[b], slopes * branches[-1])
        streams.append(net.skip * streams[-1] + own + carried)
    return _Forward(streams, branches)


def _moved(
    net: Blocks, weights: _Weights, run: _Forward, back: _Forward, factor: FloatArray
) -> _Weights:
    """Weights after a step of ``factor`` times the gradient of f, shape ``(networks, 1)``."""

    def outer(rate: float, left: FloatArray, right: FloatArray) -> FloatArray:
        return rate * factor[:, :, None] * left[:, :, None] * right[:, None, :]

    h = weights.h + factor * net.input_rate * net.input_norm**2 * back.streams[0]
    up, down = [], []
    for b, z in enumerate(run.branches):
        active = _slopes(net, z) * z
        up.append(weights.up[b] + outer(net.up_rates[b], back.branches[b], run.streams[b]))
        down.append(weights.down[b] + outer(net.down_rates[b], back.streams[b + 1], active))
    return _Weights(h, up, down, weights.readout)


def literal_updates(
    net: Blocks, numbers: np.random.Generator, count: int, step: float = 0.0
) -> FloatArray:
    """As `Sampler.sample`, of the streams 0 to B and then of the branches 1 to B."""
    weights = _drawn(net, numbers, count)
    run = _run(net, weights)
    back = _gradients(net, weights, run)
    f = (weights.readout * run.streams[-1]).sum(axis=1, keepdims=True)
    if step == 0.0:
        change = _kernel(net, weights, run, back)
        label = _log_squares([*change.streams, *change.branches])
        return np.stack([label, label + 2.0 * np.log(np.abs(f))])
    factor = step * (2.0 * numbers.integers(0, 2, (count, 1)) - 1.0 - f)
    after = _run(net, _moved(net, weights, run, back, factor))
    pairs = zip([*after.streams, *after.branches], [*run.streams, *run.branches], strict=True)
    return (_log_squares([one - other for one, other in pairs]) - 2.0 * np.log(step))[None]


def _log_squares(vectors: list[FloatArray]) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.stack([np.log((each**2).mean(axis=1)) for each in vectors], axis=1)
