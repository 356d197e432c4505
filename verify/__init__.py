"""`verify` simulates finite networks and compares them with a law, at a stated error rate."""

from typing import TYPE_CHECKING, Any

from theory.public_names import listed
from verify.comparison.compare import Comparison, compare_law
from verify.comparison.typical_rate import TypicalLearningRate, typical_learning_rate
from verify.inference.estimate import Estimate, Measurement
from verify.inference.quantiles import Quantile
from verify.runs.simulation import monte_carlo
from verify.samplers.conditioned.sampler import Conditioned, Neurons
from verify.samplers.dense.sampler import Dense
from verify.samplers.gram.sampler import Gram
from verify.samplers.rare_events.sampler import RareEvents

if TYPE_CHECKING:
    from theory.claims.differences import Counterexample, Difference
    from verify.claims.check import Check, check
    from verify.claims.infinite_width import InfiniteWidthComparison, compare_infinite_width

__all__ = [
    "Check",
    "Comparison",
    "Conditioned",
    "Counterexample",
    "Dense",
    "Difference",
    "Estimate",
    "Gram",
    "InfiniteWidthComparison",
    "Measurement",
    "Neurons",
    "Quantile",
    "RareEvents",
    "TypicalLearningRate",
    "check",
    "compare_infinite_width",
    "compare_law",
    "monte_carlo",
    "typical_learning_rate",
]


_CLAIMS = frozenset(
    {"Check", "Counterexample", "Difference", "InfiniteWidthComparison", "check"}
    | {"compare_infinite_width"}
)


_ASSERTIONS = ("assert_close", "assert_exact", "assert_matches_networks", "samples_needed")


def __dir__() -> list[str]:
    return listed(globals(), "strategies", "testing")


def __getattr__(name: str) -> Any:
    """`check`, `compare_infinite_width` and their answers, loaded when they are first used: they
    take a tenth of the time that `monte_carlo` takes to load."""
    if name not in _CLAIMS:
        where = f"; it is in verify.testing: from verify.testing import {name}"
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}{where * (name in _ASSERTIONS)}"
        )
    from verify import claims  # a tenth of the time that `monte_carlo` takes to load

    return getattr(claims, name)
