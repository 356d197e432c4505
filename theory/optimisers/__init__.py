"""This folder defines optimisers: how far the first step of each moves a layer by that layer's
weights."""

from theory.optimisers.gradient_descent import GradientDescent
from theory.optimisers.momentum import Momentum
from theory.optimisers.normalised import Normalised
from theory.optimisers.optimiser import Layer, Optimiser, OwnPart, checked_optimiser
from theory.optimisers.sign_descent import SignDescent
from theory.optimisers.weight_decay import WeightDecay

__all__ = [
    "GradientDescent",
    "Layer",
    "Momentum",
    "Normalised",
    "Optimiser",
    "OwnPart",
    "SignDescent",
    "WeightDecay",
    "checked_optimiser",
]
