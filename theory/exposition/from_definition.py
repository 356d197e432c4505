"""`derivation_steps` goes from the definition of the squared update to its law and rate.

Each step says what it does, shows its formulas, and names the tests that check it against another
road.  ``python -m theory``, notebooks and the paper print these steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import factor

from theory.exposition.from_solution import steps_from_solution
from theory.exposition.layer_spectrum import LayerSpectrum
from theory.laws.derivation_steps import explained
from theory.laws.update import SquaredUpdate
from theory.solutions.derivation import Derivation, open_layer
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
    yield _definition(update)
    yield _readout(parts)
    yield _carried(parts)
    yield _own_layer(parts)
    yield _kernel(parts)
    if not isinstance(update.network.width, tuple):
        yield _spectrum(parts)
    yield from steps_from_solution(update)


def _definition(update: SquaredUpdate) -> Step:
    network = update.network
    slope = network.activation.slope
    text = (
        f"A network without biases, $z^(ℓ) = W^(ℓ) x^(ℓ-1)$, $x^(ℓ) = D^(ℓ) z^(ℓ)$ and "
        f"$f = v·x^(L)$, has independent weights $W^(ℓ)_ij ~ N(0, c/n_in)$, "
        f"$c = {factor(network.c)}$, and a readout $v_j ~ N(0, s/n²)$, $s = {network.s}$; the mask "
        f"$D_ii$ is 1 where $z_i > 0$ and ${slope}$ elsewhere. One gradient step on "
        f"$½(f - y)²$, $y = ±1$, with rate $η${_multipliers(update)} moves the pre-activations to "
        f"first order by"
    )
    moves = ("Δz", "-η (f - y) K g"), ("g", "df/dz^(ℓ)"), ("A", "D K D")
    kernel = ("K^(ℓ+1)", f"{_share(update)}|x^(ℓ)|² I + W^(ℓ+1) A^(ℓ) W^(ℓ+1)ᵀ")
    lines = tuple(Line(Math.spelled(a), Math.spelled(b)) for a, b in (*moves[:2], kernel, moves[2]))
    means = " + ".join(f"E[{each.observable}]" for each in update.derivations)
    left = "its part" if update.part else "n E[(Δz_i)²]/η²"
    return Step(
        "Definition",
        (
            Prose(text),
            Formulas(lines),
            Prose(
                "The mean over the label, $E (f - y)² = 1 + f²$, has a label part, the 1, and an "
                "output part, the $f²$, where $f = gᵀz$:"
            ),
            Formulas((Line(Math.spelled(left), Math.spelled(means)),)),
        ),
        tests=("test_literal_network.py",),
    )


def _multipliers(update: SquaredUpdate) -> str:
    rates = update.derivations[0].rates
    if rates is None or (isinstance(rates, tuple) and set(rates) == {1}):
        return ""
    return " times a multiplier $r_ℓ$ per layer"


def _share(update: SquaredUpdate) -> str:
    return "r " if _multipliers(update) else ""


def _readout(parts: dict[str, Derivation]) -> Step:
    lines = tuple(
        Line(Math.spelled(f"E[{d.observable}]"), Math.spelled(_top(d.word_maps)))
        for d in parts.values()
    )
    text = (
        "At the last layer, and with $B = D K² D$ there, the mean over the Gaussian readout alone, "
        "by Wick's theorem in one row:"
    )
    return Step("Readout", (Prose(text), Formulas(lines)), tests=_ABOVE)


def _top(word_maps: WordMaps) -> str:
    (term,) = word_maps.terms
    factors = {1: "s/n²", 2: "(s/n²)²"}
    sums = " + ".join(
        word_text(word) if count == 1 else f"{count} {word_text(word)}"
        for word, count in term.top.items()
    )
    return f"{factors[term.pairs]} [{sums}]"


def _carried(parts: dict[str, Derivation]) -> Step:
    text = (
        "One layer further down $B$ becomes $D W B Wᵀ D$; the mean over that layer, its own words "
        "on the left and those of the layer below on the right, where $n_in$ and $n_out$ are its "
        "fans:"
    )
    blocks = _by_part(parts, lambda d: iter([d.carried_equations]))
    return Step("Layers above", (Prose(text), *blocks), tests=_ABOVE)


def _own_layer(parts: dict[str, Derivation]) -> Step:
    text = (
        "Where the update is asked for, $B = D K² D$ with the layer's own $K$; the mean over the "
        "layer's weights and masks, in words of the masked kernel $A$ and of $x$ below it:"
    )
    blocks = _by_part(parts, _sources)
    return Step(
        "The layer itself", (Prose(text), *blocks), tests=("test_weight_polynomial_road.py",)
    )


def _sources(derivation: Derivation) -> Iterator[Block]:
    word_maps, layer = derivation.word_maps, open_layer(derivation.network)
    rows = word_maps.source(0, layer).to_Matrix()
    yield map_lines(derivation.carried_words, word_maps.kernel.words, rows)


def _kernel(parts: dict[str, Derivation]) -> Step:
    sizes = " and ".join(str(len(d.words)) for d in parts.values())
    text = (
        f"Every mask is a fair coin, since flipping a row of $W$ flips the sign of its $z_i$ "
        f"alone, and Wick's theorem pairs the rows. The words that arise, {sizes} of them, close: "
        f"their mean over a layer is a combination of the same words below."
    )
    blocks = _by_part(parts, lambda d: iter([d.layer_equations]))
    tests = ("test_layer_map.py", "test_half_spaces_road.py")
    return Step("Layers below", (Prose(text), *blocks), tests=tests)


def _spectrum(parts: dict[str, Derivation]) -> Step:
    text = (
        "At equal widths all layers share one matrix. Its eigenvalues are rational; of each, "
        "how often it occurs, its Jordan blocks, and a combination of the words whose mean over a "
        "layer is the eigenvalue times itself:"
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
