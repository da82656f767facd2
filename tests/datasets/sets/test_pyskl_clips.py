from pathlib import Path

import numpy as np
import pytest
from oracle_helpers import oracles
from pyskl_helpers import pixels

from pyg_skeletonmae.datasets.sets.pyskl_clips import (
    PysklOptions,
    PysklTask,
    ReadPyskl,
    named_as_ntu,
    pyskl_tracks,
)
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.io.pyskl import PysklClip


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data"


@pytest.fixture
def clip() -> PysklClip:
    made = pixels(5, persons=2)
    return PysklClip("a", made["keypoint"], 3, made["keypoint_score"], made["img_shape"])


def test_mask(clip):
    pos, valid = pyskl_tracks(clip, PysklOptions())
    wanted = (clip.keypoint.astype(np.float32) - (320, 180)) / (320, 180)
    np.testing.assert_allclose(pos, wanted, atol=1e-6)
    assert pos.dtype == np.float32 and not valid[1, 0].any() and not valid[0, 1, 2]
    assert valid.sum() == 2 * 5 * 17 - 17 - 1
    assert pyskl_tracks(clip, PysklOptions(min_score=0.6))[1].sum() < 100


def test_channel_and_both(clip):
    pos, valid = pyskl_tracks(clip, PysklOptions(scores="channel"))
    np.testing.assert_array_equal(pos[..., 2], clip.score.astype(np.float32))
    assert valid.sum() == 2 * 5 * 17 - 17 and valid[0, 1, 2]
    pos, valid = pyskl_tracks(clip, PysklOptions(scores="both"))
    assert pos.shape[-1] == 3 and not valid[0, 1, 2]


def test_pixels(clip):
    pos, _ = pyskl_tracks(clip, PysklOptions(pixels="keep"))
    np.testing.assert_array_equal(pos, clip.keypoint.astype(np.float32))
    bare = PysklClip("a", clip.keypoint, 3)
    with pytest.raises(DataError, match="has no img_shape"):
        pyskl_tracks(bare, PysklOptions())
    pos, valid = pyskl_tracks(bare, PysklOptions(img_shape=(360, 640)))
    np.testing.assert_array_equal(pos, pyskl_tracks(clip, PysklOptions())[0])
    assert valid.sum() == 2 * 5 * 17 - 17


def test_score_in_the_third_channel(clip):
    pos = np.concatenate([clip.keypoint, clip.score[..., None]], -1)
    found = pyskl_tracks(PysklClip("a", pos, 3, img_shape=clip.img_shape), PysklOptions())
    for one, other in zip(found, pyskl_tracks(clip, PysklOptions()), strict=True):
        np.testing.assert_array_equal(one, other)


def test_three_dimensions_stay_as_they_are():
    pos = np.random.default_rng(0).normal(size=(2, 4, 25, 3)).astype(np.float16)
    pos[1, 2:] = 0
    found, valid = pyskl_tracks(PysklClip("a", pos), PysklOptions())
    np.testing.assert_array_equal(found, pos.astype(np.float32))
    assert valid[0].all() and valid[1, :2].all() and not valid[1, 2:].any()


def test_reading(clip):
    read = ReadPyskl(PysklOptions(), labelled=True, ntu=False)
    (found,) = read(PysklTask(clip, (("train", 1), ("val", 0))))
    assert (found.label, found.subject, found.name) == (3, -1, "a")
    assert found.extra == {"in_train": 1, "in_val": 0}
    with pytest.raises(DataError, match="has no label"):
        list(read(PysklTask(PysklClip("a", clip.keypoint), ())))
    named = PysklClip("S003C002P008R001A052", clip.keypoint, 51, img_shape=(360, 640))
    (found,) = ReadPyskl(PysklOptions(), labelled=True, ntu=True)(PysklTask(named, (("x", 1),)))
    assert found.subject == 8
    assert found.extra == {"setup": 3, "camera": 2, "replication": 1, "in_x": 1}


def test_names_of_ntu():
    assert named_as_ntu(["S003C002P008R001A052"])
    assert not named_as_ntu(["S003C002P008R001A052", "a"])
    assert not named_as_ntu(["x/S003C002P008R001A052.avi"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scores": "none"}, "scores 'none': expected one of mask, channel, both"),
        ({"pixels": "none"}, "pixels 'none': expected one of normalise, keep"),
        ({"min_score": float("nan")}, "min_score=nan"),
        ({"img_shape": (0, 10)}, "height, width"),
    ],
)
def test_options(settings, message):
    with pytest.raises(ConfigError, match=message):
        PysklOptions(**settings)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "shape", "min_score"),
    [
        ("fix_imgshape_720_1280", (720, 1280), 0.01),
        ("fix_default_1080_1920", (1080, 1920), 0.01),
    ],
)
def test_normalisation_of_the_original(oracle, name, shape, min_score):
    with np.load(oracle / "feeders/pyskl_skeleton2vec.npz") as arrays:
        keypoint, score = arrays["prenorm2d/keypoint"], arrays["prenorm2d/score"]
        wanted = arrays[f"prenorm2d/{name}"]
    options = PysklOptions("both", min_score, img_shape=shape)
    pos, valid = pyskl_tracks(PysklClip("a", keypoint, 0, score), options)
    np.testing.assert_array_equal(pos[..., 2], wanted[..., 2])
    np.testing.assert_array_equal(np.where(valid[..., None], pos[..., :2], 0), wanted[..., :2])
