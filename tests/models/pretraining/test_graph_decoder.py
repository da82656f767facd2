"""The decoder of the graph SkeletonMAE, with hidden joints as tokens and without them."""

from collections.abc import Callable

import pytest
import torch
from model_helpers import make_batch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import GraphDecoder, GraphSkeletonMAE
from pyg_skeletonmae.transforms import RandomMask

BODY = layouts.UIPRMD22


def make(**settings: object) -> GraphSkeletonMAE:
    torch.manual_seed(0)
    fixed = {"hidden_channels": 8, "target": "coordinates", "loss": "squared"}
    return GraphSkeletonMAE(BODY, mask=RandomMask(0.5), **{**fixed, **settings})


@pytest.mark.parametrize("conv", ["gin", "gcn", "gat"])
def test_dropped_joints_stay_out_of_the_encoder(conv: str) -> None:
    """In training, where batch norms look at everything they are shown."""
    model, batch = make(conv=conv, hidden="drop", decoder_depth=2), make_batch(BODY)
    before, mask = model.reconstruct(batch)
    batch.pos = torch.where(mask.flatten(0, 1)[..., None], 1e3, batch.pos)
    assert torch.equal(model.reconstruct(batch)[0], before)


def test_bones_are_hidden_in_both_forms() -> None:
    for hidden in ("token", "drop"):
        model = make(hidden=hidden, edge_ratio=0.3, edge_weight=0.5)
        out = model(make_batch(BODY))
        assert out["edge_loss"] > 0 and out["loss"].isfinite()
        out["loss"].backward()
        assert all(p.grad is not None for p in model.decoder.edge_decoder.parameters())


def test_edges_of_the_batch_are_left_out() -> None:
    model, batch = make(hidden="drop").eval(), make_batch(BODY)
    before, _ = model.reconstruct(batch)
    batch.edge_mask = torch.ones(batch.edge_index.size(1), dtype=torch.bool)
    assert not torch.allclose(model.reconstruct(batch)[0], before)


@pytest.mark.parametrize(
    ("decoder", "reason"),
    [
        (lambda: GraphDecoder(0), "decoder_depth 0"),
        (lambda: GraphDecoder(remask=True, hidden="drop"), "remask"),
        (lambda: GraphDecoder(edge_ratio=0.1), "give both"),
        (lambda: GraphDecoder(hidden="gone"), "hidden 'gone'"),
    ],
)
def test_what_is_refused(decoder: Callable[[], object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        decoder()


def test_repr() -> None:
    assert repr(GraphDecoder()) == "GraphDecoder(depth=1, conv='gin', hidden='token')"
