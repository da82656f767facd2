import copy

import pytest
import torch
from torch import nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn.ema import EMA


def test_update_and_schedule() -> None:
    module = nn.Linear(2, 2)
    ema = EMA(module, 0.9, 1.0, 4)
    expected = module.weight.detach().clone()
    with torch.no_grad():
        module.weight.add_(1.0)
    for decay in (0.9, 0.925, 0.95, 0.975, 1.0, 1.0):
        assert ema.decay == pytest.approx(decay, abs=1e-15)
        ema.update(module)
        expected = decay * expected + (1 - decay) * module.weight.detach()
        torch.testing.assert_close(ema.module.weight, expected)


def test_at_a_decay_of_one_nothing_moves() -> None:
    module = nn.Linear(2, 2)
    ema = EMA(module, 1.0, 1.0, 1)
    before = ema.module.weight.clone()
    with torch.no_grad():
        module.weight.fill_(7.0)
    ema.update(module)
    assert torch.equal(ema.module.weight, before)


def test_it_is_a_copy_that_is_never_trained() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    ema = EMA(module, 0.9, 1.0, 4).train()
    assert ema.module is not module and module.training
    assert not any(child.training for child in ema.modules())
    assert not any(parameter.requires_grad for parameter in ema.parameters())
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_the_number_of_updates_is_part_of_the_state() -> None:
    ema = EMA(nn.Linear(2, 2), 0.9, 1.0, 4)
    ema.update(nn.Linear(2, 2))
    ema.update(nn.Linear(2, 2))
    state = copy.deepcopy(ema.state_dict())
    again = EMA(nn.Linear(2, 2), 0.9, 1.0, 4)
    again.load_state_dict(state)
    assert again.decay == ema.decay == pytest.approx(0.95)
    assert copy.deepcopy(again).decay == again.decay


@pytest.mark.parametrize(
    ("start", "end", "steps", "message"),
    [
        (0.9, 0.8, 4, "do not fall"),
        (-0.1, 0.8, 4, "from 0 to 1"),
        (0.9, 1.1, 4, "from 0 to 1"),
        (0.9, 1.0, 0, "at least one update"),
    ],
)
def test_bad_settings(start: float, end: float, steps: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EMA(nn.Linear(1, 1), start, end, steps)


def test_the_ends_of_a_decay() -> None:
    module = nn.Linear(2, 2)
    ema = EMA(module, 0.0, 0.0, 1)
    with torch.no_grad():
        module.weight.add_(1.0)
    ema.update(module)
    assert torch.equal(ema.module.weight, module.weight)


def test_the_update_follows_no_gradient_and_narrow_numbers_begin_wide() -> None:
    module = nn.Linear(2, 2)
    ema = EMA(module.half(), 0.5, 0.5, 1)
    assert ema.module.weight.dtype == torch.float32
    ema.update(module)
    assert ema.module.weight.grad_fn is None and ema.module.weight.is_leaf
    whole = torch.zeros(2, dtype=torch.int16)
    ema.module.register_buffer("whole", whole)
    assert ema.float().module.whole.dtype == torch.int16


def test_repr() -> None:
    assert repr(EMA(nn.Linear(1, 1), 0.9, 1.0, 4)) == "EMA(0.9 -> 1.0, steps=4)"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_an_average_of_narrow_numbers_moves(dtype: torch.dtype) -> None:
    module = nn.Linear(4, 4).to(dtype)
    ema = EMA(module, 0.9999, 0.9999, 1)
    assert ema.to(dtype).module.weight.dtype == torch.float32
    before = ema.module.weight.clone()
    with torch.no_grad():
        module.weight.add_(1.0)
    for _ in range(100):
        ema.update(module)
    moved = (ema.module.weight - before) / (module.weight.float() - before)
    torch.testing.assert_close(moved, torch.full((4, 4), 1 - 0.9999**100), rtol=1e-2, atol=1e-4)
    assert ema.double().module.weight.dtype == torch.float64
