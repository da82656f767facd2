import pytest
import torch
from torch import distributed as dist
from torch import nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.nn.norm import (
    BatchNormLast,
    SharedNorm,
    TrackNorm,
    batch_norms,
    channel_norm,
    data_norm,
    norm_rows,
    visible_norm,
)
from pyg_skeletonmae.nn.processes import shared_batch


def test_batch_norm_equals_flat_batch_norm() -> None:
    x = torch.randn(3, 5, 4, 6)
    ours, reference = BatchNormLast(6), nn.BatchNorm1d(6)
    torch.testing.assert_close(ours(x), reference(x.view(-1, 6)).view(x.shape))
    assert ours.state_dict().keys() == reference.state_dict().keys()


def test_batch_norm_takes_any_layout() -> None:
    x = torch.randn(3, 4, 5, 6).transpose(1, 2)
    out = BatchNormLast(6)(x)
    torch.testing.assert_close(out.flatten(0, 2).mean(0), torch.zeros(6), atol=1e-6, rtol=0)


def test_channel_norm() -> None:
    assert repr(channel_norm(4, "batch")).startswith("BatchNormLast(4")
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(channel_norm(4, "layer")(x), nn.functional.layer_norm(x, (4,)))


@pytest.mark.parametrize("training", [True, False])
def test_visible_norm_is_the_norm_of_visible_rows(training: bool) -> None:
    torch.manual_seed(0)
    x, visible = torch.randn(5, 7, 4, dtype=torch.double), torch.rand(5, 7, 1) > 0.5
    ours, theirs = (BatchNormLast(4).double().train(training) for _ in range(2))
    rows = x[visible[..., 0]].requires_grad_()
    whole = x.masked_fill(~visible, 1e9).requires_grad_()
    found, expected = visible_norm(ours, whole, visible), theirs(rows)
    torch.testing.assert_close(found[visible[..., 0]], expected)
    assert found.masked_select(~visible).eq(0).all()
    for own, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(own, other)
    weight = torch.randn_like(expected)
    (found[visible[..., 0]] * weight).sum().backward()
    (expected * weight).sum().backward()
    assert whole.grad is not None and rows.grad is not None
    torch.testing.assert_close(whole.grad[visible[..., 0]], rows.grad)
    assert whole.grad.masked_select(~visible).eq(0).all()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_visible_norm_of_columns_seen_once_or_never() -> None:
    norm = BatchNormLast(3)
    visible = torch.tensor([[True, True, False], [True, False, False]])
    out = visible_norm(norm, torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]), visible)
    assert out.isfinite().all() and out[:, 2].eq(0).all()
    assert norm.running_mean is not None and norm.running_var is not None
    torch.testing.assert_close(norm.running_mean, torch.tensor([0.2, 0.0, 0.0]))
    torch.testing.assert_close(norm.running_var, torch.tensor([1.1, 1.0, 1.0]))


def test_rows_may_be_a_single_one() -> None:
    x, batch, layer = torch.randn(5, 6), BatchNormLast(6), nn.LayerNorm(6)
    torch.testing.assert_close(norm_rows(batch, x), nn.BatchNorm1d(6)(x))
    torch.testing.assert_close(norm_rows(layer, x[:1]), layer(x[:1]))
    mean = batch.running_mean.clone()
    torch.testing.assert_close(norm_rows(batch, x[:1]), torch.zeros(1, 6))
    assert torch.equal(batch.running_mean, mean)
    torch.testing.assert_close(norm_rows(batch.eval(), x[:1]), batch(x[:1]))


def test_track_norm_is_one_of_each_coordinate_of_each_joint() -> None:
    torch.manual_seed(0)
    pos, visible = torch.randn(6, 5, 8, 3), torch.rand(6, 5, 8) > 0.3
    out = TrackNorm(5, 3)(pos)
    torch.testing.assert_close(out.mean((0, 2)), torch.zeros(5, 3), atol=1e-6, rtol=0)
    out = TrackNorm(5, 3)(pos, visible)
    assert out[~visible].eq(0).all()
    own = pos[:, 2][visible[:, 2]]
    expected = (own - own.mean(0)) / (own.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(out[:, 2][visible[:, 2]], expected, rtol=1e-4, atol=1e-5)


def test_axis_norm_keeps_the_shape_of_the_body() -> None:
    torch.manual_seed(0)
    pos, visible = 5 + 3 * torch.randn(6, 5, 8, 3), torch.rand(6, 5, 8) > 0.3
    out = data_norm("axis", 5, 3)(pos)
    torch.testing.assert_close(out.std((0, 1, 2), correction=0), torch.ones(3))
    torch.testing.assert_close(
        out[:, 2] - out[:, 0], (pos[:, 2] - pos[:, 0]) / pos.std((0, 1, 2), correction=0)
    )
    out = data_norm("axis", 5, 3)(pos, visible)
    assert out[~visible].eq(0).all()
    own = pos[visible]
    expected = (own - own.mean(0)) / (own.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(out[visible], expected, rtol=1e-4, atol=1e-5)
    assert isinstance(data_norm("joint", 5, 3), TrackNorm)
    with pytest.raises(ConfigError, match="data_norm 'body': expected one of joint, axis"):
        data_norm("body", 5, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.BatchNorm2d, BatchNormLast])
def test_shared_norms_are_those_of_pytorch_where_there_is_one_process(
    kind: type[nn.BatchNorm1d],
) -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 6, 6, *[3] * (kind is nn.BatchNorm2d), dtype=torch.double)
    ours, theirs = kind(6).double(), kind(6).double()
    expected = theirs(x)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        with batch_norms(ours, "sync"), shared_batch(True):
            assert isinstance(ours, SharedNorm) and type(ours).__name__ == f"Shared{kind.__name__}"
            found = ours(x)
            # What it does on a GPU, which this is none.
            with pytest.raises(ValueError, match="expected input tensor to be on GPU"):
                nn.SyncBatchNorm.forward(ours, x)  # type: ignore[arg-type]
    finally:
        dist.destroy_process_group()
    assert type(ours) is kind
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)


def test_frozen_norms_keep_their_statistics_and_learn_their_factors() -> None:
    norm, x = nn.BatchNorm1d(3), torch.randn(5, 3)
    before = norm.running_mean.clone() if norm.running_mean is not None else None
    with batch_norms(norm, "frozen"):
        norm(x).square().sum().backward()
        assert not norm.training
    assert norm.training and norm.weight.grad is not None
    assert before is not None and torch.equal(norm.running_mean, before)


def test_visible_norm_averages_all_batches_without_a_momentum() -> None:
    ours, theirs = BatchNormLast(3, momentum=None), nn.BatchNorm1d(3, momentum=None)
    plain, everything = nn.BatchNorm1d(3, affine=False), torch.ones((), dtype=torch.bool)
    for x in torch.randn(3, 8, 3):
        expected = theirs(x)
        torch.testing.assert_close(visible_norm(ours, x, everything), expected)
        torch.testing.assert_close(visible_norm(plain, x, everything), expected)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
