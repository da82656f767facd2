import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ntu_helpers import person, write_skeleton
from oracle_helpers import oracles

from pyg_skeletonmae.datasets.sets.ntu import NTURGBD
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data/ntu"


@pytest.fixture
def root(tmp_path) -> Path:
    """Two training subjects and one of the test side, a clip that shows nobody, one of 120."""
    folder = tmp_path / "nturgb+d_skeletons"
    folder.mkdir()
    names = ("S001C001P001R001A001", "S002C002P002R002A050", "S003C003P003R001A060")
    for seed, name in enumerate((*names, "S018C001P041R001A061")):
        tracks = {5: (0, person(12 + seed, seed)), 6: (0, person(12 + seed, seed + 9))}
        write_skeleton(folder, tracks, 12 + seed, name)
    write_skeleton(folder, {}, 20, "S001C001P001R001A002")
    return tmp_path


def test_clips_and_columns(root):
    data = NTURGBD(root)
    assert repr(data) == "NTURGBD(3)" and (data.num_classes, data.class_names[0]) == (60, "A001")
    assert data.labels.tolist() == [0, 49, 59] and data.subjects.tolist() == [1, 2, 3]
    store = data.store
    assert store.root == root / "processed/ntu60-ctrgcn" and store.skeleton.name == "ntu25"
    assert store.extra["setup"].tolist() == store.extra["camera"].tolist() == [1, 2, 3]
    assert data[1].pos.shape == (50, 13, 3) and int(data[1].num_tracks) == 2
    assert store.card["dropped"] == {"none of the 20 frames shows a body": ["S001C001P001R001A002"]}
    assert (store.card["source"], store.card["policy"]) == ("NTU RGB+D 60, 4 files", "ctrgcn")
    assert "no list was given, published numbers leave 302 out" in store.card["notes"][0]
    assert store.card["files"]["count"] == 4
    splits = {name: split["clips"] for name, split in store.card["splits"].items()}
    assert splits == {"xsub train": 2, "xsub test": 1, "xview train": 2, "xview test": 1}
    assert store.card["splits"]["xsub test"]["per_class"]["A060"] == 1


def test_official_split(root):
    train, test = NTURGBD(root, protocol="xsub").official_split()
    assert (train.subjects.tolist(), test.subjects.tolist()) == ([1, 2], [3])
    train, test = NTURGBD(root, protocol="xview").official_split()
    assert (train.subjects.tolist(), test.subjects.tolist()) == ([2, 3], [1])
    train, test = NTURGBD(root, 120, "xset").official_split()
    assert (train.subjects.tolist(), test.subjects.tolist()) == ([2, 41], [1, 3])


def test_policies_make_stores_of_their_own(root):
    found = {policy: NTURGBD(root, policy=policy) for policy in ("ctrgcn", "pyskl", "none")}
    assert len({data.store.content_hash for data in found.values()}) == 3
    assert len({data.store.root for data in found.values()}) == 3
    again = NTURGBD(root, policy="none", force_reload=True)
    assert again.store.content_hash == found["none"].store.content_hash


def test_incomplete_clips(root):
    (root / "list.txt").write_text("S002C002P002R002A050\n")
    data = NTURGBD(root, incomplete=root / "list.txt", processed_root=root / "p")
    assert data.subjects.tolist() == [1, 3]
    assert data.store.card["dropped"]["on the owners' list of incomplete clips"] == [
        "S002C002P002R002A050"
    ]
    assert "a list of 1, but the owners' list has 302" in data.store.card["notes"][0]
    assert list(data.store.card["inputs"]) == ["list.txt"]
    assert len(NTURGBD(root, processed_root=root / "p")) == 3


