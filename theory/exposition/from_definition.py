"""`derivation_steps` goes from the definition of the squared update to its law and rate.

Each step says what it does, shows its formulas, and names the tests that compare it with a
second derivation.  ``python -m theory``, notebooks and the paper print these steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from theory.exact.open_cells import open_layer
from theory.exposition.from_solution import steps_from_solution
from theory.exposition.layer_spectrum import LayerSpectrum
from theory.exposition.wording import Wording, wording
from theory.laws.derivation_steps import explained
from theory.laws.update import SquaredUpdate
from theory.solutions.derivation import Derivation
from theory.words.word import word_text
from theory.words.word_maps import WordMaps
from theory.writing.blocks import Block, Formulas, Line, Prose, Table
from theory.writing.equations import combination, map_lines
from theory.writing.notation import Math
from theory.writing.step import Step

__all__ = ["derivation_steps"]

_ABOVE = ("test_gradient_observables.py", "test_wick.py")


@explained.register
def derivation_steps(update: SquaredUpdate) -> Iterator[Step]:
    """The steps, in order."""
    parts = {name: each.derivations[0] for name, each in update.by_part.items()}
    words = wording(update)
    yield _definition(update, words)
    yield _readout(parts, words)
    yield _carried(parts, words)
    yield _own_layer(parts, words)
    yield _kernel(parts, words)
    if not isinstance(update.network.width, tuple):
        yield _spectrum(parts, words)
    yield from steps_from_solution(update)


def _definition(update: SquaredUpdate, words: Wording) -> Step:
    lines = tuple(Line(Math.spelled(a), Math.spelled(b)) for a, b in words.moves)
    means = " + ".join(f"E[{_observed(each, words)}]" for each in update.derivations)
    left = "its part" if update.part else words.left
    return Step(
        "Definition",
        (
            Prose(words.network),
            Formulas(lines),
            Prose(
                f"The mean over the label, $E (f - y)² = 1 + f²$, has a label part, the 1, and an "
                f"output part, the $f²$, where $f = gᵀ{words.output}$:"
            ),
            Formulas((Line(Math.spelled(left), Math.spelled(means)),)),
        ),
        tests=("test_literal_network.py",),
    )


def _observed(derivation: Derivation, words: Wording) -> str:
    """The observable in the letters of the definition."""
    return str(derivation.observable).replace("UV", "P Pᵀ").replace("z", words.output)


def _readout(parts: dict[str, Derivation], words: Wording) -> Step:
    lines = tuple(
        Line(Math.spelled(f"E[{_observed(d, words)}]"), Math.spelled(_top(d.word_maps, words)))
        for d in parts.values()
    )
    text = (
        f"At the last {words.unit}, and with ${words.carried} = {words.at_top}$ there, the mean "
        f"over the Gaussian readout alone, by Wick's theorem in one row:"
    )
    return Step("Readout", (Prose(text), Formulas(lines)), tests=_ABOVE)


def _top(word_maps: WordMaps, words: Wording) -> str:
    (term,) = word_maps.terms
    factors = {1: "s/n²", 2: "(s/n²)²"}
    sums = " + ".join(
        word_text(word) if count == 1 else f"{count} {word_text(word)}"
        for word, count in ((words.carried_word(word), count) for word, count in term.top.items())
    )
    return f"{factors[term.pairs]} [{sums}]"


def _carried(parts: dict[str, Derivation], words: Wording) -> Step:
    fans = "where $n_in$ and $n_out$ are its fan-in and fan-out"
    sizes = fans if words.unit == "layer" else "at multipliers 1"
    text = (
        f"One {words.unit} further down {words.above}; the mean over that {words.unit}, its own "
        f"words on the left and the words of the {words.unit} below on the right, {sizes}:"
    )
    blocks = _by_part(parts, lambda d: iter([_carried_equations(d, words)]))
    return Step(f"{words.unit.title()}s above", (Prose(text), *blocks), tests=_ABOVE)


def _carried_equations(derivation: Derivation, words: Wording) -> Formulas:
    spelled = [words.carried_word(word) for word in derivation.word_maps.carried.words]
    return map_lines([word_text(word) for word in spelled], spelled, derivation.carried_map)


def _own_layer(parts: dict[str, Derivation], words: Wording) -> Step:
    blocks = _by_part(parts, lambda d: _sources(d, words))
    return Step(
        f"The {words.unit} itself",
        (Prose(words.own), *blocks),
        tests=("test_weight_polynomial_road.py",),
    )


def _sources(derivation: Derivation, words: Wording) -> Iterator[Block]:
    word_maps, layer = derivation.word_maps, open_layer(derivation.network)
    rows = word_maps.source(0, layer).to_Matrix()
    names = [word_text(words.carried_word(word)) for word in word_maps.carried.words]
    yield map_lines(names, word_maps.kernel.words, rows)


def _kernel(parts: dict[str, Derivation], words: Wording) -> Step:
    sizes = " and ".join(str(len(d.words)) for d in parts.values())
    text = (
        f"{words.coins} The words that arise, {sizes} of them, close: their mean over a "
        f"{words.unit} is a combination of the same words below."
    )
    blocks = _by_part(parts, lambda d: iter([d.layer_equations]))
    tests = ("test_layer_map.py", "test_half_spaces_road.py")
    return Step(f"{words.unit.title()}s below", (Prose(text), *blocks), tests=tests)


def _spectrum(parts: dict[str, Derivation], words: Wording) -> Step:
    text = (
        f"At equal widths all {words.unit}s share one matrix. Its eigenvalues are rational. Each "
        f"follows with its multiplicity, its Jordan blocks, and a combination of the words whose "
        f"mean over a {words.unit} is the eigenvalue times itself:"
    )
    blocks = _by_part(parts, lambda each: _eigenvalues(LayerSpectrum(each)))
    return Step("Spectrum", (Prose(text), *blocks), tests=("test_layer_spectrum.py",))


def _eigenvalues(spectrum: LayerSpectrum) -> Iterator[Block]:
    names = [f"λ_{index}" for index in range(1, len(spectrum.eigenvalues) + 1)]
    words = spectrum.derivation.word_maps.kernel.words
    rows, lines = [], []
    for name, each in zip(names, spectrum.eigenvalues, strict=True):
        blocks = " and ".join(map(str, each.blocks))
        rows.append((Math.spelled(name), Math.of(each.value), str(each.multiplicity), blocks))
        lines.append(Line(Math.spelled(name), combination(each.combination, words), ":"))
    yield Table(("", "eigenvalue", "multiplicity", "Jordan blocks"), tuple(rows))
    yield Formulas(tuple(lines))


def _by_part(
    parts: dict[str, Derivation], block: Callable[[Derivation], Iterator[Block]]
) -> Iterator[Block]:
    """The blocks of each part, named where there are two."""
    for name, each in parts.items():
        if len(parts) > 1:
            yield Prose(f"The {name} part:")
        yield from block(each)
