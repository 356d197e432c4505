"""This module holds the public names of the language of observables: K, D, x, z, g, f, `trace`."""

from theory.public_names import listed
from theory.words.observables import D, K, Matrix, Observable, Vector, f, g, trace, x, z

__all__ = ["D", "K", "Matrix", "Observable", "Vector", "f", "g", "trace", "x", "z"]


def __dir__() -> list[str]:
    return listed(globals())
