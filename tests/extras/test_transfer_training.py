"""The transfer study trains as PyTorch's autograd and optimiser do, and runs through."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn, optim

from studies import transfer
from studies.transfer_settings import INPUTS, RULES, SETTINGS, Setting, grid_rates
from studies.transfer_training import LOSSES, Stack, digits, train
from theory import MLP
from verify.pytorch import EqualShares, parameter_groups
from verify.pytorch.learning_rates import RatePlan

from .models import mlp

SMALL = Setting("small", 16, 3, "half square", 2, (-1.0, 0.0, 1.0), (5, 20), (2, 3))


def test_the_data_are_what_the_page_says() -> None:
    task = digits()
    assert task.inputs.shape == (1797, INPUTS)
    np.testing.assert_allclose(task.inputs.square().sum(1), INPUTS, rtol=1e-5)
    assert set(task.labels.tolist()) == {-1.0, 1.0}
    assert len(task.test) == 360
    assert sorted([*task.train.tolist(), *task.test.tolist()]) == list(range(1797))


def literal(stack: Stack, index: int) -> nn.Sequential:
    """One network of a stack, as a module."""
    width = stack.readout.shape[1]
    model = mlp(stack.weights[0].shape[2], *[width] * len(stack.weights)).double()
    weights = [*(weight[index] for weight in stack.weights), stack.readout[index][None]]
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.copy_(weight)
    return model


AUTOGRAD = {
    "half square": lambda f, y: (f - y).square().mean() / 2,
    "logistic": lambda f, y: nn.functional.soft_margin_loss(f, y),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_steps_are_those_of_autograd_and_sgd(loss: str) -> None:
    class Given(RatePlan):
        def rates(self, network: object) -> tuple[float, ...]:
            return (0.3, 0.1, 0.1, 0.02)

    stack = Stack.draw(16, 3, 8, seeds=(1, 2), copies=1)
    stack = Stack([weight.double() for weight in stack.weights], stack.readout.double())
    model = literal(stack, 1)
    optimiser = optim.SGD(parameter_groups(model, Given()))
    rates = torch.tensor([[0.5, 0.4, 0.3, 0.0], [0.3, 0.1, 0.1, 0.02]], dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        x = torch.randn(2, 5, 8, generator=generator, dtype=torch.float64)
        y = 2.0 * torch.randint(2, (2, 5), generator=generator).double() - 1
        stack.step(x, y, rates, LOSSES[loss])
        optimiser.zero_grad()
        AUTOGRAD[loss](model(x[1])[:, 0], y[1]).backward()
        optimiser.step()
    trained = [*stack.weights, stack.readout[:, None]]
    for weight, parameter in zip(trained, model.parameters(), strict=True):
        torch.testing.assert_close(weight[1], parameter.detach(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(stack.outputs(x[1])[1], model(x[1]).detach()[:, 0])


def test_the_rule_equal_shares_is_the_plan() -> None:
    for depth in (2, 4, 32):
        plan = EqualShares().rates(MLP(128, depth, input_width=INPUTS))
        assert RULES["equal shares"](128, depth) == pytest.approx(plan)


def test_a_networks_result_does_not_depend_on_its_neighbours() -> None:
    task = digits()
    rates = np.array([[0.1, 0.1, 0.1, 0.0], [0.2, 0.1, 0.1, 0.01]])
    together = train(task, SMALL, 3, rates, (1, 2), (5, 20))
    alone = train(task, SMALL, 3, rates[1:], (2,), (20,))
    for many, one in zip(together, alone, strict=True):
        assert many.shape == (2, 2, 2)
        np.testing.assert_allclose(many[1, 1, 1], one[0, 0, 0], rtol=1e-4)


def test_training_learns_and_divergence_is_said() -> None:
    rates = np.array([[0.1, 0.1, 0.0], [1e6, 1e6, 0.0]])
    loss, accuracy = train(digits(), SMALL, 2, rates, (1,), (400,))
    assert loss[0, 0, 0] < 0.3
    assert accuracy[0, 0, 0] > 0.8
    assert loss[0, 0, 1] == np.inf
    assert np.isnan(accuracy[0, 0, 1])


def test_the_study_runs_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transfer, "RESULTS", tmp_path / "transfer.json")
    monkeypatch.setattr(transfer, "DOCS", tmp_path)
    small = [
        replace(SMALL, name=each.name, grid=each.grid, rules=each.rules)
        for each in SETTINGS
        if each.name in ("main", "equal shares", "one rate")
    ]
    assert transfer.main(small) == 0
    assert "exact maximal rate" in capsys.readouterr().out
    record, *_ = json.loads((tmp_path / "transfer.json").read_text(encoding="utf-8"))
    assert record["setting"]["depths"] == [2, 3]
    assert all((tmp_path / name).stat().st_size > 1000 for name in transfer.FIGURES)


def test_a_kept_loss_comes_out_again() -> None:
    """The cheapest cell of the kept study, to what other processors and versions may round."""
    found = transfer.kept_results()[0]
    seeds = (transfer.SEED,)
    rates = grid_rates(SETTINGS[0], 2)[3:6]
    loss, _ = train(digits(), SETTINGS[0], 2, rates, seeds, (200,))
    np.testing.assert_allclose(loss[0, 0], found.at(2).loss[0, 0, 3:6], rtol=0.02)
