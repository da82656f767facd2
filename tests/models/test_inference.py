from __future__ import annotations

from pathlib import Path

import pytest
import torch
from model_helpers import make_batch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import (
    Classifier,
    GraphEncoder,
    GraphTemporalEncoder,
    SkeletonEncoder,
    STEncoder,
    STGCNEncoder,
    STRLEncoder,
    STTFormerEncoder,
    inference,
)
from pyg_skeletonmae.models.encoders.st_gcn import STGCNBlock
from pyg_skeletonmae.models.inference import in_pieces, inference_form
from pyg_skeletonmae.nn.norm import BatchNormLast
from pyg_skeletonmae.nn.temporal_conv import MultiScaleTemporalConv
from pyg_skeletonmae.nn.transformer import LayerScale
from pyg_skeletonmae.training import save_release

SKELETON = UIPRMD22
FRAMES = 8
# Each encoder, and the norms that are left: those of coordinates and in GAT.
ENCODERS = {
    "gin": (lambda: GraphEncoder(SKELETON, hidden_channels=16), 0),
    "gin, layer norms": (lambda: GraphEncoder(SKELETON, hidden_channels=16, norm="layer"), 0),
    "gin, global group": (
        lambda: GraphEncoder(SKELETON, hidden_channels=16, global_group=True, residual=True),
        0,
    ),
    "gcn": (lambda: GraphEncoder(SKELETON, hidden_channels=16, conv="gcn", global_group=True), 0),
    "gat": (lambda: GraphEncoder(SKELETON, hidden_channels=16, conv="gat"), 3),
    "st-gcn": (lambda: STGCNEncoder(SKELETON, channels=[16, 16, 32]), 1),
    "graph-temporal": (lambda: GraphTemporalEncoder(SKELETON, frames=FRAMES, depth=2), 1),
    "strl": (lambda: STRLEncoder(SKELETON, frames=FRAMES, data_norm=True), 1),
    "strl, one for each person": (
        lambda: STRLEncoder(SKELETON, frames=FRAMES, share_persons=False, tie_layers=True),
        0,
    ),
    "vit": (
        lambda: STEncoder(
            SKELETON, frames=FRAMES, hidden_channels=16, heads=2, depth=2, layer_scale=0.5
        ),
        0,
    ),
    "sttformer": (
        lambda: STTFormerEncoder(
            SKELETON, frames=FRAMES, tuple_frames=4, channels=[[8, 8, 4], [8, 16, 4]]
        ),
        0,
    ),
}


def trained(module: nn.Module) -> nn.Module:
    """A module with weights and statistics as if it had been trained, also negative factors."""
    random = torch.Generator().manual_seed(1)
    for norm in module.modules():
        if isinstance(norm, _BatchNorm):
            norm.running_mean.normal_(generator=random)
            norm.running_var.uniform_(0.5, 2.0, generator=random)
        if isinstance(norm, (_BatchNorm, LayerScale)):
            for weight in norm.parameters():
                weight.data.normal_(generator=random)
    return module


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * float(b.detach().abs().max()))


@pytest.mark.parametrize("name", ENCODERS)
def test_the_form_computes_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    make, norms_left = ENCODERS[name]
    encoder, batch = trained(make()), make_batch(SKELETON, (1, 2, 2, 2))
    assert isinstance(encoder, SkeletonEncoder)
    state = {key: value.clone() for key, value in encoder.state_dict().items()}
    fast = encoder.inference()
    assert type(fast) is type(encoder) and not fast.training and encoder.training
    assert sum(isinstance(module, _BatchNorm) for module in fast.modules()) == norms_left
    assert not any(isinstance(module, LayerScale) for module in fast.modules())
    assert not any(weight.requires_grad for weight in fast.parameters())
    # Nothing of the encoder has changed.
    assert encoder.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in encoder.state_dict().items())
    assert all(module.training for module in encoder.modules())
    expected = encoder.eval()(batch)
    for at_once in (1, 2 * SKELETON.num_joints * FRAMES * encoder.out_channels * 4, 2**30):
        monkeypatch.setattr(inference, "AT_ONCE", at_once)
        with torch.no_grad():
            close(fast(batch), expected)
        close(fast(batch), expected)  # gradients are not asked for by weights


