import pytest
import torch
from evaluation_helpers import blobs

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation import Features
from pyg_skeletonmae.evaluation.folds import check_known, deal_folds


def features(y: list[int], subject: list[int], clip: list[int] | None = None) -> Features:
    own = () if clip is None else (torch.tensor(clip),)
    return Features(torch.rand(len(y), 2), torch.tensor(y), torch.tensor(subject), *own)


def check(train: Features, folds) -> None:
    """Nobody judges what was fitted, or a class that was not."""
    assert len(folds.masks) == len(folds.rest) > 0
    for mask, rest in zip(folds.masks, folds.rest, strict=True):
        assert mask.any() and not (mask & rest).any()
        assert set(train.y[mask].tolist()) <= set(train.y[rest].tolist())
        assert set(train.clip[mask].tolist()).isdisjoint(train.clip[rest].tolist())
        if folds.by == "subjects":
            assert set(train.subject[mask].tolist()).isdisjoint(train.subject[rest].tolist())


def test_each_training_subject_is_held_out_once():
    train = blobs(n=100)
    folds = deal_folds(train, seed=3)
    check(train, folds)
    assert folds.by == "subjects" and len(folds.masks) == 3 and folds.judged == 100
    assert torch.stack(folds.masks).sum(0).eq(1).all()
    assert all(map(torch.equal, folds.masks, deal_folds(train, seed=3).masks))
    drawn = {tuple(deal_folds(train, seed=s).masks[0].tolist()) for s in range(10)}
    assert len(drawn) > 2


def test_chosen_validation_subjects():
    train = blobs(n=100)
    folds = deal_folds(train, val_subjects=[2, 4])
    check(train, folds)
    assert len(folds.masks) == 1 and set(train.subject[folds.masks[0]].tolist()) == {2, 4}
    train.y[train.subject == 2] = 9
    (mask,) = deal_folds(train, val_subjects=[2, 4]).masks
    assert set(train.subject[mask].tolist()) == {4}


def test_one_subject_is_validated_clip_by_clip():
    train = blobs(n=100)
    train = Features(train.x, train.y, torch.full_like(train.y, -1))
    folds = deal_folds(train)
    check(train, folds)
    assert folds.by == "clips" and torch.stack(folds.masks).sum(0).eq(1).all()
    for mask in folds.masks:
        assert set(train.y[mask].tolist()) == {0, 1, 2, 3}
    assert folds.note(1) is None and "the 3 subjects" in str(folds.note(3))


@pytest.mark.parametrize("seed", range(5))
def test_people_with_classes_of_their_own_are_dealt_by_clips(seed):
    y = [label for label in range(7) for _ in range(5)]
    train = features(y, [label % 3 for label in y])
    folds = deal_folds(train, seed)
    check(train, folds)
    assert folds.by == "clips" and folds.judged == 35


@pytest.mark.parametrize("seed", range(5))
def test_classes_of_two_people_each_are_spread_over_folds_of_subjects(seed):
    """Dealt blindly, both people of a class may be held out together."""
    train = features([i // 8 for i in range(24)], [i // 4 for i in range(24)])
    folds = deal_folds(train, seed)
    check(train, folds)
    assert folds.by == "subjects" and folds.judged == 24


def test_the_only_clip_of_a_class_is_always_fitted():
    train = features([0, 0, 1, 1, 2], [1] * 5)
    folds = deal_folds(train)
    check(train, folds)
    assert all(rest[4] for rest in folds.rest) and folds.judged == 4


def test_copies_of_a_clip_stay_together():
    own = features([0, 0, 0, 1, 1, 1], [1] * 6)
    train = own.with_copies(own)
    folds = deal_folds(train)
    check(train, folds)
    assert folds.judged == 12
    other = features([1, 0, 0, 1, 1, 1], [1] * 6)
    with pytest.raises(DataError, match="the same clips in one order"):
        own.with_copies(other)


def test_where_nothing_can_be_held_out():
    for y in ([0, 1, 2], [0, 0, 0, 0]):
        with pytest.raises(DataError, match=r"no validation part .* single penalty"):
            deal_folds(features(y, list(range(len(y)))))
    with pytest.raises(DataError, match=r"val_subjects \[77\]"):
        deal_folds(blobs(), val_subjects=[77])
    with pytest.raises(DataError, match="1 of 3 have none"):
        deal_folds(features([0, -1, 1], [1, 2, 3]))


def test_validation_clips_have_classes_that_can_be_learned():
    check_known(torch.tensor([0, 1]), torch.tensor([1, 2]))
    with pytest.raises(DataError, match="all weights would score 0"):
        check_known(torch.tensor([0, 1]), torch.tensor([2, 3]))
