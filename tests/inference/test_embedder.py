from __future__ import annotations

import csv

import numpy as np
import pytest
from inference_helpers import TOLD, classifier, poses, release

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import extract_features
from pyg_skeletonmae.inference import Embedder
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.training import save_release


@pytest.fixture
def embedder(tmp_path):
    return Embedder.from_pretrained(release(tmp_path / "release"))


def test_the_rows_are_the_features_of_an_evaluation(embedder, tmp_path):
    assert repr(embedder) == "Embedder(GraphEncoder, coco17, frames=16)"
    clips = [poses(persons, frames) for persons, frames in ((1, 40), (2, 25), (1, 16))]
    dataset = SkeletonDataset.from_arrays(clips, None, "coco17", root=tmp_path / "store")
    loader = SkeletonLoader(dataset, 3, TOLD.transform(COCO17))
    for joints, segments, dim in (("mean", 1, 8), ("concat", 2, 8 * 17 * 2)):
        rows = embedder.embed(dataset, joints=joints, segments=segments, batch_size=2)
        time = "mean" if segments == 1 else segments
        x = extract_features(embedder.encoder, loader, joints, time).x.numpy()
        assert rows.x.shape == (3, dim) and np.allclose(rows.x, x, atol=1e-6)
        assert rows.names == ("clip 0", "clip 1", "clip 2") and rows.stop.tolist() == [40, 25, 16]
        assert repr(rows) == f"Embeddings(rows=3, dim={dim})" and len(rows) == 3


def test_a_pre_trained_model_will_do(tmp_path):
    model = GraphSkeletonMAE(COCO17, hidden_channels=8, depth=1)
    folder = save_release(model, tmp_path / "run/release", preprocessing=TOLD)
    assert not (folder / "labels.txt").exists()
    rows = Embedder.from_pretrained(tmp_path / "run").embed(poses(2), by="person")
    assert rows.person == (0, 1) and rows.names == ("clip 0",) * 2


def test_rows_are_written_with_names(embedder, tmp_path):
    rows = embedder.embed([poses(2, 20), poses(1, 20)], by="person", window=10, stride=10)
    assert len(rows) == 6
    with np.load(rows.save(tmp_path / "z.npz")) as file:
        assert sorted(file) == ["names", "person", "start", "stop", "x"]
        assert np.array_equal(file["x"], rows.x) and file["names"].tolist() == list(rows.names)
    lines = list(csv.reader(rows.save(tmp_path / "z.csv").open(newline="")))
    assert lines[0][:5] == ["name", "person", "start", "stop", "x0"] and len(lines) == 7
    assert lines[2][:4] == ["clip 0", "1", "0", "10"]
    assert np.allclose(np.array(lines[1][4:], float), rows.x[0])
    with pytest.raises(ConfigError, match=r"z\.txt: expected a name that ends in \.npz or \.csv"):
        rows.save(tmp_path / "z.txt")


def test_nobody_has_no_row(embedder):
    pos = poses(frames=32)
    pos[:, :16] = np.nan
    rows = embedder.embed(pos, by="window", window=16, stride=16)
    assert rows.start.tolist() == [16]
    with pytest.raises(DataError, match=r"nobody is seen"):
        embedder.embed(np.full_like(pos, np.nan))


def test_a_stream_gives_a_row_for_each_window(embedder):
    pos = poses(frames=40)
    rows = embedder.embed(pos, window=16, stride=8)
    streamed = list(embedder.stream(pos[0], 16, 8))
    assert np.allclose(np.stack(streamed), rows.x, atol=1e-5)
    assert list(embedder.stream([None] * 20, 16, 8)) == [None, None]


def test_nothing_is_trained(embedder):
    model = classifier().train()
    Embedder(model, TOLD).embed(poses())
    assert not model.training and not any(module.training for module in model.modules())
