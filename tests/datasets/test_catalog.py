import pytest
from ntu_helpers import person, write_skeleton
from pyskl_helpers import annotation, save_athletes, save_pyskl

from pyg_skeletonmae.datasets.catalog import FOLDERS, Settings, open_official
from pyg_skeletonmae.errors import ConfigError, DataError


def settings(root, **changes) -> Settings:
    return Settings(root, **changes)


@pytest.mark.parametrize(
    ("name", "kind", "file", "second"),
    [
        ("finegym", "FineGym", "gym_hrnet.pkl", "val"),
        ("diving48", "Diving48", "diving48_hrnet.pkl", "test"),
    ],
)
def test_athletes(tmp_path, name, kind, file, second):
    save_athletes(tmp_path / file, second, 48)
    data = open_official(name, settings(tmp_path))
    assert repr(data) == f"{kind}(6)"
    train, test = data.official_split()
    assert len(train) == len(test) == 3
    with pytest.raises(ConfigError, match=f"protocol: means nothing for {name}"):
        open_official(name, settings(tmp_path, protocol="xsub"))


def test_ntu(tmp_path):
    for name in ("S001C001P001R001A001", "S003C003P003R001A060", "S002C002P002R001A060"):
        write_skeleton(tmp_path, {5: (0, person(14))}, 14, name)
    data = open_official("ntu60", settings(tmp_path, protocol="xview", policy="none"))
    assert data.store.root.name == "ntu60-none"
    assert [side.subjects.tolist() for side in data.official_split()] == [[2, 3], [1]]
    data = open_official("ntu120", settings(tmp_path, protocol="xset"))
    assert [side.subjects.tolist() for side in data.official_split()] == [[2], [1, 3]]
    (tmp_path / "list.txt").write_text("S002C002P002R001A060\n")
    listed = settings(tmp_path, incomplete=str(tmp_path / "list.txt"))
    assert len(open_official("ntu60", listed)) == 2


def test_pyskl(tmp_path):
    clips = [annotation("a"), annotation("b", 1)]
    path = save_pyskl(tmp_path / "a.pkl", clips, {"x_train": ["a"], "x_val": ["b"]})
    data = open_official("pyskl", Settings(path, "x"))
    assert [side.labels.tolist() for side in data.official_split()] == [[0], [1]]
    assert data.store.root.parent == tmp_path / "processed"


def test_pkummd(tmp_path):
    with pytest.raises(DataError, match="no recording of PKU-MMD 2"):
        open_official("pkummd2", settings(tmp_path, protocol="xview", policy="none"))
    with pytest.raises(ConfigError, match="incomplete: means nothing for pkummd1"):
        open_official("pkummd1", settings(tmp_path, incomplete="x"))


def test_whole_recordings_of_pkummd(tmp_path):
    for folder, text in (
        ("skeleton", "\n".join([" ".join(["0.5"] * 150)] * 12)),
        ("label", "3,2,7,1"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0002-L.txt").write_text(text + "\n")
    data = open_official("pkummd1", settings(tmp_path, policy="untrimmed"))
    assert data.untrimmed and data.annotations("0002-L") == [(2, 2, 7)]
    assert open_official("pkummd1", settings(tmp_path)).labels.tolist() == [2]
    with pytest.raises(ConfigError, match="policy 'whole'"):
        open_official("pkummd1", settings(tmp_path, policy="whole"))


def test_names(tmp_path):
    assert FOLDERS["ntu60"] == FOLDERS["ntu120"] == "ntu" and "pyskl" not in FOLDERS
    with pytest.raises(ConfigError, match="'ntu': expected one of ntu60, ntu120"):
        open_official("ntu", settings(tmp_path))
