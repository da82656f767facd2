import pytest
import torch
from model_helpers import assert_gradients, make_batch, make_clip
from st_helpers import (
    PATCH,
    SKELETON,
    as_batch,
    call,
    load,
    oracle_model,
    oracle_tracks,
    our_ids,
    ours,
)
from torch import Tensor
from torch_geometric.data import Batch

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models import STSkeletonMAE, ViTBackbone, build_model
from pyg_skeletonmae.models.checkpoints.names import mamp_source
from pyg_skeletonmae.nn.tokens import split_tokens, to_patches
from pyg_skeletonmae.transforms import (
    JointFrameMask,
    MaskJoints,
    MotionMask,
    MotionTubeMask,
    PartMask,
    RandomMask,
    RandomTokenMask,
    TubeMask,
)
from pyg_skeletonmae.transforms.motion_masking import motion_keys, token_displacement
from pyg_skeletonmae.transforms.token_masking import mask_tokens

SMALL = ViTBackbone(
    hidden_channels=16, depth=2, heads=2, mlp_ratio=2.0, decoder_channels=8, decoder_depth=1
)
NO_GRADIENT = ("qkv.bias",)  # a third of it belongs to the keys


def make_model(skeleton: Skeleton = layouts.UIPRMD22, **arguments: object) -> STSkeletonMAE:
    torch.manual_seed(0)
    settings = {"frames": 16, "backbone": SMALL, "mask": RandomTokenMask(0.75)} | arguments
    return STSkeletonMAE(skeleton, **settings)  # type: ignore[arg-type]


# What the public code computes -----------------------------------------------------------------


def recorded_mask(oracle: dict[str, Tensor], prefix: str = "", tau: float = 0.0) -> Tensor:
    """The mask ``[P, V, S]``, drawn by us from the recorded noise."""
    pos = oracle_tracks(oracle["in/x"])
    noise = ours(oracle[f"{prefix}mask/noise_uniform"])
    keys = motion_keys(token_displacement(to_patches(pos, PATCH)), noise, tau)
    return mask_tokens(keys, oracle[f"{prefix}mask/ids_keep"].size(1))


CALLS = [
    ("mae", "", {}),
    ("mae", "r80/", {}),
    ("mae", "raw/", {"target_norm": "none"}),
    ("mamp", "", {"target": "motion", "tau": 0.75}),
    ("mamp", "tau080/", {"target": "motion", "tau": 0.8}),
    ("mamp", "r80/", {"target": "motion", "tau": 0.75}),
    ("mamp", "tau0/", {"target": "motion"}),
    ("mamp", "stride3/", {"target": "motion", "tau": 0.75, "motion_stride": 3}),
    ("mamp", "raw/", {"target": "motion", "tau": 0.75, "target_norm": "none"}),
]


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "prefix", "settings"), CALLS, ids=lambda value: str(value))
def test_every_recorded_loss(name: str, prefix: str, settings: dict[str, object]) -> None:
    oracle = load(name)
    settings = dict(settings)
    tau = float(settings.pop("tau", 0.0))  # type: ignore[arg-type]
    drawn = "" if prefix == "raw/" else prefix
    mask = recorded_mask(oracle, drawn, tau)
    assert torch.equal(mask, ours(oracle[f"{drawn}mask/mask"]).bool())
    model = oracle_model(oracle, **settings)
    loss = model(as_batch(oracle_tracks(oracle["in/x"]), mask))["loss"]
    torch.testing.assert_close(loss, oracle[f"{prefix}out/loss"], rtol=1e-5, atol=0.0)


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["mae", "mamp"])
def test_every_recorded_intermediate_value(name: str, dtype: torch.dtype) -> None:
    oracle = load(name)
    target = "motion" if name == "mamp" else "coordinates"
    model = oracle_model(oracle, target=target).to(dtype)
    seen = record(model)
    pos = oracle_tracks(oracle["in/x"]).to(dtype)
    batch = as_batch(pos, ours(oracle["mask/mask"]).bool())
    loss = model(batch)["loss"]
    (prediction,), (wanted,), view = model._predict(batch)
    order = our_ids(oracle["mask/ids_keep"]).argsort(1)
    seen["out/pred"] = tokens(prediction).flatten(1, 2)
    seen["out/loss"], seen["mid/target"] = loss, tokens(wanted.value).flatten(1, 2)
    recorded = {k: v for k, v in oracle.items() if k.startswith(("mid/", "out/"))}
    if dtype == torch.float64:
        recorded = {k: v for k, v in call(oracle, "f64/").items() if k.startswith(("mid", "out"))}
    tolerance = 1e-5 if dtype == torch.float32 else 1e-9
    checked = 0
    for key, value in recorded.items():
        if key not in seen:
            continue
        if value.dim() == 3 and value.size(1) == order.size(1):  # theirs are in order of the noise
            value = value.gather(1, order[..., None].expand_as(value))
        elif key == "mid/decoder_in" or value.dim() == 3:
            value = ours(value).flatten(1, 2)
        torch.testing.assert_close(seen[key], value, rtol=tolerance, atol=tolerance, msg=key)
        checked += 1
    assert checked == (9 if dtype == torch.float32 else len(recorded)), sorted(recorded)
    assert view.mask.sum() * PATCH == oracle["mask/mask"].sum() * PATCH


