import pytest
import torch
from model_helpers import assert_gradients, make_batch
from torch_geometric.data import Batch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models import Classifier, GraphEncoder

SKELETON = layouts.COCO17


def make_model(**arguments: object) -> Classifier:
    encoder = GraphEncoder(SKELETON, in_channels=2, hidden_channels=16)
    return Classifier(encoder, 3, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"head": "linear"}, {"joints": "concat", "segments": 2}, {"label_smoothing": 0.1}],
    ids=str,
)
def test_forward_and_gradients(arguments: dict[str, object]) -> None:
    model = make_model(**arguments)
    out = model(make_batch(SKELETON, channels=2))
    assert out["logits"].shape == (4, 3)
    out["loss"].backward()
    assert_gradients(model)


def test_without_labels_there_is_no_loss() -> None:
    batch = make_batch(SKELETON, channels=2)
    del batch.y
    assert set(make_model()(batch)) == {"logits"}


def test_order_of_persons_does_not_matter() -> None:
    model = make_model().eval()
    clip = make_batch(SKELETON, (3,), channels=2)[0]
    turned = clip.clone()
    turned.pos = clip.pos.view(3, -1, 8, 2)[[2, 0, 1]].flatten(0, 1)
    scores = [model(Batch.from_data_list([c]))["logits"] for c in (clip, turned)]
    torch.testing.assert_close(*scores)


def test_frozen_encoder_stays_as_it_is() -> None:
    model = make_model(freeze_encoder=True).train()
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model(make_batch(SKELETON, channels=2))["loss"].backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert all(torch.equal(before[k], v) for k, v in model.encoder.state_dict().items())
    assert model.head.training and not model.encoder.training


def test_bad_input() -> None:
    batch = make_batch(SKELETON, channels=2)
    batch.y[0] = 7
    with pytest.raises(DataError, match=r"labels 0\.\.7|labels 1\.\.7"):
        make_model()(batch)
    with pytest.raises(ConfigError, match="num_classes 1"):
        Classifier(GraphEncoder(SKELETON, 2), 1)
    with pytest.raises(DataError, match="another skeleton"):
        make_model()(make_batch(layouts.UIPRMD22, (1,), channels=2))


def test_repr() -> None:
    assert repr(make_model()).endswith("conv=SkeletonGINConv), classes=3)")
