"""What is off is named where it is one of the known differences, and is never named wrong."""

import re
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from sympy import Expr, Integer, Rational

from tests.tools.claims_catalogue import catalogue
from theory import maximal_learning_rate, squared_update
from theory.claims.target import Quantity
from theory.formulas.evaluation import close, decimal, evaluate, mpf
from theory.formulas.grammar import parse_formula
from theory.outcome import Outcome
from theory.symbols import L, a, ell, eta, n, n_0
from verify import Check, check

HALF = Rational(1, 2)


@cache
def errors() -> list[Any]:
    return list(catalogue())


@cache
def answer(index: int) -> Check:
    return check(errors()[index].formula, simulate=False, **errors()[index].options)


@pytest.mark.slow
def test_the_catalogue_is_named_right_and_never_wrong() -> None:
    assert len(errors()) >= 50
    wrong = []
    for index, error in enumerate(errors()):
        found = answer(index)
        assert found.verdict is Outcome.REJECTED, error.name
        assert found.counterexample is not None, error.name
        said = found.difference
        named = None if said is None else said.kind
        if named is not error.kind or (said is not None and error.words not in said.sentence):
            wrong.append((error.name, said))
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize(("every", "least"), [(8, 1), pytest.param(1, 15, marks=pytest.mark.slow)])
def test_what_is_said_of_an_exact_claim_is_true_of_its_values(every: int, least: int) -> None:
    """A factor or a term that is named is read back from the sentence, and undone."""
    undone = 0
    exact = [k for k, e in enumerate(errors()) if e.options.get("claim", "exact") == "exact"]
    for index in exact[::every]:
        found = answer(index)
        said = "" if found.difference is None else found.difference.sentence
        if "alone" in said:
            continue
        if said.endswith((" times the law", " times the exact value")):
            factor = parse_formula(said.removeprefix("it is ").partition(" times the ")[0])
            assert_value(found, lambda law, by: decimal(by) * decimal(law), factor)
        elif said.startswith(("it is the law ", "it is the exact value ")):
            sign, term = re.sub(r"it is the (law|exact value) ", "", said).split(" ", 1)
            signed = parse_formula(term) * (1 if sign == "plus" else -1)
            assert_value(found, lambda law, by: decimal(law) + decimal(by), signed)
        else:
            continue
        undone += 1
    assert undone >= least


def assert_value(found: Check, of_law: Any, by: Expr) -> None:
    """The formula's value at several sizes is that of the law changed as the sentence says."""
    seen = 0
    for width, depth in ((2, 3), (5, 4), (7, 2)):
        point = {n: Integer(width), L: Integer(depth), ell: Integer(2), n_0: Integer(3), a: HALF}
        target = found.target
        if not target.exists(point):
            continue
        there = target.at({symbol: point[symbol] for symbol in target.coordinates})
        whole = squared_update(there.network, there.layer, rates=there.rates)
        law = (whole if there.part == "total" else getattr(whole, there.part)).per_eta2
        if target.quantity is Quantity.RATE:
            law = maximal_learning_rate(there.network, criterion=there.criterion).exact
        values = {s: Fraction(int(v.p), int(v.q)) for s, v in (point | {eta: Integer(1)}).items()}
        mine, factor = found.formula.value(values), evaluate(by, values)
        assert close(mine, of_law(evaluate(law, {}), factor), mpf(10) ** -40), found
        seen += 1
    assert seen
