"""What others would write: the same linearised update in plain NumPy, one network at a time."""

from __future__ import annotations

import numpy as np

__all__ = ["numpy_linearised"]


def numpy_linearised(width: int, depth: int, stream: np.random.Generator) -> tuple[float, float]:
    """Label and output part of one ReLU network, products by BLAS."""
    scale = (2.0 / width) ** 0.5
    weights = [scale * stream.standard_normal((width, width)) for _ in range(depth)]
    readout = stream.standard_normal(width) / width
    x, masks, norms = np.ones(width), [], []
    for weight in weights:
        norms.append(x @ x)
        z = weight @ x
        masks.append(z > 0)
        x = np.where(masks[-1], z, 0.0)
    gradients = [readout * masks[-1]]
    for weight, mask in zip(weights[:0:-1], masks[-2::-1], strict=True):
        gradients.append((weight.T @ gradients[-1]) * mask)
    update = np.zeros(width)
    for index, (weight, g) in enumerate(zip(weights, gradients[::-1], strict=True)):
        below = update * masks[index - 1] if index else update
        update = norms[index] * g + weight @ below
    label = float(update @ update) / width
    return label, float(readout @ x) ** 2 * label
