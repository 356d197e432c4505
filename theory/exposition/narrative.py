"""`derivation_text` is the answer and its derivation in plain text, a paragraph per step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mpmath import nstr
from sympy import Rational

from theory.algebra.numerals import decimal_text, number_text
from theory.errors import NotSolved
from theory.exact.recursion import is_too_long
from theory.exposition.from_definition import derivation_steps
from theory.laws.update import SquaredUpdate, squared_update
from theory.networks.network import Network
from theory.rates.learning_rate import typical_call
from theory.rates.rate import maximal_learning_rate
from theory.writing.rendering import wrapped

__all__ = ["derivation_text"]

_DIGITS = 15


def derivation_text(network: Network) -> Iterator[str]:
    """The answer, then the steps from the definition to it, each with its checks; for a network
    whose exact numbers are very long, the answer in decimals alone."""
    if not network.free_symbols and is_too_long(network):
        yield _numbers(network, lambda part: nstr(part.evaluate(_DIGITS), _DIGITS))
        yield (
            "The exact numbers have too many digits to print; python -m theory prints the "
            "derivation for symbols."
        )
        return
    if network.free_symbols:
        yield from _leading_terms(network)
    else:
        rate: Any = maximal_learning_rate(network)
        place = f"layer {rate.layer}" if network._is_chain else rate._who_binds()
        binds = f" ({place} binds)"
        yield _numbers(network, lambda part: _number(part._in_full()), binds)
    for number, step in enumerate(derivation_steps(squared_update(network)), 1):
        yield f"{number}. {step!r}"


def _number(exact: Rational) -> str:
    """A number, a short fraction behind its decimals."""
    text = number_text(exact, _DIGITS)
    fraction = "exact" not in text and not exact.is_Integer
    return f"{decimal_text(exact, _DIGITS)} = {text}" if fraction else text


def _numbers(network: Network, write: Callable[[SquaredUpdate], str], binds: str = "") -> str:
    """Update and rate of a network in numbers."""
    update, rate = squared_update(network), maximal_learning_rate(network)
    parts = {**update.by_part, "total": update}
    lines = [f"  {name:<7} {write(part)}" for name, part in parts.items()]
    number = nstr(rate.evaluate(_DIGITS), _DIGITS)
    said = [f"maximal learning rate of a linearised step{binds}: {number}", typical_call(network)]
    lines += [line for each in said for line in wrapped(each, indented=0)]
    where = "E[(Δz)²]/η² in the last hidden layer"
    if not network._is_chain:
        where = "E[(Δh)²]/η² in the stream after the last block"
    return "\n".join([where, *lines])


def _leading_terms(network: Network) -> Iterator[str]:
    """The leading terms of update and rate; nothing where they are not solved."""
    try:
        update, rate = squared_update(network).leading(), maximal_learning_rate(network).leading()
    except NotSolved:
        return
    depth = "" if isinstance(network.depth, int) else f" and then {network.depth} → ∞"
    moved = "z" if network._is_chain else "h"
    yield (
        f"As n → ∞{depth}: E[(Δ{moved})²] ~ {update}\n"
        f"maximal learning rate of a linearised step ~ {rate}"
    )
