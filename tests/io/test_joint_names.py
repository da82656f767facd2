import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.joint_names import joint_index
from pyg_skeletonmae.skeleton import Skeleton

TWO = Skeleton.from_parents("two", ["hip", "head"], [-1, 0], aliases={"Kopf": "head"})


def test_joints_are_where_their_names_or_aliases_are():
    assert joint_index("a", "names", ["Kopf", "tail", "tail", "hip"], TWO) == [3, 0]
    feet = Skeleton.from_parents("feet", ["F\u00fc\u00dfe"], [-1])
    assert joint_index("a", "names", ["hip", "Fu\u0308\u00dfe"], feet) == [1]
    with pytest.raises(SkeletonFormatError, match="a: names: expected each joint once, found 'hea"):
        joint_index("a", "names", ["Kopf", "head", "hip"], TWO)
    with pytest.raises(SkeletonFormatError, match=r"expected the joint 'hip' .* only head, tail"):
        joint_index("a", "names", ["head", "tail"], TWO)
