from __future__ import annotations

import copy

import pytest
import torch
from model_helpers import make_batch
from torch import nn

from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.models.encoders import graph
from pyg_skeletonmae.nn import norm_act as module
from pyg_skeletonmae.nn.norm import BatchNormLast
from pyg_skeletonmae.nn.norm_act import norm_act
from pyg_skeletonmae.nn.prelu import ScalarPReLU


def layers(slope: float = 0.25) -> tuple[BatchNormLast, ScalarPReLU]:
    torch.manual_seed(0)
    norm = BatchNormLast(5)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm.double(), ScalarPReLU(slope).double()


@pytest.mark.parametrize("slope", [0.25, 1.5, 1e-3, 1e-4, 0.0, -0.5])
def test_equals_the_two_one_after_the_other(slope: float) -> None:
    norm, act = layers(slope)
    plain_norm, plain_act = copy.deepcopy(norm), copy.deepcopy(act)
    x = torch.randn(3, 4, 5, dtype=torch.double, requires_grad=True)
    seed = torch.randn(3, 4, 5, dtype=torch.double)
    out, expected = norm_act(norm, act, x), plain_act(plain_norm(x))
    torch.testing.assert_close(out, expected)
    found = torch.autograd.grad(out, [x, *norm.parameters(), *act.parameters()], seed)
    inputs = [x, *plain_norm.parameters(), *plain_act.parameters()]
    for a, b in zip(found, torch.autograd.grad(expected, inputs, seed), strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(norm.buffers(), plain_norm.buffers(), strict=True):
        torch.testing.assert_close(a, b)
    assert norm.num_batches_tracked == 1


def test_gradients_are_those_of_small_steps() -> None:
    norm, act = layers()
    x = torch.randn(7, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: norm_act(norm, act, x), x)


def test_less_is_kept() -> None:
    norm, act = layers()
    x = torch.randn(50, 5, dtype=torch.double, requires_grad=True)
    sizes = []
    for forward in (lambda: act(norm(x * 1)), lambda: norm_act(norm, act, x * 1)):
        kept: set[int] = set()

        def pack(tensor: torch.Tensor, kept: set[int] = kept) -> torch.Tensor:
            if tensor.numel() == x.numel():
                kept.add(tensor.data_ptr())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            out = forward()
        sizes.append(len(kept | {out.data_ptr()}))
    assert sizes == [3, 2]


def test_a_graph_system_keeps_less() -> None:
    """Bytes that a forward pass keeps for the gradients, each storage once."""
    kept = []
    for one in (False, True):
        torch.manual_seed(0)
        model = GraphSkeletonMAE(COCO17, 2, 64)
        storages: dict[int, int] = {}

        def pack(tensor: torch.Tensor, storages: dict[int, int] = storages) -> torch.Tensor:
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        with pytest.MonkeyPatch.context() as patch:
            if not one:
                patch.setattr(graph, "norm_act", lambda norm, act, x: act(norm(x)))
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                out = model(make_batch(COCO17, (1, 1), 64, 2))
        kept.append(sum(storages.values()))
        del out
    assert kept[1] < 0.88 * kept[0], kept


@pytest.mark.parametrize(
    ("norm", "act"),
    [
        (nn.LayerNorm(5), ScalarPReLU()),
        (BatchNormLast(5).eval(), ScalarPReLU()),
        (BatchNormLast(5), nn.ReLU()),
        (BatchNormLast(5, affine=False), ScalarPReLU()),
        (BatchNormLast(5, momentum=None), ScalarPReLU()),
        (nn.Identity(), nn.Identity()),
    ],
    ids=["layer", "eval", "relu", "no factors", "plain mean", "none"],
)
def test_anything_else_is_as_it_was(
    norm: nn.Module, act: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NormPReLU", None)
    x = torch.randn(6, 5)
    expected = copy.deepcopy(act)(copy.deepcopy(norm)(x))
    assert torch.equal(norm_act(norm, act, x), expected)


def test_a_single_row_is_refused_as_ever() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        norm_act(*layers(), torch.randn(1, 5, dtype=torch.double))
