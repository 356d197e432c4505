"""One given network, literally: plain NumPy in float64, every derivative formed explicitly.

Slow on purpose. Layers are numbered from 1; entry l - 1 of a list belongs to layer l.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Forward",
    "Network",
    "draw",
    "forward",
    "gradient",
    "jacobians",
    "kernel_matrix",
    "linearised_update",
    "loss_gradients",
    "real_step",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """A network without biases: weights W^(1..L), readout v, input x, slope, rates r_1..r_L."""

    weights: list[Array]
    readout: Array
    x: Array
    slope: float
    rates: tuple[float, ...]


@dataclass(frozen=True)
class Forward:
    """What a forward pass leaves: z^(l) and sigma'(z^(l)), l >= 1; x^(l), l >= 0; f."""

    pre_activations: list[Array]
    masks: list[Array]
    activations: list[Array]
    output: float


def forward(network: Network) -> Forward:
    """z^(l) = W^(l) x^(l-1), x^(l) = D^(l) z^(l) with D = sigma'(z), f = v.x^(L)."""
    pre_activations: list[Array] = []
    masks: list[Array] = []
    activations = [network.x]
    for weight in network.weights:
        z = weight @ activations[-1]
        mask = np.where(z > 0, 1.0, network.slope)
        pre_activations.append(z)
        masks.append(mask)
        activations.append(mask * z)
    return Forward(pre_activations, masks, activations, float(network.readout @ activations[-1]))


def jacobians(network: Network, *, layer: int) -> list[Array]:
    """dz^(layer)_i / dW^(k)_bc for k = 1..layer, each of shape ``(n_layer, n_k, n_{k-1})``.

    dz^(k)_b / dW^(k)_bc = x^(k-1)_c, then dz^(l+1) = W^(l+1) D^(l) dz^(l) up to the layer.
    """
    state = forward(network)
    results = []
    for k in range(1, layer + 1):
        transfer = np.eye(len(state.pre_activations[k - 1]))
        for above in range(k + 1, layer + 1):
            transfer = network.weights[above - 1] @ np.diag(state.masks[above - 2]) @ transfer
        results.append(np.einsum("ib,c->ibc", transfer, state.activations[k - 1]))
    return results


def kernel_matrix(network: Network, *, layer: int) -> Array:
    """K^(layer)_ij = sum over weights mu in layers <= layer of r_mu dz_i/dmu dz_j/dmu."""
    size = len(network.weights[layer - 1])
    kernel = np.zeros((size, size))
    for rate, jacobian in zip(network.rates, jacobians(network, layer=layer), strict=False):
        flat = jacobian.reshape(size, -1)
        kernel += rate * flat @ flat.T
    return kernel


def gradient(network: Network, *, layer: int) -> Array:
    """g^(layer) = df/dz^(layer) by backpropagation: g^(l) = D^(l) W^(l+1)^T g^(l+1)."""
    masks = forward(network).masks
    g: Array = masks[-1] * network.readout
    for below in range(len(network.weights) - 1, layer - 1, -1):
        g = masks[below - 1] * (network.weights[below].T @ g)
    return g


def linearised_update(network: Network, *, layer: int) -> Array:
    """K^(layer) g^(layer): minus the linearised update per eta (f - y)."""
    return kernel_matrix(network, layer=layer) @ gradient(network, layer=layer)


def loss_gradients(network: Network, *, label: float) -> list[Array]:
    """d loss / dW^(l) = (f - y) g^(l) x^(l-1)^T for loss (f - y)^2/2, l = 1..L."""
    state = forward(network)
    residual = state.output - label
    layers = range(1, len(network.weights) + 1)
    return [
        residual * np.outer(gradient(network, layer=k), state.activations[k - 1]) for k in layers
    ]


def real_step(network: Network, *, rate: float, label: float, layer: int) -> Array:
    """z^(layer) after minus before W^(l) -> W^(l) - rate r_l dloss/dW^(l), readout untouched."""
    slopes = loss_gradients(network, label=label)
    weights = [
        weight - rate * multiplier * slope
        for weight, multiplier, slope in zip(network.weights, network.rates, slopes, strict=True)
    ]
    moved = Network(weights, network.readout, network.x, network.slope, network.rates)
    before, after = (forward(state).pre_activations[layer - 1] for state in (network, moved))
    return after - before


def draw(
    rng: np.random.Generator,
    widths: tuple[int, ...],
    x: Array,
    slope: float,
    rates: tuple[float, ...],
) -> Network:
    """A network at initialisation: W_ij ~ N(0, c/fan-in), c = 2/(1 + a^2), v_j ~ N(0, 1/n_L^2)."""
    c = 2 / (1 + slope**2)
    shapes = zip(widths, (len(x), *widths), strict=False)
    weights = [rng.normal(0, np.sqrt(c / fan_in), (rows, fan_in)) for rows, fan_in in shapes]
    readout = rng.normal(0, 1 / widths[-1], widths[-1])
    return Network(weights, readout, x, slope, rates)
