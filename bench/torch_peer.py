"""This module computes the linearised update in PyTorch, by reverse and forward mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.libraries import library
from bench.literal import Literal
from bench.settings import Setting

__all__ = ["FORMS", "prepare"]

Array = Any
Update = Callable[[Sequence[Array], Array, Array], tuple[Array, Array]]
"""(weights, readout, x) to (K g at the last hidden layer, f): see `bench.numpy_peer.linearised`."""


def _functional(literal: Literal) -> Update:
    """`torch.func`: a gradient, and a Jacobian-vector product along it."""
    func, phi = library("torch.func"), getattr(library("torch"), literal.activation)

    def update(weights: Sequence[Array], readout: Array, x: Array) -> tuple[Array, Array]:
        def output(given: Sequence[Array]) -> Array:
            return literal.output(literal.last(given, x, phi), readout, phi)

        def z(given: Sequence[Array]) -> Array:
            return literal.last(given, x, phi)

        gradient, f = func.grad_and_value(output)(tuple(weights))
        return func.jvp(z, (tuple(weights),), (gradient,))[1], f

    return update


def _dual(literal: Literal) -> Update:
    """`torch.autograd.grad`, and dual numbers of `torch.autograd.forward_ad`."""
    torch, forward = library("torch"), library("torch.autograd.forward_ad")
    phi = getattr(torch, literal.activation)

    def update(weights: Sequence[Array], readout: Array, x: Array) -> tuple[Array, Array]:
        leaves = [weight.detach().requires_grad_() for weight in weights]
        f = literal.output(literal.last(leaves, x, phi), readout, phi)
        gradient = torch.autograd.grad(f, leaves)
        with torch.no_grad(), forward.dual_level():
            pairs = zip(weights, gradient, strict=True)
            duals = [forward.make_dual(weight, slope) for weight, slope in pairs]
            return forward.unpack_dual(literal.last(duals, x, phi)).tangent, f.detach()

    return update


def _compiled(literal: Literal) -> Update:
    """The functional form through `torch.compile`, which needs a C++ compiler."""
    compiled: Update = library("torch").compile(_functional(literal))
    return compiled


FORMS: dict[str, Callable[[Literal], Update]] = {
    "torch.func": _functional,
    "dual numbers": _dual,
    "torch.func compiled": _compiled,
}


def prepare(setting: Setting, literal: Literal, seed: int) -> Any:
    """A function of a number of networks: their label parts and outputs f, drawn anew.

    Weights are drawn in place, into memory that is kept.
    """
    torch = library("torch")
    torch.set_num_threads(setting.threads)
    dtype, batch, width = getattr(torch, setting.dtype), setting.batch, literal.width
    generator = torch.Generator().manual_seed(seed)
    shape = () if batch == 1 else (batch,)
    weights = [torch.empty(*shape, width, width, dtype=dtype) for _ in literal.deviations]
    readout, x = torch.empty(*shape, width, dtype=dtype), torch.ones(width, dtype=dtype)
    update_of = FORMS[setting.form](literal)
    if batch > 1:
        update_of = library("torch.func").vmap(update_of, (0, 0, None))

    def one_call() -> list[tuple[float, float]]:
        for weight, deviation in zip(weights, literal.deviations, strict=True):
            weight.normal_(0.0, deviation, generator=generator)
        readout.normal_(0.0, 1.0 / width, generator=generator)
        update, f = update_of(weights, readout, x)
        squares = (update * update).mean(-1).reshape(-1).tolist()
        return list(zip(squares, f.reshape(-1).tolist(), strict=True))

    def run(networks: int) -> list[tuple[float, float]]:
        return [value for _ in range(networks // batch) for value in one_call()]

    return run
