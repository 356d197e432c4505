"""`check`: a user's own formula, decided by theory and held against networks, apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from theory.claims.decision import Counterexample, TheoryVerdict, decide_by_theory
from theory.claims.differences import Difference
from theory.claims.reading import Reading, default_network
from theory.claims.target import Claim, Quantity, Target
from theory.errors import InvalidArgument
from theory.formulas.formula import Formula, read
from theory.laws.criteria import Criterion, layer_criterion
from theory.laws.update import PARTS
from theory.networks.mlp import MLP
from theory.networks.requests import asked_layer, asked_rates
from theory.outcome import Outcome
from theory.symbols import ell
from theory.validation import shown
from verify.claims.arguments import (
    check_limit,
    check_rate_arguments,
    checked_network,
    member,
)
from verify.claims.grid import checked_grid
from verify.claims.networks import NotMeasured, measure
from verify.claims.report import report, report_html
from verify.comparison.compare import Comparison
from verify.runs.execution import Execution, checked_execution
from verify.samplers.gram.sampler import Gram
from verify.samplers.sampler import Sampler

__all__ = ["Check", "check"]


@dataclass(frozen=True, eq=False)
class Check:
    """The answer to a claim, printed as a report.

    ``theory``: what theory decides, and how it knows.  ``evidence``: the networks it was held
    against, or None, with ``unmeasured`` the reason.

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
        """What is off, where it is one of the known differences.

        >>> from verify import check
        >>> wrong = check("L**2/3", claim="leading", simulate=False)
        >>> wrong.difference
        Difference, a power of a size: it is 1/L times the law
        """
        return self.theory.difference

    def __repr__(self) -> str:
        return report(self)

    def _repr_html_(self) -> str:
        """Verdict, theory and networks as tables."""
        return report_html(self)


def check(
    formula: object,
    *,
    claim: str = "exact",
    quantity: str = "update",
    network: MLP | None = None,
    layer: object = None,
    part: str = "total",
    rates: object = None,
    criterion: Criterion | None = None,
    simulate: bool = True,
    grid: Iterable[MLP] | None = None,
    samples: int | None = None,
    precision: float | None = None,
    seed: int = 1,
    sampler: Sampler = Gram(),
    execution: Execution = Execution(),
) -> Check:
    """Whether ``formula`` is what it is claimed to be, by theory and on simulated networks.

    ``formula``: text, a sympy expression, or a function whose parameters are named like the
    sizes: n, L, ell, n_0, eta, t = L/n and a, the slope.  ``claim``: "exact", an identity;
    "leading", formula/E -> 1 as n -> infinity, then L (and ell) -> infinity; "joint", the same as
    n -> infinity with L = t n.  ``quantity``: "update", E[(Delta z)^2], per eta^2 where eta is
    not named; or "rate", the maximal learning rate under ``criterion``.  ``network``: None leaves
    open what the formula names, and is MLP() for n and L.  ``layer``: None for the last hidden
    layer, or for every layer where the formula names ell.  ``part``: "total", "label" or "output".
    ``rates``: as in `theory.squared_update`.

    ``simulate``: False asks theory alone.  ``grid``: networks to simulate, ``network`` with numbers
    for its sizes; ``samples`` of each or the relative standard error ``precision``; by default a
    few small ones, as many as show an error of about 3 %, and for a limit wide and deep ones, on
    which its leading term is compared with the measured mean.  ``execution``: how blocks are run
    (docs/runs.md).

    Raises `InvalidArgument` for arguments of another kind, `NotSolved` where theory has no answer.

    >>> check("eta**2*L**3/3", claim="leading", simulate=False).verdict.name
    'CONSISTENT'
    >>> wrong = check("eta**2*(3 + 5/n)", network=MLP(depth=2), simulate=False)
    >>> print(wrong.difference)
    it is the label part alone: the output part is missing
    """
    said = member(Claim, "claim", claim)
    reading = _reading(formula, said, quantity, network, layer, part, rates, criterion)
    networks = None if grid is None else checked_grid(reading.target, grid)
    if samples is not None and precision is not None:
        raise InvalidArgument(
            f"expected samples or precision, got samples={samples!r} and precision={precision!r}; "
            f"leave one out"
        )
    checked_execution(execution)
    theory = decide_by_theory(reading, said)
    evidence: Comparison | None = None
    unmeasured: str | None = "not asked for"
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


def _reading(
    value: object,
    claim: Claim,
    quantity: object,
    network: MLP | None,
    layer: object,
    part: object,
    rates: object,
    criterion: Criterion | None,
) -> Reading:
    formula = read(value)
    chosen = member(Quantity, "quantity", quantity)
    net = default_network(formula) if network is None else checked_network(network)
    if part not in ("total", *PARTS):
        raise InvalidArgument(
            f"expected 'total', 'label' or 'output' for part, got part={shown(part)}; 'total' is "
            f"both"
        )
    if chosen is Quantity.RATE:
        check_rate_arguments(layer, part)
    elif criterion is not None:
        raise InvalidArgument(
            f"expected no criterion with quantity='update', got criterion={shown(criterion)}; "
            f"give quantity='rate'"
        )
    if layer is None and chosen is Quantity.UPDATE and claim is not Claim.JOINT:
        layer = ell if ell in formula.symbols else None
    asked = None if layer is None else asked_layer(net, layer)
    multipliers = asked_rates(net, rates)
    bounded = layer_criterion(criterion) if chosen is Quantity.RATE else None
    target = Target(net, chosen, asked, str(part), multipliers, bounded)
    check_limit(target, claim, formula)
    return Reading(formula, target)
