import pytest
import torch
from nn_helpers import model_oracle

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn import DropPath
from pyg_skeletonmae.nn.drop_path import drop_path


def test_sequences_are_dropped_whole_and_the_mean_is_kept() -> None:
    torch.manual_seed(0)
    x = torch.ones(4000, 3, 2)
    out = DropPath(0.3)(x)
    assert out.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert torch.equal(out, out[:, :1, :1].expand_as(out))
    assert out.mean() == pytest.approx(1.0, abs=0.05)


def test_nothing_is_dropped_in_evaluation_or_at_rate_zero() -> None:
    x = torch.ones(5, 2)
    assert DropPath(0.9).eval()(x) is x
    assert DropPath(0.0).train()(x) is x


@pytest.mark.oracle
def test_the_recorded_draws_drop_what_the_public_code_drops() -> None:
    oracle = model_oracle("mamp_heads_tiny.npz")
    kept = []
    for branch in range(2):
        noise = oracle[f"finetune/train/droppath_uniform{branch}"].flatten()
        out = drop_path(torch.ones(len(noise), 1), 0.3, noise)
        kept.append(int(out.count_nonzero()))
    assert kept == [1, 6]


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_out_of_range(rate: float) -> None:
    with pytest.raises(ConfigError, match="drop path"):
        DropPath(rate)


def test_repr() -> None:
    assert repr(DropPath(0.1)) == "DropPath(0.1)"
