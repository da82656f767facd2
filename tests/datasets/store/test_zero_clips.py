import numpy as np
import pytest
import torch

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import ConfigError, DataError


def clips() -> list[np.ndarray]:
    pos = np.random.default_rng(0).normal(size=(3, 2, 8, 17, 3)) + 3
    pos[1, 0, 2:4] = 0
    return list(pos)


@pytest.mark.parametrize("kind", ["float64", "float16", "float", "bfloat16", "generator"])
def test_zeros_of_arrays(tmp_path, kind):
    given = clips()
    if kind in ("float64", "float16"):
        given = [pos.astype(kind) for pos in given]
    elif kind != "generator":
        given = [torch.tensor(pos, dtype=getattr(torch, kind)) for pos in given]
    given = given if kind != "generator" else iter(given)
    data = SkeletonDataset.from_arrays(given, None, "coco17", root=tmp_path / "s")
    (note,) = data.card["notes"]
    assert note.startswith("joints are exactly 0") and note.endswith("(1: clip 1)")
    assert data.card["missing_joints"] == 0


def test_zeros_that_are_settled(tmp_path):
    settings = {"labels": None, "skeleton": "coco17", "names": ["a", "b", "c"]}
    data = SkeletonDataset.from_arrays(clips(), root=tmp_path / "m", zeros="missing", **settings)
    assert data.card["missing_joints"] == 2 * 17 and data.card["notes"] == []
    data = SkeletonDataset.from_arrays(clips(), root=tmp_path / "k", zeros="keep", **settings)
    assert data.card["missing_joints"] == 0 and data.card["notes"] == []
    with pytest.raises(ConfigError, match="zeros='no'"):
        SkeletonDataset.from_arrays(clips(), root=tmp_path / "n", zeros="no", **settings)


def test_who_says_what_is_valid_is_believed(tmp_path):
    valid = [np.ones((2, 8, 17), bool) for _ in range(3)]
    data = SkeletonDataset.from_arrays(clips(), None, "coco17", root=tmp_path / "s", valid=valid)
    assert data.card["notes"] == []
    with pytest.raises(DataError, match="valid must be bool"):
        SkeletonDataset.from_arrays(
            clips(), None, "coco17", root=tmp_path / "t", valid=[v.astype(int) for v in valid]
        )
