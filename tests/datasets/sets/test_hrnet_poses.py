import pytest
from pyskl_helpers import save_athletes

from pyg_skeletonmae.datasets.sets.hrnet_poses import Diving48, FineGym
from pyg_skeletonmae.datasets.sets.pyskl_clips import PysklOptions
from pyg_skeletonmae.errors import DataError, SkeletonFormatError


@pytest.mark.parametrize(
    ("kind", "second", "classes", "sizes"),
    [(FineGym, "val", 99, (20_484, 8_521)), (Diving48, "test", 48, (15_027, 1_970))],
)
def test_data_set(tmp_path, kind, second, classes, sizes):
    assert kind.sizes == sizes
    save_athletes(tmp_path / "raw" / kind.file, second, classes)
    data = kind(tmp_path)
    assert repr(data) == f"{kind.__name__}(6)" and data.num_classes == classes
    assert data.labels[:3].tolist() == [classes - 1, classes - 2, classes - 3]
    train, test = data.official_split()
    assert len(train) == len(test) == 3 == len(kind(tmp_path, second))
    assert data.store.root.parent == tmp_path / "processed" and data.skeleton.name == "coco17"


def test_a_class_too_many_is_left_out(tmp_path):
    save_athletes(tmp_path / FineGym.file, num_classes=101)
    data = FineGym(tmp_path, options=PysklOptions("both"))
    assert sorted(data.labels.tolist()) == [98, 98] and data[0].pos.shape[-1] == 3


def test_complete_data_must_divide_as_published(tmp_path, monkeypatch):
    monkeypatch.setattr(Diving48, "sizes", (5, 1))
    save_athletes(tmp_path / Diving48.file, "test", 48)
    with pytest.raises(DataError, match="not \\(5, 1\\)"):
        Diving48(tmp_path).official_split()


def test_missing(tmp_path):
    with pytest.raises(SkeletonFormatError, match="gym_hrnet"):
        FineGym(tmp_path)
    with pytest.raises(SkeletonFormatError, match="diving48_hrnet"):
        Diving48(tmp_path)
