"""`Residual` is a network of two-matrix residual blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar

from sympy import Expr, Integer, Symbol, sympify

from theory.activations import Linear, ReLU, checked_nonlinearity
from theory.activations.contact import recognised
from theory.activations.critical import critical_weight_variance
from theory.coverage import answered_class
from theory.errors import InvalidArgument, NotSolved
from theory.networks.network import Network, Size, size_value
from theory.networks.norms import Norm, checked_norm
from theory.networks.roles import (
    ALL_ONE,
    ActivatedThenWeights,
    Branch,
    BranchKind,
    ByRole,
    UpDown,
    block_of,
    checked_branch,
)
from theory.networks.sites import BELOW, Cell, Edge, Link, Plan, Site
from theory.symbols import B, L, b, ell, meant, n, n_0
from theory.validation import (
    LARGEST,
    brief,
    count_between,
    exact_int,
    non_negative_value,
    scale_value,
    typed,
)

__all__ = ["Residual"]

_DIGITS = 30
"""Of critical variances that are not rational, such as pi/4 of `Erf`."""


@answered_class
@dataclass(frozen=True, repr=False)
class Residual(Network):
    """A random residual network at mean-field initialisation; ``bias_variance`` adds biases.

    h^0 = W_in x, h^b = sqrt(skip2) h^(b-1) + tau W sigma(U h^(b-1)) for b = 1..B with
    tau^2 = multiplier2, and f = v . h^B.  W_in has the variance input/n_0, U up/width, W
    down/branch_width, and v_j ~ N(0, readout_variance/width^2); v is not trained.

    ``width``: of the stream h, an int, or the symbol ``n`` (None).
    ``blocks``: an int, or the symbol ``B`` (None).
    ``branch_width``: of U h, an int, or the width (None).
    ``input_width``: int, the symbol ``n_0``, or the width (None).
    ``multiplier2``: tau^2; None is 1/B.  ``skip2``: the squared factor of the skip; 1.
    ``weight_variance``: `ByRole`, variances times fan-in; None is critical: 1 for the input, 1 for
    down, and for up the critical value of the activation at ``bias_variance`` (2 for ReLU).
    ``readout_variance``: in units of 1/width^2; None is 1.  ``input_norm2``: |x|^2; None is n_0.
    ``branch``: `UpDown`, the branch above, or `ActivatedThenWeights` or `WeightsThenActivated`;
    ``norm``: `RMSNorm` or `LayerNorm` at the entry of every branch, or None; ``bias_variance``: of
    drawn biases of the pre-activations in the branch.  Other branches, activations that are not
    piecewise linear, norms and biases are solved as n -> infinity alone.

    The scales are exact numbers, or rational functions of ``theory.symbols.B``; n and n_0 in them
    stand for the widths, and become numbers where these are numbers.  A weight variance is refused
    where it depends on a width.

    >>> Residual(width=64, blocks=8)
    Residual(width=64, blocks=8)
    >>> Residual(multiplier2=1 / B**2).multiplier2
    B**(-2)
    """

    width: Size | None = None
    blocks: Size | None = None
    branch_width: Size | None = field(default=None, kw_only=True)
    input_width: Size | None = field(default=None, kw_only=True)
    activation: Any = field(default_factory=ReLU, kw_only=True)
    multiplier2: Expr | None = field(default=None, kw_only=True)
    skip2: Expr = field(default=Integer(1), kw_only=True)
    weight_variance: ByRole | None = field(default=None, kw_only=True)
    readout_variance: Expr | None = field(default=None, kw_only=True)
    input_norm2: Expr | None = field(default=None, kw_only=True)
    branch: BranchKind = field(default_factory=UpDown, kw_only=True)
    norm: Norm | None = field(default=None, kw_only=True)
    bias_variance: Expr = field(default=Integer(0), kw_only=True)
    _depths: ClassVar[Mapping[Symbol, Symbol]] = {L: B, ell: b}
    _unsaid: ClassVar[Mapping[str, object]] = {
        "width": n,
        "blocks": B,
        "activation": ReLU(),
        "skip2": Integer(1),
        "branch": UpDown(),
        "bias_variance": 0,
    }

    def __post_init__(self) -> None:
        checked_nonlinearity(self.activation)
        self._set("activation", recognised(self.activation))
        checked_branch(self.branch)
        checked_norm(self.norm)
        self._set("width", n if self.width is None else size_value("width", self.width, n))
        self._set("blocks", B if self.blocks is None else size_value("blocks", self.blocks, B))
        for name, symbol in (("branch_width", n), ("input_width", n_0)):
            value = getattr(self, name)
            if value is not None:
                self._set(name, size_value(name, value, symbol, n))
        for name in ("multiplier2", "skip2", "readout_variance", "input_norm2"):
            value = getattr(self, name)
            if value is not None:
                self._set(name, self._scale(name, value))
        self._set("bias_variance", non_negative_value("bias_variance", self.bias_variance))
        self._check_branch()
        if self.weight_variance is not None and not isinstance(self.weight_variance, ByRole):
            raise InvalidArgument(
                f"expected ByRole(input=..., up=..., down=...) for weight_variance, got "
                f"weight_variance={typed(self.weight_variance)}; leave it out for critical weights"
            )
        if self.weight_variance is not None:
            for role, value in self.weight_variance._given():
                self._scale(f"weight_variance.{role}", value, times_fan_in=True)

    def _scale(self, name: str, value: object, *, times_fan_in: bool = False) -> Expr:
        """A scale with the number of blocks as the symbol B."""
        if isinstance(value, Expr) and {"L", "ell", "b"} & set(map(str, value.free_symbols)):
            raise InvalidArgument(
                f"expected {name} to be the same in every block, got {name}={typed(value)}; give a "
                f"number, or a rational function of theory.symbols.B"
            )
        of_blocks = name not in ("readout_variance", "input_norm2")  # keep B, for limits
        letters = self._letters({B: B if of_blocks else self.blocks}, self.branch_width)
        return scale_value(name, value, letters, times_fan_in=times_fan_in)

    def _check_branch(self) -> None:
        """Refuse arguments that the branch does not use."""
        if self.norm is not None and self.norm.before != "weights":
            name = type(self.norm).__name__
            raise InvalidArgument(
                f"expected a norm at the entry of a branch, got norm={self.norm}; give "
                f"norm={name}(), which is before the weights"
            )
        if isinstance(self.branch, UpDown):
            return
        given = {"branch_width": self.branch_width}
        if self.weight_variance is not None:
            given["weight_variance.down"] = getattr(self.weight_variance, "down", None)
        if isinstance(self.branch, ActivatedThenWeights) and self.bias_variance:
            given["bias_variance"] = self.bias_variance
        for name, value in given.items():
            if value is not None:
                raise InvalidArgument(
                    f"expected no {name} with branch={self.branch}, got {name}={typed(value)}; its "
                    f"one matrix has the role up and the width of the stream: leave {name} out"
                )

    @property
    def _is_exact(self) -> bool:
        return super()._is_exact and isinstance(self.branch, UpDown)

    @property
    def depth(self) -> Any:
        """The number of blocks, as the depth of other networks.

        >>> Residual(8, 3).depth
        3
        """
        return self.blocks

    @property
    def variances(self) -> ByRole:
        """The variances of one weight times its fan-in, by role: as given, or critical.

        >>> Residual().variances
        ByRole(input=1, up=2, down=1)
        """
        given = self.weight_variance or ByRole()
        if given.up is not None:
            return given._filled()
        try:
            critical = critical_weight_variance(self.activation, self.bias_variance)
        except InvalidArgument:
            raise InvalidArgument(
                f"expected weight_variance for the up weights of {self.activation}, got none, and "
                f"no critical point that attracts is found at bias variance {self.bias_variance}; "
                f"give weight_variance=ByRole(up=2), say"
            ) from None
        return given._filled(up=critical if critical.is_Number else critical.evalf(_DIGITS))

    @property
    def tau2(self) -> Expr:
        """The squared multiplier: as given, or 1/B, at the number of blocks.

        >>> Residual(blocks=8).tau2
        1/8
        """
        return self._in_blocks(1 / B if self.multiplier2 is None else self.multiplier2)

    @property
    def inner_width(self) -> Any:
        """The width of the branches: as given, or the width of the stream.

        >>> Residual(8, 3).inner_width, Residual(8, 3, branch_width=32).inner_width
        (8, 32)
        """
        return self.width if self.branch_width is None else self.branch_width

    def _in_blocks(self, scale: Expr) -> Expr:
        """A scale with the number of blocks in the place of B."""
        return sympify(scale).subs(B, self.blocks) if isinstance(self.blocks, int) else scale

    @property
    def free_symbols(self) -> frozenset[Symbol]:
        """The open symbols of this network.

        >>> sorted(map(str, Residual().free_symbols))
        ['B', 'n']
        """
        blocks = {self.blocks} if isinstance(self.blocks, Symbol) else set()
        return self._field_symbols(None) | blocks

    def _field_symbols(self, rates: Any) -> frozenset[Symbol]:
        """Those of sizes and scales, without the number of blocks where no scale holds it."""
        every = rates if isinstance(rates, tuple) else (rates or ByRole(),)
        roles = [self.variances, *every]
        numbers = [value for each in roles for _, value in each._given()]
        numbers += [self.tau2, self.skip2, self.s, self.norm2, *self.activation.free_symbols]
        values = [self.width, self.inner_width, self.first_fan_in, *map(self._in_blocks, numbers)]
        return frozenset().union(*(sympify(value).free_symbols for value in values))

    def _cells(self, rates: Any) -> Iterator[tuple[Cell, int]]:
        """The input's cell, then the blocks; equal neighbours are one run."""
        runs = _runs(rates) if isinstance(rates, tuple) else [(rates, self.layers)]
        filled = [(self._numbered_rates(each), count) for each, count in runs]
        yield self._input_cell(filled[0][0].input), 1
        for each, count in filled:
            yield self._block(each), count

    def _neighbours(self, rates: Any) -> Iterator[tuple[Cell, Cell]]:
        if isinstance(self.blocks, int):
            yield from super()._neighbours(rates)
            return
        each = self._numbered_rates(rates)
        yield self._input_cell(each.input), self._block(each)
        yield self._block(each), self._block(each)

    def _numbered_rates(self, rates: ByRole | None) -> ByRole:
        """The rates without None, and with the number of blocks in the place of B."""
        return (rates or ByRole())._filled()._mapped(self._in_blocks)

    def _kinds(self) -> tuple[Cell, ...]:
        return self._input_cell(Integer(1)), self._block()

    def _opened_blocks(self) -> Residual | None:
        scaled = self.multiplier2 is None or self.multiplier2.has(B)
        if self.branch_width is not None or self.input_width is not None or not scaled:
            return None
        return self._with(width=None, blocks=None)

    def _plan(self, rates: Any, layer: Expr, depth: Expr) -> Plan:
        if isinstance(rates, tuple):
            raise NotSolved(
                "a closed form in the blocks needs the same multipliers in all of them: give one "
                "ByRole, or the number of blocks"
            )
        each = self._numbered_rates(rates)
        bottom, block = self._input_cell(each.input), self._block(each)
        if layer == 0:
            return Plan(layer, (), bottom, (block, depth))
        below = (bottom, Integer(1)), (block, layer - 1)
        return Plan(layer, below, block, (block, depth - layer))

    def _cell_of(self, layer: Any) -> int:
        """The input's cell for the stream before the first block, else the block's."""
        return 1 + int(block_of(layer))

    def _width_at(self, layer: Any) -> Expr:
        return sympify(self.inner_width if isinstance(layer, Branch) else self.width)

    def _place(self, layer: Any) -> str:
        if isinstance(layer, Branch):
            return f"in the branch of block {brief(layer.block)}"
        return f"after block {brief(layer)}" if layer != 0 else "before block 1"

    def _moved(self, layer: Any) -> str:
        if isinstance(layer, Branch):
            block = layer.block
            return f"(U^{{({block})}} h^{{({block - 1})}})_i"
        return f"h^{{({layer})}}_i"

    def _asked_layer(self, layer: object) -> Any:
        """The stream after a block, 0 to B, or the branch of a block, 1 to B."""
        layer = meant(layer, b, B)
        if layer is None or layer == B:
            return self.blocks
        if isinstance(layer, Branch):
            layer = Branch(self.blocks) if layer.block == B else layer
            self._check_block(layer.block, 1)
            return layer
        if layer == b:
            return b
        if isinstance(layer, bool) or exact_int(layer) is None:
            raise InvalidArgument(
                f"expected a block 0 to B, the symbol theory.symbols.b, Branch(block) or None for "
                f"layer, got layer={typed(layer)}; None is the stream after the last block"
            )
        self._check_block(layer, 0)
        return exact_int(layer)

    def _check_block(self, block: Any, least: int) -> None:
        most = self.blocks if isinstance(self.blocks, int) else LARGEST
        if block not in (b, B):
            count_between("block", block, least, most)

    def _asked_rates(self, rates: object) -> Any:
        """`ByRole`, or one `ByRole` for each block."""
        if rates is None or isinstance(rates, ByRole):
            self._check_roles(rates)
            return rates
        given = tuple(rates) if isinstance(rates, tuple | list) else ()
        if not given or not all(isinstance(each, ByRole) for each in given):
            raise InvalidArgument(
                f"expected ByRole(input=..., up=..., down=...), or one ByRole for each block, for "
                f"rates, got rates={typed(rates)}; leave it out to train all weights alike"
            )
        if len(given) != self.layers:
            raise InvalidArgument(
                f"expected {self.layers} ByRole in rates, one for each block, got {len(given)}; "
                f"give one ByRole for all of them"
            )
        for each in set(given):
            self._check_roles(each)
        return given

    def _trains(self, rates: Any) -> bool:
        """Whether a multiplier of a network with both roles in its branch is above 0."""
        several = rates if isinstance(rates, tuple) else (rates or ByRole(),)
        return any({each.input, each.up, each.down} != {0} for each in several)

    def _check_roles(self, rates: ByRole | None) -> None:
        """Refuse a multiplier that is no number or function of B, and one of weights that the
        branch does not have."""
        for name, rate in () if rates is None else rates._given():
            if rate.free_symbols - {B}:
                raise InvalidArgument(
                    f"expected numbers, or functions of theory.symbols.B, in rates, got "
                    f"{name}={typed(rate)}; give a number, and multiply eta by a function of the "
                    f"width afterwards"
                )
        down = None if rates is None else rates.down
        if down not in (None, 1) and not isinstance(self.branch, UpDown):
            raise InvalidArgument(
                f"expected no down in rates with branch={self.branch}, got down={typed(down)}; its "
                f"one matrix has the role up: leave down out"
            )

    def _input_cell(self, rate: Expr) -> Cell:
        variance = self._in_blocks(self.variances.input) / self.first_fan_in
        edge = Edge(BELOW, self.first_fan_in, variance, rate)
        return ((Site("h", self.width, Linear(), (edge,)),),)

    def _block(self, rates: ByRole = ALL_ONE) -> Cell:
        """One block: the branch's pre-activations, then the stream."""
        width, inner, tau2 = self.width, self.inner_width, self.tau2
        up = self._in_blocks(self.variances.up) / width
        down = self._in_blocks(self.variances.down) / inner
        into = Edge(BELOW, width, up, rates.up)
        back = Edge("branch", inner, tau2 * down, tau2 * rates.down)
        skip = Link(BELOW, self._in_blocks(self.skip2))
        inside: tuple[Any, Any] = (into,), ()
        above: tuple[Any, Any] = (back,), (skip,)
        if isinstance(self.branch, ActivatedThenWeights):
            inside = (), (Link(BELOW, Integer(1)),)
            above = (Edge("branch", width, tau2 * up, tau2 * rates.up),), (skip,)
        elif not isinstance(self.branch, UpDown):
            above = (), (Link("branch", tau2), skip)
        branch = Site("branch", inner, self.activation, *inside)
        return ((branch,), (Site("h", width, Linear(), *above),))


def _runs(rates: tuple[ByRole, ...]) -> list[tuple[ByRole, int]]:
    """Equal neighbours and their number."""
    return [(each, len(list(same))) for each, same in groupby(rates)]
