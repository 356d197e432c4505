"""Monte Carlo on finite networks, with errors that can be trusted."""

from theory.public_names import listed
from verify.claims import Check, Counterexample, Difference, check
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
