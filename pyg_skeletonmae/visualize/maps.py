"""A map of features in the plane, as a page: hover for the name and the class, click to play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import numpy as np

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.visualize.charts import METHODS, Array, project, to_numpy
from pyg_skeletonmae.visualize.page import Page, Scene

MAX_MAP_BYTES = 20_000_000
UNKNOWN = "class not known"


def map_page(
    x: Array,
    names: Sequence[str],
    classes: Sequence[str],
    scenes: Mapping[int, Scene],
    title: str = "map",
    seed: int = 0,
) -> Page:
    """Features in the plane by PCA, t-SNE and, if ``umap-learn`` is installed, UMAP.

    Args:
        x: ``[N, D]`` features, ``N >= 3``, ``D >= 2``.
        names: What the rows are of, ``N`` texts.
        classes: What they show, ``N`` texts; empty: not known.
        scenes: What a click on a row plays.
        title: Above the page.
        seed: Of t-SNE and UMAP.

    Raises:
        DataError: Features, names and classes do not fit together.
    """
    features = to_numpy(x)
    if features.ndim != 2 or min(features.shape[0] - 1, features.shape[1]) < 2:
        raise DataError(f"a map takes 3 rows of 2 features or more, found {list(features.shape)}")
    if not len(features) == len(names) == len(classes):
        raise DataError(
            f"{len(features)} rows, {len(names)} names and {len(classes)} classes: expected as many"
        )
    if not np.isfinite(features).all():
        raise DataError("features are NaN or infinite")
    methods = {}
    for method, told in METHODS.items():
        if method != "umap" or find_spec("umap") is not None:
            plane = project(features, method, seed)
            methods[told] = [[float(f"{value:.5g}") for value in axis] for axis in plane.T]
    kinds = sorted(set(classes), key=lambda name: (not name, name))
    order = sorted(scenes)
    play = {row: place for place, row in enumerate(order)}
    return Page(
        title,
        [scenes[row] for row in order],
        map={
            "methods": methods,
            "classes": [name or UNKNOWN for name in kinds],
            "label": [kinds.index(name) for name in classes],
            "names": list(names),
            "plays": [play.get(row, -1) for row in range(len(names))],
        },
        most=MAX_MAP_BYTES,
    )
