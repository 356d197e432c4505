"""Modules that PyTorch distributes over processes, here over one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch._C._distributed_c10d import HashStore
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

from theory import MLP, InvalidArgument
from verify.pytorch import coordinate_check, initialise, network_of, parameter_groups

from .models import mlp


@pytest.fixture(autouse=True, scope="module")
def one_process() -> Iterator[None]:
    distributed.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def sharded(model: nn.Sequential) -> nn.Module:
    mesh = init_device_mesh("cpu", (1,))
    for layer in model:
        if isinstance(layer, nn.Linear):
            fully_shard(layer, mesh=mesh)
    whole: Any = fully_shard(model, mesh=mesh)
    return whole


def losses(model: nn.Module, rates: list[float]) -> list[float]:
    """Of a few steps of plain SGD."""
    groups = zip(model.parameters(), rates, strict=True)
    optimiser = torch.optim.SGD([{"params": [p], "lr": rate} for p, rate in groups])
    found = []
    for _ in range(4):
        optimiser.zero_grad()
        loss: Any = ((model(torch.ones(4, 16)) - 1) ** 2).mean() / 2
        loss.backward()
        optimiser.step()
        found.append(float(loss.detach()))
    return found


def test_shards_are_read_drawn_and_trained_as_whole_matrices() -> None:
    plain = initialise(mlp(16, 32, 32), seed=1)
    rates = [group["lr"] for group in parameter_groups(plain)]
    model = sharded(mlp(16, 32, 32))
    initialise(model, seed=1)
    assert network_of(model) == MLP(32, 2, input_width=16)
    assert [group["lr"] for group in parameter_groups(model)] == rates
    check, same = (coordinate_check(each, samples=5, seed=1) for each in (model, plain))
    assert check.layers[0].measured == same.layers[0].measured
    assert losses(model, rates) == pytest.approx(losses(plain, rates), rel=1e-5)


def test_a_distributed_module_is_read_and_left_as_it_was() -> None:
    plain = initialise(mlp(16, 32, 32), seed=1)
    model = nn.parallel.DistributedDataParallel(initialise(mlp(16, 32, 32), seed=1))
    rates = [group["lr"] for group in parameter_groups(model)]
    coordinate_check(model, samples=5, seed=1)
    assert losses(model, rates) == pytest.approx(losses(plain, rates), rel=1e-6)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_weights_kept_elsewhere_are_refused() -> None:
    model = FullyShardedDataParallel(mlp(8, 8), device_id=torch.device("cpu"), use_orig_params=True)
    with pytest.raises(InvalidArgument, match="before it was wrapped, or use fully_shard"):
        network_of(model)
