"""Exact theory of how learning rates must scale with depth: derived, not quoted."""

from theory.alignment import Alignment, alignment
from theory.derivation import Derivation, derive
from theory.errors import InvalidArgument, MupDepthError, NotSolved
from theory.network import MLP, LeakyReLU, Linear, ReLU
from theory.numerals import allow_long_numerals
from theory.rate import EveryHiddenLayer, MaximalLearningRate, maximal_learning_rate
from theory.schedule import ByGroup, TrainedLayers
from theory.spread import Spread, tangent_kernel
from theory.update import SquaredUpdate, squared_update

__all__ = [
    "MLP",
    "Alignment",
    "ByGroup",
    "Derivation",
    "EveryHiddenLayer",
    "InvalidArgument",
    "LeakyReLU",
    "Linear",
    "MaximalLearningRate",
    "MupDepthError",
    "NotSolved",
    "ReLU",
    "Spread",
    "SquaredUpdate",
    "TrainedLayers",
    "alignment",
    "derive",
    "maximal_learning_rate",
    "squared_update",
    "tangent_kernel",
]

allow_long_numerals()
