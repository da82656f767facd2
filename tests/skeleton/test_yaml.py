import json
from pathlib import Path

import pytest
from oracle_helpers import oracles

from pyg_skeletonmae import Skeleton
from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.layouts import LAYOUTS
from pyg_skeletonmae.skeleton.checks import MAX_JOINTS

TINY = """\
name: tiny
joints: [hip, neck, head, l_hand, r_hand]
root: hip
bones:            # [child, parent]
  - [neck, hip]
  - [head, neck]
  - [l_hand, neck]
  - [r_hand, neck]
left_right:
  - [l_hand, r_hand]
parts: {trunk: [hip, neck], arms: [l_hand, r_hand]}
extra_edges: [[l_hand, hip]]
center: neck
aliases: {Head: head}
"""


def read(folder: Path, content: str | bytes) -> Skeleton:
    path = folder / "file.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Skeleton.from_yaml(path)


def test_every_field_is_read(tmp_path):
    assert read(tmp_path, TINY) == Skeleton(
        "tiny",
        ("hip", "neck", "head", "l_hand", "r_hand"),
        (("neck", "hip"), ("head", "neck"), ("l_hand", "neck"), ("r_hand", "neck")),
        "hip",
        left_right=(("l_hand", "r_hand"),),
        parts={"trunk": ("hip", "neck"), "arms": ("l_hand", "r_hand")},
        center="neck",
        extra_edges=(("l_hand", "hip"),),
        aliases={"Head": "head"},
    )


def test_windows_files_are_read(tmp_path):
    content = b"\xef\xbb\xbf" + TINY.replace("\n", "\r\n").encode()
    assert read(tmp_path, content) == read(tmp_path, TINY)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_round_trip_of_every_layout(layout, tmp_path):
    path = tmp_path / "layout.yaml"
    layout.to_yaml(path)
    assert Skeleton.from_yaml(path) == layout
    assert [child.name for child in tmp_path.iterdir()] == ["layout.yaml"]


def test_round_trip_of_awkward_names(tmp_path):
    names = [
        "on",
        "yes",
        "no",
        "null",
        "~",
        "1",
        "1.5",
        "0x1f",
        "2020-01-01",
        "=",
        "<<",
        "- a",
        "a: b",
    ]
    names += ["#x", "[a]", "{a}", "&a", "*a", "!a", "'", '"', "%", "@", "`", "a  b   c", "\\n", "?"]
    names += ["Hüfte", "膝", "🦴", "x" * 100, "left hand " * 9 + "end"]
    skeleton = Skeleton.from_parents(
        "awkward", names, range(-1, len(names) - 1), parts={"off": names}, aliases={"no way": "no"}
    )
    path = tmp_path / "s.yaml"
    skeleton.to_yaml(path)
    assert Skeleton.from_yaml(path) == skeleton
    assert "Hüfte" in path.read_text(encoding="utf-8")


def test_round_trip_of_the_largest_skeleton(tmp_path):
    joints = [f"{'left' if i % 2 else 'right'}_joint_{i:04d}" for i in range(MAX_JOINTS)]
    skeleton = Skeleton.from_parents(
        "largest",
        joints,
        range(-1, MAX_JOINTS - 1),
        left_right=list(zip(joints[1::2], joints[0::2], strict=True)),
        parts={"all": joints},
        aliases={joint.upper(): joint for joint in joints},
    )
    skeleton.to_yaml(tmp_path / "s.yaml")
    assert Skeleton.from_yaml(tmp_path / "s.yaml") == skeleton


def test_files_are_easy_to_read(tmp_path):
    read(tmp_path, TINY).to_yaml(tmp_path / "out.yaml")
    lines = (tmp_path / "out.yaml").read_text().splitlines()
    assert lines[:4] == [
        "name: tiny",
        "joints: [hip, neck, head, l_hand, r_hand]",
        "bones:",
        "- [neck, hip]",
    ]


