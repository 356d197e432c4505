"""This module computes the linearised update in JAX, with grad, jvp, vmap and jit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bench.libraries import library
from bench.literal import Literal
from bench.settings import Setting

__all__ = ["FORMS", "Form", "linearised", "prepare"]

Array = Any


class Form(NamedTuple):
    """``stacked``: one array of all weights and a scan, else a list and a loop.  ``together``:
    drawing and the update in one compiled function.  ``generator``: JAX's name of the random
    generator.  ``partitionable``: whether draws can be split over devices, JAX's default and
    slower."""

    stacked: bool = False
    together: bool = True
    generator: str = "threefry2x32"
    partitionable: bool = False


FORMS = {
    "one jit": Form(),
    "one jit, jax defaults": Form(partitionable=True),
    "draws apart": Form(together=False),
    "scan": Form(stacked=True),
    "rbg": Form(generator="rbg"),
}


def linearised(
    literal: Literal, weights: Array | Sequence[Array], readout: Array, x: Array
) -> tuple[Array, Array]:
    """K g at the last hidden layer, and f: see `bench.numpy_peer.linearised`.

    ``weights``: a list, or of layers one array of shape ``(layers, width, width)``, which is
    scanned.
    """
    jax = library("jax")
    phi = getattr(jax.nn, literal.activation)

    def z(given: Any) -> Array:
        if not isinstance(given, list):
            first = given[0] @ x
            return jax.lax.scan(lambda z, w: (w @ phi(z), None), first, given[1:])[0]
        return literal.last(given, x, phi)

    def output(given: Any) -> Array:
        return literal.output(z(given), readout, phi)

    f, gradient = jax.value_and_grad(output)(weights)
    return jax.jvp(z, (weights,), (gradient,))[1], f


def _configure(setting: Setting, form: Form) -> None:
    """JAX's global settings, of this process; the threads are read when it first computes."""
    if setting.threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    config = library("jax").config
    config.update("jax_platforms", "cpu")
    config.update("jax_enable_x64", setting.dtype == "float64")
    config.update("jax_threefry_partitionable", form.partitionable)


def _functions(setting: Setting, form: Form, literal: Literal) -> tuple[Callable[..., Any], ...]:
    """Draws of one weight matrix and one readout, given keys, and the parts of one network."""
    jax, width, deviations = library("jax"), literal.width, literal.deviations
    x = jax.numpy.ones(width, setting.dtype)

    def matrix(key: Array, deviation: float) -> Array:
        return deviation * jax.random.normal(key, (width, width), setting.dtype)

    def readout(key: Array) -> Array:
        return jax.random.normal(key, (width,), setting.dtype) / width

    def parts(weights: Any, readout: Array) -> tuple[Array, Array]:
        update, f = linearised(literal, weights, readout, x)
        return update @ update / width, f

    def whole(key: Array) -> tuple[Array, Array]:
        keys = jax.random.split(key, len(deviations) + 1)
        if form.stacked:
            stack = jax.lax.map(lambda key: matrix(key, deviations[0]), keys[:-1])
            return parts(stack, readout(keys[-1]))
        return parts(list(map(matrix, keys[:-1], deviations)), readout(keys[-1]))

    return matrix, readout, parts, whole


def prepare(setting: Setting, literal: Literal, seed: int) -> Any:
    """A function of a number of networks: their label parts and outputs f, drawn anew."""
    jax, form = library("jax"), FORMS[setting.form]
    _configure(setting, form)
    first = jax.random.key(seed, impl=form.generator)
    matrix, readout, parts, whole = _functions(setting, form, literal)
    many = jax.jit(jax.vmap(whole) if setting.batch > 1 else whole)
    matrix, readout, parts = jax.jit(matrix), jax.jit(readout), jax.jit(parts)
    split = jax.jit(lambda key: list(jax.random.split(key, len(literal.deviations) + 1)))
    state = [first]

    def one_call() -> list[tuple[float, float]]:
        state[0], key = jax.random.split(state[0])
        if not form.together:
            keys = split(key)
            found = parts(list(map(matrix, keys[:-1], literal.deviations)), readout(keys[-1]))
        else:
            found = many(jax.random.split(key, setting.batch) if setting.batch > 1 else key)
        squares, f = (jax.numpy.ravel(each).tolist() for each in found)
        return list(zip(squares, f, strict=True))

    def run(networks: int) -> list[tuple[float, float]]:
        return [value for _ in range(networks // setting.batch) for value in one_call()]

    return run
