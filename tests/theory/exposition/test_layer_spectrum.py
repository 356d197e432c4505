"""Eigenvalues of layer maps in units of the network: combinations, chains, multiplicities."""

from dataclasses import replace
from functools import reduce
from operator import add

import pytest
from sympy import Expr, Integer
from sympy.polys.matrices import DomainMatrix

from theory import MLP, LeakyReLU, squared_update
from theory.algebra.fields import field_of
from theory.exact.recursion import start_column
from theory.exposition.layer_spectrum import Eigenvalue, LayerSpectrum
from theory.solutions.derivation import Derivation
from theory.symbols import L, n_0
from theory.words.shapes import cell_parameters

NETWORKS = [MLP(), MLP(8), MLP(input_width=n_0), MLP(activation=LeakyReLU("1/3"))]
SPECTRA = [
    *(LayerSpectrum(d) for network in NETWORKS for d in squared_update(network).derivations),
    *(
        LayerSpectrum(squared_update(each).derivations[0])
        for each in (MLP(2), MLP(weight_variance=1))
    ),
]


def is_scaled(derivation: Derivation, each: Eigenvalue) -> bool:
    """Whether the layer map in the network's own units takes a combination to its multiple."""
    network, width = derivation.network, derivation.network.width
    domain = field_of(network.free_symbols - {L})
    assert isinstance(network, MLP)
    layer = cell_parameters(domain, network._layer(width, width, Integer(1)))
    entries = [domain.from_sympy(entry) for entry in each.combination]
    row = DomainMatrix([entries], (1, len(entries)), domain)
    mapped = row * derivation.word_maps.kernel.matrix(layer)
    return bool(mapped.to_dense() == (row * domain.from_sympy(each.value)).to_dense())


@pytest.mark.wide
@pytest.mark.parametrize("spectrum", SPECTRA, ids=lambda each: repr(each.derivation)[:70])
def test_a_layer_multiplies_each_combination_by_its_eigenvalue(spectrum: LayerSpectrum) -> None:
    found = spectrum.eigenvalues
    assert all(is_scaled(spectrum.derivation, each) for each in found)
    wrong: list[tuple[Expr, ...]] = [(Integer(1), *found[1].combination[1:])]
    assert not is_scaled(spectrum.derivation, replace(found[1], value=found[1].value + 1))
    assert not is_scaled(spectrum.derivation, replace(found[1], combination=wrong[0]))


@pytest.mark.slow
@pytest.mark.parametrize("spectrum", SPECTRA, ids=lambda each: repr(each.derivation)[:70])
def test_eigenvalues_are_as_many_as_words_and_add_up_to_the_trace(spectrum: LayerSpectrum) -> None:
    matrix, found = spectrum.spectrum.matrix, spectrum.eigenvalues
    size = len(spectrum.derivation.words)
    assert sum(each.multiplicity for each in found) == size
    assert all(sum(each.blocks) == each.multiplicity for each in found)
    trace = reduce(add, (matrix[i, i].element for i in range(size)))
    assert trace == reduce(add, (value * times for value, times in spectrum.spectrum.eigenvalues))


@pytest.mark.slow
@pytest.mark.parametrize("spectrum", SPECTRA, ids=lambda each: repr(each.derivation)[:70])
def test_the_words_at_the_input_are_a_sum_of_jordan_chains(spectrum: LayerSpectrum) -> None:
    matrix, domain = spectrum.spectrum.matrix, spectrum.unit.domain
    start = start_column(spectrum.derivation.word_maps.kernel.words, domain.one, domain)
    nothing = start * domain.zero
    parts = spectrum.spectrum.components(start)
    assert sum((part.chain[0] for part in parts), nothing).to_dense() == start
    for part in parts:
        for link, after in zip(part.chain, (*part.chain[1:], nothing), strict=True):
            moved = matrix * link.to_dense() - link.to_dense() * part.eigenvalue
            assert moved.to_dense() == after.to_dense()