def test_writing_replaces_a_file_whole(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("old")
    LAYOUTS["hand21"].to_yaml(path)
    assert Skeleton.from_yaml(path) == LAYOUTS["hand21"]


def test_writing_where_nothing_can_be_written(tmp_path):
    with pytest.raises(SkeletonError, match=r"nowhere.s\.yaml: cannot be written: No such file"):
        LAYOUTS["hand21"].to_yaml(tmp_path / "nowhere" / "s.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(SkeletonError, match=r"folder\.yaml: cannot be written: Is a directory"):
        LAYOUTS["hand21"].to_yaml(tmp_path / "folder.yaml")
    assert [child.name for child in tmp_path.iterdir()] == ["folder.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # With a joint: the file, the skeleton, the joint.
        ("root: hip", "root: nose", "tiny: root: unknown joint 'nose'"),
        (
            "[head, neck]",
            "[head, r_hand, neck]",
            "line 4: bones: .'head', 'r_hand', 'neck'.: expected two",
        ),
        ("[head, neck]", "[nose, neck]", "tiny: bones: unknown joint 'nose'"),
        (
            "[neck, hip]",
            "[neck, head]",
            "joint 'neck' is not connected to the root: cycle neck -> head",
        ),
        ("joints: [hip,", "joints: [hip, tail,", "joint 'tail' is not connected"),
        ("joints: [hip,", "joints: [hip, neck,", "joint 'neck' stands 2 times"),
        # Without: the key and the line.
        (
            "root: hip",
            "root: 0",
            "line 3: root: expected text, found the whole number '0'; joints are",
        ),
        ("[neck, hip]", "[1, 0]", "line 4: bones: expected text, found the whole number '1'"),
        (
            "joints: [hip",
            "joints: [on",
            "line 2: joints: expected text, found the boolean 'on'; quote",
        ),
        ("name: tiny", "name: yes", "line 1: name: expected text, found the boolean 'yes'"),
        ("name: tiny", "name: 1.5", "line 1: name: expected text, found the number '1.5'"),
        ("name: tiny", "name: 2020-99-99", "found the timestamp '2020-99-99'"),
        ("name: tiny", "name:", "line 1: name: expected text, found nothing"),
        ("name: tiny", "name: [tiny]", "line 1: name: expected text, found"),
        ("center: neck", "center: ~", "line 13: center: expected text, found nothing"),
        ("center: neck", "centre: neck", "line 13: unknown key 'centre'; did you mean 'center'?"),
        ("center: neck", "root: neck", "line 13: root: the key 'root' stands twice"),
        ("center: neck", "<<: {root: hip}", "line 13: expected text, found the merge '<<'"),
        ("center: neck", "[a]: b", "line 13: unknown key"),
        (
            "{Head: head}",
            "{Head: head, Head: hip}",
            "line 14: aliases: the key 'Head' stands twice",
        ),
        ("{Head: head}", "[Head, head]", "line 14: aliases: expected a mapping"),
        ("{trunk: [hip, neck],", "{trunk: hip,", "line 11: parts: expected a list, found 'hip'"),
        ("{trunk:", "{off:", "line 11: parts: expected text, found the boolean 'off'"),
        ("joints:", "joint:", "line 2: unknown key 'joint'; did you mean 'joints'?"),
        ("root: hip\n", "", "the key 'root' is missing"),
        ("  - [head, neck]", "  - [head, neck", "line 7: bones: syntax error: expected ',' or ']'"),
        ("  - [head, neck]", "\t- [head, neck]", "line 6: bones: syntax error.*not tabs"),
        (
            "name: tiny",
            "name: !!python/name:os.system",
            r"line 1: name: tags \(!\) are not allowed",
        ),
        ("name: tiny", "name: !!str tiny", r"line 1: name: tags \(!\) are not allowed"),
        ("joints: [hip", "joints: &j [*j", "line 2: joints: anchors and aliases"),
        ("center: neck", "--- 1", "line 13: extra_edges: a second document begins"),
        ("name: tiny", "name: ti\0ny", "line 1: name: syntax error: special characters"),
    ],
)
def test_refusals_name_the_file_and_the_place(old, new, message, tmp_path):
    assert old in TINY
    with pytest.raises(SkeletonError, match=message) as caught:
        read(tmp_path, TINY.replace(old, new, 1))
    assert str(caught.value).startswith(f"{tmp_path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty; a skeleton has a name, joints, bones and a root"),
        ("# nothing\n", "the file is empty"),
        ("- a\n- b", "line 1: expected keys such as 'joints', found a list"),
        ("just text", "line 1: expected keys such as 'joints', found a text"),
        ("a: 1\n---\nb: 2", "line 2: a: a second document begins"),
        (b"name: caf\xe9", "line 1: no UTF-8 text"),
        (TINY.encode("utf-16"), "no UTF-8 text"),
        ("[" * 100_000, "line 1: nested deeper than 4 levels"),
        ("- " * 10_000, "line 1: nested deeper than 4 levels"),
        ("joints: [" + "a," * 60_000 + "a]", "joints: more than 25000 entries"),
        ("#" * (1024 * 1024 + 1), "larger than 1024 KiB"),
    ],
)
def test_files_that_are_no_skeleton_at_all(content, message, tmp_path):
    with pytest.raises(SkeletonError, match=message):
        read(tmp_path, content)


