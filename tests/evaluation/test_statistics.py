import pytest
import torch
from evaluation_helpers import batches, clip
from torch import nn

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import extract_features, refit_statistics
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import GraphEncoder


def clips(number: int) -> list:
    generator = torch.Generator().manual_seed(0)
    return [clip(3.0 + 2.0 * torch.randn(1, 22, 8, 3, generator=generator)) for _ in range(number)]


class OneNorm(nn.Module):
    """A norm behind dropout, which must not act."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.dropout = nn.BatchNorm1d(3, momentum=0.25), nn.Dropout(0.9)

    def forward(self, batch):
        return self.norm(self.dropout(batch.pos.flatten(0, 1))).view(-1, 22, 8, 3)


def test_statistics_are_the_mean_over_batches():
    encoder, loader = OneNorm().train(), batches(clips(6), 2)
    assert refit_statistics(encoder, loader) == 1
    pos = torch.stack([batch.pos.flatten(0, 1) for batch in loader])
    torch.testing.assert_close(encoder.norm.running_mean, pos.mean((0, 1)))
    torch.testing.assert_close(encoder.norm.running_var, pos.var(1).mean(0))
    assert encoder.norm.momentum == 0.25 and encoder.norm.training and encoder.dropout.training


def test_only_statistics_change_and_features_do_with_them():
    torch.manual_seed(0)
    encoder = GraphEncoder(UIPRMD22, 3, hidden_channels=8, depth=2).eval()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    features = extract_features(encoder, batches(clips(4), 2)).x
    assert refit_statistics(encoder, batches(clips(4), 2)) > 0
    changed = {n for n, v in encoder.state_dict().items() if not torch.equal(v, before[n])}
    assert changed and all("running_" in n or "num_batches" in n for n in changed)
    assert not torch.equal(extract_features(encoder, batches(clips(4), 2)).x, features)
    once = {name: value.clone() for name, value in encoder.state_dict().items()}
    refit_statistics(encoder, batches(clips(4), 2))
    assert all(torch.equal(value, once[name]) for name, value in encoder.state_dict().items())


def test_an_encoder_without_norms_stays_as_it_is():
    assert refit_statistics(nn.Linear(3, 3), []) == 0


def test_bad_clips():
    with pytest.raises(DataError, match="no clip to take statistics of"):
        refit_statistics(OneNorm(), [])
    broken = clips(2)
    broken[1].pos[0, 0] = torch.nan
    with pytest.raises(DataError, match="NaN or infinite"):
        refit_statistics(OneNorm(), batches(broken, 2))
