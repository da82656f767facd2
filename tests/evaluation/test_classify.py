import pytest
import torch
from evaluation_helpers import batches, clip
from torch import nn

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import evaluate_classifier


class FirstCoordinate(nn.Module):
    """Scores a clip by its first coordinate; wrong if it is left in training mode."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.frozen = nn.Dropout().eval()

    def forward(self, batch):
        assert not self.training
        assert not torch.is_grad_enabled()
        score = batch.pos.reshape(batch.num_graphs, -1)[:, 0]
        return {"logits": self.scale * torch.stack([-score, score], 1)}


def clips(values, labels):
    return [
        clip(torch.full((1, 22, 4, 3), v), y, number=i)
        for i, (v, y) in enumerate(zip(values, labels, strict=True))
    ]


def test_collects_every_clip_in_order():
    model = FirstCoordinate().train()
    model.frozen.eval()
    result = evaluate_classifier(model, batches(clips([1.0, -2.0, 3.0], [1, 1, 1]), 2))
    assert result["predicted"].tolist() == [1, 0, 1]
    assert result["logits"][:, 1].tolist() == [1.0, -2.0, 3.0]
    assert result["y"].tolist() == [1, 1, 1]
    assert result["top1"] == pytest.approx(2 / 3)
    assert model.training
    assert not model.frozen.training


def test_bad_data():
    with pytest.raises(DataError, match="no clip"):
        evaluate_classifier(FirstCoordinate(), [])
    with pytest.raises(DataError, match="have none"):
        evaluate_classifier(FirstCoordinate(), batches(clips([1.0], [None]), 1))
    with pytest.raises(DataError, match="NaN"):
        evaluate_classifier(FirstCoordinate(), batches(clips([torch.nan], [0]), 1))