def test_aliases_cannot_eat_the_memory(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(SkeletonError, match="line 1: a0: anchors and aliases"):
        read(tmp_path, "\n".join([*lines, "joints: *a9"]))


def test_python_tags_run_nothing(tmp_path):
    marker = tmp_path / "marker"
    with pytest.raises(SkeletonError, match="tags"):
        read(tmp_path, f"name: !!python/object/apply:os.system ['touch {marker}']")
    assert not marker.exists()


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(SkeletonError, match=r"none\.yaml: there is no such file"):
        Skeleton.from_yaml(tmp_path / "none.yaml")
    with pytest.raises(SkeletonError, match="cannot be read: Is a directory"):
        Skeleton.from_yaml(tmp_path)


@pytest.mark.oracle
@pytest.mark.oracle
def test_the_recorded_skeleton_is_read():
    tiny = Skeleton.from_yaml(oracles() / "data" / "skeleton_yaml" / "tiny7.yaml")
    assert tiny.num_joints == 7
    assert tiny.parents.tolist() == [-1, 0, 1, 2, 2, 2, 0]


# What the message has to name where a joint (or a name that should be one) is at fault.
JOINT = {
    "cycle": "spine",
    "cycle_extra_bone": "pelvis",
    "self_bone": "head",
    "unknown_joint": "tail",
    "unknown_root": "hip",
    "duplicate_joint": "head",
    "duplicate_bone": "head",
    "two_parents": "head",
    "unconnected": "foot",
    "mirror_self": "left_hand",
    "mirror_twice": "left_hand",
    "mirror_unknown": "left_ear",
    "bone_three_names": "head",
    "many_joints": "j0",
}


@pytest.mark.oracle
@pytest.mark.oracle
def test_every_recorded_damaged_file_is_refused(tmp_path, monkeypatch):
    hostile = oracles() / "data" / "hostile" / "skeleton_yaml"
    monkeypatch.chdir(tmp_path)
    cases = json.loads((hostile / "cases.json").read_text())
    assert len(cases) == 30
    for case in cases:
        with pytest.raises(SkeletonError) as caught:
            Skeleton.from_yaml(hostile / f"{case}.yaml")
        message = str(caught.value)
        assert f"{case}.yaml" in message
        if case in JOINT:
            assert f"'{JOINT[case]}'" in message
        else:
            assert any(place in message for place in (": line ", ": the key ", "empty", ": name "))
    assert list(tmp_path.iterdir()) == []
