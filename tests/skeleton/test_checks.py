import time
from dataclasses import replace

import pytest

from pyg_skeletonmae import Skeleton
from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.skeleton.checks import MAX_JOINTS, freeze_field, thaw_field

TINY = Skeleton(
    name="tiny",
    joints=["hip", "neck", "head", "tail"],
    bones=[["neck", "hip"], ["head", "neck"], ["tail", "hip"]],
    root="hip",
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../up"}, r"name '\.\./up': expected letters"),
        ({"name": ""}, "name '': expected letters"),
        ({"name": "x" * 101}, "expected letters"),
        ({"name": True}, "name: expected text, found True; quote words such as 'on'"),
        ({"joints": []}, "a skeleton needs at least one joint"),
        ({"joints": ["hip", 3]}, "joints: expected text, found 3"),
        ({"joints": None}, "joints: expected a list, found None"),
        ({"joints": ["hip", " neck"]}, "the name ' neck': expected 1 to 100 printable"),
        ({"joints": ["hip", ""]}, "the name ''"),
        ({"joints": ["hip", "a\nb"]}, "the name 'a.nb'"),
        ({"joints": [*TINY.joints, "neck"]}, "joint 'neck' stands 2 times"),
        ({"joints": [*TINY.joints, "loose"]}, "joint 'loose' is not connected"),
        ({"root": "nose"}, "root: unknown joint 'nose'"),
        ({"root": "neck"}, "root 'neck' has a parent, 'hip': a cycle"),
        ({"center": "nose"}, "center: unknown joint 'nose'"),
        ({"center": 1}, "center: expected text, found 1"),
        ({"bones": [*TINY.bones, ["ear", "head"]]}, "bones: unknown joint 'ear'"),
        ({"bones": [*TINY.bones, ["head", "hip"]]}, "'head' has two parents, 'neck' and 'hip'"),
        ({"bones": [*TINY.bones, ["head", "neck"]]}, "from 'head' to 'neck' stands twice"),
        ({"bones": [["head", "head"]]}, "bones: 'head' is paired with itself"),
        (
            {"bones": [["head", "neck", "hip"]]},
            "'head', 'neck', 'hip'.: expected two joints, found 3",
        ),
        ({"bones": ["ab"]}, "bones: expected a list, found 'ab'"),
        ({"bones": "ab"}, "bones: expected a list of pairs, found 'ab'"),
        (
            {"bones": [["neck", "head"], ["head", "neck"], ["tail", "hip"]]},
            "joint 'neck' is not connected to the root: cycle neck -> head -> neck",
        ),
        (
            {"bones": [["neck", "head"], ["head", "tail"], ["tail", "head"]]},
            "joint 'neck' is not connected to the root: cycle head -> tail -> head",
        ),
        ({"left_right": [["head", "nose"]]}, "left_right: unknown joint 'nose'"),
        ({"left_right": [["head", "head"]]}, "left_right: 'head' is paired with itself"),
        ({"left_right": [["head", "neck"], ["tail", "head"]]}, "'head' stands 2 times"),
        ({"extra_edges": [["head", "nose"]]}, "extra_edges: unknown joint 'nose'"),
        ({"extra_edges": [["hip", "neck"]]}, "edge between 'hip' and 'neck' exists already"),
        ({"extra_edges": [["hip", "head"], ["head", "hip"]]}, "'head' and 'hip' exists already"),
        ({"parts": {"top": ["nose"]}}, "part 'top': unknown joint 'nose'"),
        ({"parts": {"top": []}}, "part 'top' has no joints"),
        ({"parts": {"top": ["head"], "all": ["head", "hip"]}}, "part joint 'head' stands 2 times"),
        ({"parts": [["top", "head"]]}, "parts: expected a mapping"),
        ({"parts": {1: ["head"]}}, "parts: expected text, found 1"),
        ({"aliases": {"Nose": "nose"}}, "aliases: unknown joint 'nose'"),
        ({"aliases": {"head": "neck"}}, "alias 'head' is the name of a joint"),
    ],
)
def test_refusals_name_what_is_wrong(change, message):
    with pytest.raises(SkeletonError, match=message) as caught:
        replace(TINY, **change)
    assert "\n" not in str(caught.value)


def test_refusals_stay_short():
    with pytest.raises(SkeletonError) as caught:
        replace(TINY, root=["x"] * 100_000)
    assert len(str(caught.value)) < 200


def test_long_chains_are_checked_in_no_time():
    joints = [f"joint_{i}" for i in range(MAX_JOINTS)]
    start = time.perf_counter()
    chain = Skeleton.from_parents("chain", joints[::-1], [*range(1, MAX_JOINTS), -1])
    assert chain.hops[0, -1] == MAX_JOINTS - 1
    assert (
        time.perf_counter() - start < 10
    )  # it takes 0.3 s; what is quadratic in Python takes minutes


def test_too_many_joints_are_refused():
    joints = [f"j{i}" for i in range(MAX_JOINTS + 1)]
    with pytest.raises(SkeletonError, match="1025 joints, more than 1024: 'j0'"):
        Skeleton.from_parents("big", joints, range(-1, MAX_JOINTS))


def test_freeze_and_thaw_are_inverse():
    parts = {"a": ["x", "y"], "b": []}
    frozen = freeze_field("parts", parts)
    assert frozen == {"a": ("x", "y"), "b": ()}
    assert thaw_field(frozen) == parts
    assert freeze_field("center", None) is None
    assert thaw_field(freeze_field("bones", [["a", "b"]])) == [["a", "b"]]


def test_names_of_any_length_make_short_messages():
    long = "x" * 10_000
    joints, bones = ("a", "b"), (("b", "a"),)
    with pytest.raises(SkeletonError, match="unknown joint 'xxx") as unknown:
        Skeleton("s", joints, bones, root=long)
    with pytest.raises(SkeletonError, match="expected two joints, found 3") as three:
        Skeleton("s", joints, ((long, "a", "b"),), root="a")
    names = [f"{i:0100}" for i in range(1000)]
    cycle = [(name, names[i - 1]) for i, name in enumerate(names)]
    with pytest.raises(SkeletonError, match="cycle 0000") as circle:
        Skeleton("s", ("root", *names), cycle, root="root")
    assert max(len(str(error.value)) for error in (unknown, three, circle)) < 600
