"""`Blocks` holds the variances, gradients and moments of every block of a residual network at
infinite width, in floats."""

from __future__ import annotations

import numpy as np

from theory.activations.moments import Moments, MomentTable, moment_table
from theory.errors import NotSolved
from theory.infinite_width.layers import scales_in_floats
from theory.networks.inputs import Inputs, fan_in_ratio
from theory.networks.norms import LayerNorm
from theory.networks.residual import Residual
from theory.networks.roles import ActivatedThenWeights, UpDown

__all__ = ["Blocks", "branch_ratio"]


class Blocks:
    """A residual network in floats, its variances and its gradients."""

    def __init__(self, network: Residual, inputs: Inputs) -> None:
        self.kind, self.blocks, self.norm = network.branch, network.layers, network.norm
        self.table: MomentTable = moment_table(network.activation)
        self.activation = network.activation
        variances = network.variances._mapped(network._in_blocks)
        weights = variances.up, variances.down, variances.input
        steps = network.tau2, network._in_blocks(network.skip2)
        others = network.bias_variance, fan_in_ratio(network), network.s
        scales = scales_in_floats(network, (*weights, *steps, *others))
        self.up, self.down, first, self.tau2, self.skip2, self.bias, self.fan_in, readout = scales
        self.inputs, self.ratio = inputs, branch_ratio(network)
        self.squares, self.means = np.empty(self.blocks + 1), np.zeros(self.blocks + 1)
        self.squares[0] = first * float(inputs.square)
        self.scale2 = np.ones(self.blocks + 1)
        """The squared divisor of the norm at the entry of the next block."""
        skip, tau, normed = self.skip2**0.5, self.tau2**0.5, self.norm is not None
        centred = isinstance(self.norm, LayerNorm)
        self.inside = inside = np.empty(self.blocks)
        """The variance that the activation of each block sees."""
        means = self.means
        for block in range(self.blocks):
            spread, mean = float(self.squares[block]), float(means[block])
            if normed:
                self.scale2[block] = spread - mean**2 * centred
            entry = 1.0 if normed else spread
            seen = entry if self.reads_stream else self.up * entry + self.bias
            gained, shifted = self.table.q(seen), 0.0
            if self.is_inside:
                shift = self.table.mean(seen)
                shifted = 2 * skip * tau * mean * shift
                means[block + 1] = skip * mean + tau * shift
            else:
                gained *= self.out_variance
            inside[block] = seen
            self.squares[block + 1] = self.skip2 * spread + shifted + self.tau2 * gained
        self.entry = np.ones(self.blocks) if normed else self.squares[:-1]
        """E (norm h)^2 at the entry of each block."""
        self.moments: Moments = self.table.at(inside)
        """Of the activation in every block."""
        behind = self.down if isinstance(self.kind, UpDown) else 1.0
        self.passed = self.tau2 * self.up * behind * self.moments.m2 / self.scale2[:-1]
        """E (gradient through the branch)^2 over P, of every block."""
        factors = [readout, *(self.skip2 + self.passed)[::-1]]
        self.gradients = np.cumprod(factors)[::-1]
        """P of the stream after blocks 0 to B."""

    @property
    def reads_stream(self) -> bool:
        """Whether the activation comes first in the branch."""
        return isinstance(self.kind, ActivatedThenWeights)

    @property
    def is_inside(self) -> bool:
        """Whether the activation comes last in the branch."""
        return not isinstance(self.kind, ActivatedThenWeights | UpDown)

    @property
    def out_variance(self) -> float:
        """Variance times fan-in of the matrix behind the activation."""
        return self.up if self.reads_stream else self.down


def branch_ratio(network: Residual) -> float:
    """The branch width over the width."""
    ratio = network.inner_width / network.width
    if not getattr(ratio, "is_number", True):
        raise NotSolved(
            f"infinite width needs the ratio of branch_width and width in numbers, got {network}: "
            f"leave branch_width out, or give both in numbers"
        )
    return float(ratio)
