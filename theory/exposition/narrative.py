"""`derivation_text` is the answer and its derivation in plain text, a paragraph per step."""

from __future__ import annotations

from collections.abc import Iterator

from mpmath import nstr

from theory.algebra.numerals import number_text
from theory.errors import NotSolved
from theory.exposition.from_definition import derivation_steps
from theory.laws.update import squared_update
from theory.networks.network import Network
from theory.rates.rate import maximal_learning_rate
from theory.solutions.recursion import is_too_long

__all__ = ["derivation_text"]

_DIGITS = 15


def derivation_text(network: Network) -> Iterator[str]:
    """The answer, then the steps from the definition to it, with what each was checked by; of a
    network whose exact numbers are very long, the answer in decimals."""
    if is_too_long(network):
        yield from _decimals(network)
        return
    yield from _answer(network)
    for number, step in enumerate(derivation_steps(squared_update(network)), 1):
        yield f"{number}. {step!r}"


def _decimals(network: Network) -> Iterator[str]:
    update, rate = squared_update(network), maximal_learning_rate(network)
    parts = {"label": update.label, "output": update.output, "total": update}
    values = {name: nstr(part.evaluate(_DIGITS), _DIGITS) for name, part in parts.items()}
    lines = [f"  {name:<7} {value}" for name, value in values.items()]
    lines += [f"maximal learning rate: {nstr(rate.evaluate(_DIGITS), _DIGITS)}"]
    yield "\n".join(["E[(Δz)²]/η² in the last hidden layer", *lines])
    yield (
        "The exact numbers have too many digits and are left out; the derivation is that for "
        "symbols, python -m theory."
    )


def _answer(network: Network) -> Iterator[str]:
    """Update and rate of a network in numbers, or their leading terms; nothing where neither is."""
    update, rate = squared_update(network), maximal_learning_rate(network)
    if not network.free_symbols:
        parts = {"label": update.label, "output": update.output, "total": update}
        texts = {name: number_text(part._in_full(), _DIGITS) for name, part in parts.items()}
        lines = [f"  {name:<7} {text}" for name, text in texts.items()]
        number = nstr(rate.evaluate(_DIGITS), _DIGITS)
        lines += [f"maximal learning rate (layer {rate.layer} binds): {number}"]
        yield "\n".join(["E[(Δz)²]/η² in the last hidden layer", *lines])
        return
    try:
        law = f"E[(Δz)²] ~ {update.leading()}, maximal learning rate ~ {rate.leading()}"
    except NotSolved:
        return
    depth = "" if isinstance(network.depth, int) else " and then L → ∞"
    yield f"As n → ∞{depth}: {law}"