@pytest.mark.parametrize("name", ["st-gcn", "graph-temporal", "gin"])
def test_hidden_tokens_stay_hidden(name: str) -> None:
    torch.manual_seed(0)
    encoder = trained(ENCODERS[name][0]()).eval()
    pos = torch.randn(3, SKELETON.num_joints, FRAMES, 3)
    visible = torch.rand(3, SKELETON.num_joints, FRAMES // encoder.frames_per_token) > 0.3
    with torch.no_grad():
        fast = encoder.inference().encode_subgraph(pos, visible)
        close(fast, encoder.encode_subgraph(pos, visible))


@pytest.mark.parametrize("name", ["gin", "vit", "st-gcn"])
def test_hidden_states_are_the_same(name: str) -> None:
    torch.manual_seed(0)
    encoder = trained(ENCODERS[name][0]()).eval()
    pos = torch.randn(3, SKELETON.num_joints, FRAMES, 3)
    fast = encoder.inference().hidden_states(pos, encoder.num_states)
    for own, expected in zip(fast, encoder.hidden_states(pos, encoder.num_states), strict=True):
        close(own, expected)


def test_tracks_are_passed_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Counting(GraphEncoder):
        def mix(self, x: Tensor, adjacency: Tensor | None = None) -> Tensor:
            seen.append(len(x))
            return super().mix(x, adjacency)

    encoder, pos = Counting(SKELETON, hidden_channels=4), torch.randn(7, 22, FRAMES, 3)
    fast = encoder.inference()
    monkeypatch.setattr(inference, "AT_ONCE", 3 * 22 * FRAMES * 4 * 4)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    expected = [([3, 3, 1], fast, pos), ([7], encoder, pos)]
    expected += [([3], fast, pos[:3]), ([7], fast, pos.clone().requires_grad_())]
    for sizes, module, tracks in expected:
        seen.clear()
        module.encode_tracks(tracks)
        assert seen == sizes
    assert fast.encode_tracks(pos[:0]).shape == (0, 22, FRAMES, 4)


def test_gradients_of_coordinates_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = trained(ENCODERS["gin"][0]()).eval()
    grads = []
    for module in (encoder, encoder.inference()):
        pos = torch.linspace(-1, 1, 2 * 22 * FRAMES * 3).view(2, 22, FRAMES, 3).requires_grad_()
        module.encode_tracks(pos).square().sum().backward()
        grads.append(pos.grad)
    close(*grads)


@pytest.mark.parametrize("head", ["linear", "mlp", "bn-linear"])
def test_classifiers_name_the_same_classes(head: str) -> None:
    torch.manual_seed(0)
    model = trained(Classifier(ENCODERS["st-gcn"][0](), 5, head)).eval()
    batch = make_batch(SKELETON, (1, 2, 2, 1, 1))
    with torch.no_grad():
        expected, found = model(batch)["logits"], model.inference()(batch)["logits"]
    close(found, expected)
    assert torch.equal(found.argmax(1), expected.argmax(1))


class Pair(nn.Module):
    """A map and the norm of what it gives, which says so."""

    def __init__(self, linear: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.linear, self.norm, self.norms_after = linear, norm, {"norm": ["linear"]}

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.linear(x))
        return out


def hooked(module: nn.Module) -> nn.Module:
    module.register_forward_hook(lambda *_: None)
    return module


@pytest.mark.parametrize(
    "pair",
    [
        Pair(nn.Linear(3, 4), nn.LayerNorm(4)),
        Pair(nn.Linear(3, 4), BatchNormLast(4)).bfloat16(),
        Pair(nn.Linear(3, 4), hooked(BatchNormLast(4))),
        Pair(hooked(nn.Linear(3, 4)), BatchNormLast(4)),
        Pair(nn.Sequential(nn.Linear(3, 4)), BatchNormLast(4)),
        Pair(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), BatchNormLast(4)),
        Pair(nn.utils.weight_norm(nn.Linear(3, 4)), BatchNormLast(4)),
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)),
    ],
    ids=["layer", "half", "hook", "map hook", "map", "parametrised", "weight norm", "no word"],
)
def test_what_cannot_be_told_stays(pair: nn.Module) -> None:
    trained(pair).eval()
    fast, x = inference_form(pair), torch.randn(5, 3, dtype=next(pair.parameters()).dtype)
    assert [type(a) for a in fast.modules()] == [type(a) for a in pair.modules()]
    assert torch.equal(fast(x), pair(x))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_norms_without_factors_and_maps_without_bias(affine: bool, bias: bool) -> None:
    pair = Pair(nn.Linear(3, 4, bias=bias), nn.BatchNorm1d(4, affine=affine))
    trained(pair).eval().double()
    fast, x = inference_form(pair), torch.randn(5, 3, dtype=torch.float64)
    assert type(fast.norm) is nn.Identity
    torch.testing.assert_close(fast(x), pair(x), rtol=1e-12, atol=1e-12)
    without = Pair(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False)).eval()
    assert type(inference_form(without).norm) is nn.BatchNorm1d


