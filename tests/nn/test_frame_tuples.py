import pytest
import torch

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn.frame_tuples import from_tuples, to_tuples, tuple_blocks


def test_a_tuple_holds_all_joints_of_its_frames() -> None:
    x = torch.randn(2, 5, 12, 3)
    tuples = to_tuples(x, 4)
    assert tuples.shape == (2, 3, 3, 20)
    for step, frame, joint in [(0, 0, 0), (1, 2, 3), (2, 3, 4)]:
        assert torch.equal(tuples[:, :, step, frame * 5 + joint], x[:, joint, step * 4 + frame])


def test_there_and_back_without_a_copy() -> None:
    x = torch.randn(2, 3, 4, 10)
    tracks = from_tuples(x, 5)
    assert tracks.shape == (2, 5, 8, 3) and tracks.data_ptr() == x.data_ptr()
    assert to_tuples(tracks, 2).data_ptr() == x.data_ptr()
    assert torch.equal(to_tuples(tracks, 2), x)


def test_lengths_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="10 frames are no whole number of tuples of 4"):
        to_tuples(torch.randn(1, 5, 10, 3), 4)


def test_blocks() -> None:
    blocks = tuple_blocks([(4, 4, 2), [4, 6, 3]], 10, 2, [3, 5])
    assert blocks(torch.randn(1, 4, 2, 10)).shape == (1, 6, 2, 10)


@pytest.mark.parametrize(
    ("widths", "kernel", "message"),
    [
        ([], (3, 5), "expected \\(in, out, attention\\)"),
        ([(4, 4)], (3, 5), "expected \\(in, out, attention\\)"),
        ([(4, 6, 2), (4, 4, 2)], (3, 5), "output of the one before"),
        ([(4, 4, 2)], (3,), "over tuples and over tokens"),
        ([(4, 4, 2)], (3, 4), "two odd numbers"),
    ],
    ids=str,
)
def test_bad_settings(widths: list[tuple[int, ...]], kernel: tuple[int, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tuple_blocks(widths, 10, 2, kernel)
