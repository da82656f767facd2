from __future__ import annotations

import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.inference import Embeddings
from pyg_skeletonmae.inference.clusters import cluster


def rows(*sizes: int) -> Embeddings:
    """Blobs of so many rows each, far apart."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(sizes), 4)) * 20
    parts = [centre + rng.normal(size=(n, 4)) for centre, n in zip(centres, sizes, strict=True)]
    x = np.concatenate(parts).astype(np.float32)
    count = len(x)
    names = tuple(f"clip {number}" for number in range(count))
    return Embeddings(x, names, np.zeros(count, int), np.full(count, 9), (None,) * count)


@pytest.mark.parametrize("method", ["kmeans", "hdbscan"])
def test_groups_are_what_they_are_and_the_largest_is_first(method):
    found = cluster(rows(6, 20, 11), method, k=3)
    assert found.sizes == [20, 11, 6]
    assert found.labels.tolist() == [2] * 6 + [0] * 20 + [1] * 11
    told = found.to_dict(2)
    assert told["rows"] == 37 and told["none"] == 0
    assert [one["size"] for one in told["clusters"]] == [20, 11, 6]
    x = found.rows.x[6:26]
    x = (x - x.mean(0)) / found.rows.x.std(0)
    nearest = 6 + int(np.linalg.norm(x, axis=1).argmin())
    assert told["clusters"][0]["nearest"][0] == {"name": f"clip {nearest}", "start": 0, "stop": 9}
    assert repr(found) == "Clusters(rows=37, sizes=[20, 11, 6])"


def test_rows_between_dense_regions_belong_to_none():
    near = rows(10, 10)
    x = np.concatenate([near.x, near.x[:1] + 500])
    stray = Embeddings(x, (*near.names, "stray"), np.zeros(21), np.ones(21), (None,) * 21)
    found = cluster(stray, "hdbscan")
    assert found.labels[-1] == -1 and np.isnan(found.distance[-1])
    assert found.to_dict()["none"] == 1


def test_what_cannot_be_clustered_is_refused():
    for error, match, how in (
        (DataError, "3 rows, k is 8: give more clips", {}),
        (DataError, "3 rows, min_size is 5", {"method": "hdbscan"}),
        (ConfigError, "method 'means'", {"method": "means"}),
        (ConfigError, "k 0, min_size 5", {"k": 0}),
        (ConfigError, "k 8, min_size 1", {"min_size": 1}),
    ):
        with pytest.raises(error, match=match):
            cluster(rows(3), **how)
    same = Embeddings(np.ones((4, 2)), ("a",) * 4, np.zeros(4), np.ones(4), (None,) * 4)
    assert cluster(same, k=1).sizes == [4]
