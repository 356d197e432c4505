"""`BlockLearningRate` is the largest rate at which the update of a residual network keeps a
bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Max, Symbol

from theory.algebra.in_width import InWidth
from theory.algebra.numerals import inverse_square_root
from theory.errors import NotSolved
from theory.laws.criteria import BlockCriterion, Branches, LastLayer, StreamAndBranches
from theory.laws.update import SquaredUpdate, squared_update
from theory.networks.network import asked_rates
from theory.networks.roles import Branch, block_of
from theory.networks.sizes import Sizes, network_at
from theory.public_names import cached_property
from theory.rates.growth_proof import certainly_rises
from theory.rates.learning_rate import RATE, LearningRate
from theory.rates.validity import Validity
from theory.symbols import B, eta, n
from theory.validation import brief
from theory.writing.blocks import Line
from theory.writing.notation import Math
from theory.writing.rendering import root_lines

__all__ = ["BlockLearningRate"]

_MOST_COMPARED = 10**4
"""Blocks that are compared one by one."""


@dataclass(frozen=True, repr=False)
class BlockLearningRate(LearningRate):
    """The largest learning rate of a residual network that keeps the bound of ``criterion``, from
    the linearised update.

    ``rates``: multipliers of eta by role, all 1 for None.  Made by `maximal_learning_rate`.

    >>> from theory import Residual, maximal_learning_rate
    >>> maximal_learning_rate(Residual())
    BlockLearningRate of Residual(): 2*sqrt(51)*exp(-1)/51 to leading order; the last block binds
    """

    criterion: BlockCriterion
    rates: Any

    def _symbols(self) -> frozenset[Symbol]:
        return self._updates[0]._symbols()

    def _at(self, sizes: Sizes) -> BlockLearningRate:
        network = network_at(self.network, sizes)
        return BlockLearningRate(network, self.criterion, asked_rates(network, self.rates))

    @cached_property
    def _updates(self) -> list[SquaredUpdate]:
        """The updates at the last block, of the stream, of the branch, or of both."""
        stream, branch = None, Branch(B)
        layers = {Branches: (branch,), StreamAndBranches: (stream, branch)}
        asked = layers.get(type(self.criterion), (stream,))
        return [squared_update(self.network, layer, rates=self.rates) for layer in asked]

    @property
    def layer(self) -> int | Symbol | Branch:
        """The block or the branch that binds: B or Branch(B) for a symbolic number of
        blocks; `NotSolved` where that depends on the sizes.

        >>> from theory import Residual, StreamAndBranches, maximal_learning_rate
        >>> maximal_learning_rate(Residual(8, 4), criterion=StreamAndBranches()).layer
        Branch(4)
        """
        if len(self._binding) == 1:
            return self._binding[0].layer
        if self._symbols():
            raise NotSolved("the sizes decide whether the stream or a branch binds: give numbers")
        return max(self._binding, key=lambda update: update.in_field).layer

    @cached_property
    def _binding(self) -> list[SquaredUpdate]:
        """The largest update in the stream, in the branches, or in both."""
        return [self._largest(update) for update in self._updates]

    def _largest(self, last: SquaredUpdate) -> SquaredUpdate:
        """The update of the block that moves most, in the stream or in the branches."""
        if isinstance(self.criterion, LastLayer) or certainly_rises(last):
            return last
        blocks = self.network.depth
        if self._symbols():
            raise NotSolved(
                "the update is not proven to grow from block to block here: give the width and the "
                "number of blocks as numbers"
            )
        if blocks > _MOST_COMPARED:
            raise NotSolved(
                f"the {brief(blocks)} blocks are too many to compare one by one: give "
                f"criterion=LastLayer()"
            )
        inside = isinstance(last.layer, Branch)
        layers = [Branch(k) for k in range(1, blocks + 1)] if inside else range(blocks + 1)
        updates = [squared_update(self.network, each, rates=self.rates) for each in layers]
        return max(updates, key=lambda update: update.in_field)

    def _moved_number(self, context: Any) -> Any:
        moved = max(update._number(context) for update in self._binding)
        if not moved:
            raise NotSolved("nothing moves: give a multiplier above 0")
        return moved

    @property
    def _moved(self) -> Expr:
        values = [update._in_full() for update in self._binding]
        return values[0] if len(values) == 1 else Max(*values)

    @property
    def _leading_moved(self) -> Expr:
        terms = [update.leading_term() for update in self._binding]
        top = max(power for power, _ in terms)
        kept = [coefficient for power, coefficient in terms if power == top]
        return (kept[0] if len(kept) == 1 else Max(*kept)) * n**top

    def _moved_series(self, of: Callable[[Any], InWidth]) -> InWidth:
        if len(self._updates) > 1:
            raise NotSolved(
                "the sizes decide whether the stream or the branches bind: give "
                "criterion=Stream() or Branches()"
            )
        return of(self._binding[0])

    def block_limit(self) -> Expr:
        """The rate as the number of blocks B grows at fixed width, with a multiplier^2 of T/B.

        >>> from theory import Residual, maximal_learning_rate
        >>> round(float(maximal_learning_rate(Residual(width=8)).block_limit()), 4)
        0.0572
        """
        limits = [update.block_limit() / eta**2 for update in self._binding]
        moved = limits[0] if len(limits) == 1 else Max(*limits)
        return inverse_square_root(moved / self.criterion.bound)

    def validity(self, tolerance: object) -> Validity:
        """Raises `NotSolved`: the law of blocks is compared with numbers.

        >>> from theory import NotSolved, Residual, maximal_learning_rate
        >>> try:
        ...     maximal_learning_rate(Residual()).validity("0.1")
        ... except NotSolved as error:
        ...     print(error)
        validity is solved for the law of layers: compare leading() with numbers, as in rate(64, 8)
        """
        raise NotSolved(
            "validity is solved for the law of layers: compare leading() with numbers, as in "
            "rate(64, 8)"
        )

    def _lines(self) -> list[Line]:
        lines = [] if self.network.width == n else root_lines(RATE, self._exact)
        if self.network.width == n:
            lines.append(Line(RATE, Math.of(self.leading()), "~"))
        return lines

    def _headline(self, unit: str = "") -> str:
        text = super()._headline()
        try:
            return text if text[:4] == "long" else f"{text}; {self._who_binds()} binds"
        except NotSolved:
            return text

    def _who_binds(self) -> str:
        layer = self.layer
        block = block_of(layer)
        name = "the last block" if isinstance(block, Symbol) else f"block {brief(block)}"
        return f"the branch of {name}" if isinstance(layer, Branch) else name
