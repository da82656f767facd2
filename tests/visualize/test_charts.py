import io
import sys

import numpy as np
import pytest
import torch

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.visualize import charts

pytest.importorskip("matplotlib")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_curves_show_what_they_are_given():
    figure = charts.draw_curves({"a": ([0, 1], [3.0, 2.0]), "b": ([5], [1.0])}, "Loss", "RCE")
    (ax,) = figure.axes
    assert [line.get_label() for line in ax.lines] == ["a", "b"]
    assert ax.lines[0].get_xydata().tolist() == [[0, 3], [1, 2]]
    assert ax.lines[1].get_marker() == "o"
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("Loss", "epoch", "RCE")


def test_many_curves_can_be_told_apart():
    figure = charts.draw_curves({str(i): ([0, 1], [0, i]) for i in range(20)})
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == 20


@pytest.mark.parametrize(
    ("curves", "message"),
    [({}, "no curves"), ({"a": ([0, 1], [1.0])}, "curve 'a': 2 steps but 1 values")],
)
def test_curves_that_cannot_be_drawn(curves, message):
    with pytest.raises(DataError, match=message):
        charts.draw_curves(curves)


def test_confusion_is_in_per_cent_of_the_true_class():
    figure = charts.draw_confusion(torch.tensor([[3, 1], [0, 0]]), ["squat", "jump"])
    (ax,) = figure.axes
    assert ax.images[0].get_array().tolist() == [[75, 25], [0, 0]]
    assert texts(ax) == ["75", "25"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["squat  1", "jump  2"]
    assert ax.get_title() == "accuracy 75.0 %"


def test_confusion_of_twenty_long_names_fits_the_picture():
    names = [f"standing shoulder internal-external rotation {i}" for i in range(20)]
    figure = charts.draw_confusion(np.eye(20) * 7, names)
    figure.canvas.draw()
    for label in figure.axes[0].get_yticklabels():
        assert label.get_window_extent().x0 >= 0


@pytest.mark.parametrize("matrix", [np.eye(3), np.ones((2, 3)), np.ones(2)])
def test_confusion_of_another_size_is_refused(matrix):
    with pytest.raises(DataError, match="a confusion matrix of 2 classes is not"):
        charts.draw_confusion(matrix, ["a", "b"])


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_embedding_map_keeps_clusters_together(method):
    labels = torch.arange(30) % 3
    x = torch.nn.functional.one_hot(labels, 8) * 50.0
    x = x + torch.rand(30, 8, generator=torch.Generator().manual_seed(0))
    figure = charts.embedding_map(x, labels, ["a", "b", "c"], method=method)
    clouds = [np.asarray(cloud.get_offsets()) for cloud in figure.axes[0].collections]
    assert [len(cloud) for cloud in clouds] == [10, 10, 10]
    centres = np.stack([cloud.mean(0) for cloud in clouds])
    for cloud, centre in zip(clouds, centres, strict=True):
        apart = np.sort(np.linalg.norm(centres - centre, axis=1))[1]
        assert np.linalg.norm(cloud - centre, axis=1).max() < apart


def test_embedding_map_agrees_with_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = np.random.default_rng(0).normal(size=(40, 6)) * np.arange(1, 7)
    figure = charts.embedding_map(x, np.zeros(40, int), ["all"])
    found = np.asarray(figure.axes[0].collections[0].get_offsets())
    expected = decomposition.PCA(2).fit_transform(x)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)


@pytest.mark.parametrize(
    ("x", "labels", "method", "error", "message"),
    [
        (np.ones((4, 2)), np.zeros(3, int), "pca", DataError, r"found \[4, 2\] and \[3\]"),
        (np.ones((2, 2)), np.zeros(2, int), "pca", DataError, "N >= 3"),
        (np.ones(4), np.zeros(4, int), "pca", DataError, r"found \[4\]"),
        (np.ones((4, 1)), np.zeros(4, int), "pca", DataError, "D >= 2"),
        (np.ones((4, 2)), np.full(4, 7), "pca", DataError, "label 7, but there are 1 class names"),
        (np.ones((4, 2)), np.zeros(4, int), "mds", ConfigError, "expected one of pca, tsne, umap"),
    ],
)
def test_embedding_maps_that_cannot_be_drawn(x, labels, method, error, message):
    with pytest.raises(error, match=message):
        charts.embedding_map(x, labels, ["a"], method=method)


def test_a_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"pip install 'pyg_skeletonmae\[viz\]'"):
        charts.draw_curves({"a": ([0], [1.0])})


def test_no_global_state_is_touched():
    before = "matplotlib.pyplot" in sys.modules
    charts.draw_curves({"a": ([0], [1.0])})
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_a_bar_for_each_value():
    figure = charts.draw_bars({"$a$": 0.25, "b": 0.5}, "top1")
    (ax,) = figure.axes
    assert [bar.get_width() for bar in ax.patches] == [0.25, 0.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["$a$", "b"]
    figure.savefig(io.BytesIO(), format="png")  # a name is no formula
    with pytest.raises(DataError, match="no values"):
        charts.draw_bars({})
