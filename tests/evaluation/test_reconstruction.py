import pytest
import torch
from evaluation_helpers import MaskedDecoder, batches, clip
from torch_geometric.data import Batch

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import (
    fit_readout,
    interpolate_on_tree,
    reconstruct_clip,
    reconstruction_error,
)
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms import PartMask, standard_transform

KEYS = ("error_mm", "mean_pose_mm", "tree_mm", "shifted_mean_pose_mm")


def clips(seed, n=4):
    generator = torch.Generator().manual_seed(seed)
    return [clip(torch.randn(1, 22, 5, 3, generator=generator), number=i) for i in range(n)]


def scaled(data, factors):
    """The same clips in another unit each, and elsewhere."""
    changed = [d.clone() for d in data]
    for d, factor in zip(changed, factors, strict=True):
        d.pos = d.pos * factor + 1.0
    return changed


def test_a_decoder_that_sees_everything_makes_no_error():
    model = MaskedDecoder(features=8, mask=(8, 9, 13))
    result = reconstruction_error(
        model, batches(clips(0), 2), batches(clips(1), 2), UIPRMD22, l2=1e-9
    )
    assert result["error_mm"] < 1.0
    assert result["mean_pose_mm"] > 1000.0
    assert result["joints"] == 4 * 5 * 3
    assert list(result["per_joint_mm"]) == ["left_elbow", "left_wrist", "right_wrist"]


def test_mean_pose_baseline_is_the_definition():
    train, test = clips(0), clips(1)
    model = MaskedDecoder(features=2, mask=(9,))
    result = reconstruction_error(model, batches(train, 2), batches(test, 3), UIPRMD22)
    mean = torch.stack([d.pos[9] for d in train]).mean((0, 1))
    distance = torch.stack([(d.pos[9] - mean).norm(dim=-1) for d in test])
    assert result["mean_pose_mm"] == pytest.approx(1000 * float(distance.mean()), rel=1e-5)


def test_errors_are_taken_back_to_metres_clip_by_clip():
    train, test = clips(0), clips(1)
    model = MaskedDecoder(features=2, mask=(9, 13))
    plain = [
        reconstruction_error(model, batches(train, 2), batches([one], 1), UIPRMD22) for one in test
    ]
    factors = [2.0, 0.5, 1.0, 3.0]
    result = reconstruction_error(
        model,
        batches(train, 2),
        batches(test, 2),
        UIPRMD22,
        metric_loader=batches(scaled(test, factors), 2),
    )
    for key in KEYS:
        expected = sum(f * p[key] for f, p in zip(factors, plain, strict=True)) / 4
        assert result[key] == pytest.approx(expected, rel=1e-4)


def test_interpolation_along_a_tree():
    chain = Skeleton.from_parents("chain", "abcde", [-1, 0, 1, 2, 3])
    pos = torch.tensor([0.0, 7.0, 7.0, 9.0, 7.0]).view(1, 5, 1, 1)
    known = torch.tensor([True, False, False, True, False]).view(1, 5, 1)
    filled = interpolate_on_tree(pos, known, chain).flatten().tolist()
    assert filled == pytest.approx([0.0, 3.0, 6.0, 9.0, 9.0], abs=1e-3)
    nothing = interpolate_on_tree(pos, torch.zeros_like(known), chain)
    assert nothing.abs().max() < 1e-3


def test_picture_keeps_what_was_seen():
    model, data = MaskedDecoder(features=8, mask=(8, 9)), clips(1)
    readout = fit_readout(model, batches(clips(0), 2), UIPRMD22, l2=1e-9)
    original, rebuilt, mask = reconstruct_clip(model, data[0], readout)
    assert original.shape == rebuilt.shape == (22, 5, 3)
    assert torch.equal(original, data[0].pos)
    assert torch.equal(original[~mask], rebuilt[~mask])
    assert mask.any(1).nonzero().flatten().tolist() == [8, 9]
    torch.testing.assert_close(original, rebuilt, atol=1e-2, rtol=1e-2)
    whole = reconstruct_clip(model, Batch.from_data_list(data), readout, track=2)
    assert torch.equal(whole[0], data[2].pos)


def test_bad_data():
    model, train, test = MaskedDecoder(4, (8, 9)), batches(clips(0), 2), batches(clips(1), 2)
    readout = fit_readout(model, train, UIPRMD22)
    with pytest.raises(DataError, match="same clips"):
        reconstruction_error(model, train, test, UIPRMD22, metric_loader=test[:1])
    with pytest.raises(DataError, match="no masked joint"):
        reconstruction_error(model, train, [], UIPRMD22)
    with pytest.raises(DataError, match="track 3"):
        reconstruct_clip(model, clips(1)[0], readout, track=3)
    with pytest.raises(DataError, match="never in the clips of the read-out: right_wrist"):
        reconstruct_clip(MaskedDecoder(4, (8, 13)), clips(1)[0], readout)


def test_the_graph_model_beats_the_mean_pose_on_unseen_people(tmp_path):
    dataset = SyntheticActions(96, UIPRMD22, num_subjects=4, root=tmp_path / "store")
    train, test = dataset.split("subject", train=[1, 3])

    def loader(clips, scale):
        recipe = standard_transform(UIPRMD22, 8, train=False, scale=scale)
        return SkeletonLoader(clips, 16, transform=recipe)

    torch.manual_seed(0)
    model = GraphSkeletonMAE(UIPRMD22, hidden_channels=16, depth=2, mask=PartMask((3, 5)))
    model.train()
    for batch in loader(train, "std"):  # the batch norms need to have seen data
        model(batch)
    result = reconstruction_error(
        model, loader(train, "std"), loader(test, "std"), UIPRMD22, loader(test, None)
    )
    assert model.training
    assert 20.0 < result["error_mm"] < result["mean_pose_mm"] < 1000.0
    # Without the way back to metres the numbers are in units of the clip's deviation.
    plain = reconstruction_error(model, loader(train, "std"), loader(test, "std"), UIPRMD22)
    assert plain["mean_pose_mm"] > 1.5 * result["mean_pose_mm"]
