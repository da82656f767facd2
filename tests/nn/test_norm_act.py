from __future__ import annotations

import copy
import shutil
from collections.abc import Callable

import pytest
import torch
from model_helpers import make_batch
from torch import Tensor, nn

from pyg_skeletonmae.layouts import COCO17, NTU25
from pyg_skeletonmae.models import GraphSkeletonMAE, GraphTemporalEncoder, STGCNEncoder
from pyg_skeletonmae.models.encoders.graph import GraphLayer
from pyg_skeletonmae.nn import norm_act as module
from pyg_skeletonmae.nn.kernels import use_kernels
from pyg_skeletonmae.nn.norm import BatchNormLast, batch_norms
from pyg_skeletonmae.nn.norm_act import IDENTITY, RELU, FusedSequential, fused_sequential, norm_act
from pyg_skeletonmae.nn.prelu import ScalarPReLU

compiled = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The rows and channels of each call of the kernel."""
    found: list[tuple[int, ...]] = []
    apply = module._NormAct.apply
    monkeypatch.setattr(
        module._NormAct, "apply", lambda x, *rest: found.append(tuple(x.shape)) or apply(x, *rest)
    )
    return found


def layers(channels: int) -> tuple[BatchNormLast, ScalarPReLU]:
    torch.manual_seed(channels)
    norm = BatchNormLast(channels)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm, ScalarPReLU()


def gradients(out: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    return torch.autograd.grad(out, inputs, torch.randn_like(out, dtype=torch.float).to(out.dtype))


def results(norm: nn.Module, act: nn.Module, x: Tensor, linear: nn.Module | None) -> list[Tensor]:
    """Output, gradients and running statistics."""
    x = x.clone().requires_grad_()
    out = norm_act(norm, act, x, linear)
    parts = [norm, act] if linear is None else [norm, act, linear]
    parameters = [parameter for part in parts for parameter in part.parameters()]
    return [out, *gradients(out, [x, *parameters]), *norm.buffers()]


def distance(a: Tensor, b: Tensor) -> float:
    """The length of what two tensors differ by, of that of the second."""
    return float((a.double() - b.double()).norm() / b.double().norm().clamp_min(1e-3))


@compiled
@pytest.mark.parametrize("rows", [16, 65, 333, 5000])
@pytest.mark.parametrize("channels", [1, 5, 16, 64, 67, 300])
@pytest.mark.parametrize("kind", ["prelu", "relu", "none"])
def test_equals_the_definition_in_double_precision(
    rows: int, channels: int, kind: str, calls: list[tuple[int, ...]]
) -> None:
    norm, act = layers(channels)
    act = {"prelu": act, "relu": RELU, "none": IDENTITY}[kind]
    x = 10 + 2 * torch.randn(rows, channels)  # far from zero, where squares alone would not do
    plain, own = copy.deepcopy(norm).double(), copy.deepcopy(act).double()
    expected = results(plain, own, x.double(), None)
    z = copy.deepcopy(plain)(x.double())
    sure = (z.abs() > 1e-4).all(-1)  # where rounding does not decide what side of zero a number is
    with use_kernels():
        found = results(norm, act, x, None)
    assert calls == [(rows, channels)]
    for number, (a, b) in enumerate(zip(found, expected, strict=True)):
        if number == 1:
            a, b = a[sure], b[sure]
        scale = float(b.detach().abs().max()) if b.numel() else 1.0
        torch.testing.assert_close(a.to(b.dtype), b, rtol=1e-4, atol=2e-5 * max(scale, 1.0))


@compiled
@pytest.mark.parametrize("sizes", [(16, 16), (64, 64), (64, 48), (32, 128), (128, 80)])
@pytest.mark.parametrize("rows", [3, 64, 1003])
def test_a_linear_map_is_part_of_it(
    sizes: tuple[int, int], rows: int, calls: list[tuple[int, ...]]
) -> None:
    norm, act = layers(sizes[1])
    linear = nn.Linear(*sizes, bias=False)
    x = torch.randn(rows, sizes[0])
    expected = results(
        *(copy.deepcopy(m).double() for m in (norm, act)),
        x.double(),
        copy.deepcopy(linear).double(),
    )
    with use_kernels():
        found = results(norm, act, x, linear)
    assert calls == [(rows, sizes[0])]
    # One number whose sign rounding decides may be in the gradients.
    errors = [distance(a, b) for a, b in zip(found, expected, strict=True)]
    assert errors[0] < 1e-5 and max(errors[-3:]) < 1e-5 and max(errors) < 2e-3, errors


@compiled
def test_the_bits_do_not_depend_on_threads_or_on_where_numbers_lie() -> None:
    norm, act = layers(64)
    linear, x = nn.Linear(64, 64, bias=False), torch.randn(5001, 64)
    found = []
    for shift in (0, 1, 7, 16):
        buffer = torch.empty(x.numel() + shift)
        moved = buffer[shift:].view_as(x).copy_(x)
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            try:
                with use_kernels():
                    out = norm_act(copy.deepcopy(norm), act, moved.requires_grad_(), linear)
                    weights = [moved, act.weight, linear.weight]
                    found.append([out, *gradients(out, weights)])
            finally:
                torch.set_num_threads(1)
            moved = moved.detach()
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@compiled
def test_channels_of_two_dimensions(calls: list[tuple[int, ...]]) -> None:
    norm = nn.BatchNorm2d(16)
    conv = nn.Conv2d(32, 16, 1, bias=False)
    x = torch.randn(2, 5, 7, 32).permute(0, 3, 1, 2)
    expected = results(
        *(copy.deepcopy(m).double() for m in (norm, RELU)), x.double(), copy.deepcopy(conv).double()
    )
    with use_kernels():
        found = results(norm, RELU, x, conv)
    assert calls == [(70, 32)] and found[0].shape == expected[0].shape
    assert max(distance(a, b) for a, b in zip(found, expected, strict=True)) < 1e-4


@compiled
def test_not_a_number_comes_through() -> None:
    x = torch.randn(40, 16)
    x[3, 2] = torch.nan
    with use_kernels():
        out = norm_act(*layers(16), x)
    assert out[:, 2].isnan().all() and out[:, 3:].isfinite().all()


@compiled
@pytest.mark.parametrize(
    ("norm", "act", "x"),
    [
        (nn.LayerNorm(5), ScalarPReLU(), torch.randn(6, 5)),
        (BatchNormLast(5).eval(), ScalarPReLU(), torch.randn(6, 5)),
        (BatchNormLast(5), nn.GELU(), torch.randn(6, 5)),
        (BatchNormLast(5, affine=False), ScalarPReLU(), torch.randn(6, 5)),
        (BatchNormLast(5, momentum=None), ScalarPReLU(), torch.randn(6, 5)),
        (BatchNormLast(5).double(), ScalarPReLU(), torch.randn(6, 5).double()),
        (nn.BatchNorm1d(5), ScalarPReLU(), torch.randn(6, 5, 2)),
        (nn.Identity(), nn.Identity(), torch.randn(6, 5)),
    ],
    ids=["layer", "eval", "gelu", "no factors", "plain mean", "double", "another norm", "none"],
)
def test_anything_else_is_as_it_was(
    norm: nn.Module, act: nn.Module, x: Tensor, calls: list[tuple[int, ...]]
) -> None:
    expected = copy.deepcopy(act)(copy.deepcopy(norm)(x))
    with use_kernels():
        assert torch.equal(norm_act(norm, act, x), expected)
    assert not calls


@compiled
def test_modules_with_hooks_are_called() -> None:
    norm, act = layers(16)
    linear = nn.Linear(16, 16, bias=False)
    seen: list[str] = []
    for name, part in (("linear", linear), ("norm", norm), ("act", act)):
        part.register_forward_hook(lambda *_, name=name: seen.append(name))
    with use_kernels():
        fused_sequential(torch.randn(6, 16), linear, norm, act)
    assert seen == ["linear", "norm", "act"]


@compiled
def test_convolutions_with_hooks_are_called() -> None:
    layer = GraphLayer("gin", 16)
    seen: list[str] = []
    layer.conv.register_forward_hook(lambda *_: seen.append("conv"))
    layer.conv.nn.register_forward_hook(lambda *_: seen.append("nn"))
    with use_kernels():
        layer(torch.randn(2, 17, 3, 16), COCO17.adjacency())
    assert seen == ["nn", "conv"]


@compiled
def test_a_single_row_is_refused_as_ever() -> None:
    with use_kernels(), pytest.raises(ValueError, match="more than 1 value per channel"):
        norm_act(*layers(5), torch.randn(1, 5))


def test_one_after_the_other() -> None:
    torch.manual_seed(0)
    parts = [nn.Linear(4, 8), *layers(8), nn.Linear(8, 8), nn.Dropout(0.0), nn.BatchNorm1d(8)]
    x = torch.randn(9, 4)
    expected = nn.Sequential(*copy.deepcopy(parts))(x)
    with use_kernels(False):
        assert torch.equal(FusedSequential(*parts)(x), expected)


@compiled
def test_less_is_kept() -> None:
    """Bytes that a forward pass of the graph system keeps for the gradients, each storage once."""
    kept = []
    for use in (False, True):
        torch.manual_seed(0)
        model = GraphSkeletonMAE(COCO17, 2, 64)
        storages: dict[int, int] = {}

        def pack(tensor: Tensor, storages: dict[int, int] = storages) -> Tensor:
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        with use_kernels(use), torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            out = model(make_batch(COCO17, (1, 1), 64, 2))
        kept.append(sum(storages.values()))
        del out
    assert kept[1] < 0.75 * kept[0], kept


def encoder_of(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make()


@compiled
@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda: GraphTemporalEncoder(NTU25, 3, 16, hidden_channels=32, depth=2), 4),
        (lambda: STGCNEncoder(NTU25, 3, [64, 64, 128]), 11),
    ],
    ids=["graph-temporal", "st-gcn"],
)
def test_encoders_train_the_same(
    make: Callable[[], nn.Module], number: int, calls: list[tuple[int, ...]]
) -> None:
    pos, found = torch.randn(2, 25, 16, 3), []
    for use in (False, True):
        model = encoder_of(make)
        with use_kernels(use), batch_norms(model, "sync"):
            out = model.encode_tracks(pos)
            out.square().mean().backward()
        found.append([out, *(p.grad for p in model.parameters()), *model.buffers()])
    assert len(calls) == number
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
