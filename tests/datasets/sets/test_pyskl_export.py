import numpy as np
import pytest
import torch
from ntu_helpers import person, write_skeleton
from oracle_helpers import oracles

from pyg_skeletonmae.datasets import NTURGBD, SkeletonDataset
from pyg_skeletonmae.datasets.sets.pyskl import PysklDataset
from pyg_skeletonmae.datasets.sets.pyskl_clips import PysklOptions
from pyg_skeletonmae.datasets.sets.pyskl_export import export_pyskl
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io import read_pyskl


def assert_same(first: SkeletonDataset, second: SkeletonDataset) -> None:
    assert first.store.names == second.store.names and len(first) > 1
    for number in range(len(first)):
        one, other = first.store.clip(number), second.store.clip(number)
        np.testing.assert_array_equal(one.pos, other.pos)
        np.testing.assert_array_equal(one.valid, other.valid)
        assert (one.label, one.subject) == (other.label, other.subject)
        assert one.extra.items() <= other.extra.items()
        for key, value in first[number]:
            if isinstance(value, torch.Tensor):
                assert torch.equal(value, second[number][key]), key


@pytest.mark.parametrize("policy", ["ctrgcn", "pyskl", "none"])
def test_ntu_to_store_to_pyskl_to_store(tmp_path, policy):
    folder = tmp_path / "nturgb+d_skeletons"
    folder.mkdir()
    for seed, name in enumerate(("S001C001P001R001A001", "S003C003P003R001A060")):
        tracks = {5: (0, person(16, seed)), 6: (2 + seed, person(13, seed + 9))}
        write_skeleton(folder, tracks, 17, name)
    write_skeleton(folder, {5: (0, person(14))}, 14, "S002C002P002R002A050")
    data = NTURGBD(tmp_path, policy=policy)
    train, test = data.official_split()
    splits = {"xsub_train": train, "xsub_val": test}
    export_pyskl(data, tmp_path / "ntu.pkl", splits)
    found = PysklDataset(tmp_path / "ntu.pkl", tmp_path, protocol="xsub")
    assert_same(data, found)
    assert found.class_names == data.class_names and found.num_classes == 60
    sides = [[d.store.names[i] for i in d.indices()] for d in found.official_split()]
    assert sides == [[d.store.names[i] for i in d.indices()] for d in (train, test)]
    half = {clip.keypoint.dtype for clip in read_pyskl(tmp_path / "ntu.pkl").clips}
    assert half == ({np.dtype("f2")} if policy == "pyskl" else {np.dtype("f4")})
    assert all(clip.score is None for clip in read_pyskl(tmp_path / "ntu.pkl").clips)


def test_missing_joints_survive(tmp_path):
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(2, 6, 17, 2)), rng.normal(size=(1, 9, 17, 2))]
    clips[1][0, 3] = 0  # present, and at the origin
    valid = [rng.uniform(size=clip.shape[:3]) > 0.3 for clip in clips]
    valid[1][0, 3] = True
    data = SkeletonDataset.from_arrays(
        clips, [1, 0], "coco17", root=tmp_path / "store", valid=valid, names=["a", "b"], axes="MTVC"
    )
    export_pyskl(data, tmp_path / "a.pkl")
    again = PysklDataset(tmp_path / "a.pkl", tmp_path, options=PysklOptions(pixels="keep"))
    assert_same(data, again)
    export_pyskl(data[1:], tmp_path / "b.pkl", {"all": data[1:]})
    assert read_pyskl(tmp_path / "b.pkl").splits == {"all": ("b",)}
    with pytest.raises(DataError, match="is no clip"):
        export_pyskl(data[1:], tmp_path / "b.pkl", {"all": data})


@pytest.mark.oracle
def test_the_file_of_the_converter_is_written_from_the_skeletons(tmp_path):
    root = oracles()
    oracle = root / "data/ntu"
    (tmp_path / "list.txt").write_text("S001C002P005R002A008\n")
    splits = {}
    for protocol in ("xsub", "xview"):
        data = NTURGBD(
            oracle / "skeleton", 60, protocol, "pyskl",
            incomplete=tmp_path / "list.txt", processed_root=tmp_path,
        )  # fmt: skip
        sides = data.official_split()
        splits |= {f"{protocol}_{end}": v for end, v in zip(("train", "val"), sides, strict=True)}
    export_pyskl(data, tmp_path / "ours.pkl", splits)
    ours, theirs = (
        read_pyskl(path) for path in (tmp_path / "ours.pkl", oracle / "pyskl_ntu60_3danno.pkl")
    )
    assert ours.splits == theirs.splits and len(ours.clips) == len(theirs.clips) == 20
    for one, other in zip(ours.clips, theirs.clips, strict=True):
        assert (one.name, one.label, one.score) == (other.name, other.label, other.score)
        assert one.keypoint.dtype == other.keypoint.dtype
        np.testing.assert_array_equal(one.keypoint, other.keypoint)
