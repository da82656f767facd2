from __future__ import annotations

import math

import pytest
import torch
from nn_helpers import model_oracle
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn import cosine_error, masked_mse, rce_loss, sce_loss

SHAPE = (3, 6, 4)  # persons, joints, frames


def example(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    pred = torch.randn(*SHAPE, 5, generator=generator, dtype=dtype)
    target = torch.randn(*SHAPE, 5, generator=generator, dtype=dtype)
    mask = torch.rand(SHAPE, generator=generator) < 0.4
    mask[0, :, 1] = False  # a graph with nothing to score
    mask[1, :, 2] = True
    return pred, target, mask


def printed_form(pred: Tensor, target: Tensor, mask: Tensor, beta: float) -> Tensor:
    """The paper's equation, graph by graph and joint by joint."""
    graphs = []
    for p in range(pred.size(0)):
        for t in range(pred.size(2)):
            joints = mask[p, :, t].nonzero().flatten().tolist()
            if not joints:
                continue
            total = torch.zeros((), dtype=pred.dtype)
            for i in joints:
                x, z = target[p, i, t], pred[p, i, t]
                cosine = x @ z / (len(joints) * x.norm() * z.norm())
                total = total + (1 / len(joints) - cosine) ** beta
            graphs.append(total)
    return torch.stack(graphs).mean()


@pytest.mark.parametrize("beta", [1.0, 2.0, 3.0])
def test_rce_is_the_printed_equation(beta: float) -> None:
    pred, target, mask = example()
    pred.requires_grad_()
    loss, expected = rce_loss(pred, target, mask, beta), printed_form(pred, target, mask, beta)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    grad, expected_grad = (torch.autograd.grad(value, pred)[0] for value in (loss, expected))
    torch.testing.assert_close(grad, expected_grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("beta", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("masked", [1, 2, 5])
def test_identity_with_the_scaled_cosine_error(masked: int, beta: float) -> None:
    pred, target, _ = example()
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, :masked] = True
    sce = sce_loss(pred[mask], target[mask], beta)
    paper, graphmae = (rce_loss(pred, target, mask, beta, form) for form in ("paper", "graphmae"))
    torch.testing.assert_close(paper, masked ** (1 - beta) * sce, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(graphmae, sce, rtol=1e-12, atol=1e-12)


def test_each_graph_counts_the_same() -> None:
    pred, target, mask = example()
    alone = torch.stack(
        [
            rce_loss(*(v[p : p + 1, :, t : t + 1] for v in (pred, target, mask)), form="graphmae")
            for p in range(SHAPE[0])
            for t in range(SHAPE[2])
            if mask[p, :, t].any()
        ]
    )
    together = rce_loss(pred, target, mask, form="graphmae")
    torch.testing.assert_close(together, alone.mean())


@pytest.mark.parametrize("form", ["paper", "graphmae"])
def test_unmasked_joints_and_empty_graphs_do_not_matter(form: str) -> None:
    pred, target, mask = example()
    pred.requires_grad_()
    loss = rce_loss(pred, target, mask, form=form)
    loss.backward()
    assert pred.grad is not None
    assert not pred.grad[~mask].any() and pred.grad[mask].any(-1).all()
    unfinished = target.masked_fill(~mask[..., None], math.nan)
    assert torch.equal(rce_loss(pred, unfinished, mask, form=form), loss)
    track = torch.zeros(1, *SHAPE[1:], dtype=torch.bool)
    more = (torch.cat([pred, pred[:1]]), torch.cat([target, target[:1]]), torch.cat([mask, track]))
    torch.testing.assert_close(rce_loss(*more, form=form), loss)


@pytest.mark.parametrize("form", ["paper", "graphmae"])
def test_nothing_masked_is_a_zero_with_a_graph(form: str) -> None:
    pred, target, mask = example()
    pred.requires_grad_()
    for loss in (
        rce_loss(pred, target, torch.zeros_like(mask), form=form),
        masked_mse(pred, target, torch.zeros_like(mask)),
    ):
        assert loss.item() == 0.0
        (grad,) = torch.autograd.grad(loss, pred)
        assert not grad.any()


def test_perfect_and_opposite_predictions() -> None:
    _, target, mask = example()
    assert rce_loss(3.0 * target, target, mask).item() == pytest.approx(0.0, abs=1e-12)
    opposite = rce_loss(-0.1 * target, target, mask, form="graphmae")
    assert opposite.item() == pytest.approx(4.0)


@pytest.mark.parametrize("zero", ["pred", "target", "both"])
def test_zero_rows_have_bounded_gradients(zero: str) -> None:
    pred, target, mask = example(torch.float32)
    mask[0, 0, 0] = True
    if zero in ("pred", "both"):
        pred[0, 0, 0] = 0.0
    if zero in ("target", "both"):
        target[0, 0, 0] = 0.0
    pred.requires_grad_()
    target.requires_grad_()
    loss = rce_loss(pred, target, mask)
    assert loss.isfinite()
    for grad in torch.autograd.grad(loss, [pred, target]):
        assert grad.isfinite().all() and grad.abs().max() < 1e7


def test_missing_masked_joints_may_hold_anything() -> None:
    """A joint that is not scored may be NaN in the prediction, too."""
    pred, target, mask = example()
    pred = pred.masked_fill(~mask[..., None], math.inf)
    assert rce_loss(pred, target, mask).isfinite()
    assert masked_mse(pred, target, mask).isfinite()


@pytest.mark.parametrize("loss", [rce_loss, masked_mse])
def test_bfloat16_autocast_computes_in_float32(loss) -> None:
    pred, target, mask = example(torch.float32)
    low = pred.bfloat16(), target.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under, mixed = loss(*low, mask), loss(low[0], target, mask)
    assert under.dtype == mixed.dtype == torch.float32
    torch.testing.assert_close(under, loss(low[0].float(), low[1].float(), mask))
    torch.testing.assert_close(mixed, loss(low[0].float(), target, mask))


def test_masked_mse_is_the_mean_over_masked_rows() -> None:
    pred, target, mask = example()
    expected = ((pred - target) ** 2)[mask].mean()
    torch.testing.assert_close(masked_mse(pred, target, mask), expected)
    flat = masked_mse(pred.flatten(0, 2), target.flatten(0, 2), mask.flatten())
    torch.testing.assert_close(flat, expected)


def test_cosine_error_of_known_angles() -> None:
    x = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [0.0, 0.0]])
    y = torch.tensor([[5.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert cosine_error(x, y).tolist() == [0.0, 2.0, 1.0, 1.0]


def test_bad_input_is_refused() -> None:
    pred, target, mask = example()
    with pytest.raises(ConfigError, match="'paper' or 'graphmae'"):
        rce_loss(pred, target, mask, form="sce")
    for wrong in (
        (pred, target, mask.float()),
        (pred, target, mask[0]),
        (pred, target[:1], mask),
    ):
        for loss in (rce_loss, masked_mse):
            with pytest.raises(DataError, match="the mask is"):
                loss(*wrong)
    with pytest.raises(DataError, match=r"\[P, V, T, D\]"):
        rce_loss(pred[0, 0], target[0, 0], mask[0, 0])
    with pytest.raises(DataError, match="differ"):
        sce_loss(pred, target[:1])


@pytest.mark.parametrize("form", ["paper", "graphmae"])
@pytest.mark.parametrize("empty", [False, True])
def test_where_masks_are_not_looked_at(
    form: str, empty: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where all rows are computed and those that are not scored count for nothing."""
    pred, target, mask = example()
    mask &= not empty
    pred = pred.masked_fill(~mask[..., None], 1e3).requires_grad_()

    def values() -> list[Tensor]:
        found = rce_loss(pred, target, mask, form=form), masked_mse(pred, target, mask)
        return [*found, *(torch.autograd.grad(loss, pred)[0] for loss in found)]

    expected = values()
    monkeypatch.setattr("pyg_skeletonmae.nn.losses.readable", lambda mask: False)
    for value, other in zip(values(), expected, strict=True):
        torch.testing.assert_close(value, other, rtol=1e-12, atol=1e-12)


def test_a_single_number(monkeypatch: pytest.MonkeyPatch) -> None:
    pred, target = torch.tensor([[3.0], [9.0]]), torch.tensor([[1.0], [0.0]])
    mask = torch.tensor([True, False])
    assert masked_mse(pred, target, mask).item() == 4.0
    monkeypatch.setattr("pyg_skeletonmae.nn.losses.readable", lambda mask: False)
    assert masked_mse(pred, target, mask).item() == 4.0


def test_the_scaled_cosine_error_by_hand() -> None:
    """1, 1 - 0.6 and 2, squared; norms below a millionth are divided by a millionth."""
    pred = torch.tensor([[[0.0, 1.0], [3.0, 4.0]], [[1.0, 0.0], [1e-7, 0.0]]], dtype=torch.float64)
    target = torch.tensor([[[2.0, 0], [5.0, 0]], [[-1.0, 0], [1.0, 0]]], dtype=torch.float64)
    error = cosine_error(pred, target)
    expected = torch.tensor([[1.0, 0.4], [2.0, 0.9]], dtype=torch.float64)
    torch.testing.assert_close(error, expected)
    torch.testing.assert_close(sce_loss(pred, target), expected.square().mean())
    torch.testing.assert_close(
        sce_loss(pred, target, 3.0, eps=1e-7),
        torch.tensor((1.0 + 0.4**3 + 8.0 + 0.0) / 4, dtype=torch.float64),
    )


@pytest.mark.oracle
@pytest.mark.parametrize("alpha", ["1", "2", "2.5", "3"])
@pytest.mark.parametrize("case", ["rand", "zero_row", "batched3d", "tiny_norm"])
@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_sce_oracle(case: str, alpha: str, precision: str) -> None:
    oracle = model_oracle("sce.npz")
    dtype = torch.float64 if precision == "f64" else torch.float32
    x, y = (oracle[f"{case}/{k}"].to(dtype).requires_grad_() for k in "xy")
    loss = sce_loss(x, y, float(alpha), eps=1e-12)
    grads = torch.autograd.grad(loss, [x, y])
    recorded = f"{case}/alpha{alpha}/{precision}"
    tolerance = 1e-9 if precision == "f64" else 1e-5
    for name, value in zip(("loss", "grad_x", "grad_y"), (loss, *grads), strict=True):
        expected = oracle[f"{recorded}/{name}"]
        torch.testing.assert_close(value, expected, rtol=tolerance, atol=tolerance)
