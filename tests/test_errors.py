import pickle
import warnings
from pathlib import Path

import pytest

from pyg_skeletonmae import errors


@pytest.mark.parametrize(
    "name", ["SkeletonError", "DataError", "ConfigError", "ArgumentError", "CheckpointError"]
)
def test_every_error_is_one_line_that_one_except_catches(name):
    error = getattr(errors, name)("what was wrong")
    assert isinstance(error, errors.SkeletonMAEError)
    assert isinstance(error, ValueError)
    assert str(error) == "what was wrong"


def test_format_error_names_file_place_expectation_and_finding():
    error = errors.SkeletonFormatError(
        "a/b.npz", "array 'joints'", "int16 [F, V, 3]", "int16 [F, 3]"
    )
    assert str(error) == "a/b.npz: array 'joints': expected int16 [F, V, 3], found int16 [F, 3]"
    assert error.path == Path("a/b.npz")
    assert (error.where, error.expected) == ("array 'joints'", "int16 [F, V, 3]")


def test_format_error_survives_the_way_back_from_a_worker():
    error = errors.SkeletonFormatError("a.npz", "line 3", "a number", "'x'")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.found == "'x'"


def test_a_choice_is_one_of_those_named():
    errors.check_choice("mode", "first", ("first", "last"))
    with pytest.raises(errors.ConfigError, match=r"^mode 'middle': expected one of first, last$"):
        errors.check_choice("mode", "middle", iter(("first", "last")))


def test_an_old_name_warns_and_names_the_new_one():
    def total(*numbers: int) -> int:
        return sum(numbers)

    add = errors.renamed(total, "add", dropped_in="0.3")
    with pytest.warns(DeprecationWarning, match=r"add is now total; .* dropped in 0\.3") as record:
        assert add(1, 2) == 3
    assert record[0].filename == __file__
    assert add.__name__ == "add" and "total" in add.__doc__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert total(1, 2) == 3
