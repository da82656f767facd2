from collections.abc import Iterator

import pytest
import torch
from torch import distributed as dist

from pyg_skeletonmae.nn.processes import global_mean, global_sum, is_shared, shared_batch


@pytest.fixture
def group() -> Iterator[None]:
    """A group of this process alone; those of several are trained in tests/test_many_processes."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_without_other_processes_nothing_is_shared() -> None:
    x = torch.tensor(2.0)
    with shared_batch(True):
        assert not is_shared()
        assert global_mean(x, 3) is x and global_sum(x) is x


def test_shared_in_the_block_alone(group: None) -> None:
    assert not is_shared()
    with shared_batch(True):
        assert is_shared()
        with shared_batch(False):
            assert not is_shared()
        assert is_shared()
    assert not is_shared()


@pytest.mark.parametrize("count", [3, torch.tensor(3)])
def test_means_of_one_process_stay(group: None, count: torch.Tensor | int) -> None:
    x = torch.tensor(2.0, requires_grad=True)
    with shared_batch(True):
        mean = global_mean(x, count)
        assert float(mean) == 2.0
        assert float(global_mean(x * 0, 0)) == 0.0
    mean.backward()
    assert x.grad == 1.0


def test_sums_have_gradients(group: None) -> None:
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    with shared_batch(True):
        total = global_sum(x)
    total.square().sum().backward()
    assert total.tolist() == [2.0, 3.0]
    assert x.grad is not None and x.grad.tolist() == [4.0, 6.0]
