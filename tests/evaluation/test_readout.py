import pytest
import torch
from evaluation_helpers import MaskedDecoder, batches, clip
from sklearn.linear_model import Ridge

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import fit_readout
from pyg_skeletonmae.layouts import UIPRMD22


def clips(n=6):
    generator = torch.Generator().manual_seed(0)
    persons = [1, 2, 1, 1, 2, 1]
    return [
        clip(torch.randn(persons[i], 22, 5, 3, generator=generator), number=i) for i in range(n)
    ]


def test_equals_scikit_learns_ridge():
    model, data = MaskedDecoder(features=4, mask=(8, 9)), clips()
    readout = fit_readout(model, batches(data, 2), UIPRMD22, l2=0.1)
    assert readout.fitted.nonzero().flatten().tolist() == [8, 9]
    assert repr(readout) == "Readout(uiprmd22, joints=22, features=4)"
    pos = torch.cat([d.pos.view(-1, 22, 5, 3) for d in data])
    x = torch.cat([model.reconstruct(b)[0] for b in batches(data, 6)])[:, 9].flatten(0, 1)
    std = x.std(0, correction=0)
    ridge = Ridge(alpha=0.1 * len(x)).fit(x / std, pos[:, 9].flatten(0, 1))
    expected = torch.from_numpy(ridge.predict(x / std)).float()
    placed = readout.place(torch.cat([model.reconstruct(b)[0] for b in batches(data, 6)]))
    torch.testing.assert_close(placed[:, 9].flatten(0, 1), expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(readout.mean_pose, pos.mean((0, 2)))


def test_missing_joints_teach_nothing():
    model = MaskedDecoder(features=4, mask=(8, 9))
    first, second = clips(), clips()
    for data, value in ((first, 0.0), (second, 1e4)):
        data[2].valid[9, 1:3] = False
        data[2].pos[9, 1:3] = value
    one, two = (fit_readout(model, batches(data, 2), UIPRMD22) for data in (first, second))
    torch.testing.assert_close(one.mean_pose, two.mean_pose)
    torch.testing.assert_close(one.weight[9], two.weight[9])


def test_bad_data():
    with pytest.raises(DataError, match="no clip"):
        fit_readout(MaskedDecoder(4, (8,)), [], UIPRMD22)
    with pytest.raises(DataError, match="no joint was masked"):
        fit_readout(MaskedDecoder(4, ()), batches(clips(), 2), UIPRMD22)
