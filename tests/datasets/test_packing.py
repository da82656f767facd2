import numpy as np
import pytest
from data_helpers import STICK, some_clips

from pyg_skeletonmae.datasets import write_store
from pyg_skeletonmae.datasets.packing import fits, pack, packed_clips, packed_skeleton
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.packed import Packed
from pyg_skeletonmae.layouts import COCO17, LAYOUTS, UIPRMD22


def packed(joint_names, parents) -> Packed:
    return Packed(
        joints=np.zeros((2, len(joint_names), 3), np.int16),
        scale=1.0,
        offset=np.array([0, 2]),
        subject=np.array([1]),
        names=("a",),
        joint_names=tuple(joint_names),
        parents=tuple(parents),
    )


def test_known_layouts_are_recognised():
    for layout in LAYOUTS.values():
        found = packed_skeleton(packed(layout.joints, layout.parents.tolist()), "x.npz")
        assert (found.joints, found.bones) == (layout.joints, layout.bones)
    owner = {joint: alias for alias, joint in UIPRMD22.aliases.items()}
    names = [owner[joint] for joint in UIPRMD22.joints]
    assert packed_skeleton(packed(names, UIPRMD22.parents.tolist()), "x.npz") == UIPRMD22
    assert not fits(COCO17, packed(names, UIPRMD22.parents.tolist()))


@pytest.mark.parametrize(
    ("path", "name"), [("a/my data.npz", "my-data"), ("__.npz", "packed"), ("ä1.npz", "1")]
)
def test_unknown_joints_make_a_skeleton(path, name):
    skeleton = packed_skeleton(packed(["b", "a"], [1, -1]), path)
    assert skeleton.bones == (("b", "a"),) and skeleton.root == "a"
    assert skeleton.name == name


def test_pack_and_back(tmp_path):
    store = write_store(tmp_path / "s", some_clips(), STICK, fps=20.0, unit="m")
    data = pack(store, [4, 1], None)
    assert data.names == ("clip-4", "clip-1") and data.tracks.tolist() == [1, 2]
    assert (data.fps, data.unit, data.label.tolist()) == (20.0, "m", [1, 1])
    for clip, number in zip(packed_clips(data), (4, 1), strict=True):
        np.testing.assert_array_equal(clip.pos, store.clip(number).pos)
        assert clip.subject == store.subject[number]
    coarse = next(packed_clips(pack(store, [4], 0.001)))
    np.testing.assert_allclose(coarse.pos, store.clip(4).pos, atol=0.00051)


def test_one_person_each_is_the_plain_layout(tmp_path):
    store = write_store(tmp_path / "s", some_clips(), STICK)
    assert pack(store, [0, 2], 0.001).tracks is None
    assert pack(store, [0, 2], 0.001).valid is None


def test_too_large_names_the_clip(tmp_path):
    clips = some_clips()
    clips[3].pos[1, 2, 3, 0] = 7.0
    store = write_store(tmp_path / "s", clips, STICK)
    with pytest.raises(DataError, match="clip-3: a coordinate is no number within"):
        pack(store, range(5), 0.0002)
    with pytest.raises(DataError, match="no clip"):
        pack(store, [], None)
