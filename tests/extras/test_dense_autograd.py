"""Literal residual networks, graphs and convolutions differentiated by PyTorch, against the same
networks drawn by `Dense`."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import func

from tests.verify.samplers.test_dense_sites import CASES, matrices_of, problem_of, run

pytestmark = pytest.mark.filterwarnings(
    # Raised inside PyTorch: its forward mode uses what it has itself deprecated.
    "ignore:`torch.jit.script:DeprecationWarning"
)


def sigma(z: Any, slope: float) -> Any:
    return torch.nn.functional.leaky_relu(z, slope)


def residual(weights: Any, slope: float) -> tuple[dict[Any, Any], Any]:
    h = weights["in"] @ torch.tensor([7**0.5], dtype=torch.float64)
    found = {("stream", 0): h}
    for block in (1, 2, 3):
        z = weights["U", block] @ h
        h = 0.5**0.5 * h + 0.5 * weights["W", block] @ sigma(z, slope)
        found |= {("branch", block): z, ("stream", block): h}
    return found, (weights["v"] @ h).squeeze()


def graph(weights: Any, slope: float) -> tuple[dict[Any, Any], Any]:
    x = torch.tensor([2**0.5], dtype=torch.float64)
    a = weights["x", "a"] @ x
    b = weights["x", "b"] @ x + weights["a", "b"] @ sigma(a, slope)
    c = weights["a", "c"] @ sigma(a, slope) + weights["b", "c"] @ sigma(b, slope)
    d = weights["b", "d"] @ sigma(b, slope)
    e = weights["a", "e"] @ sigma(a, slope) + weights["c", "e"] @ sigma(c, slope)
    e = e + weights["x", "e"] @ x
    f = weights["v", "c"] @ sigma(c, slope) + weights["v", "e"] @ sigma(e, slope)
    return {"a": a, "b": b, "c": c, "d": d, "e": e}, f.squeeze()


def convolution(weights: Any, slope: float, inputs: Any) -> tuple[dict[Any, Any], Any]:
    """Filters shared by positions, as circular `torch.nn.functional.conv1d`."""
    x, found = torch.tensor(inputs.T)[None], dict[Any, Any]()
    for layer in (1, 2):
        filters = torch.stack([weights[layer, k] for k in (0, 1)], dim=2)
        padded = torch.nn.functional.pad(x, (0, 1), mode="circular")
        z = torch.nn.functional.conv1d(padded, filters)
        found |= {(layer, s): z[0, :, s] for s in range(4)}
        x = sigma(z, slope)
    return found, (weights["v"] @ x[0].mean(dim=1)).squeeze()


@pytest.mark.parametrize("name", [name for name in CASES if "not shared" not in name])
@pytest.mark.parametrize("step", [None, 0.5])
def test_dense_is_what_autograd_says(name: str, step: float | None) -> None:
    case = CASES[name]()
    problem = problem_of(case, step)
    slope = float(case.network.activation.slope)

    def literal(weights: Any) -> tuple[dict[Any, Any], Any]:
        if "convolution" in name:
            return convolution(weights, slope, problem.sites.inputs)
        return (residual if "residual" in name else graph)(weights, slope)

    for seed in range(5):
        drawn = matrices_of(case, problem, seed)
        weights = {key: torch.tensor(matrix.real.copy()) for key, matrix in drawn.items()}
        gradient, f = func.grad_and_value(lambda given: literal(given)[1])(weights)
        along = {key: case.literal_rates.get(key, 0.0) * gradient[key] for key in weights}
        if step is None:
            _, moved = func.jvp(lambda given: literal(given)[0], (weights,), (along,))
            unit = 1.0
        else:
            pull = step * (float(f) - 1.0)
            stepped = {key: weights[key] - pull * along[key] for key in weights}
            before, after = literal(weights)[0], literal(stepped)[0]
            moved, unit = {key: after[key] - before[key] for key in before}, step**2
        label = [float((moved[place] ** 2).mean()) / unit for place in case.places.values()]
        found = np.exp(run(problem, seed))
        assert found[0] == pytest.approx(label, rel=1e-10, abs=1e-24)
        if step is None:
            assert found[1] == pytest.approx(
                np.multiply(label, float(f) ** 2), rel=1e-10, abs=1e-28
            )
