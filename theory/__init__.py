"""Exact theory of how learning rates must scale with depth: derived, not quoted."""

from theory.derivation import Derivation, derive
from theory.errors import InvalidArgument, MupDepthError, NotSolved
from theory.network import MLP, LeakyReLU, Linear, ReLU
from theory.numerals import allow_long_numerals
from theory.rate import EveryHiddenLayer, MaximalLearningRate, maximal_learning_rate
from theory.schedule import ByGroup, TrainedLayers
from theory.update import SquaredUpdate, squared_update

__all__ = [
    "MLP",
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
    "SquaredUpdate",
    "TrainedLayers",
    "derive",
    "maximal_learning_rate",
    "squared_update",
]

allow_long_numerals()
