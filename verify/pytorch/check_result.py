"""What a coordinate check found, by layer, and its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from matplotlib.figure import Figure

from theory.networks.mlp import MLP
from verify.inference.evidence import Interval
from verify.inference.verdict import FAMILY_BUDGET, Score, Verdict, decide
from verify.pytorch.check_figure import check_figure
from verify.pytorch.check_report import check_html, check_text, layer_text

__all__ = ["CoordinateCheck", "LayerCheck"]


@dataclass(frozen=True, eq=False)
class LayerCheck:
    """E[(Delta z)^2]/eta^2 at one hidden layer.

    ``exact``: by theory.  ``score``: the measured mean in units of it, and what it says.

    >>> from torch import nn
    >>> from verify.pytorch import coordinate_check
    >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
    >>> coordinate_check(nn.Sequential(*layers), samples=500, seed=1).layers[0]
    LayerCheck of layer 1: measured 0.533 ± 0.024, exact 0.54102, z = -0.31, 0 beyond 2 %
    """

    layer: int
    exact: float
    score: Score

    @property
    def measured(self) -> float:
        """The plain mean over all initialisations; NaN where undefined.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> round(check.layers[0].measured, 3)
        0.533
        """
        return self.exact * self.score.evidence.ratio

    @property
    def standard_error(self) -> float:
        """Of `measured`, from a bound on the variance of one real step that is known exactly.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> round(check.layers[0].standard_error, 3)
        0.024
        """
        return self.exact * self.score.evidence.standard_error

    @property
    def plain_z(self) -> float:
        """Measured less exact in standard errors; NaN where undefined.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> round(check.layers[0].plain_z, 2)
        -0.31
        """
        return (self.score.evidence.ratio - 1.0) / self.score.evidence.standard_error

    @property
    def z(self) -> float:
        """The same beyond the 2 % allowed to a real step, which is judged; 0 within them.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> abs(check.layers[0].z) <= abs(check.layers[0].plain_z)
        True
        """
        return self.score.z

    def interval(self, level: float) -> Interval:
        """Confidence interval of measured over exact, by Catoni's estimator.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> interval = check.layers[0].interval(0.95)
        >>> interval.low < 1 < interval.high
        True
        """
        return self.score.evidence.interval(level)

    def __repr__(self) -> str:
        return f"LayerCheck of {layer_text(self)}"


@dataclass(frozen=True, eq=False)
class CoordinateCheck:
    """A model's real steps against the exact law, by layer.  Made by `coordinate_check`.

    ``step``: the rate of the steps; ``samples``: initialisations.  ``drawn_by``: the name of the
    function that drew the weights.  ``causes``: clauses on what was not the theory's in them and
    in the losses.  ``notes``: sentences on what the verdict does not cover.

    >>> from torch import nn
    >>> from verify.pytorch import coordinate_check
    >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
    >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
    >>> [round(layer.exact, 4) for layer in check.layers], check.verdict.outcome.name
    ([0.541], 'CONSISTENT')
    """

    network: MLP
    step: float
    samples: int
    seed: int
    layers: tuple[LayerCheck, ...]
    drawn_by: str = "initialise"
    causes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def verdict(self) -> Verdict:
        """Consistent, rejected or undecided, for all layers together.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> check.verdict.outcome.name
        'CONSISTENT'
        """
        return decide([layer.score for layer in self.layers])

    def intervals(self) -> tuple[Interval, ...]:
        """Of measured over exact by layer: all hold the truth with a chance of 99 %.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> [interval.low < 1 < interval.high for interval in check.intervals()]
        [True]
        """
        level = 1.0 - FAMILY_BUDGET / len(self.layers)
        return tuple(layer.interval(level) for layer in self.layers)

    def plot(self) -> Figure:
        """Measured with error bars and exact by layer; ``.savefig("check.pdf")`` writes it.

        >>> from torch import nn
        >>> from verify.pytorch import coordinate_check
        >>> layers = nn.Linear(16, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)
        >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
        >>> [axes.get_ylabel() for axes in check.plot().axes][1]
        'measured / exact'
        """
        return check_figure(self)

    def __repr__(self) -> str:
        return check_text(self)

    def _repr_html_(self) -> str:
        """Title, table and verdict."""
        return check_html(self)
