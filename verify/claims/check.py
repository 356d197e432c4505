"""`check` tests a user's formula against the theory, and compares it with simulated networks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from math import nan
from typing import TYPE_CHECKING, Any

from sympy import Expr, Integer, Symbol

from theory.algebra.numerals import real_text
from theory.claims.decision import TheoryVerdict, decide_by_theory
from theory.claims.differences import Counterexample, Difference, values_in_words
from theory.claims.reading import read_claim
from theory.claims.target import Claim, Quantity, Target, sizes
from theory.coverage import answered
from theory.display.tables import html_table
from theory.errors import InvalidArgument
from theory.formulas.formula import Formula
from theory.laws.criteria import BlockCriterion, Criterion
from theory.networks.mlp import MLP
from theory.networks.residual import Residual
from theory.networks.roles import Branch
from theory.outcome import Outcome
from theory.symbols import L, ell, eta, n, t
from theory.validation import brief, typed
from theory.waiting import announced
from theory.words.observables import Observable
from theory.writing.pictures import law_tex
from verify.claims.networks import NotMeasured, checked_grid, measure
from verify.comparison.compare import Comparison, comparison_record
from verify.comparison.table import in_columns
from verify.comparison.verdict_in_words import conclusion
from verify.inference.verdict import NoCondition
from verify.runs.configuration import checked_sampler
from verify.runs.execution import Execution, checked_execution
from verify.samplers.gram.sampler import Gram
from verify.samplers.sampler import Sampler

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Check", "check", "subject"]

_CLAIMS = {
    Claim.EXACT: "is",
    Claim.LEADING: "is the leading term, as n → ∞ and then in depth, of",
    Claim.JOINT: "is the leading term, as n → ∞ with L = t n, of",
}
_LONGEST, _SHORT = 200, 40
"""Characters of a formula in a report, and in a title."""
_LONG_NUMBER = re.compile(r"\d{41,}")


@dataclass(frozen=True, eq=False)
class Check(NoCondition):
    """The answer to a claim, printed as a report.

    ``theory``: the decision by theory and its reason.  ``evidence``: the comparison of the formula
    with networks, or None, with ``unmeasured`` the reason.

    >>> found = check("sqrt(3)/L**1.5", claim="leading", quantity="rate", simulate=False)
    >>> found.verdict.name, found.difference, found.theory.reason
    ('CONSISTENT', None, 'formula over exact value tends to 1')
    """

    formula: Formula
    claim: Claim
    target: Target
    theory: TheoryVerdict
    evidence: Comparison | None
    unmeasured: str | None
    _condition = "found.outcome"

    @property
    def verdict(self) -> Outcome:
        r"""The verdict of theory, unless networks reject.

        | theory \ networks | none, consistent or undecided | rejected |
        |---|---|---|
        | consistent | CONSISTENT, exit code 0 | REJECTED, 1 |
        | undecided | UNDECIDED, 3 | REJECTED, 1 |
        | rejected | REJECTED, 1 | REJECTED, 1 |

        A proof needs no networks, and too few samples do not undo it; networks alone prove nothing.

        >>> from verify import check
        >>> wrong = check("L**2/3", claim="leading", simulate=False)
        >>> wrong.verdict.name
        'REJECTED'
        """
        if self.evidence is not None and self.evidence.verdict.outcome is Outcome.REJECTED:
            return Outcome.REJECTED
        return self.theory.outcome

    @property
    def outcome(self) -> Outcome:
        """`verdict`, under the name that it has in every comparison.

        >>> from verify import check
        >>> check("L**2/3", claim="leading", simulate=False).outcome.name
        'REJECTED'
        """
        return self.verdict

    @property
    def counterexample(self) -> Counterexample | None:
        """The first sizes, by depth, then width, then layer, at which formula and law differ.

        >>> from verify import check
        >>> wrong = check("L**2/3", claim="leading", simulate=False)
        >>> wrong.counterexample
        Counterexample: L = 2: leading terms 4/3 (formula) and 8/3 (law)
        """
        return self.theory.counterexample

    @property
    def difference(self) -> Difference | None:
        """The difference between formula and law, or None if `check` does not recognise it.

        >>> from verify import check
        >>> wrong = check("L**2/3", claim="leading", simulate=False)
        >>> wrong.difference
        Difference, a power of a size: it is 1/L times the law
        """
        return self.theory.difference

    @announced("picture")
    def plot(self, ax: Axes | None = None, *, against: str | None = None) -> Axes:
        """Draw the formula over the exact values, with the measured means, if networks were
        compared, and otherwise with the exact values; return the axes.

        ``against``: "depth" ("blocks"), "width" or "layer"; None for the first that varies.
        ``ax``: Matplotlib axes, or None for a new figure; backend and style are the user's.

        >>> from verify import check
        >>> wrong = check("L**2/3", claim="leading", simulate=False)
        >>> wrong.plot().get_title().split(":")[0], wrong.plot().get_xlabel()
        ('Rejected', 'depth $L$')
        """
        name, _, rest = _heading(self).partition(":")
        title = f"{name.capitalize()}:{rest}".replace("the formula", self._drawn_formula, 1)
        if self.evidence is None:
            target = self.target
            exact = target.rate if target.quantity is Quantity.RATE else target.update
            limit = self._joint_limit(exact) if self.claim is Claim.JOINT else None
            return exact._picture(ax, against, {}, self._claimed, title, limit)
        from verify.comparison.figure import draw_cells  # Matplotlib takes long to load

        record = comparison_record(self.evidence)
        return draw_cells(record, ax, against, title=title, tried="formula")

    @property
    def _drawn_formula(self) -> str:
        """The formula in a title, where it is short."""
        expression = self.formula.expression
        short = expression is not None and len(self.formula.source) <= _SHORT
        return f"the formula {law_tex(expression)}" if short else "the formula"

    @staticmethod
    def _joint_limit(exact: Any) -> Expr:
        """The joint limit of an exact value at eta = 1, in width and depth."""
        limit: Expr = exact.joint_limit()
        return limit.subs({t: exact.network._depths.get(L, L) / n, eta: 1})

    def _claimed(self, point: dict[Symbol, Any]) -> float:
        """The value of the formula at eta = 1; NaN where it has none."""
        at = self.target.at(point)
        known = {size: Fraction(str(value)) for size, value in sizes(at).items()}
        others = {"network": at.network, "layer": at.layer, "rates": at.rates}
        value = self.formula.value(known | {eta: Fraction(1)}, **others)
        return nan if value is None else float(value)

    def __repr__(self) -> str:
        """A line for each row; ``print`` breaks the lines for a page of unknown width."""
        return "\n".join(self._lines())

    def __str__(self) -> str:
        return in_columns(*self._lines())

    def _lines(self) -> list[str]:
        return [_heading(self), *(f"{name} {text}" for name, text in _rows(self))]

    def _repr_html_(self) -> str:
        """Verdict, theory and networks as tables."""
        rows = [(name.strip(" :"), text) for name, text in _rows(self)]
        table = html_table(rows, caption=_heading(self))
        return table if self.evidence is None else table + self.evidence._repr_html_()


@answered
@announced("check")
def check(
    formula: object,
    *,
    claim: str = "exact",
    quantity: str = "update",
    network: MLP | Residual | None = None,
    layer: object = None,
    part: str | None = None,
    rates: object = None,
    criterion: Criterion | BlockCriterion | None = None,
    observable: Observable | None = None,
    simulate: bool = True,
    grid: Iterable[MLP] | None = None,
    samples: int | None = None,
    precision: float | None = None,
    seed: int = 1,
    sampler: Sampler = Gram(),
    execution: Execution = Execution(),
) -> Check:
    """Test a claim about ``formula`` against the theory and against simulated networks.

    ``formula``: text, a sympy expression, a value such as ``squared_update(MLP())``, compared
    with the law of its network, or a function whose parameters are named like the sizes: n, L, ell,
    n_0, eta, t = L/n and a, the slope.  ``claim``: "exact", an identity; "leading",
    formula/E -> 1 as n -> infinity, then L (and ell) -> infinity; "joint", the same as
    n -> infinity with L = t n.  ``quantity``: "update", E[(Delta z)^2], per eta^2 where eta is
    not named; or "rate", the maximal learning rate under ``criterion``.  ``network``: None is
    MLP() with the sizes open that the formula names.  ``layer``: None for the last hidden
    layer, or for every layer where the formula names ell.  ``part``: "total" (None), "label"
    or "output".  ``rates``: as in `theory.squared_update`.  ``observable``: as for `theory.derive`;
    the formula is then for its mean; None takes the observable of a derivation.

    ``simulate``: False for theory alone, without the next arguments.  ``grid``: networks to
    simulate, ``network`` with numbers for its sizes; ``samples`` of each or the relative standard
    error ``precision``; by default enough small networks to detect an error of about 3 %, and
    for a limit wide and deep networks, whose measured mean is compared with the leading term.
    ``execution``: how blocks are run (docs/runs.md).

    Raises `InvalidArgument` for arguments of another kind, `NotSolved` where theory has no answer.

    >>> check("eta**2*L**3/3", claim="leading", simulate=False).verdict.name
    'CONSISTENT'
    >>> wrong = check("eta**2*(3 + 5/n)", network=MLP(depth=2), simulate=False)
    >>> print(wrong.difference)
    it is the label part alone: the output part is missing
    >>> from theory.observables import K, trace
    >>> check("n**3*L**2", observable=trace(K) ** 2, claim="leading", simulate=False).verdict.name
    'REJECTED'

    A formula in B, the number of blocks, or b, a block, is about a `Residual`; only theory decides
    it.

    >>> check("51*exp(2)/4", network=Residual(), claim="leading").verdict.name
    'CONSISTENT'
    """
    said = _member(Claim, "claim", claim)
    reading = read_claim(
        formula,
        claim=said,
        quantity=_member(Quantity, "quantity", quantity),
        network=network,
        layer=layer,
        part=part,
        rates=rates,
        criterion=criterion,
        observable=observable,
    )
    networks = None if grid is None else checked_grid(reading.target, grid)
    if samples is not None and precision is not None:
        raise InvalidArgument(
            f"expected samples or precision, got samples={samples!r} and precision={precision!r}; "
            f"give only one of the two"
        )
    if not isinstance(simulate, bool):
        raise InvalidArgument(
            f"expected True or False for simulate, got simulate={typed(simulate)}; give False "
            f"to decide by theory alone"
        )
    checked_execution(execution)
    checked_sampler(sampler)
    if not simulate:
        given: dict[str, Any] = {"grid": grid, "samples": samples, "precision": precision}
        _refuse_unread(given, None)
        _refuse_unread({"seed": seed}, 1)
        _refuse_unread({"sampler": sampler}, Gram())
    theory = decide_by_theory(reading, said)
    evidence: Comparison | None = None
    unmeasured: str | None = "not simulated"
    if simulate:
        try:
            evidence = measure(
                reading,
                said,
                theory.leading,
                networks,
                samples=samples,
                precision=precision,
                seed=seed,
                sampler=sampler,
                execution=execution,
            )
            unmeasured = None
        except NotMeasured as reason:
            unmeasured = str(reason)
    return Check(reading.formula, said, reading.target, theory, evidence, unmeasured)


def _refuse_unread(given: Mapping[str, object], usual: object) -> None:
    """`InvalidArgument` for an argument of the simulation, which theory alone does not read."""
    for name, value in given.items():
        if value != usual:
            raise InvalidArgument(
                f"expected no {name} with simulate=False, got {name}={brief(value)}; leave it out, "
                f"or leave simulate out to simulate networks"
            )


def _member(kind: Any, name: str, value: object) -> Any:
    """The member of an enumeration that text names."""
    values = [each.value for each in kind]
    if isinstance(value, kind) or value in values:
        return kind(value)
    listed = " or ".join(map(repr, values))
    raise InvalidArgument(
        f"expected {listed} for {name}, got {name}={typed(value)}; {_fix(value, values, name)}"
    )


def _fix(value: object, values: list[str], name: str) -> str:
    """The fix for text that names no member of ``values``, or for a value that is no text."""
    if not isinstance(value, str):
        return "give it as text"
    alike = [each for each in values if each in value.lower() or value.lower() in each]
    alike = alike or get_close_matches(value, values, 1)
    return f"give {name}={alike[0]!r}" if alike else "give one of these"


def _heading(check: Check) -> str:
    claimed = _CLAIMS[check.claim]
    if isinstance(check.target.network.depth, int):
        claimed = claimed.replace(" and then in depth,", ",")
    return f"{check.verdict.name}: the claim that the formula {claimed} {subject(check.target)}"


def _rows(check: Check) -> list[tuple[str, str]]:
    source = _LONG_NUMBER.sub(lambda found: real_text(Integer(found[0])), check.formula.source)
    source = source if len(source) <= _LONGEST else f"{source[: _LONGEST - 3]}..."
    of_update = check.target.quantity is Quantity.UPDATE and check.target.observable is None
    per_rate = of_update and not check.formula.has_rate
    rows = [
        ("formula:", f"{source}, read per eta**2" if per_rate else source),
        ("theory:", f"{check.theory.outcome.name.lower()}: {check.theory.reason}"),
    ]
    if check.counterexample is not None:
        rows.append(("  first at", values_in_words(check.counterexample)))
    if check.theory.outcome is Outcome.REJECTED:
        off = str(check.difference or "none of the known differences")
        rows.append(("  difference:", off))
    if check.evidence is None:
        return [*rows, ("networks:", str(check.unmeasured))]
    name, _, rest = conclusion(comparison_record(check.evidence)).partition(": ")
    return [*rows, ("networks:", f"{name.lower()}: {rest}")]


def subject(target: Target) -> str:
    """The quantity that the formula is for."""
    if target.quantity is Quantity.RATE:
        return f"the maximal learning rate of {target.network}, {target.criterion!r}"
    chain = target.network._is_chain
    moved = "E[(Δz)²]" if chain or isinstance(target.layer, Branch) else "E[(Δh)²]"
    of = moved if target.observable is None else f"E[{target.observable}]"
    part = "" if target.part == "total" else f", {target.part} part,"
    if target.layer is None:
        where = "in the last hidden layer" if chain else "after the last block"
    elif target.layer == ell:
        where = "in every hidden layer ell"
    else:
        where = f"in layer {target.layer}" if chain else target.network._place(target.layer)
    rates = "" if target.rates is None else f", multipliers {target.rates}"
    return f"{of}{part} {where} of {target.network}{rates}"
