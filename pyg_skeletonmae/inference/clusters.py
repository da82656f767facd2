"""Groups of clips that are alike, by their features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.preprocessing import StandardScaler

from pyg_skeletonmae.errors import ConfigError, DataError, check_choice
from pyg_skeletonmae.inference.embedder import Embeddings
from pyg_skeletonmae.io.npz import Array

Method = Literal["kmeans", "hdbscan"]


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which rows belong together.

    Args:
        rows: The features, and what they are of.
        labels: The cluster of each row ``[n]``, from 0 in order of size; -1: none (HDBSCAN's
            noise).
        distance: How far each row is from the centre of its cluster ``[n]``, in standard deviations
            of the features; NaN without a cluster.
    """

    rows: Embeddings
    labels: Array
    distance: Array

    @property
    def sizes(self) -> list[int]:
        """How many rows each cluster has."""
        return [int(count) for count in np.bincount(self.labels[self.labels >= 0])]

    def nearest(self, cluster: int, k: int = 3) -> list[int]:
        """The rows nearest to the centre of a cluster, nearest first."""
        members = np.flatnonzero(self.labels == cluster)
        order = np.argsort(self.distance[members], kind="stable")[:k]
        return [int(row) for row in members[order]]

    def to_dict(self, k: int = 3) -> dict[str, Any]:
        """Counts, and the clips nearest to each centre, as JSON can hold them."""
        clusters = [
            {
                "cluster": cluster,
                "size": size,
                "nearest": [self.place(row) for row in self.nearest(cluster, k)],
            }
            for cluster, size in enumerate(self.sizes)
        ]
        return {
            "rows": len(self.rows),
            "clusters": clusters,
            "none": int((self.labels < 0).sum()),
        }

    def place(self, row: int) -> dict[str, Any]:
        """What a row is of."""
        rows, person = self.rows, self.rows.person[row]
        said = {} if person is None else {"person": person}
        start, stop = int(rows.start[row]), int(rows.stop[row])
        return {"name": rows.names[row], **said, "start": start, "stop": stop}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rows={len(self.rows)}, sizes={self.sizes})"


def cluster(
    rows: Embeddings,
    method: Method = "kmeans",
    k: int = 8,
    min_size: int = 5,
    seed: int = 0,
) -> Clusters:
    """Clusters features, each of which is first brought to mean 0 and standard deviation 1.

    Args:
        rows: The features.
        method: ``"kmeans"``: ``k`` clusters, each row in one. ``"hdbscan"`` (`Campello et al.
            <https://doi.org/10.1007/978-3-642-37456-2_14>`_): as many as there are dense regions of
            ``min_size`` rows or more; rows between them belong to none.
        k: The number of clusters of k-means.
        min_size: The fewest rows of a cluster of HDBSCAN.
        seed: Of k-means, which starts ten times and takes the best.

    Raises:
        ConfigError: There is no such method, or a number is too small.
        DataError: There are fewer rows than clusters.
    """
    check_choice("method", method, ("kmeans", "hdbscan"))
    if k < 1 or min_size < 2:
        raise ConfigError(f"k {k}, min_size {min_size}: expected at least 1 and 2")
    least = k if method == "kmeans" else min_size
    if len(rows) < least:
        name = "k" if method == "kmeans" else "min_size"
        raise DataError(
            f"{len(rows)} rows, {name} is {least}: give more clips, or a smaller {name}"
        )
    x = StandardScaler().fit_transform(rows.x.astype(np.float64))
    if method == "kmeans":
        found = KMeans(k, n_init=10, random_state=seed).fit_predict(x)
    else:
        found = HDBSCAN(min_cluster_size=min_size, copy=True).fit_predict(x)
    numbers, counts = np.unique(found[found >= 0], return_counts=True)
    labels, distance = np.full(len(x), -1), np.full(len(x), np.nan)
    for place, number in enumerate(numbers[np.argsort(-counts, kind="stable")]):
        here = found == number
        labels[here] = place
        distance[here] = np.linalg.norm(x[here] - x[here].mean(0), axis=1)
    return Clusters(rows, labels, distance / np.sqrt(x.shape[1]))