def tokens(x: Tensor) -> Tensor:
    """``[P, V, T, C]`` as ``[P, V, S, F * C]``."""
    return to_patches(x, PATCH).flatten(3)


def record(model: STSkeletonMAE) -> dict[str, Tensor]:
    """Fills itself, on the next forward pass, under the names of the recording."""
    seen: dict[str, Tensor] = {}
    blocks = model.encoder.transformer.blocks
    places = {
        "mid/encoder_block0": blocks[0],
        "mid/encoder_block1": blocks[1],
        "mid/encoder_out": model.encoder.norm,
        "mid/decoder_embed": model.decoder.embed,
    }
    for key, module in places.items():
        module.register_forward_hook(lambda _, __, out, key=key: seen.__setitem__(key, out))
    entries = {
        "mid/visible_in": model.encoder.transformer,
        "mid/decoder_in": model.decoder.transformer,
    }
    for key, module in entries.items():
        module.register_forward_pre_hook(lambda _, x, key=key: seen.__setitem__(key, x[0]))
    return seen


@pytest.mark.oracle
@pytest.mark.parametrize("prefix", ["", "f64/"])
@pytest.mark.parametrize("name", ["mae", "mamp"])
def test_every_recorded_gradient(name: str, prefix: str) -> None:
    oracle = load(name)
    target = "motion" if name == "mamp" else "coordinates"
    dtype = torch.float64 if prefix else torch.float32
    model = oracle_model(oracle, target=target).to(dtype)
    batch = as_batch(oracle_tracks(oracle["in/x"]).to(dtype), ours(oracle["mask/mask"]).bool())
    model(batch)["loss"].backward()
    recorded = call(oracle, f"{prefix}grad/")
    checked = 0
    for key, parameter in model.named_parameters():
        (theirs,), pack = mamp_source(key)
        if theirs in recorded:
            assert parameter.grad is not None
            expected = pack([recorded[theirs]])
            tolerance = 1e-9 if prefix else 1e-4
            error = (parameter.grad - expected).abs().max() / expected.abs().max()
            assert error < tolerance, (key, error)
            checked += 1
    assert checked == len(recorded) == 9


# Our own behaviour -----------------------------------------------------------------------------

POLICIES = [
    RandomTokenMask(0.75),
    JointFrameMask(9, 0.4),
    TubeMask(0.75, 2),
    MotionMask(0.75, 0.8),
    MotionTubeMask(0.75, 2, 0.1),
    RandomMask(0.5),
    PartMask("random"),
]


@pytest.mark.parametrize("mask", POLICIES, ids=repr)
@pytest.mark.parametrize("target", ["coordinates", "motion"])
def test_every_parameter_gets_a_gradient(mask: object, target: str) -> None:
    model = make_model(mask=mask, target=target)
    loss = model(make_batch(layouts.UIPRMD22, frames=16))["loss"]
    assert loss.ndim == 0 and loss > 0
    loss.backward()
    assert_gradients(model, NO_GRADIENT)


