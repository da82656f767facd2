import numpy as np
import pytest

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.io.pixels import (
    NO_PIXELS,
    TURNED,
    are_normalised,
    check_unit,
    normalise_pixels,
)

ALL = np.ones((1, 6, 17), bool)


def spread(width: float, height: float, low: float = 0) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(low, (width, height), (1, 6, 17, 2)).astype(np.float32)


def test_pixels():
    x = spread(640, 480)
    wanted = (x - (320, 240)) / (320, 240)
    assert normalise_pixels(x, ALL, (640, 480)) == ()
    np.testing.assert_allclose(x, wanted, atol=1e-6)


@pytest.mark.parametrize("low", [0, -1])
def test_no_pixels(low):
    x = spread(1, 1, low)
    before = x.copy()
    x[0, 0, 0] = 40  # one that the detector got wrong
    assert are_normalised(x, ALL) and normalise_pixels(x, ALL, (640, 480)) == (NO_PIXELS,)
    np.testing.assert_array_equal(x[0, 1:], before[0, 1:])
    assert normalise_pixels(x, ALL, (640, 480), "normalised") == ()
    assert normalise_pixels(x, ALL, (640, 480), "pixel") == () and x[0, 1:].max() < -0.99


def test_what_is_missing_does_not_count():
    x, valid = spread(640, 480), ALL.copy()
    x[0, 1:], valid[0, 1:] = 0, False
    assert not are_normalised(x, valid) and not are_normalised(x, ~ALL)


def test_height_for_width():
    assert normalise_pixels(spread(640, 360), ALL, (360, 640)) == (TURNED,)
    assert normalise_pixels(spread(640, 360), ALL, (640, 360)) == ()
    assert normalise_pixels(spread(700, 700), ALL, (640, 360)) == ()  # neither fits


def test_units():
    with pytest.raises(ConfigError, match="unit 'cm': expected one of pixel, normalised"):
        check_unit("cm")
