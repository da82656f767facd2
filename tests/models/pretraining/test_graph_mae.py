import pytest
import torch
from model_helpers import assert_gradients, make_batch
from torch_geometric.data import Batch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.models.pretraining.targets import EmbeddingTarget
from pyg_skeletonmae.nn import rce_loss
from pyg_skeletonmae.transforms.masking import PartMask, RandomMask

SKELETON = layouts.UIPRMD22
VARIANTS: list[dict[str, object]] = [
    {},
    {"conv": "gcn"},
    {"conv": "gat"},
    {"mask": RandomMask(0.5)},
    {"target": "coordinates"},
    {"remask": True, "decoder_depth": 2},
    {"loss_form": "graphmae", "norm": "layer", "residual": True, "dropout": 0.1},
    {"edge_ratio": 0.2, "edge_weight": 0.5},
    {"joint_embedding": True},
]


def make_model(**arguments: object) -> GraphSkeletonMAE:
    torch.manual_seed(0)
    return GraphSkeletonMAE(SKELETON, hidden_channels=16, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", VARIANTS, ids=str)
def test_every_trained_parameter_gets_a_gradient(arguments: dict[str, object]) -> None:
    model = make_model(**arguments)
    out = model(make_batch(SKELETON))
    assert out["loss"].ndim == 0 and -1 <= out["target_cosine"] <= 1
    assert not out["target_cosine"].requires_grad
    out["loss"].backward()
    # The embedding's gradient comes through the visible joints only, its target is detached.
    assert_gradients(model)


def test_loss_is_rce_of_the_masked_joints() -> None:
    model = make_model().eval()
    batch = make_batch(SKELETON)
    decoded, mask = model.reconstruct(batch)
    target = model.encoder.embed(as_tracks(batch.pos, SKELETON.num_joints))
    torch.testing.assert_close(model(batch)["loss"], rce_loss(decoded, target, mask))
    masked = [SKELETON.joints[i] for i in mask[0, :, 0].nonzero().flatten()]
    assert masked == [*SKELETON.parts["right_arm"], *SKELETON.parts["right_leg"]]


def test_masked_coordinates_do_not_reach_the_encoder() -> None:
    model = make_model(target="coordinates").eval()
    batch = make_batch(SKELETON)
    before, mask = model.reconstruct(batch)
    batch.pos = torch.where(mask.flatten(0, 1)[..., None], 1e3, batch.pos)
    torch.testing.assert_close(model.reconstruct(batch)[0], before)


@pytest.mark.parametrize("detach", [True, False])
def test_gradient_reaches_the_token_and_not_the_target(detach: bool) -> None:
    model = make_model(mask=PartMask(["head"]), detach_target=detach)
    batch = make_batch(SKELETON)
    everything = torch.ones(batch.num_nodes, 8, dtype=torch.bool)
    batch.joint_mask = everything  # no joint is visible: only the target is left to the embedding
    model(batch)["loss"].backward()
    assert model.mask_token.grad is not None and model.mask_token.grad.abs().max() > 0
    gradient = model.encoder.embed.weight.grad
    assert gradient is not None and (gradient.abs().max() == 0) == detach


def test_missing_joints_are_never_scored() -> None:
    model = make_model().eval()
    batch = make_batch(SKELETON)
    batch.valid[batch.batch == 2] = False
    _, mask = model.reconstruct(batch)
    assert not (mask.flatten(0, 1) & ~batch.valid).any()
    batch.valid[:] = False
    assert model(batch)["loss"] == 0


def test_masks_belong_to_clips_not_to_batches() -> None:
    model = make_model(mask=PartMask("random")).eval()
    batch = make_batch(SKELETON)
    _, mask = model.reconstruct(batch)
    _, alone = model.reconstruct(Batch.from_data_list([batch[1]]))
    assert torch.equal(mask[1:3], alone)
    assert not torch.equal(mask[1], mask[4])


def test_masks_of_the_batch_come_first() -> None:
    model = make_model(edge_ratio=0.5, edge_weight=1.0).eval()
    batch = make_batch(SKELETON)
    batch.joint_mask = torch.rand(batch.pos.shape[:2]) < 0.3
    assert torch.equal(model.reconstruct(batch)[1].flatten(0, 1), batch.joint_mask)
    batch.edge_mask = torch.zeros(batch.num_edges, dtype=torch.bool)
    assert model(batch)["edge_loss"] == 0


def test_frozen_embedding() -> None:
    model = make_model(freeze_embedding=True)
    model(make_batch(SKELETON))["loss"].backward()
    assert model.encoder.embed.weight.grad is None


def test_learns() -> None:
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batch = make_batch(SKELETON, (1,) * 8)
    first = model(batch)["loss"].item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = model(batch)["loss"]
        loss.backward()
        optimizer.step()
        model.after_step()
    assert loss < 0.5 * first


def test_wrong_arguments() -> None:
    with pytest.raises(ConfigError, match="decoder_depth"):
        make_model(decoder_depth=0)
    with pytest.raises(ConfigError, match="edge_ratio and edge_weight"):
        make_model(edge_ratio=0.1)


def test_repr() -> None:
    assert repr(make_model()) == (
        "GraphSkeletonMAE(GraphEncoder(uiprmd22, channels=3, hidden=16, depth=3, "
        "conv=SkeletonGINConv), mask=PartMask(parts=[3, 5], max_parts=3), target='embedding')"
    )


def test_coordinates_cannot_collapse(recwarn: pytest.WarningsRecorder) -> None:
    model, batch = make_model(target="coordinates"), make_batch(SKELETON)
    batch.pos = torch.ones_like(batch.pos)
    for _ in range(2 * model.collapse.patience):
        assert model(batch)["target_cosine"] > 0.99
        model.after_step()
    assert not recwarn.list


@pytest.mark.parametrize("frozen", [False, True])
def test_the_advice_leaves_out_what_is_set(frozen: bool) -> None:
    model, batch = make_model(freeze_embedding=frozen), make_batch(SKELETON)
    batch.pos = torch.ones_like(batch.pos)
    with pytest.warns(UserWarning, match="target='coordinates'") as warned:
        for _ in range(model.collapse.patience):
            model(batch)
            model.after_step()
    assert ("freeze_embedding" in str(warned[0].message)) != frozen


def test_squared_error_of_coordinates() -> None:
    model = make_model(target="coordinates", loss="squared").eval()
    batch = make_batch(SKELETON)
    decoded, mask = model.reconstruct(batch)
    pos = as_tracks(batch.pos, SKELETON.num_joints)
    torch.testing.assert_close(model(batch)["loss"], (decoded - pos)[mask].square().mean())
    with pytest.raises(ConfigError, match="loss 'squared' is for target='coordinates'"):
        make_model(loss="squared")
    with pytest.raises(ConfigError, match=r"loss 'absolute': expected one of"):
        make_model(loss="absolute")
    with pytest.raises(ConfigError, match=r"target 'bones': expected one of"):
        make_model(target="bones")


@pytest.mark.parametrize("views", [1, 2])
def test_the_embedding_is_computed_once(views: int) -> None:
    """It is the target and what the encoder goes on with."""
    model, batch, calls = make_model(), make_batch(SKELETON, (1, 2)), []
    model.views = views
    model.encoder.embed.register_forward_hook(lambda *_: calls.append(1))
    loss = model(batch)["loss"]
    assert len(calls) == 1
    loss.backward()
    found = [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]
    model.zero_grad()
    forward = EmbeddingTarget.forward
    with pytest.MonkeyPatch.context() as patch:  # as if nobody had computed it
        patch.setattr(
            EmbeddingTarget,
            "forward",
            lambda *args: [target._replace(embedding=None) for target in forward(*args)],
        )
        again = model(batch)["loss"]
    assert len(calls) == 3
    again.backward()
    assert torch.equal(loss, again)
    expected = [weight.grad for weight in model.parameters() if weight.grad is not None]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