@pytest.mark.parametrize(
    ("skeleton", "channels"),
    [
        (layouts.COCO17, 2),
        (layouts.UIPRMD22, 3),
        (
            Skeleton.from_parents("chain31", [f"j{i}" for i in range(31)], list(range(-1, 30))),
            3,
        ),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_any_skeleton_and_two_coordinates(skeleton: Skeleton, channels: int) -> None:
    model = make_model(skeleton, in_channels=channels, target_norm="time")
    batch = make_batch(skeleton, frames=16, channels=channels)
    assert model(batch)["loss"].isfinite()
    prediction, mask = model.reconstruct(batch)
    assert prediction.shape == (7, skeleton.num_joints, 16, channels)
    assert mask.shape == prediction.shape[:3]
    assert (mask.view(7, -1, 4, 4).any(-1) == mask.view(7, -1, 4, 4).all(-1)).all()


def test_masked_coordinates_do_not_reach_the_encoder() -> None:
    model = make_model(target_norm="none").eval()
    batch = make_batch(layouts.UIPRMD22, frames=16)
    before, mask = model.reconstruct(batch)
    batch.pos = torch.where(mask.flatten(0, 1)[..., None], 1e3, batch.pos)
    torch.testing.assert_close(model.reconstruct(batch)[0], before)


@pytest.mark.parametrize("norm", ["patch", "time", "none"])
def test_a_perfect_prediction_restores_the_clip(norm: str) -> None:
    model = make_model(target_norm=norm)
    batch = make_batch(layouts.UIPRMD22, frames=16)
    _, (target,), _ = model._predict(batch)
    restored = target.restore(target.value).flatten(0, 1)
    torch.testing.assert_close(restored, batch.pos, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("target", ["coordinates", "motion"])
@pytest.mark.parametrize("norm", ["patch", "time"])
def test_missing_joints_are_never_scored(target: str, norm: str) -> None:
    mask = torch.zeros(22, 16, dtype=torch.bool)
    mask[:11] = True
    model = make_model(target=target, target_norm=norm).eval()
    batch = Batch.from_data_list([make_clip(layouts.UIPRMD22, frames=16)])
    batch.joint_mask = mask
    batch.valid[:11, 3:9] = False
    before = model(batch)["loss"]
    batch.pos[:11, 3:9] = 1e3  # of hidden joints: seen by nobody, whatever they are
    torch.testing.assert_close(model(batch)["loss"], before)
    batch.valid[:] = False
    assert model(batch)["loss"] == 0


def test_tracks_may_see_different_numbers_of_tokens() -> None:
    """A track gives the same prediction alone and beside one that sees more."""
    model = make_model(target_norm="none").eval()
    clips = [make_clip(layouts.UIPRMD22, frames=16, number=i) for i in range(2)]
    for clip, parts in zip(clips, (["head"], ["left_leg", "right_leg", "torso"]), strict=True):
        clip.joint_mask = torch.zeros(22, 16, dtype=torch.bool)
        clip.joint_mask[
            [layouts.UIPRMD22.index(j) for p in parts for j in layouts.UIPRMD22.parts[p]]
        ] = True
    together, _ = model.reconstruct(Batch.from_data_list(clips))
    alone = torch.cat([model.reconstruct(Batch.from_data_list([clip]))[0] for clip in clips])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_a_token_with_a_masked_frame_is_masked() -> None:
    policy = RandomTokenMask(0.1)  # of single frames
    batch = MaskJoints(policy, layouts.UIPRMD22)(make_batch(layouts.UIPRMD22, frames=16))
    _, mask = make_model().eval().reconstruct(batch)
    drawn = batch.joint_mask.view(7, 22, 4, 4).any(-1, keepdim=True).expand(-1, -1, -1, 4)
    assert torch.equal(mask, drawn.flatten(2))


def test_all_masked_is_an_error() -> None:
    batch = make_batch(layouts.UIPRMD22, frames=16)
    batch.joint_mask = torch.ones(batch.num_nodes, 16, dtype=torch.bool)
    with pytest.raises(DataError, match="none is left to see"):
        make_model()(batch)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "velocity"}, "'velocity'"),
        ({"target_norm": "clip"}, "'clip'"),
        ({"motion_stride": 16}, "expected 1 to 15"),
        ({"frames": 15}, "15 frames are no whole number of patches of 4"),
        ({"mask": TubeMask(0.5, 5)}, "a tube of 5 steps"),
        ({"mask": RandomTokenMask(0.995, "published")}, "leaves none of 88"),
        ({"mask": JointFrameMask(22)}, "joints 22: expected 0 to 21"),
        ({"backbone": ViTBackbone(hidden_channels=20)}, "8 heads do not divide"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_settings(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_model(**arguments)


@pytest.mark.parametrize("frames", [15, 20])
def test_other_lengths_are_an_error(frames: int) -> None:
    with pytest.raises(DataError, match="Resample"):
        make_model()(make_batch(layouts.UIPRMD22, frames=frames))


def test_config_rebuilds_the_model() -> None:
    model = make_model(mask=MotionMask(0.75), target="motion", backbone=SMALL)
    twin = build_model(model.config)
    assert repr(twin) == repr(model) and twin.config == model.config
    twin.load_state_dict(model.state_dict())
    batch = make_batch(layouts.UIPRMD22, frames=16)
    assert torch.equal(twin(batch)["loss"], model(batch)["loss"])


def test_bfloat16_agrees_loosely() -> None:
    model = make_model()
    batch = make_batch(layouts.UIPRMD22, frames=16)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(batch)["loss"]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, model(batch)["loss"], rtol=0.03, atol=0.0)


def test_a_mask_that_hides_nothing_is_plain_encoding() -> None:
    model = make_model().eval()
    pos = make_batch(layouts.UIPRMD22, frames=16).pos.view(7, 22, 16, 3)
    split = split_tokens(torch.zeros(7, 22, 4, dtype=torch.bool))
    encoded = model.encoder.encode_visible(pos, split.keep, split.present)
    torch.testing.assert_close(encoded.view(7, 22, 4, 16), model.encoder.encode_tracks(pos))


def test_repr() -> None:
    assert repr(make_model()) == (
        "STSkeletonMAE(STEncoder(uiprmd22, channels=3, frames=16, frames_per_patch=4, hidden=16, "
        "depth=2), mask=RandomTokenMask(ratio=0.75, keep='exact'), target='coordinates', "
        "target_norm='patch')"
    )
    assert SKELETON.num_joints * 30 == 750
