"""Values that hold polynomials and rational functions survive pickle, copy and deepcopy."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.tools.paths import ROOT
from tests.tools.values import VALUES
from theory import MLP, LeakyReLU, Residual, derive, readout_update, squared_update
from theory.observables import K, f, g, trace
from theory.symbols import n_0

OBSERVABLE = trace(K) ** 2 * (g @ K @ g) * f**2
HELD: dict[str, Callable[[], Any]] = {
    "joint law": lambda: squared_update(MLP()).joint_law(),
    "joint law of a part": lambda: squared_update(MLP()).label.joint_law(4),
    "joint law of the readout": lambda: readout_update(MLP()).joint_law(),
    "joint law of a slope": lambda: squared_update(MLP(activation=LeakyReLU())).label.joint_law(),
    "closed form": lambda: derive(OBSERVABLE, MLP()).closed_form,
    "closed form in numbers": lambda: derive(OBSERVABLE, MLP(8, 3)).closed_form,
    "closed form of an input width": lambda: derive(trace(K), MLP(input_width=n_0)).closed_form,
    "closed form of a slope": lambda: derive(trace(K @ K), MLP(activation=LeakyReLU())).closed_form,
    "closed form in blocks": lambda: derive(trace(K), Residual()).closed_form,
    "word maps": lambda: derive(trace(K), MLP()).word_maps,
    "rational functions": lambda: derive(trace(K), MLP(depth=3)).closed_form.sums,
}


@pytest.mark.wide
@pytest.mark.parametrize("name", HELD)
def test_values_with_rings_are_copied(name: str) -> None:
    """Also after use: SymPy's own pickles fail once a ring has been used."""
    value = HELD[name]()
    repr(value)
    for copied in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert copied == value
        assert repr(copied) == repr(value)


@pytest.mark.slow
def test_another_process_reads_the_same_value(tmp_path: Any) -> None:
    names = ["joint law of a slope", "closed form of a slope", "word maps"]
    kept = tmp_path / "values"
    kept.write_bytes(pickle.dumps([HELD[name]() for name in names]))
    code = (
        "import pickle, sys; from tests.theory.algebra.test_pickled_rings import HELD; "
        f"assert pickle.load(open(sys.argv[1], 'rb')) == [HELD[name]() for name in {names}]"
    )
    subprocess.run([sys.executable, "-c", code, str(kept)], check=True, cwd=ROOT)


MEMBERS = ("closed_form", "joint_law", "law", "leading", "lambdify", "network", "words", "label")


@pytest.mark.wide
@pytest.mark.parametrize("name", sorted({*VALUES} - {"layer rates", "spread"}))
def test_everything_that_a_value_gives_is_copied(name: str) -> None:
    value = VALUES[name](MLP())
    found = [value]
    for member in MEMBERS:
        try:
            given = getattr(value, member)
            found.append(given() if callable(given) and member != "network" else given)
        except (NotImplementedError, AttributeError, ValueError):
            continue
    for each in found:
        assert pickle.loads(pickle.dumps(each)) == each
        assert copy.deepcopy(each) == each