def test_errors(root, tmp_path):
    with pytest.raises(ConfigError, match="expected one of ctrgcn, pyskl, none"):
        NTURGBD(root, policy="all")
    with pytest.raises(ConfigError, match="NTU RGB\\+D 60 xset"):
        NTURGBD(root, protocol="xset")
    with pytest.raises(DataError, match=r"no \.skeleton file"):
        NTURGBD(tmp_path / "empty")
    with pytest.raises(SkeletonFormatError, match="the list of incomplete clips"):
        NTURGBD(root, incomplete=root / "none.txt")


def test_damaged_files_are_left_out(root):
    (root / "S001C001P001R001A003.skeleton").write_text("1\n1\n")
    data = NTURGBD(root, workers=2)
    assert data.subjects.tolist() == [1, 2, 3]
    ((reason, names),) = list(data.store.card["dropped"].items())[1:]
    assert names == ["S001C001P001R001A003"] and reason.startswith("line 3: expected a body")
    for path in root.rglob("*.skeleton"):
        path.write_text("1\n1\n")
    with pytest.raises(
        DataError, match=r"no clip is left, 5 were dropped; the first, S001C001P001"
    ):
        NTURGBD(root, force_reload=True)
    assert [path.name for path in (root / "processed").iterdir()] == ["ntu60-ctrgcn"]
    assert len(NTURGBD(root)) == 3, "the old store is still there"


def test_what_is_no_clip_is_left_out(root):
    folder = root / "nturgb+d_skeletons"
    for name in ("._S001C001P001R001A001", "S001C001P001R001A001 (1)", "S001C001P001R001A999"):
        (folder / f"{name}.skeleton").write_bytes(b"\0")
    write_skeleton(folder, {i: (i, person(1, i)) for i in range(700)}, 700, "S001C001P001R001A005")
    data = NTURGBD(root, policy="none")
    assert len(data) == 3
    names = [name for dropped in data.card["dropped"].values() for name in dropped]
    assert sorted(names) == [
        "S001C001P001R001A001 (1)",
        "S001C001P001R001A002",
        "S001C001P001R001A005",
        "S001C001P001R001A999",
    ]
    assert any("._S001C001P001R001A001.skeleton" in note for note in data.card["notes"])


def test_list_that_is_there_is_not_fetched(root):
    names = [f"S001C001P{1 + i // 60:03}R002A{1 + i % 60:03}" for i in range(301)]
    text = "\n".join([*names, "S002C002P002R002A050"])
    (root / "NTU_RGBD_samples_with_missing_skeletons.txt").write_text(text)
    data = NTURGBD(root, incomplete="fetch")
    assert data.subjects.tolist() == [1, 3]
    assert data.card["notes"] == ["without incomplete clips: a list of 302"]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("version", "protocol", "name"),
    [
        (60, "xsub", "NTU60_CS"),
        (60, "xview", "NTU60_CV"),
        (120, "xsub", "NTU120_CSub"),
        (120, "xset", "NTU120_CSet"),
    ],
)
def test_recorded_splits(oracle, tmp_path, version, protocol, name):
    (tmp_path / "list.txt").write_text("S001C002P005R002A008\n")
    data = NTURGBD(
        oracle / "skeleton",
        version,
        protocol,
        incomplete=tmp_path / "list.txt",
        processed_root=tmp_path,
    )
    recorded = json.loads((oracle / "ctrgcn_mamp.json").read_text())["splits"][name]
    with np.load(oracle / "ctrgcn_mamp_arrays.npz") as arrays:
        for side, view in zip(("train", "test"), data.official_split(), strict=True):
            names = [view.store.names[i] for i in view.indices()]
            assert names == sorted(recorded[side])
            for clip_name, clip in zip(names, view, strict=True):
                tracks = clip.pos.view(int(clip.num_tracks), 25, -1, 3)
                wanted = torch.from_numpy(arrays[f"{clip_name}/centred"])
                found = tracks.permute(2, 0, 1, 3).reshape(wanted.shape)
                torch.testing.assert_close(found, wanted, rtol=0, atol=0)
