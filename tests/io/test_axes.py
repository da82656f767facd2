import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.io.axes import check_axes, check_order, reorder, transposed_hint


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def body(frames: int = 30, joints: int = 17) -> np.ndarray:
    """A body in metres before a camera, [T, V, 3]: as tall as people are, three metres away."""
    rng = np.random.default_rng(3)
    pose = rng.normal(size=(joints, 3)) * (0.2, 0.5, 0.1) + (0.1, 0.2, 3.1)
    return pose + np.cumsum(rng.normal(size=(frames, 1, 3)) * 0.01, 0)


def test_orders():
    x = noise(3, 7, 17, 2)
    np.testing.assert_array_equal(reorder(x, "CTVM"), x.transpose(3, 1, 2, 0))
    np.testing.assert_array_equal(reorder(x, "TMVC"), x.transpose(1, 0, 2, 3))
    np.testing.assert_array_equal(reorder(x[..., 0], "CTVM"), x[..., 0].transpose(1, 2, 0))
    np.testing.assert_array_equal(reorder(x[0], "CTVM", without="C"), x[0].transpose(2, 0, 1))
    assert reorder(x, None).base is x and reorder(x[0, 0], "CTVM").shape == (17, 2)
    for axes in ("CTV", "MTVCC", "NTVC", "", 3):
        with pytest.raises(ConfigError, match="expected the order of M"):
            check_axes(axes)


@pytest.mark.parametrize("shape", [(3, 30, 17, 2), (2, 30, 17, 2), (2, 9, 17, 1), (3, 9, 17, 1)])
def test_numbers_that_do_not_decide(shape):
    note = check_order(noise(*shape), 17, "a")
    assert "CTVM" in note and "axes='MTVC' or axes='CTVM'" in note


@pytest.mark.parametrize("shape", [(1, 30, 17, 2), (4, 30, 17, 2), (2, 30, 17, 3), (30, 17, 2)])
def test_shapes_with_one_meaning(shape):
    assert check_order(noise(*shape), 17, "a") == ""


@pytest.mark.parametrize("nothing", [0, np.nan])
@pytest.mark.parametrize("coordinates", [2, 3])
def test_an_absent_second_person(nothing, coordinates):
    x = noise(coordinates, 30, 17, 2)
    x[..., 1] = nothing
    with pytest.raises(ConfigError, match=r"a: shape .*absent; pass axes='CTVM'.*3, 1, 2, 0"):
        check_order(x, 17, "a")


def test_coordinates_on_the_first_axis():
    one, other = body(), np.add(body(), (0.8, 0, 0.3))
    metres = np.stack([one, other], -1).transpose(2, 0, 1, 3)  # [3, T, V, 2]
    scores = noise(3, 30, 17, 2) * np.reshape((90, 120, 0.1), (3, 1, 1, 1))
    for x in (metres, metres[..., :1], scores):
        with pytest.raises(ConfigError, match="first axis differ as coordinates do; pass axes"):
            check_order(x, 17, "a")


def test_three_people_in_two_coordinates():
    """Two people in three have the same shape, and theirs is the rule."""
    pixels = body()[..., :2] * (300, 400) + (400, 300)
    people = np.stack([pixels, np.add(pixels, (150, 4)), pixels * 0.9 + (90, 20)])
    crowd = people.transpose(3, 1, 2, 0)  # [2, T, V, 3]
    assert "axes='MTVC' or axes='CTVM'" in check_order(crowd, 17, "a")
    crowd[:, 5:9, 3] = 0
    assert "CTVM" in check_order(crowd, 17, "a")
    far = np.stack([people[0] * (1, 0.01), people[1] * (1, 0.01), people[2] * (1, 0.01)])
    with pytest.raises(ConfigError, match="first axis differ as coordinates do; pass axes='CTVM'"):
        check_order(far.transpose(3, 1, 2, 0), 17, "a")
    centred = body() - body().mean((0, 1))
    for pair in (centred, body(), centred * (1, 1, 0)):
        assert check_order(np.stack([pair, np.add(pair, (0.5, 0, 0.1))]), 17, "a") == ""
        assert check_order(np.stack([pair, 0 * pair]), 17, "a") == ""


def test_coordinates_on_the_last_axis():
    people = np.stack([body()[..., 1:], np.add(body()[..., 1:], (0.3, 0.1))])  # y and z of two
    assert check_order(people, 17, "a") == ""


def test_more_persons_than_frames():
    assert "TMVC (frames, persons" in check_order(noise(30, 2, 17, 3), 17, "a")
    assert check_order(noise(5, 2, 17, 3), 17, "a") == ""


def test_as_many_frames_as_joints():
    x = body(17)
    assert check_order(x, 17, "a") == "" and check_order(x[None], 17, "a") == ""
    with pytest.raises(ConfigError, match="axes='MVTC' if it holds VTC"):
        check_order(x.transpose(1, 0, 2), 17, "a")
    with pytest.raises(ConfigError, match="axes='MVTC' if it holds MVTC"):
        check_order(x.transpose(1, 0, 2)[None], 17, "a")
    assert check_order(noise(17, 17, 3), 17, "a") == ""


def test_channels_that_are_none():
    with pytest.raises(ConfigError, match="17 coordinates are none; pass axes='CTVM'"):
        check_order(noise(3, 17, 17), 17, "a")
    with pytest.raises(ConfigError, match="90 coordinates are none; pass axes='CVTM'"):
        check_order(noise(3, 17, 90), 17, "a")
    assert check_order(noise(30, 17, 12), 17, "a") == ""


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((3, 30, 25), "axes='CTVM'"),
        ((30, 3, 25), "axes='MTCV'"),
        ((25, 30, 3), "axes='MVTC'"),
        ((2, 3, 30, 25), "axes='MCTV'"),
        ((8, 3, 30, 25, 2), "from_arrays"),
        ((30, 24, 3), ""),
    ],
)
def test_what_a_shape_could_be(shape, said):
    hint = transposed_hint(shape, 25)
    assert said in hint and bool(said) == bool(hint)
