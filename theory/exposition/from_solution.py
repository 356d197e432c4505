"""This module writes the last steps of a derivation: exact values, their limits, and the rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sympy import Expr, Symbol, exp, powsimp

from theory.algebra.fields import field_of, largest
from theory.errors import NotSolved
from theory.exposition.checks import (
    blocks_identity,
    equal_in_field,
    law_identity,
    series_identity,
    value_identity,
)
from theory.exposition.wording import wording
from theory.laws.criteria import Branches, Stream
from theory.laws.update import SquaredUpdate, squared_update
from theory.networks.network import Network
from theory.networks.roles import Branch
from theory.networks.sizes import in_order
from theory.rates.block_rate import BlockLearningRate
from theory.rates.growth_proof import certainly_rises, rises_at_all_sizes
from theory.rates.hidden_rate import MaximalLearningRate
from theory.rates.learning_rate import RATE
from theory.rates.rate import maximal_learning_rate
from theory.symbols import B, L, a, eta, n
from theory.writing.blocks import Block, Formulas, Line, Prose
from theory.writing.notation import Math
from theory.writing.rendering import root_lines
from theory.writing.step import Identity, Step, identity, merged

__all__ = ["steps_from_solution"]

_FEW_LAYERS = 12
_EXACT = ("test_weight_polynomial_road.py", "test_closed_form.py")


def steps_from_solution(update: SquaredUpdate) -> Iterator[Step]:
    """Closed form or exact values; the limits, where sizes are symbols; the rate."""
    open_width = isinstance(update.network.width, Symbol)
    if update.opened is not None:
        yield _closed_form(update.opened[0])
    elif update.in_numbers:
        yield _values(update)
    else:
        yield _closed_form(update)
    if not update.network._is_chain:
        yield from steps_in_blocks(update)
        return
    if open_width and update.derivations[0].rates is None:
        yield from _unless_unsolved(lambda: _wide(update))
    if open_width and update.network.depth == L and update.layer == L:
        yield from _unless_unsolved(lambda: _joint(update))
    solved = open_width or update.in_numbers
    if solved and not update.part and update.layer == update.network.depth:
        yield from _unless_unsolved(lambda: _rate(update))


def steps_in_blocks(update: SquaredUpdate) -> Iterator[Step]:
    """The limits of residual networks, where sizes are symbols; the rate."""
    at_last = update.layer in (update.network.depth, Branch(update.network.depth))
    if isinstance(update.network.width, Symbol):
        yield from _unless_unsolved(lambda: _wide_blocks(update))
    if update.network.width == n and update.network.depth == B and at_last:
        yield from _unless_unsolved(lambda: _many_blocks(update))
    solved = isinstance(update.network.width, Symbol) or update.in_numbers
    if solved and not update.part and at_last:
        yield from _unless_unsolved(lambda: _block_rate(update))


def _wide_blocks(update: SquaredUpdate) -> Step:
    parts, then = update.by_part, update.network.depth == B
    text = "As $n → ∞$" + (", and then as $B → ∞$:" if then else ":")
    blocks = (Prose(text), _values_of(parts, lambda part: part.leading(), "~"))
    return Step("Infinite width", blocks, merged(map(blocks_identity, parts.values())))


def _many_blocks(update: SquaredUpdate) -> Step:
    text = "As width and blocks grow together, $n → ∞$ with $B = t n$:"
    limits = _values_of(update.by_part, lambda part: part.joint_limit(), "~")
    return Step("Width and blocks together", (Prose(text), limits), tests=("test_block_limits.py",))


def _block_rate(update: SquaredUpdate) -> Step:
    inside = isinstance(update.layer, Branch)
    criterion = Branches() if inside else Stream()
    rate = BlockLearningRate(update.network, criterion, update.derivations[0].rates)
    lines, checked = [], []
    if isinstance(update.network.width, Symbol):
        lines.append(Line(RATE, Math.of(rate.leading()), "~"))
        checked.append(_meets_bound(rate.leading(), update.leading()))
    if isinstance(update.network.depth, int):
        lines = [*root_lines(RATE, rate._exact, 12), *lines]
        bound = squared_update(update.network, rate.layer, rates=rate.rates)
        checked.append(_meets_bound(rate._exact, bound._exact))
    if certainly_rises(update):
        statement = "from each block to the next the update is proven to grow"
        checked.append(identity(statement, [(True, True)]))
    what = "$E[(Δz_i)²] ≤ 1$ in every branch" if inside else "$E[(Δh_i)²] ≤ 1$ in the stream"
    text = f"The largest learning rate with {what}, of which {rate._who_binds()} binds:"
    blocks = (Prose(text), Formulas(tuple(lines)))
    return Step("Maximal learning rate", blocks, merged(checked))


def _unless_unsolved(step: Callable[[], Step]) -> Iterator[Step]:
    try:
        yield step()
    except NotSolved:
        return


def _named(name: str) -> Math:
    return Math(name, rf"\text{{{name}}}")


def _closed_form(update: SquaredUpdate) -> Step:
    text = (
        f"Powers of the layer maps, by eigenvalues and Jordan chains, give {_moved(update)} at "
        f"every size{_condition(update)}:"
    )
    parts = update.by_part
    checked = merged(value_identity(part.derivations[0]) for part in parts.values())
    blocks: list[Block] = [Prose(text), _values_of(parts, lambda part: part._exact)]
    network = update.network
    if isinstance(network.width, int):
        symbols = in_order(network.free_symbols, network)
        sizes = ", ".join(f"{each}={0.5 if each == a else 10}" for each in symbols)
        blocks.append(
            Prose(
                f"The terms cancel where floats are put into them; a call with numbers, as in "
                f"`squared_update({network!r})({sizes})`, keeps all digits."
            )
        )
    return Step("Closed form", tuple(blocks), checked)


def _values_of(
    parts: Mapping[str, SquaredUpdate], value: Callable[[SquaredUpdate], Expr], sign: str = "="
) -> Formulas:
    """A value of each of the parts by name."""
    each = (Line(_named(name), Math.of(value(part)), sign) for name, part in parts.items())
    return Formulas(tuple(each))


def _condition(update: SquaredUpdate) -> str:
    bounds = ", ".join(f"${bound}$" for bound in map(str, update.conditions))
    return f" with {bounds}" if bounds else ""


def _moved(update: SquaredUpdate) -> str:
    return f"$E[(Δ{wording(update).moved}_i)²]$"


def _values(update: SquaredUpdate) -> Step:
    place = update.network._place(update.layer)
    text = (
        f"The words are known at the input, where $A = 0$, and go up one by one; the carried words "
        f"come down from the readout. {place[0].upper()}{place[1:]}, {_moved(update)} over $η²$ is"
    )
    parts = update.by_part if update.part else {**update.by_part, "total": update}
    values = _values_of(parts, lambda part: part._in_full())
    return Step("Exact values", (Prose(text), values), tests=_EXACT)


def _wide(update: SquaredUpdate) -> Step:
    parts, depth = update.by_part, isinstance(update.layer, int)
    blocks: list[Block] = [
        Prose("As $n → ∞$" + (":" if depth else ", and then as the depth grows:")),
        _values_of(parts, lambda part: part.leading(), "~"),
    ]
    if not depth and update.part != "output":
        law = update.label.law
        blocks.append(
            Prose("The label part at layer $ℓ$ of any depth, as $n → ∞$ alone, is $η²$ times")
        )
        left = Math("label over η²", r"\text{label}/\eta^{2}")
        blocks.append(Formulas((Line(left, Math.of(law.growth * law.polynomial), "→"),)))
    return Step("Infinite width", tuple(blocks), merged(map(law_identity, parts.values())))


def _joint(update: SquaredUpdate) -> Step:
    parts, ends = update.by_part, []
    for name, part in parts.items():
        law = part.joint_law(1)
        over = Math.spelled(f"{name} over η² n^{law.power}".replace("n^", "n**"))
        over = Math(over.text, rf"\text{{{name}}}/(\eta^{{2}} n^{{{law.power}}})")
        end = Math.of(law.small_t()) + Math(" at small t, ", r"\text{ at small }t,\quad ")
        end = end + Math.of(law.large_t()) + Math(" at large t", r"\text{ at large }t")
        ends.append(Line(over, end, "~"))
    text = "As width and depth grow together, $n → ∞$ with $L = t n$:"
    limits = _values_of(parts, lambda part: part.joint_limit(), "~")
    blocks = (Prose(text), limits, Formulas(tuple(ends)))
    checked = merged(map(series_identity, parts.values()))
    return Step("Width and depth together", blocks, checked)


def _rate(update: SquaredUpdate) -> Step:
    rate = maximal_learning_rate(update.network, rates=update.derivations[0].rates)
    lines, checked = [], []
    if isinstance(update.network.width, Symbol):
        leading = rate.leading()
        lines.append(Line(RATE, Math.of(leading), "~"))
        checked.append(_meets_bound(leading, update.leading()))
    if isinstance(update.network.depth, int) and update.opened is None:
        lines = [*root_lines(RATE, rate._exact, 12), *lines]
        checked.append(_meets_bound(rate._exact, update._exact))
    checked.append(_binding_identity(rate))
    binds = f"layer {rate.layer}" if rate.layer else "the largest of them"
    binds = "the last layer" if rate.layer == L else binds
    text = (
        f"The largest learning rate with $E[(Δz_i)²] ≤ 1$ in every hidden layer, of which {binds} "
        f"binds:"
    )
    blocks = (Prose(text), Formulas(tuple(lines)))
    return Step("Maximal learning rate", blocks, merged(checked))


def _meets_bound(rate: Expr, update: Expr) -> Identity:
    """rate^2 E/eta^2 = 1."""
    statement = "at this rate the mean squared update is 1"
    moved, square = update.subs(eta, 1), rate**-2
    if moved.has(exp):
        return identity(statement, [(powsimp(square), powsimp(moved))])
    return equal_in_field(statement, [(square, moved)])


def _binding_identity(rate: MaximalLearningRate) -> Identity:
    """That no layer moves more than the one that binds."""
    network = rate.network
    if rises_at_all_sizes(network, rate.rates):
        statement = "from each layer to the next the update is proven to grow"
        return identity(statement, [(True, True)])
    return _largest_identity(network, rate)


def _largest_identity(network: Network, rate: MaximalLearningRate) -> Identity:
    """The layers' exact values, the one that binds among the largest."""
    if network.layers > _FEW_LAYERS:
        raise NotSolved("too many layers to compare")
    layers = range(1, network.layers + 1)
    values = {k: squared_update(network, k, rates=rate.rates).in_field for k in layers}
    kept = largest(values, field_of(network.free_symbols))
    pairs = [(rate.layer in kept or rate.layer is None, True)]
    return identity(f"the exact values of all {network.layers} layers were compared", pairs)
