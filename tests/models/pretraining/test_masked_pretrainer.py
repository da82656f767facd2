"""Any encoder, any mask, any target: a step of every legal combination, reasons for the others."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from model_helpers import assert_gradients, make_batch
from torch import Tensor

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models import (
    AttentionDecoder,
    BoneTarget,
    CoordinateTarget,
    EmbeddingTarget,
    GraphDecoder,
    GraphEncoder,
    GraphSkeletonMAE,
    GraphTemporalEncoder,
    LatentTarget,
    MaskedPretrainer,
    MaskedTarget,
    MixingDecoder,
    MotionTarget,
    SkeletonEncoder,
    STDecoder,
    STEncoder,
    STGCNEncoder,
    STRLEncoder,
    STSkeletonMAE,
    STTFormerDecoder,
    STTFormerEncoder,
    ViTBackbone,
    WeightedTargets,
)
from pyg_skeletonmae.training import load_release, save_release
from pyg_skeletonmae.transforms import (
    JointFrameMask,
    MotionMask,
    MotionTubeMask,
    PartMask,
    RandomMask,
    RandomTokenMask,
)
from pyg_skeletonmae.transforms.masking import MaskPolicy

BODY, FRAMES = layouts.UIPRMD22, 12
ENCODERS: dict[str, Callable[[], SkeletonEncoder]] = {
    "graph": lambda: GraphEncoder(BODY, 3, 16),
    "graph_temporal": lambda: GraphTemporalEncoder(BODY, 3, FRAMES, 3, 16, 2),
    "st_gcn": lambda: STGCNEncoder(BODY, 3, [8, 16, 32], global_group=True),
    "vit": lambda: STEncoder(BODY, 3, FRAMES, 3, 16, 2, 2),
    "sttformer": lambda: STTFormerEncoder(BODY, 3, FRAMES, 3, [(8, 8, 4), (8, 16, 4)], 2),
}
MASKS: dict[str, MaskPolicy] = {
    "joints": RandomMask(0.5),
    "parts": PartMask("random"),
    "tokens": RandomTokenMask(0.75),
    "joints and frames": JointFrameMask(5, 0.34),
    "motion": MotionMask(0.75),
    "motion tubes": MotionTubeMask(0.75, 2),
}
TARGETS: dict[str, Callable[[], MaskedTarget]] = {
    "coordinates": CoordinateTarget,
    "over patches": lambda: CoordinateTarget("patch"),
    "over time": lambda: CoordinateTarget("time"),
    "motion": lambda: MotionTarget(2),
    "bones": BoneTarget,
    "embedding": EmbeddingTarget,
    "latent": lambda: LatentTarget(1, steps=10),
    "several": lambda: WeightedTargets([CoordinateTarget(), LatentTarget(steps=10)], [1.0, 0.3]),
}
# A bias before a norm, of keys, or of a last layer whose output is standardised, has no effect.
EXEMPT = ("keys.bias", "qkv.bias", "head.0.bias", "embed.bias", "embed.0.weight", "embed.1.bias",
          "data_norm.bias", "mlp.0.bias", "residual.bias")  # fmt: skip


def batch(persons: tuple[int, ...] = (1, 2, 1)) -> object:
    clips = make_batch(BODY, persons, FRAMES)
    clips.valid[3:9, 2:5] = False
    clips.pos[~clips.valid] = 7.0
    return clips


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_combination_takes_a_step(encoder: str, mask: str, target: str) -> None:
    torch.manual_seed(0)
    goal = TARGETS[target]()
    loss = "cosine" if "squared" not in goal.losses else "squared"
    model = MaskedPretrainer(ENCODERS[encoder](), MASKS[mask], goal, loss=loss)
    out = model(batch())
    assert out["loss"].isfinite() and out["loss"] > 0
    out["loss"].backward()
    assert_gradients(model, EXEMPT)
    model.after_step()
    prediction, hidden = model.reconstruct(batch())
    assert hidden.shape == prediction.shape[:3] and hidden.any() and not hidden.all()


@pytest.mark.parametrize("target", ["coordinates", "bones", "latent"])
@pytest.mark.parametrize("encoder", ["graph", "graph_temporal", "st_gcn"])
def test_hidden_tokens_can_be_dropped(encoder: str, target: str) -> None:
    torch.manual_seed(0)
    decoder = GraphDecoder(2, hidden="drop") if encoder == "graph" else MixingDecoder(hidden="drop")
    model = MaskedPretrainer(
        ENCODERS[encoder](), RandomTokenMask(0.75), TARGETS[target](), decoder, views=2
    )
    model(batch())["loss"].backward()
    assert_gradients(model, EXEMPT)


@pytest.mark.parametrize(
    "decoder", [AttentionDecoder(), AttentionDecoder(2, 8, 2, average_weight=1.0)], ids=repr
)
@pytest.mark.parametrize("target", ["coordinates", "bones", "latent"])
def test_attention_behind_message_passing(target: str, decoder: AttentionDecoder) -> None:
    torch.manual_seed(0)
    encoder, mask = ENCODERS["graph_temporal"](), RandomTokenMask(0.75)
    model = MaskedPretrainer(encoder, mask, TARGETS[target](), decoder, views=2)
    model(batch())["loss"].backward()
    assert_gradients(model, EXEMPT)


@pytest.mark.parametrize("hidden", ["token", "drop"])
@pytest.mark.parametrize("encoder", ["graph", "graph_temporal", "st_gcn"])
def test_hidden_coordinates_reach_no_prediction(encoder: str, hidden: str) -> None:
    """In training as well where they are dropped: no norm sees them, the difference is 0.0."""
    model = MaskedPretrainer(
        ENCODERS[encoder](), RandomTokenMask(0.75), decoder=MixingDecoder(1, hidden=hidden)
    )
    if encoder != "graph" and hidden == "token":
        model.eval()  # its first norm sees coordinates before they are hidden
    clips = batch()
    before, mask = model.reconstruct(clips)
    clips.pos = torch.where(mask.flatten(0, 1)[..., None], 1e3, clips.pos)
    assert torch.equal(model.reconstruct(clips)[0], before)


@pytest.mark.parametrize("name", ENCODERS)
def test_release_round_trip(name: str, tmp_path: Path) -> None:
    target = WeightedTargets([MotionTarget(), LatentTarget(1, steps=10)], [1.0, 0.5])
    model = MaskedPretrainer(ENCODERS[name](), target=target, views=2).eval()
    again = load_release(save_release(model, tmp_path / "release")).eval()
    assert torch.equal(again(batch())["loss"], model(batch())["loss"])
    assert repr(again) == repr(model)


def test_presets_are_the_same_nets() -> None:
    torch.manual_seed(0)
    preset = STSkeletonMAE(BODY, 3, FRAMES, ViTBackbone(3, 16, 2, 2, decoder_channels=16))
    torch.manual_seed(0)
    backbone = ViTBackbone(3, 16, 2, 2, decoder_channels=16)
    encoder, decoder = (make(BODY, 3, FRAMES) for make in (backbone.encoder, backbone.decoder))
    parts = MaskedPretrainer(encoder, RandomTokenMask(0.9), CoordinateTarget("patch"), decoder)
    assert parts.state_dict().keys() == preset.state_dict().keys()
    assert torch.equal(parts(batch())["loss"], preset(batch())["loss"])

    torch.manual_seed(0)
    graph = GraphSkeletonMAE(BODY, hidden_channels=16, target="coordinates", loss="squared")
    torch.manual_seed(0)
    parts = MaskedPretrainer(GraphEncoder(BODY, 3, 16), PartMask(), hide_missing=False)
    assert parts.state_dict().keys() == graph.state_dict().keys()
    assert torch.equal(parts(batch())["loss"], graph(batch())["loss"])


def test_the_loss_is_that_of_hidden_joints_that_are_there() -> None:
    model = MaskedPretrainer(ENCODERS["st_gcn"](), decoder=MixingDecoder(2, 8)).eval()
    clips = batch()
    prediction, mask = model.reconstruct(clips)
    scored = mask & clips.valid.view(mask.shape)
    pos = clips.pos.view(prediction.shape)
    torch.testing.assert_close(model(clips)["loss"], (prediction - pos)[scored].square().mean())


def test_visible_tokens_are_scored_by_their_weight() -> None:
    arguments = (ENCODERS["graph_temporal"](), None, None, AttentionDecoder(heads=2))
    torch.manual_seed(0)
    model = MaskedPretrainer(*arguments, visible_weight=0.5).eval()
    clips = batch()
    prediction, mask = model.reconstruct(clips)
    known = clips.valid.view(mask.shape)
    error = (prediction - clips.pos.view(prediction.shape)).square().mean(-1)
    expected = error[mask & known].mean() + 0.5 * error[~mask & known].mean()
    torch.testing.assert_close(model(clips)["loss"], expected)


def test_weighted_targets_are_the_sum_of_their_losses() -> None:
    torch.manual_seed(0)
    targets = [CoordinateTarget(), EmbeddingTarget()]
    model = MaskedPretrainer(
        ENCODERS["graph"](), RandomMask(0.5), WeightedTargets(targets, [2.0, 0.5]), loss="cosine"
    )
    out = model(batch())
    assert out["target_cosine_1"].isfinite()
    (left, right), (coordinates, features), view = model.eval()._predict(batch())
    expected = 2.0 * model._error(left, coordinates.value, view.mask & coordinates.valid)
    expected = expected + 0.5 * model._error(right, features.value, view.mask & features.valid)
    torch.testing.assert_close(model(batch())["loss"], expected)


def test_the_teacher_follows() -> None:
    model = MaskedPretrainer(ENCODERS["vit"](), target=LatentTarget(start=0.5, end=0.5, steps=1))
    with torch.no_grad():
        model.encoder.norm.weight.fill_(3.0)
    model.after_step()
    assert model.objective.teacher.module.norm.weight.eq(2.0).all()
    assert not any(name.startswith("objective") and p.requires_grad
                   for name, p in model.named_parameters())  # fmt: skip


class NoHalves(SkeletonEncoder):
    def __init__(self, skeleton: object, in_channels: int = 3) -> None:
        super().__init__(skeleton, 8)

    def encode_tracks(self, pos: Tensor) -> Tensor:
        return pos


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: MaskedPretrainer(NoHalves(BODY)), "NoHalves has no method embed"),
        (lambda: MaskedPretrainer(STRLEncoder(BODY, 3, FRAMES)), "STRLEncoder has no method mix"),
        (
            lambda: MaskedPretrainer(ENCODERS["vit"](), decoder=MixingDecoder(hidden="drop")),
            "STEncoder has no method encode_subgraph",
        ),
        (lambda: MaskedPretrainer(ENCODERS["vit"](), decoder=GraphDecoder()), "GraphEncoder"),
        (
            lambda: MaskedPretrainer(
                ENCODERS["graph"](), decoder=STDecoder(22, 4, 16, 16, 9, 1, 2)
            ),
            "STDecoder decodes STEncoder, not GraphEncoder",
        ),
        (
            lambda: MaskedPretrainer(
                ENCODERS["vit"](), target=LatentTarget(), decoder=STDecoder(22, 4, 16, 16, 9, 1, 2)
            ),
            r"\[16, 22, 9\] for \[16, 22, 16\]",
        ),
        (
            lambda: MaskedPretrainer(
                ENCODERS["sttformer"](), decoder=STTFormerDecoder(22, 3, 8, 3, [(8, 8, 4)], 2)
            ),
            r"\[8, 22, 3\] for \[16, 22, 3\]",
        ),
        (
            lambda: MaskedPretrainer(ENCODERS["graph"](), target=EmbeddingTarget()),
            "features would shrink",
        ),
        (lambda: MaskedPretrainer(ENCODERS["vit"](), target=LatentTarget(3)), "top_k 3.*1 to 2"),
        (lambda: MaskedPretrainer(ENCODERS["vit"](), target=LatentTarget(0)), "top_k 0"),
        (lambda: MaskedPretrainer(ENCODERS["vit"](), target=MotionTarget(12)), "1 to 11 frames"),
        (lambda: MaskedPretrainer(ENCODERS["vit"](), MotionTubeMask(0.5, 5)), "tube of 5"),
        (lambda: MaskedPretrainer(ENCODERS["vit"](), views=0), "views 0"),
        (lambda: MaskedPretrainer(ENCODERS["vit"](), loss="huber"), "loss 'huber'"),
        (lambda: MaskedPretrainer(ENCODERS["vit"](), visible_weight=-1), "visible_weight -1"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(
    make: Callable[[], object], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        make()


def test_clips_that_do_not_fit() -> None:
    model = MaskedPretrainer(ENCODERS["st_gcn"]())
    with pytest.raises(DataError, match="patches of 4"):
        model(make_batch(BODY, (1,), 10))
    model = MaskedPretrainer(ENCODERS["graph"](), views=2)
    clips = batch()
    clips.joint_mask = torch.zeros_like(clips.valid)
    with pytest.raises(DataError, match="views=2"):
        model(clips)
    model = MaskedPretrainer(ENCODERS["graph"](), decoder=GraphDecoder(hidden="drop"))
    clips.joint_mask = torch.ones_like(clips.valid)
    with pytest.raises(DataError, match="none is left to see"):
        model(clips)


def test_repr() -> None:
    assert repr(MaskedPretrainer(ENCODERS["st_gcn"](), target=LatentTarget(1))) == (
        "MaskedPretrainer(STGCNEncoder(uiprmd22, hidden=32, blocks=3), "
        "mask=RandomTokenMask(ratio=0.75, keep='exact'), "
        "target=LatentTarget(top_k=1, norm='instance'), decoder=MixingDecoder(depth=0, "
        "hidden='token'))"
    )


def test_share_of_what_is_hidden_is_logged() -> None:
    model = GraphSkeletonMAE(BODY, 3, 8, depth=1, mask=RandomMask(0.5))
    clips = batch()
    valid = clips.valid.view(-1, BODY.num_joints, FRAMES)
    _, mask = model.reconstruct(clips)
    share = (mask & valid).sum() / valid.sum()
    assert torch.equal(model(clips)["mask_ratio"], share) and 0 < share < 1
