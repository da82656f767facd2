from collections.abc import Callable

import pytest
import torch
from model_helpers import assert_gradients, make_batch

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonError
from pyg_skeletonmae.models import Classifier, Encoder, STEncoder, build_model
from pyg_skeletonmae.training.optim import OptimConfig, parameter_groups

SKELETON = layouts.UIPRMD22


def make_encoder(skeleton: Skeleton = SKELETON, **arguments: object) -> STEncoder:
    torch.manual_seed(0)
    settings = {"frames": 16, "hidden_channels": 16, "depth": 2, "heads": 2} | arguments
    return STEncoder(skeleton, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"frames_per_patch": 1},
        {"layer_scale": 1e-4, "norm_eps": 1e-6, "time_embedding": "zero", "init": "normal"},
        {"time_embedding": "sinusoidal", "drop_path": 0.1},
        {"in_channels": 2},
    ],
    ids=str,
)
def test_every_parameter_gets_a_gradient(arguments: dict[str, object]) -> None:
    encoder = make_encoder(**arguments)
    batch = make_batch(SKELETON, frames=16, channels=encoder.patch.in_channels)
    out = encoder(batch)
    assert out.shape == (7, 22, 16 // encoder.frames_per_patch, 16)
    assert isinstance(encoder, Encoder) and encoder.out_channels == 16
    (out * torch.randn_like(out)).sum().backward()
    assert_gradients(encoder, ("qkv.bias",))


def test_layers_of_parameters() -> None:
    encoder = make_encoder()
    layers = {name: encoder.layer_of(name) for name, _ in encoder.named_parameters()}
    assert {layers[name] for name in ("patch.proj.bias", "position.joint", "position.time")} == {0}
    assert layers["transformer.blocks.0.attn.qkv.weight"] == 1
    assert layers["transformer.blocks.1.norm1.weight"] == 2
    assert layers["norm.weight"] == layers["norm.bias"] == 3


def test_layer_decay_is_that_of_the_public_code() -> None:
    """0.8 ** (9 - layer) at a depth of 8: embeddings 0, block i has i + 1, norm and head 9."""
    model = Classifier(make_encoder(depth=8), 3, "linear")
    config = OptimConfig(lr=1.0, layer_decay=0.8)
    rate = {id(p): g["lr"] for g in parameter_groups(model, config) for p in g["params"]}
    rates = {name: rate[id(parameter)] for name, parameter in model.named_parameters()}
    assert rates["encoder.position.joint"] == pytest.approx(0.8**9)
    assert rates["encoder.transformer.blocks.0.mlp.fc1.weight"] == pytest.approx(0.8**8)
    assert rates["encoder.transformer.blocks.7.mlp.fc1.bias"] == pytest.approx(0.8)
    assert rates["encoder.norm.weight"] == rates["head.1.weight"] == 1.0


def test_another_rate_of_drop_path() -> None:
    encoder = make_encoder().double()
    other = encoder.with_drop_path(0.3)
    assert [block.drop_path.rate for block in other.transformer.blocks] == pytest.approx([0.0, 0.3])
    assert (
        other.config["init_args"]["drop_path"] == 0.3 and other.norm.weight.dtype == torch.float64
    )
    batch = make_batch(SKELETON, frames=16)
    batch.pos = batch.pos.double()
    torch.testing.assert_close(other.eval()(batch), encoder.eval()(batch))
    with pytest.raises(ConfigError, match=r"drop path 1\.5"):
        encoder.with_drop_path(1.5)


def test_visible_tokens_are_all_tokens_when_nothing_is_hidden() -> None:
    encoder = make_encoder().eval()
    pos = torch.randn(3, 22, 16, 3)
    keep = torch.stack([torch.randperm(88) for _ in range(3)])
    visible = encoder.encode_visible(pos, keep)
    everything = encoder.encode_tracks(pos).flatten(1, 2)
    torch.testing.assert_close(visible, everything.gather(1, keep[..., None].expand_as(visible)))


def test_visible_tokens_see_nothing_else() -> None:
    encoder = make_encoder().eval()
    pos = torch.randn(3, 22, 16, 3)
    keep = torch.arange(40).expand(3, -1)  # all steps of the first ten joints
    before = encoder.encode_visible(pos, keep)
    pos[:, 10:] = torch.nan
    assert torch.equal(encoder.encode_visible(pos, keep), before)


def test_hidden_states() -> None:
    encoder = make_encoder().eval()
    pos = torch.randn(2, 22, 16, 3)
    states = encoder.hidden_states(pos, last=2)
    assert [state.shape for state in states] == [(2, 88, 16)] * 2
    last = encoder.norm(states[1]).view(2, 22, 4, 16)
    torch.testing.assert_close(last, encoder.encode_tracks(pos))
    with pytest.raises(ConfigError, match="the last 3 of 2 blocks"):
        encoder.hidden_states(pos, last=3)


def test_long_and_short_attention_agree() -> None:
    """88 tokens take the plain way, 176 the fused one: the first half of them alone is the same."""
    encoder = make_encoder(frames_per_patch=2).eval()
    pos = torch.randn(2, 22, 16, 3)
    keep = torch.arange(176).expand(2, -1)
    short = encoder.encode_visible(pos, keep[:, :88])
    long = encoder.encode_visible(pos, keep, present=keep < 88)
    torch.testing.assert_close(long[:, :88], short, rtol=1e-5, atol=1e-5)


def test_tracks_are_independent() -> None:
    encoder = make_encoder().eval()
    pos = torch.randn(3, 22, 16, 3)
    torch.testing.assert_close(encoder.encode_tracks(pos)[1:2], encoder.encode_tracks(pos[1:2]))


@pytest.mark.parametrize("shape", [(1, 22, 12, 3), (1, 21, 16, 3), (1, 22, 16, 2)])
def test_other_clips_are_an_error(shape: tuple[int, ...]) -> None:
    advice = r"Resample\(16\)" if shape[2] == 12 else "for an encoder of"
    with pytest.raises(DataError, match=advice):
        make_encoder().encode_tracks(torch.zeros(shape))


def test_bad_frames() -> None:
    with pytest.raises(ConfigError, match="18 frames are no whole number of patches of 4"):
        make_encoder(frames=18)


def test_for_skeleton_copies_joints_by_name() -> None:
    encoder = make_encoder()
    other = encoder.for_skeleton(layouts.COCO17)
    shared = set(SKELETON.joints) & set(layouts.COCO17.joints)
    assert 5 < len(shared) < 17
    for joint in shared:
        ours = encoder.position.joint[SKELETON.index(joint)]
        assert torch.equal(other.position.joint[layouts.COCO17.index(joint)], ours)
    assert not torch.isin(
        other.position.joint[layouts.COCO17.index("left_eye")], encoder.position.joint
    ).any()
    assert torch.equal(other.patch.proj.weight, encoder.patch.proj.weight)
    assert other.encode_tracks(torch.zeros(1, 17, 16, 3)).shape == (1, 17, 4, 16)
    assert other.skeleton == layouts.COCO17
    same = encoder.for_skeleton(SKELETON.subset(SKELETON.joints)).eval()
    pos = torch.randn(1, 22, 16, 3)
    torch.testing.assert_close(same.encode_tracks(pos), encoder.eval().encode_tracks(pos))


def test_for_skeleton_without_common_joints() -> None:
    stick = Skeleton.from_parents("stick", ["a", "b"], [-1, 0])
    with pytest.raises(SkeletonError, match="no common joint"):
        make_encoder().for_skeleton(stick)


def test_config_rebuilds_the_encoder() -> None:
    encoder = make_encoder(time_embedding="zero", layer_scale=0.1)
    twin = build_model(encoder.config)
    twin.load_state_dict(encoder.state_dict())
    assert repr(twin) == repr(encoder)


def test_repr() -> None:
    assert repr(make_encoder()) == (
        "STEncoder(uiprmd22, channels=3, frames=16, frames_per_patch=4, hidden=16, depth=2)"
    )


def saved_bytes(encode: Callable[[], torch.Tensor]) -> int:
    """What autograd keeps of a forward pass for the backward one, each buffer once."""
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = encode()
    assert out.requires_grad
    return sum(kept.values())


def test_visible_tokens_alone_need_far_less_memory() -> None:
    encoder = make_encoder(layouts.NTU25, frames=120)  # 750 tokens
    pos = torch.randn(2, 25, 120, 3)
    keep = torch.stack([torch.randperm(750)[:75] for _ in range(2)])
    visible = saved_bytes(lambda: encoder.encode_visible(pos, keep))
    everything = saved_bytes(lambda: encoder.encode_tracks(pos))
    assert visible < 0.25 * everything
