import pytest
import torch
from model_helpers import assert_gradients, make_batch, make_clip
from torch_geometric.data import Batch

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models import STSkeletonMAE, STTFormerBackbone, STTFormerEncoder, build_model
from pyg_skeletonmae.models.pretraining.masked import STBackbone
from pyg_skeletonmae.models.pretraining.sttformer_backbone import DECODER
from pyg_skeletonmae.transforms import JointFrameMask, PartMask, RandomTokenMask

CHAIN31 = Skeleton.from_parents("chain31", [f"j{i}" for i in range(31)], list(range(-1, 30)))


def small(**arguments: object) -> STTFormerBackbone:
    settings: dict[str, object] = {
        "channels": [(4, 4, 2), (4, 8, 2)],
        "decoder_channels": [(8, 6, 2), (6, 4, 2)],
    }
    return STTFormerBackbone(**(settings | arguments))  # type: ignore[arg-type]


def make_model(
    skeleton: Skeleton = layouts.UIPRMD22, backbone: STBackbone | None = None, **arguments: object
) -> STSkeletonMAE:
    torch.manual_seed(0)
    settings = {"frames": 12, "backbone": backbone or small()} | arguments
    return STSkeletonMAE(skeleton, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("skeleton", "channels"),
    [(layouts.COCO17, 2), (layouts.UIPRMD22, 3), (layouts.NTU25, 3), (CHAIN31, 3)],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_parameter_gets_a_gradient(skeleton: Skeleton, channels: int) -> None:
    model = make_model(skeleton, in_channels=channels)
    batch = make_batch(skeleton, (1, 2, 3), frames=12, channels=channels)
    loss = model(batch)["loss"]
    assert loss.ndim == 0 and loss > 0
    loss.backward()
    assert_gradients(model)
    prediction, mask = model.reconstruct(batch)
    assert prediction.shape == (6, skeleton.num_joints, 12, channels)
    assert mask.shape == prediction.shape[:3]


@pytest.mark.parametrize("mode", ["joint", "frame", "both"])
def test_levels_of_masking(mode: str) -> None:
    policy = JointFrameMask(mode=mode)  # type: ignore[arg-type]
    model = make_model(mask=policy)
    _, mask = model.reconstruct(make_batch(layouts.UIPRMD22, frames=12))
    joints, frames = mask.all(2), mask.all(1)
    assert (joints.sum(1) == (0 if mode == "frame" else 9)).all()
    assert (frames.sum(1) == (0 if mode == "joint" else 5)).all()  # 0.4 * 12 frames
    assert torch.equal(mask, joints[:, :, None] | frames[:, None])


@pytest.mark.parametrize("remask", [True, False])
@pytest.mark.parametrize("policy", [RandomTokenMask(0.5), PartMask("random"), JointFrameMask(9)])
def test_masked_coordinates_are_not_seen(remask: bool, policy: object) -> None:
    model = make_model(backbone=small(remask=remask), mask=policy).eval()
    batch = make_batch(layouts.UIPRMD22, frames=12)
    before, mask = model.reconstruct(batch)
    batch.pos = torch.where(mask.flatten(0, 1)[..., None], 1e3, batch.pos)
    after, again = model.reconstruct(batch)
    assert torch.equal(mask, again)
    torch.testing.assert_close(after, before)


def test_the_loss_is_that_of_masked_coordinates() -> None:
    model = make_model().eval()
    batch = make_batch(layouts.UIPRMD22, frames=12)
    prediction, mask = model.reconstruct(batch)
    expected = (prediction.flatten(0, 1) - batch.pos)[mask.flatten(0, 1)].square().mean()
    torch.testing.assert_close(model(batch)["loss"], expected)


def test_missing_joints_are_never_scored() -> None:
    model = make_model().eval()
    batch = Batch.from_data_list([make_clip(layouts.UIPRMD22, frames=12)])
    batch.joint_mask = torch.zeros(22, 12, dtype=torch.bool)
    batch.joint_mask[:11] = True
    batch.valid[:11, 3:9] = False
    before = model(batch)["loss"]
    batch.pos[:11, 3:9] = 1e3
    torch.testing.assert_close(model(batch)["loss"], before)
    batch.valid[:] = False
    assert model(batch)["loss"] == 0


def test_the_encoder_is_whole_without_pre_training() -> None:
    model = make_model()
    assert {name for name, _ in model.encoder.named_children()} == {"embed", "blocks"}
    twin = build_model(model.encoder.config)
    twin.load_state_dict(model.encoder.state_dict())


def test_what_suits_it_is_its_default() -> None:
    model = make_model()
    assert model.target_norm == "none" and repr(model.mask) == repr(JointFrameMask(9, 0.4))
    assert make_model(target_norm="time").target_norm == "time"
    assert make_model(mask=RandomTokenMask(0.5), target="motion").target == "motion"


def test_config_rebuilds_the_model() -> None:
    model = make_model(backbone=small(remask=False, heads=2)).eval()
    twin = build_model(model.config).eval()
    assert repr(twin) == repr(model) and twin.config == model.config
    twin.load_state_dict(model.state_dict())
    batch = make_batch(layouts.UIPRMD22, frames=12)
    assert torch.equal(twin(batch)["loss"], model(batch)["loss"])


def test_bfloat16_agrees_loosely() -> None:
    model = make_model()
    batch = make_batch(layouts.UIPRMD22, frames=12)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(batch)["loss"]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, model(batch)["loss"], rtol=0.03, atol=0.0)


def test_published_sizes() -> None:
    backbone = STTFormerBackbone()
    encoder = backbone.encoder(layouts.NTU25, 3, 120)
    decoder = backbone.decoder(layouts.NTU25, 3, 120)
    assert isinstance(encoder, STTFormerEncoder) and encoder.out_channels == DECODER[0][0]
    assert repr(decoder) == "STTFormerDecoder(widths=[256, 128, 64, 64], out=3, remask=True)"
    assert repr(backbone) == (
        "STTFormerBackbone(tuple_frames=6, hidden=256, depth=8, decoder=3, remask=True)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": small(decoder_channels=[(4, 4, 2)])}, "the encoder's output has 8"),
        ({"backbone": small(decoder_channels=[])}, "for each block"),
        ({"frames": 16}, "16 frames are no whole number of tuples of 6"),
        ({"mask": JointFrameMask(22)}, "joints 22: expected 0 to 21"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_settings(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_model(**arguments)  # type: ignore[arg-type]


def test_other_lengths_are_an_error() -> None:
    with pytest.raises(DataError, match="Resample"):
        make_model()(make_batch(layouts.UIPRMD22, frames=18))


def test_repr() -> None:
    assert repr(make_model()) == (
        "STSkeletonMAE(STTFormerEncoder(uiprmd22, channels=3, frames=12, tuple_frames=6, hidden=8, "
        "depth=2), mask=JointFrameMask(joints=9, frames=0.4, mode='both'), target='coordinates', "
        "target_norm='none')"
    )
