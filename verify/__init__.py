"""Monte Carlo on finite networks, with errors that can be trusted."""

from verify.compare import Comparison, check
from verify.dense import Dense
from verify.estimate import Estimate, Measurement
from verify.simulation import monte_carlo

__all__ = ["Comparison", "Dense", "Estimate", "Measurement", "check", "monte_carlo"]
