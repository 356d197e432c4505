"""Every form of a formula is accepted by every command and function that takes a formula."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sympy import Integral, Sum, Symbol, binomial

from theory import MLP, InvalidArgument, squared_update
from theory.outcome import Outcome
from theory.symbols import L
from verify import check, compare_law
from verify.cli import main
from verify.testing import assert_close, assert_exact, assert_matches_networks

k = Symbol("k")
TEXTS = [
    "L**2/2 + L/2",
    "½L² + ½ L",
    r"\frac{L^2 + L}{2}",
    "Binomial[L + 1, 2]",
    "Sum(k, (k, 1, L))",
    r"\sum_{k=1}^{L} k",
    "(np.sqrt(L**4) + L)/2",
]
FORMS = [
    *TEXTS,
    L * (L + 1) / 2,
    Sum(k, (k, 1, L)),
    binomial(L + 1, 2),
    lambda L: L * (L + 1) / 2,
    lambda L: Sum(k, (k, 1, L)),
    lambda L: binomial(L + 1, 2),
]
REFUSED = ["L(L+1)/2", "1/2L", Integral(L, L)]
SMALL = MLP(4, 3)


def said(judged: Callable[[], object]) -> str:
    """What an assertion says."""
    with pytest.raises(AssertionError) as failed:
        judged()
    return str(failed.value)


CONSUMERS: dict[str, Callable[[Any], object]] = {
    "check": lambda form: check(form, claim="leading", simulate=False).verdict,
    "compare_law": lambda form: str(compare_law(form, networks=[SMALL], seed=1, samples=64)),
    "assert_exact": lambda form: said(lambda: assert_exact(form, SMALL)),
    "assert_close": lambda form: said(lambda: assert_close(form, SMALL, tolerance=0.01)),
    "assert_matches_networks": lambda form: said(
        lambda: assert_matches_networks(form, MLP(16, 1), part="label", seed=1)
    ),
}


@pytest.mark.wide
@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: getattr(form, "__name__", str(form)))
def test_every_form_gives_the_same_answer_everywhere(consumer: str, form: object) -> None:
    assert CONSUMERS[consumer](form) == CONSUMERS[consumer](FORMS[0])


@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("form", REFUSED, ids=str)
def test_what_one_refuses_all_refuse(consumer: str, form: object) -> None:
    with pytest.raises(InvalidArgument, match=r"two readings|the function Integral"):
        CONSUMERS[consumer](form)


@pytest.mark.wide
@pytest.mark.parametrize("text", TEXTS)
def test_the_command_reads_every_text(tmp_path: Path, text: str) -> None:
    sizes = ["--width", "4", "--depth", "3", "--samples", "64"]
    assert main(["--formula", text, *sizes, "--out", str(tmp_path / "run")]) == 1


def test_the_command_refuses_a_text_with_two_readings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--formula", "1/2L", "--out", str(tmp_path / "run")]) == 2
    assert "write (1/2)*L, or 1/(2*L)" in capsys.readouterr().err


@pytest.mark.slow
def test_a_law_with_sums_is_decided_for_all_sizes() -> None:
    """A sum in both orders: the powers of 1 - 1/n, which is 0 at n = 1, stay in the numerator."""
    zero = "Sum((1+5/n)^(L-k)*(1-1/n)^k*k, (k,0,L)) - Sum((1+5/n)^k*(1-1/n)^(L-k)*(L-k), (k,0,L))"
    law = f"{squared_update(MLP()).exact} + eta^2*({zero})"
    assert check(law, simulate=False).verdict is Outcome.CONSISTENT
    assert check(f"{law} + eta^2/10^9", simulate=False).verdict is Outcome.REJECTED
