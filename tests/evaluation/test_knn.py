import pytest
import torch
from evaluation_helpers import blobs
from sklearn.neighbors import KNeighborsClassifier

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import Features, knn, knn_curve


def vote(distance, y, k):
    """The exhaustive definition: nearest k, majority, lowest class first."""
    nearest = y[distance.topk(k, dim=1, largest=False).indices]
    counts = torch.nn.functional.one_hot(nearest).sum(1)
    return counts.argmax(1)


@pytest.mark.parametrize("k", [1, 4, 7])
def test_cosine_is_the_definition(k):
    train, test = blobs(seed=0), blobs(n=70, seed=1)
    a = torch.nn.functional.normalize(test.x)
    b = torch.nn.functional.normalize(train.x)
    expected = vote(1 - a @ b.T, train.y, k)
    result = knn(train, test, k)
    assert torch.equal(result["predicted"], expected)
    assert result["top1"] == pytest.approx(float((expected == test.y).double().mean()))
    assert 0.25 < result["top1"] < 1.0


@pytest.mark.parametrize("k", [1, 4, 7])
def test_euclidean_equals_scikit_learns_tree_search(k):
    train, test = blobs(seed=0), blobs(n=70, seed=1)
    expected = vote(torch.cdist(test.x, train.x), train.y, k)
    tree = KNeighborsClassifier(k, algorithm="kd_tree").fit(train.x, train.y).predict(test.x)
    result = knn(train, test, k, metric="euclidean")["predicted"]
    assert torch.equal(result, expected)
    assert result.tolist() == tree.tolist()


def test_a_tied_vote_goes_to_the_lowest_class():
    train = Features(torch.tensor([[1.0], [1.1]]), torch.tensor([3, 1]), torch.tensor([1, 1]))
    test = Features(torch.tensor([[1.0]]), torch.tensor([1]), torch.tensor([2]))
    assert knn(train, test, 2, "euclidean")["predicted"].tolist() == [1]
    assert knn(train, test, 1, "euclidean")["predicted"].tolist() == [3]


def test_classes_that_only_one_side_has():
    train = Features(torch.tensor([[1.0], [2.0]]), torch.tensor([3, 0]), torch.tensor([1, 1]))
    test = Features(torch.tensor([[1.0], [2.0]]), torch.tensor([0, 0]), torch.tensor([2, 2]))
    (curve,) = ({**knn_curve(train, test, [1], metric="euclidean")},)
    assert curve["top1_k1"] == 0.5 and "notes" not in knn(train, test, 1)
    test.y[0] = 4
    (note,) = knn(train, test, 1)["notes"]
    assert note.startswith("1 of 2 test clips are of classes that no training clip has, [4]")


def test_bad_settings():
    train, test = blobs(n=20), blobs(n=5)
    with pytest.raises(ConfigError, match="expected 1 to 20"):
        knn(train, test, 21)
    with pytest.raises(ConfigError, match="expected 1 to 20"):
        knn(train, test, 0)
    with pytest.raises(ConfigError, match="'manhattan'"):
        knn(train, test, metric="manhattan")
    with pytest.raises(DataError, match="8 and 9 numbers"):
        knn(train, blobs(n=5, dim=9))


def test_a_curve_is_one_call_for_each_k():
    train, test = blobs(seed=1), blobs(60, seed=2)
    found = knn_curve(train, test, (1, 4, 20))
    for k in (1, 4, 20):
        own = knn(train, test, k)
        model = KNeighborsClassifier(k, metric="cosine", algorithm="brute")
        score = model.fit(train.x, train.y).score(test.x, test.y)
        assert found[f"top1_k{k}"] == own["top1"] == pytest.approx(score)
        assert found[f"mean_class_k{k}"] == own["mean_class"]
    assert len(found) == 6
    for ks in ((1, 121), (), (0,)):
        with pytest.raises(ConfigError, match="expected 1 to 120"):
            knn_curve(train, test, ks)
