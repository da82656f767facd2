from __future__ import annotations

import pytest
import torch
from nn_helpers import model_oracle, randomize
from torch import Tensor, nn
from torch.nn import functional as F

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn import MultiScaleTemporalConv, TemporalConv


def textbook(block: MultiScaleTemporalConv, x: Tensor) -> Tensor:
    """The block as the paper draws it: every branch, every map and every norm by itself."""

    def norm(y: Tensor, bn: nn.BatchNorm2d, part: slice) -> Tensor:
        mean, var = y.mean((0, 2, 3), keepdim=True), y.var((0, 2, 3), correction=0, keepdim=True)
        weight, bias = (p[part].view(1, -1, 1, 1) for p in (bn.weight, bn.bias))
        return (y - mean) / torch.sqrt(var + bn.eps) * weight + bias

    x = x.permute(0, 3, 2, 1)  # [P, C, T, V]
    width, stride = block.width, (block.stride, 1)
    parts = [slice(i * width, (i + 1) * width) for i in range(len(block.dilations) + 2)]
    out = []
    for i, part in enumerate(parts[:-1]):
        h = F.relu(norm(F.conv2d(x, block.reduce.weight[part]), block.reduce_norm, part))
        if i < len(block.dilations):
            d, pad = block.dilations[i], block.dilations[i] * (block.kernel_size // 2)
            kernel = block.convs[i].weight.transpose(2, 3)
            h = F.conv2d(h, kernel, stride=stride, padding=(pad, 0), dilation=(d, 1))
        else:
            h = F.max_pool2d(h, (3, 1), stride=stride, padding=(1, 0))
        out.append(norm(h, block.norm, part))
    out.append(norm(F.conv2d(x, block.linear.weight, stride=stride), block.norm, parts[-1]))
    y = torch.cat(out, 1)
    if isinstance(block.residual, nn.Identity):
        y = y + x
    elif block.residual is not None:
        conv, bn = block.residual
        y = y + norm(F.conv2d(x, conv.weight, stride=stride), bn, slice(None))
    return (y.relu() if block.relu else y).permute(0, 3, 2, 1)


@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(
    ("channels", "options"),
    [
        ((8, 8), {}),
        ((8, 8), {"relu": True, "residual": False}),
        ((4, 8), {"kernel_size": 3}),
        ((6, 10), {"dilations": (1, 2, 3)}),
        ((5, 9), {"dilations": (1,), "kernel_size": 9}),
    ],
)
def test_equals_separate_branches(
    channels: tuple[int, int], options: dict, stride: int, frames: int
) -> None:
    torch.manual_seed(0)
    block = randomize(MultiScaleTemporalConv(*channels, stride=stride, **options)).double()
    x = torch.randn(3, 5, frames, channels[0], dtype=torch.float64, requires_grad=True)
    out, expected = block(x), textbook(block, x)
    assert out.shape == (3, 5, -(-frames // stride), channels[1])
    assert out.is_contiguous()
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)
    weight = torch.randn_like(out)
    inputs = [x, *block.parameters()]
    found = torch.autograd.grad((out * weight).sum(), inputs)
    for a, b in zip(found, torch.autograd.grad((expected * weight).sum(), inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


def test_joints_and_persons_do_not_mix() -> None:
    block = randomize(MultiScaleTemporalConv(8, 8)).eval()
    x = torch.randn(2, 3, 6, 8)
    changed = x.clone()
    changed[1, 2] += 1
    moved = (block(changed) - block(x)).abs().amax((2, 3))
    assert moved[1, 2] > 1e-3
    moved[1, 2] = 0
    assert moved.max() == 0


def test_layouts_of_memory_do_not_matter() -> None:
    block = randomize(MultiScaleTemporalConv(8, 8)).eval()
    x = torch.randn(2, 6, 3, 8).transpose(1, 2)
    torch.testing.assert_close(block(x), block(x.contiguous()))


def test_input_is_left_alone() -> None:
    for options in ({}, {"relu": True}, {"residual": False, "relu": True}):
        x = torch.randn(2, 3, 6, 8)
        before = x.clone()
        MultiScaleTemporalConv(8, 8, **options)(x)
        assert torch.equal(x, before)


def test_bfloat16_autocast_is_loosely_equal() -> None:
    torch.manual_seed(0)
    block = MultiScaleTemporalConv(8, 8)
    x = torch.randn(4, 5, 12, 8)
    expected = block(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = block(x)
    torch.testing.assert_close(out.float(), expected, rtol=0.1, atol=0.1)


def test_reset_parameters_starts_anew() -> None:
    block = MultiScaleTemporalConv(4, 8)
    block(torch.randn(2, 3, 6, 4))
    torch.manual_seed(3)
    block.reset_parameters()
    assert not block.norm.running_mean.any()
    before = block.reduce.weight.clone()
    torch.manual_seed(3)
    block.reset_parameters()
    assert torch.equal(block.reduce.weight, before)


def test_no_convolution_of_width_one_has_a_stride() -> None:
    # Their gradients overwrite memory on two threads, seen with torch 2.13 and 8 channels.
    module = MultiScaleTemporalConv(8, 8, stride=2)
    convs = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert {conv.stride for conv in convs if conv.kernel_size == (1, 1)} == {(1, 1)}
    assert module(torch.randn(1, 2, 5, 8)).shape == (1, 2, 3, 8)


def test_repr() -> None:
    assert repr(MultiScaleTemporalConv(4, 8, stride=2)) == (
        "MultiScaleTemporalConv(4, 8, kernel_size=5, dilations=(1, 2), stride=2)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_channels": 10}, "no multiple of 4 branches"),
        ({"out_channels": 0}, "no multiple"),
        ({"kernel_size": 4}, "must be odd"),
        ({"dilations": (1, 0)}, "at least 1"),
        ({"stride": 0}, "at least 1"),
    ],
)
def test_bad_settings_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MultiScaleTemporalConv(**{"in_channels": 8, "out_channels": 8, **options})


@pytest.mark.parametrize("shape", [(3, 6, 8), (2, 3, 6, 7)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"expected \[P, V, T, 8\]"):
        MultiScaleTemporalConv(8, 8)(torch.randn(shape))


# The public CTR-GCN and InfoGCN code --------------------------------------------------------------


def oracle_state(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The recorded weights under our names: branches joined, convolution biases folded away.

    A bias in front of a batch norm shifts its mean and has no other effect.
    """

    def conv(name: str) -> Tensor:
        return weights[f"{name}.weight"].transpose(2, 3)  # theirs is [C, T, V], ours [C, V, T]

    def norm(ours: str, names: list[tuple[str, str | None]]) -> dict[str, Tensor]:
        joined = {
            f"{ours}.{leaf}": torch.cat([weights[f"{name}.{leaf}"] for name, _ in names])
            for leaf in ("weight", "bias", "running_mean", "running_var")
        }
        biases = [
            torch.zeros_like(weights[f"{name}.bias"]) if bias is None else weights[f"{bias}.bias"]
            for name, bias in names
        ]
        joined[f"{ours}.running_mean"] = joined[f"{ours}.running_mean"] - torch.cat(biases)
        return joined | {
            f"{ours}.num_batches_tracked": weights[f"{names[0][0]}.num_batches_tracked"]
        }

    inner = [(f"branches.{i}.1", f"branches.{i}.0") for i in range(3)]
    outer = [(f"branches.{i}.3.bn", f"branches.{i}.3.conv") for i in (0, 1)]
    state = {
        "reduce.weight": torch.cat([conv(f"branches.{i}.0") for i in range(3)]),
        "linear.weight": conv("branches.3.0"),
        **{f"convs.{i}.weight": conv(f"branches.{i}.3.conv") for i in (0, 1)},
        **norm("reduce_norm", inner),
        **norm("norm", [*outer, ("branches.2.4", None), ("branches.3.1", "branches.3.0")]),
    }
    if "residual.conv.weight" in weights:
        state["residual.0.weight"] = conv("residual.conv")
        state |= norm("residual.1", [("residual.bn", "residual.conv")])
    return state


VARIANTS = {
    "s1_nores": ((16, 16), {"residual": False}),
    "s2_nores": ((16, 16), {"residual": False, "stride": 2}),
    "s1_res": ((16, 16), {}),
    "s2_widen_res": ((8, 16), {"stride": 2}),
}


@pytest.mark.oracle
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("source", ["ctrgcn", "infogcn"])
def test_oracle(source: str, variant: str) -> None:
    oracle = model_oracle("mstcn_tiny.npz")
    recorded = {
        k.removeprefix(f"{source}/{variant}/"): v
        for k, v in oracle.items()
        if k.startswith(f"{source}/{variant}/")
    }
    (channels, width), options = VARIANTS[variant]
    block = MultiScaleTemporalConv(channels, width, relu=source == "infogcn", **options)
    weights = {k.removeprefix("sd/"): v for k, v in recorded.items() if k.startswith("sd/")}
    block.load_state_dict(oracle_state(weights))
    x = oracle["in/x16"][:, :channels].permute(0, 3, 2, 1).contiguous().requires_grad_()
    close = {"rtol": 1e-5, "atol": 1e-5}

    if "eval/out" in recorded:
        out = block.eval()(x).permute(0, 3, 2, 1)
        torch.testing.assert_close(out, recorded["eval/out"], **close)
    out = block.train()(x)
    torch.testing.assert_close(out.permute(0, 3, 2, 1), recorded["train/out"], **close)
    out.square().mean().backward()
    assert x.grad is not None
    grad = recorded["train/grad_input_of_mean_square"]
    torch.testing.assert_close(x.grad.permute(0, 3, 2, 1), grad, **close)
    grad = recorded["train/grad/branches.1.3.conv.weight"].transpose(2, 3)
    torch.testing.assert_close(block.convs[1].weight.grad, grad, **close)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [1, 3, 9])
def test_one_scale_equals_a_convolution(kernel_size: int, stride: int) -> None:
    torch.manual_seed(0)
    layer = TemporalConv(6, 4, kernel_size, stride)
    x = torch.randn(2, 3, 7, 6)
    kernel = layer.linear.weight.view(4, kernel_size, 1, 6).permute(0, 3, 2, 1)
    h = F.conv2d(
        x.permute(0, 3, 1, 2), kernel, stride=(1, stride), padding=(0, kernel_size // 2)
    ).permute(0, 2, 3, 1)
    expected = (h - h.mean((0, 1, 2))) / (h.var((0, 1, 2), correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_one_scale_of_visible_places() -> None:
    torch.manual_seed(0)
    layer = TemporalConv(6, 4, norm="layer")
    visible = torch.rand(2, 3, 7) > 0.4
    x = torch.randn(2, 3, 7, 6) * visible[..., None]
    torch.testing.assert_close(layer(x, visible), layer(x) * visible[..., None])


@pytest.mark.parametrize(("kernel_size", "stride"), [(2, 1), (-1, 1), (3, 0)])
def test_one_scale_refuses(kernel_size: int, stride: int) -> None:
    with pytest.raises(ConfigError, match=f"kernel_size {kernel_size} must be odd.*{stride}"):
        TemporalConv(4, 4, kernel_size, stride)
