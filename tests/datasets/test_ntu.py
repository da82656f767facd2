import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from ntu_helpers import person, write_skeleton

from pyg_skeletonmae.datasets.ntu import NTURGBD
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonFormatError


@pytest.fixture
def oracle() -> Path:
    root = os.environ.get("SKELETONMAE_ORACLES")
    if not root:
        pytest.skip("SKELETONMAE_ORACLES is not set")
    return Path(root) / "data/ntu"


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
    assert store.card["source"] == (
        "NTU RGB+D 60, 4 files, policy ctrgcn, no list of incomplete clips"
    )


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
    assert "without 1 incomplete clips" in data.store.card["source"]
    assert len(NTURGBD(root, processed_root=root / "p")) == 3


def test_errors(root, tmp_path):
    with pytest.raises(ConfigError, match="expected one of ctrgcn, pyskl, none"):
        NTURGBD(root, policy="all")
    with pytest.raises(ConfigError, match="NTU RGB\\+D 60 xset"):
        NTURGBD(root, protocol="xset")
    with pytest.raises(DataError, match=r"no \.skeleton file"):
        NTURGBD(tmp_path / "empty")
    (root / "S001C001P001R001A003.skeleton").write_text("1\n1\n")
    with pytest.raises(SkeletonFormatError, match="line 3"):
        NTURGBD(root)
    assert not (root / "processed").exists() or not any((root / "processed").iterdir())


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
