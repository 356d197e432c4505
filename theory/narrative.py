"""The derivation in plain text, for people: definition, words, layer maps, law, rate."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sympy import Add, Expr, Matrix, Symbol, factor

from theory.derivation import Derivation
from theory.network import MLP
from theory.numerals import number_text
from theory.rate import maximal_learning_rate
from theory.structure import Structure
from theory.update import SquaredUpdate, squared_update
from theory.words import word_text

__all__ = ["derivation_text"]

_DEFINITION = """\
The definition
  z^(l) = W^(l) x^(l-1),  x^(l) = D^(l) z^(l),  f = v·x^(L),  W^(l)_ij ~ N(0, {c}/fan_in),
  v_j ~ N(0, {s}/n_L²), each D_ii a fair coin between 1 and {slope}.  One gradient step on
  ½(f - y)², y = ±1, moves z^(l) by Δz = -η (f - y) K g with g = df/dz^(l) and the kernel
  K^(l+1) = |x^(l)|² I + W^(l+1) A^(l) W^(l+1)ᵀ,  A = D K D.
  The mean over the label, E (f - y)² = 1 + f², has a label part and an output part."""


_COLUMNS = 100


def derivation_text(network: MLP) -> Iterator[str]:
    """The steps from the definition to the law and the rate, a paragraph each."""
    update = squared_update(network)
    activation = network.activation.slope
    yield _DEFINITION.format(c=network.c, s=network.s, slope=activation)
    for name, part in (("label", update.label), ("output", update.output)):
        yield _part_text(name, part.derivations[0])
    if isinstance(network.depth, int):
        yield _values_text(update)
    if isinstance(network.depth, Symbol):
        yield _closed_form_text(update)
    if isinstance(network.width, Symbol):
        yield _law_text(update)
    if isinstance(network.width, Symbol) and isinstance(network.depth, Symbol):
        yield _joint_limit_text(update)


def _part_text(name: str, derivation: Derivation) -> str:
    words = derivation.words
    return "\n".join(
        [
            f"The {name} part, n E[(Δz)²]/η² = E[{derivation.observable}]",
            f"  over the readout, with B = D K² D at the last layer:  {_top(derivation.structure)}",
            "  over a layer above (E on the left; right, the layer below):",
            *_equations(derivation.carried_words, derivation.carried_map),
            f"  over a layer below: by coins and Wick's theorem {len(words)} words, which close:",
            *_equations(words, derivation.layer_map),
        ]
    )


def _top(structure: Structure) -> str:
    (term,) = structure.terms
    factors = {1: "s/n²", 2: "(s/n²)²"}
    sums = " + ".join(_times(count, word_text(word)) for word, count in term.top.items())
    return f"{factors[term.pairs]} [{sums}]"


def _equations(words: tuple[str, ...], matrix: Matrix) -> list[str]:
    """One equation per row of a layer map, wrapped between terms."""
    width = max(map(len, words))
    equations = []
    for i, word in enumerate(words):
        row = zip(matrix.row(i), words, strict=True)
        terms = [_times(factor(c), w) for c, w in row if c]
        start = f"    E {word:<{width}} = "
        lines = [start + terms[0]]
        for term in terms[1:]:
            if len(lines[-1]) + len(term) + 3 <= _COLUMNS:
                lines[-1] += f" + {term}"
            else:
                lines.append(" " * (len(start) - 2) + f"+ {term}")
        equations += lines
    return equations


def _times(coefficient: Expr | int, word: str) -> str:
    if coefficient == 1:
        return word
    sums = isinstance(coefficient, Add)
    return f"({coefficient}) {word}" if sums else f"{coefficient} {word}"


def _values_text(update: SquaredUpdate) -> str:
    network = update.network
    rate = maximal_learning_rate(network)
    parts = {"label": update.label, "output": update.output, "total": update}
    lines = [f"Exact at layer {update.layer}, over η²"]
    lines += [f"  {name:<7} {_value(part)}" for name, part in parts.items()]
    binding = f" (layer {rate.layer} binds)" if rate.layer else ""
    return "\n".join([*lines, f"  maximal learning rate{binding}: {_rate(rate.exact)}"])


def _value(update: SquaredUpdate) -> str:
    value = update.per_eta2
    return number_text(value) if value.is_Rational else str(value)


def _rate(rate: Expr) -> str:
    return f"{rate} = {rate.evalf(12)}" if rate.is_number else str(rate)


def _closed_form_text(update: SquaredUpdate) -> str:
    lines = ["The layer maps' powers, by their eigenvalues: exact at every size of the last layer"]
    for name, part in (("label", update.label), ("output", update.output)):
        lines += _wrapped(f"  {name:<7} ", str(part.exact))
    return "\n".join(lines)


def _joint_limit_text(update: SquaredUpdate) -> str:
    lines = ["The limit of width and depth together, n → ∞ with L = t·n"]
    for name, part in (("label", update.label), ("output", update.output)):
        law = part.joint_law(1)
        lines += _wrapped(f"  {name:<7} ", str(part.joint_limit()))
        ends = f"{law.small_t()} at small t, {law.large_t()} at large t"
        lines.append(f"          over η²·n^{law.power}:  {ends}")
    return "\n".join(lines)


def _wrapped(start: str, formula: str) -> list[str]:
    """A formula on lines of limited width, broken between the terms of its longer sums."""
    lines = [start]
    for piece in _pieces(formula):
        if len(lines[-1]) + len(piece) > _COLUMNS and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append(" " * len(start))
        lines[-1] += piece
    return lines


def _pieces(formula: str) -> Iterator[str]:
    """Where a line may end: before a sign between terms of a sum of some length."""
    opened, closed, start = [], {}, 0
    for i, letter in enumerate(formula):
        if letter == "(":
            opened.append(i)
        elif letter == ")":
            closed[opened.pop()] = i
    for match in re.finditer(r" [+-] ", formula):
        at = match.start()
        around = [j - i for i, j in closed.items() if i < at < j]
        if min(around, default=len(formula)) > _COLUMNS // 4:
            yield formula[start : at + 1]
            start = at + 1
    yield formula[start:]


def _law_text(update: SquaredUpdate) -> str:
    lines = ["The law, n → ∞" + ("" if isinstance(update.layer, int) else ", then L → ∞")]
    if not isinstance(update.layer, int):
        law = update.label.law
        lines.append(f"  label part at layer ell, n → ∞:  ({law.polynomial})·η²")
    lines += [
        f"  label   {update.label.leading()}",
        f"  output  {update.output.leading()}",
        f"  maximal learning rate  {maximal_learning_rate(update.network).leading()}",
    ]
    return "\n".join(lines)
