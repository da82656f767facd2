import pytest
import torch
from model_helpers import assert_gradients, make_batch, make_strl

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.models import Encoder

SKELETON = layouts.UIPRMD22


def test_is_an_encoder() -> None:
    assert isinstance(make_strl().encoder, Encoder)


def test_time_is_halved_by_every_further_layer() -> None:
    encoder = make_strl().encoder
    assert encoder(make_batch(SKELETON)).shape == (7, SKELETON.num_joints, 2, 16)


def test_separate_persons() -> None:
    model = make_strl(share_persons=False)
    model(make_batch(SKELETON, (1, 2, 2)))["loss"].backward()
    assert_gradients(model)
    assert len(model.encoder.layers[0].encoders) == 2
    with pytest.raises(DataError, match="3 persons"):
        model(make_batch(SKELETON, (1, 3)))
    with pytest.raises(DataError, match="who is who"):
        model.encoder.encode_tracks(torch.randn(1, SKELETON.num_joints, 8, 3))


def test_separate_persons_of_equal_weights_are_shared_persons() -> None:
    shared, separate = make_strl().eval(), make_strl(share_persons=False).eval()
    weights = shared.state_dict()
    for name in separate.state_dict():
        weights[name] = weights[name.replace("encoders.1.", "encoders.0.")]
    separate.load_state_dict(weights)
    batch = make_batch(SKELETON, (1, 2))
    torch.testing.assert_close(shared(batch)["logits"], separate(batch)["logits"])
