import numpy as np
import pytest

from pyg_skeletonmae.io.number_text import field_bounds, parse_numbers

ODD_TEXT = """0 -0 1 +1 -1. 0.5 -.5 .5 123456789012345 1234567890123456 12345678901234567 nan -inf
0.1234567890123456 1e5 -1.5e-07 12.25 123.25 1234.25 99999999.9 0.000000000001 -0.0 00001.50
9007199254740993 99999999 123456789 1.23456789012345 1 .5 12 .5 1234567.1 12345678.1 123456789.1"""
ODD = ODD_TEXT.split()
BAD_TEXT = "- + . 1.2.3 --1 1-2 1e e5 +-1 1..2 -. 1+ 0x1 12a 1.2345678.9"


def read(fields: list[str], blank: str = " ") -> np.ndarray | None:
    text = np.frombuffer(blank.join(fields).encode(), np.uint8)
    return parse_numbers(text, *field_bounds(text))


@pytest.mark.parametrize("blank", [" ", " \t ", "\r\n"])
def test_numbers_are_those_of_float_to_the_sign_of_zero(blank):
    wanted = np.array([float(field) for field in ODD])
    found = read(ODD, blank)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))
    for field in ODD:
        np.testing.assert_array_equal(read([field]), [float(field)])


@pytest.mark.parametrize("form", [".7g", ".3f", ".15g", ".6f", ".12f", ".17g", ".5e"])
def test_random_numbers_of_any_form(form):
    random = np.random.default_rng(0)
    values = random.normal(size=5000) * 10.0 ** random.integers(-9, 6, 5000)
    fields = [format(value, form) for value in values]
    assert read(fields).tolist() == [float(field) for field in fields]


@pytest.mark.parametrize("bad", BAD_TEXT.split())
def test_what_is_no_number(bad):
    assert read([bad]) is None
    assert read(["1", bad, "2.5"]) is None


def test_fields():
    text = np.frombuffer(b" 1.5\t-2\r\n3 ", np.uint8)
    starts, ends = field_bounds(text)
    assert (starts.tolist(), ends.tolist()) == ([1, 5, 9], [4, 7, 10])
    assert [bound.tolist() for bound in field_bounds(text[1:4])] == [[0], [3]]
    assert [bound.tolist() for bound in field_bounds(text[:1])] == [[], []]
    assert parse_numbers(text, starts[[1, 0]], ends[[1, 0]]).tolist() == [-2.0, 1.5]
    assert len(parse_numbers(text, starts[:0], ends[:0])) == 0
