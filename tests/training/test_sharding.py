"""One process holds all parts; those of two are trained in tests/test_many_processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from pyg_skeletonmae.training.sharding import Sharded, local, placed, shard, whole


@pytest.fixture
def mesh() -> Iterator[DeviceMesh]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield init_device_mesh("cpu", (1, 1), mesh_dim_names=("data_parallel", "tensor_parallel"))
    dist.destroy_process_group()


class Net(nn.Module):
    """Three layers; the last two are one, which stays with the whole model."""

    def __init__(self) -> None:
        super().__init__()
        common = nn.Linear(2, 2)
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Sequential(common), nn.Sequential(common)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


def test_layers_are_cut_and_put_together(mesh: DeviceMesh) -> None:
    net, x = Net(), torch.ones(3, 2)
    parts = Sharded(net)
    expected = net(x)
    shard(parts.trained, mesh)
    assert all(isinstance(weight, DTensor) for weight in parts.trained.parameters())
    kinds = [type(layer).__name__ for layer in parts.trained.layers]  # type: ignore[union-attr]
    assert kinds == ["FSDPLinear", "Sequential", "Sequential"]
    torch.testing.assert_close(parts.trained(x), expected)
    with torch.no_grad():
        next(net.parameters()).add_(1.0)
    parts.scatter()
    torch.testing.assert_close(parts.trained(x), net(x))
    torch.optim.SGD(parts.trained.parameters(), 0.1).step()
    parts.trained(x).sum().backward()
    torch.optim.SGD(parts.trained.parameters(), 0.1).step()
    assert not torch.equal(whole(next(parts.trained.parameters())), next(net.parameters()))
    parts.gather()
    assert torch.equal(whole(next(parts.trained.parameters())), next(net.parameters()))


def test_tensors_that_are_whole_stay(mesh: DeviceMesh) -> None:
    x = torch.ones(2)
    assert local(x) is x and placed(x, x) is x
    assert whole({"a": x, "b": [3]}) == {"a": x, "b": [3]}
    net = shard(nn.Linear(2, 2), mesh)
    weight = next(net.parameters())
    assert isinstance(placed(torch.ones(2, 2), weight), DTensor)
    assert type(local(weight)) is torch.Tensor and local(weight).shape == (2, 2)
