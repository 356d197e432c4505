"""Monte Carlo on finite networks, with errors that can be trusted."""

from typing import TYPE_CHECKING, Any

from theory.public_names import listed
from verify.compare import Comparison, compare_law
from verify.conditioned import Conditioned
from verify.dense import Dense
from verify.estimate import Estimate, Measurement
from verify.gram import Gram
from verify.neurons import Neurons
from verify.quantiles import Quantile
from verify.rare_events import RareEvents
from verify.simulation import monte_carlo
from verify.typical_rate import TypicalLearningRate, typical_learning_rate

if TYPE_CHECKING:
    from verify.claims.check import Check, check
    from verify.claims.counterexample import Counterexample
    from verify.claims.search import Difference

__all__ = [
    "Check",
    "Comparison",
    "Conditioned",
    "Counterexample",
    "Dense",
    "Difference",
    "Estimate",
    "Gram",
    "Measurement",
    "Neurons",
    "Quantile",
    "RareEvents",
    "TypicalLearningRate",
    "check",
    "compare_law",
    "monte_carlo",
    "typical_learning_rate",
]


def __dir__() -> list[str]:
    return listed(globals(), "strategies", "testing")


def __getattr__(name: str) -> Any:
    """`check` and its answers, loaded when they are first used: they take a tenth of the time that
    `monte_carlo` takes to load."""
    if name not in ("Check", "Counterexample", "Difference", "check"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from verify import claims

    return getattr(claims, name)
