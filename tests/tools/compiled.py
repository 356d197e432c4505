"""``python -m tests.tools.compiled`` compiles the passes of `make test`; ``slow``: of all samplers.

Two test processes that meet the same pass compile it twice; these two share the work.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from theory import MLP, LeakyReLU, Residual, Tanh
from theory.networks.network import Network
from theory.observables import K, Observable, g
from verify import Conditioned, Dense, Gram, RareEvents, monte_carlo
from verify.samplers.sampler import Sampler

__all__ = ["main"]

RELU, LEAKY = MLP(4, 2), MLP(4, 2, activation=LeakyReLU("0.5"))
SMOOTH = MLP(4, 2, activation=Tanh())
BLOCKS = Residual(4, 2)
CASES: tuple[tuple[Network, Sampler, Observable | None], ...] = (
    (SMOOTH, Conditioned(), None),  # with every part that any network has
    (RELU, Conditioned(), None),
    (RELU, Gram(), None),
    (RELU, Dense(), None),
    (RELU, RareEvents(), None),
    (RELU, Dense(), g @ K @ g),
    (RELU, Conditioned(), g @ K @ g),
    (BLOCKS, Dense(), None),
    (SMOOTH, Dense(), None),
)
SLOW_CASES: tuple[tuple[Network, Sampler, Observable | None], ...] = (
    (BLOCKS, Gram(), None),
    (LEAKY, Gram(), None),
    (BLOCKS, Conditioned(), None),
)


def _compile(network: Network, sampler: Sampler, observable: Observable | None) -> None:
    monte_carlo(network, samples=2, seed=1, sampler=sampler, observable=observable)
    if isinstance(sampler, Conditioned) and observable is None and network == RELU:
        sampler.neurons(network, samples=2, seed=1)


def main() -> int:
    """Compile what is not in the cache yet: about a minute, or a few seconds."""
    cases = SLOW_CASES * ("slow" in sys.argv) + CASES
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(_compile, *zip(*cases, strict=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