def test_shared_modules_stay_shared_and_scripts_as_they_are() -> None:
    shared = Pair(nn.Linear(4, 4), BatchNormLast(4))
    script = torch.jit.trace(nn.Linear(4, 4), torch.zeros(1, 4))
    model = trained(nn.Sequential(shared, script, shared)).eval()
    fast, x = inference_form(model), torch.randn(5, 4)
    assert fast[0] is fast[2] and fast[1] is script
    close(fast(x), model(x))


def test_the_form_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="GraphEncoder: an inference form has other weights"):
        save_release(GraphEncoder(SKELETON).inference(), tmp_path / "release")
    assert not list(tmp_path.iterdir())


def test_any_method_of_tracks_can_be_passed_in_pieces() -> None:
    class Own(SkeletonEncoder):
        def __init__(self) -> None:
            super().__init__(SKELETON, 2**20)
            self.scale = nn.Parameter(torch.ones(1))
            self.pieces = 0

        @in_pieces
        def encode_tracks(self, pos: Tensor, times: Tensor | None = None) -> Tensor:
            self.pieces += 1
            return pos if times is None else pos * times[:, None, None, None]

    fast = inference_form(Own())
    pos, times = torch.randn(3, 22, 2, 3), torch.arange(3.0)
    out = fast.encode_tracks(pos, times=times)
    assert torch.equal(out, pos * times[:, None, None, None]) and fast.pieces == 3
    assert torch.equal(fast.encode_tracks(pos, times), out)


def test_of_a_norm_over_branches_one_part_is_left() -> None:
    """That of the pooled branch, which is no linear map."""
    conv = trained(MultiScaleTemporalConv(8, 16)).eval()
    fast, x = inference_form(conv), torch.randn(2, 3, 5, 8)
    assert repr(fast.norm) == "PartAffine(channels 8 to 11)"
    with torch.no_grad():
        close(fast(x), conv(x))
    conv.convs[1].register_forward_hook(lambda *_: None)
    assert type(inference_form(conv).norm) is nn.BatchNorm2d
    conv.norm.register_forward_hook(lambda *_: None)
    assert type(inference_form(conv).norm) is nn.BatchNorm2d
    with torch.no_grad():
        close(inference_form(conv)(x), conv(x))


@pytest.mark.parametrize("channels", [(4, 8), (8, 8), (8, 4)])
@pytest.mark.parametrize("itself", [True, False])
def test_groups_of_neighbours_are_summed_the_shorter_way(
    channels: tuple[int, int], itself: bool
) -> None:
    torch.manual_seed(0)
    partitions = torch.rand(3, 5, 5)
    if itself:
        partitions[0] = torch.diag(torch.rand(5))
    block = trained(STGCNBlock(*channels, partitions, stride=2)).eval()
    block.importance.data.uniform_(0.5, 1.5)
    fast, x = inference_form(block), torch.randn(2, 5, 6, channels[0])
    before = x.clone()
    with torch.no_grad():
        close(fast(x), block(x))
        assert torch.equal(x, before)
        calls: list[int] = []
        block.convs[0].register_forward_hook(lambda *_: calls.append(1))
        close(inference_form(block)(x), block(x))
    assert len(calls) == 2  # hooks are heard in the form, too
