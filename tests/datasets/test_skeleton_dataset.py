import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from data_helpers import STICK, array
from torch_geometric.data import Dataset
from torch_geometric.loader import DataLoader

from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset, concat
from pyg_skeletonmae.draws import clip_keys
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonError, SkeletonFormatError
from pyg_skeletonmae.layouts import COCO17, UIPRMD22
from pyg_skeletonmae.transforms import ToFrameGraphs, ToStreams

SIZES = [(1, 5), (2, 3), (1, 1), (3, 9), (1, 4), (5, 2)]
ARRAYS = [array(*size, seed=i) for i, size in enumerate(SIZES)]
LABELS, SUBJECTS = [0, 1, 2, 0, 1, 2], [1, 2, 3, 1, 2, 3]
NAMES = [f"S{i // 2:03}C{i % 2:03}" for i in range(6)]


def make(root: Path, **changes) -> SkeletonDataset:
    settings = {"subjects": SUBJECTS, "names": NAMES, **changes}
    return SkeletonDataset.from_arrays(ARRAYS, LABELS, STICK, root=root / "store", **settings)


@pytest.fixture
def dataset(tmp_path):
    return make(tmp_path)


def test_is_a_dataset_of_pyg(dataset):
    assert isinstance(dataset, Dataset) and repr(dataset) == "SkeletonDataset(6)"
    assert len(dataset) == dataset.len() == 6 and list(dataset.indices()) == list(range(6))
    assert dataset.num_classes == 3 and dataset.class_names == ("0", "1", "2")
    assert dataset.skeleton == STICK
    assert dataset.labels.tolist() == LABELS and dataset.subjects.tolist() == SUBJECTS
    for i, data in enumerate(dataset):
        persons, frames = SIZES[i]
        assert data.pos.shape == (4 * persons, frames, 3) and type(data).__name__ == "Data"
        assert int(data.y) == LABELS[i] and int(data.subject) == SUBJECTS[i]
        assert data.valid.all() and int(data.num_tracks) == persons and int(data.clip_id) == i


def test_collates(dataset):
    batch = next(iter(DataLoader([data for data in dataset if data.pos.size(1) == 9] * 2, 2)))
    assert batch.pos.shape == (24, 9, 3) and batch.num_tracks.tolist() == [3, 3]
    assert batch.clip_id.tolist() == [3, 3] and batch.y.tolist() == [0, 0]
    assert int(batch.edge_index.max()) == 23


@pytest.mark.parametrize(
    ("index", "numbers"),
    [
        (slice(1, 4), [1, 2, 3]),
        (slice(None, None, -1), [5, 4, 3, 2, 1, 0]),
        ([4, 0], [4, 0]),
        (torch.tensor([2, 2]), [2, 2]),
        (torch.tensor([True, False] * 3), [0, 2, 4]),
        (np.array([5]), [5]),
        (slice(0.5), [0, 1, 2]),
    ],
)
def test_views(dataset, index, numbers):
    view = dataset[index]
    assert isinstance(view, SkeletonDataset) and len(view) == len(numbers)
    assert view.store is dataset.store, "a view copies nothing"
    assert view.labels.tolist() == [LABELS[i] for i in numbers]
    assert view.subjects.tolist() == [SUBJECTS[i] for i in numbers]
    assert [int(data.clip_id) for data in view] == numbers
    assert [int(data.clip_id) for data in view[:1]] == numbers[:1]
    assert view.num_classes == 3


def test_shuffle(dataset):
    view, order = dataset.shuffle(return_perm=True)
    assert view.labels.tolist() == [LABELS[i] for i in order]


def test_transform_runs_at_access_only(tmp_path):
    def shift(data):
        data.pos = data.pos + 1
        return data

    dataset = make(tmp_path, transform=shift)
    plain = SkeletonDataset(tmp_path / "store")
    assert torch.equal(dataset[1].pos, plain[1].pos + 1)
    assert torch.equal(dataset.get(1).pos, plain[1].pos)


def test_pre_transform_and_pre_filter(tmp_path):
    make(tmp_path)

    def double(data):
        data.pos = data.pos * 2
        return data

    def crowd(data):
        return int(data.num_tracks) > 1

    root = tmp_path / "store"
    dataset = SkeletonDataset(root, None, double, crowd)
    assert len(dataset) == 3 and dataset.labels.tolist() == [1, 0, 2]
    assert torch.equal(dataset[1].pos, SkeletonDataset(root)[3].pos * 2)
    assert len(dataset[0].key) == 1
    before = (dataset.store.root / "card.json").stat().st_mtime_ns
    assert len(SkeletonDataset(root, None, double, crowd)) == 3
    assert (dataset.store.root / "card.json").stat().st_mtime_ns == before
    SkeletonDataset(root, None, double, crowd, force_reload=True)
    assert (dataset.store.root / "card.json").stat().st_mtime_ns != before
    assert len(SkeletonDataset(root)) == 6


def test_keys(dataset):
    def keys(view):
        return torch.cat([data.key for data in view])

    assert torch.equal(keys(dataset), clip_keys(0, 0, torch.arange(6)))
    view = dataset[[4, 1]]
    view.set_epoch(3, seed=7)
    assert torch.equal(keys(view), clip_keys(7, 3, torch.tensor([4, 1])))
    assert torch.equal(keys(dataset), clip_keys(0, 0, torch.arange(6))), "another view's epoch"


@pytest.mark.parametrize(
    ("by", "train", "test", "wanted"),
    [
        ("subject", [1, 3], None, ([0, 2, 3, 5], [1, 4])),
        ("subject", [1], [3], ([0, 3], [2, 5])),
        ("label", [0], None, ([0, 3], [1, 2, 4, 5])),
        ("name", NAMES[:2], None, ([0, 1], [2, 3, 4, 5])),
        (lambda name: int(name[5:8]), [1], None, ([1, 3, 5], [0, 2, 4])),
    ],
)
def test_split(dataset, by, train, test, wanted):
    sides = dataset.split(by, train=train, test=test)
    for side, numbers in zip(sides, wanted, strict=True):
        assert list(side.indices()) == numbers
        assert side.store is dataset.store


def test_split_of_a_view(dataset):
    train, test = dataset[1:5].split(train=[2])
    assert (list(train.indices()), list(test.indices())) == ([1, 4], [2, 3])


def test_split_refused(dataset):
    for train, message in [([], "train side"), ([1, 2, 3], "test side"), ([9], "no clip has 9")]:
        with pytest.raises(DataError, match=rf"split by 'subject'.*{message}"):
            dataset.split(train=train)
    with pytest.raises(DataError, match=r"'camera'.*only .'subject', 'label'. and 'name'"):
        dataset.split("camera", train=[1])


def test_from_tensors_and_names_of_layouts(tmp_path):
    clips = (torch.rand(frames, 22, 2).double() for frames in (3, 4))
    labels = torch.tensor([1, 0])
    dataset = SkeletonDataset.from_arrays(
        clips, labels, "uiprmd22", root=tmp_path / "s", class_names=["sit", "stand", "fall"]
    )
    assert dataset.skeleton == UIPRMD22 and dataset.num_classes == 3
    assert dataset[1].pos.shape == (22, 4, 2) and dataset[1].pos.dtype == torch.float32
    assert dataset.store.names == ("clip 0", "clip 1")
    with pytest.raises(SkeletonError, match="unknown layout"):
        SkeletonDataset.from_arrays([], [], "uiprmd2", root=tmp_path / "t")


def test_unlabelled(tmp_path):
    dataset = SkeletonDataset.from_arrays(ARRAYS, None, STICK, root=tmp_path / "s")
    assert dataset.num_classes == 0 and "y" not in dataset[0]
    assert dataset.subjects.tolist() == [-1] * 6
    with pytest.raises(DataError, match="no labels"):
        _ = dataset.labels
    with pytest.raises(DataError, match=r"only .'subject'. and 'name'"):
        dataset.split("label", train=[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS[:4]}, "clip 4: there are more clips than entries of 'label'"),
        ({"labels": [*LABELS, 1]}, "6 clips, but more entries of 'label'"),
        ({"subjects": SUBJECTS[:1]}, "clip 1: .* 'subject'"),
        ({"valid": [None]}, "clip 1: .* 'valid'"),
        ({"labels": [0, 1, 2, 0, 1, 7], "class_names": list("abc")}, "clip 5: label 7.*3 classes"),
        ({"labels": 5}, "labels: expected one for each clip, found 5"),
        ({"class_names": ["u\u0308", "b", "\u00fc"]}, "class_names: '\u00fc' stands twice"),
        ({"labels": [0, 1, 2, 0, 1, -1]}, "clip 5: label -1"),
        ({"labels": np.array(LABELS) * 0.5}, "clip 0: label must be an integer, found"),
        ({"skeleton": COCO17}, "clip 0: 4 joints"),
        ({"clips": [*ARRAYS[:5], array(1, 2, 2)]}, "clip 5: 2 channels, but the clips before it 3"),
        ({"clips": [*ARRAYS[:5], array(0, 2)]}, "clip 5: has no persons"),
        ({"clips": [*ARRAYS[:5], array(2, 0)]}, "clip 5: has no frames"),
        ({"clips": [*ARRAYS[:5], ARRAYS[5].astype(int)]}, "clip 5: .*floating point, found int64"),
        ({"clips": [], "labels": []}, "none was given"),
    ],
)
def test_bad_arrays(tmp_path, changes, message):
    settings = {"clips": ARRAYS, "labels": LABELS, "skeleton": STICK, **changes}
    with pytest.raises(DataError, match=message):
        SkeletonDataset.from_arrays(**settings, root=tmp_path / "s")
    assert not list(tmp_path.iterdir())


def holed(tmp_path, nan):
    clips = [clip.copy() for clip in ARRAYS]
    clips[3][1, 4, 2] = np.nan
    clips[5][2, :, 0] = np.inf
    return SkeletonDataset.from_arrays(
        clips, LABELS, STICK, root=tmp_path / "s", nan=nan, names=NAMES
    )


def test_nan(tmp_path):
    with pytest.raises(DataError, match=f"{NAMES[3]}: frame 4, joint 2, person 1"):
        holed(tmp_path, "error")
    assert not list(tmp_path.iterdir())
    dropped = holed(tmp_path / "drop", "drop")
    assert dropped.labels.tolist() == [0, 1, 2, 1] and dropped.num_classes == 3
    assert dropped.store.card["dropped"] == {
        "coordinates that are not finite": [NAMES[3], NAMES[5]]
    }
    filled = holed(tmp_path / "fill", "interpolate")
    assert filled[3].valid.all() and filled[3].pos.isfinite().all()
    missing = (~filled[5].valid).nonzero()
    assert missing.tolist() == [[8, 0], [8, 1]] and not filled[5].pos[8].any()


def test_valid_is_carried(tmp_path):
    masks = [np.random.default_rng(i).random(clip.shape[:3]) > 0.3 for i, clip in enumerate(ARRAYS)]
    masks[2][:] = True
    dataset = make(tmp_path, valid=masks)
    for data, mask in zip(dataset, masks, strict=True):
        wanted = torch.from_numpy(mask).transpose(1, 2).flatten(0, 1)
        assert torch.equal(data.valid, wanted)
        assert not data.pos[~data.valid].any()


def test_npz_round_trip(tmp_path, dataset):
    dataset[[3, 1, 4]].to_npz(tmp_path / "exact.npz", scale=None)
    again = SkeletonDataset.from_npz(tmp_path / "exact.npz", tmp_path / "again")
    assert again.skeleton.joints == STICK.joints and again.skeleton.bones == STICK.bones
    assert again.store.names == tuple(NAMES[i] for i in (3, 1, 4))
    assert again.class_names == dataset.class_names
    for new, old in enumerate((3, 1, 4)):
        found, wanted = again[new], dataset[old]
        for key in ("pos", "valid", "edge_index", "y", "subject", "num_tracks"):
            assert torch.equal(found[key], wanted[key]), key
    dataset.to_npz(tmp_path / "rounded.npz")
    rounded = SkeletonDataset.from_npz(
        tmp_path / "rounded.npz", tmp_path / "rounded", skeleton=STICK
    )
    assert rounded.skeleton == STICK
    for found, wanted in zip(rounded, dataset, strict=True):
        torch.testing.assert_close(found.pos, wanted.pos, atol=0.000101, rtol=0)


def test_npz_with_valid_nan_and_two_channels(tmp_path):
    clip, valid = array(2, 3, 2), np.ones((2, 3, 4), bool)
    valid[0, 1, 2] = False
    dataset = SkeletonDataset.from_arrays(
        [clip], None, STICK, root=tmp_path / "a", valid=[valid], axes="MTVC"
    )
    dataset.to_npz(tmp_path / "a.npz", scale=0.001)
    again = SkeletonDataset.from_npz(tmp_path / "a.npz", tmp_path / "b")
    assert torch.equal(again[0].valid, dataset[0].valid) and again.num_classes == 0
    assert again[0].pos.size(2) == 2
    dataset.to_npz(tmp_path / "c.npz", scale=None)
    with np.load(tmp_path / "c.npz") as file:
        arrays = dict(file)
    arrays["joints"][0, 0, 0] = np.nan
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(DataError, match="clip 0: frame 0"):
        SkeletonDataset.from_npz(tmp_path / "c.npz", tmp_path / "c")
    assert len(SkeletonDataset.from_npz(tmp_path / "c.npz", tmp_path / "c", nan="interpolate")) == 1


def test_npz_refused(tmp_path, dataset):
    dataset.to_npz(tmp_path / "a.npz", scale=None)
    with pytest.raises(DataError, match="not those of skeleton 'uiprmd22'"):
        SkeletonDataset.from_npz(tmp_path / "a.npz", tmp_path / "s", skeleton="uiprmd22")
    with pytest.raises(SkeletonFormatError, match="no such file"):
        SkeletonDataset.from_npz(tmp_path / "b.npz", tmp_path / "s")
    with pytest.raises(DataError, match="exists already"):
        SkeletonDataset.from_npz(tmp_path / "a.npz", tmp_path / "store")
    assert not (tmp_path / "s").exists()
    with pytest.raises(SkeletonFormatError, match=r"card\.json"):
        SkeletonDataset(tmp_path / "s")


def test_workers_open_the_store_themselves(dataset):
    data = pickle.dumps(dataset[[1, 2]])
    assert len(data) < 20_000
    again = pickle.loads(data)
    assert again.labels.tolist() == [1, 2] and torch.equal(again[0].pos, dataset[1].pos)
    assert isinstance(again.store, ClipStore)


def planar(tmp_path, clips, **settings):
    return SkeletonDataset.from_arrays(clips, None, STICK, root=tmp_path / "axes", **settings)


@pytest.mark.parametrize("persons", [2, 3])
@pytest.mark.parametrize("axes", ["MTVC", "CTVM", "TMVC"])
def test_people_in_two_dimensions_are_read_in_silence_when_axes_are_said(tmp_path, persons, axes):
    wanted, masks = array(persons, 9, 2), np.random.default_rng(1).random((persons, 9, 4)) > 0.2
    order = ["MTVC".index(axis) for axis in axes]
    valid = [masks.transpose([i for i in order if i != 3])]
    dataset = planar(tmp_path, [wanted.transpose(order)], axes=axes, valid=valid)
    assert dataset.card["notes"] == []
    clip = dataset.store.clip(0)
    np.testing.assert_array_equal(clip.valid, masks)
    np.testing.assert_array_equal(clip.pos[masks], wanted[masks])


@pytest.mark.parametrize("make", [np.stack, list, torch.tensor, lambda x: (clip for clip in x)])
def test_axes_that_the_numbers_do_not_decide(tmp_path, make):
    clips = make(np.stack([array(2, 9, 2, seed) for seed in range(3)]))
    with pytest.warns(UserWarning, match=r"axes='MTVC' or axes='CTVM'.*\(3: clip 0, clip 1"):
        dataset = planar(tmp_path, clips)
    assert "CTVM" in dataset.card["notes"][0] and len(dataset) == 3


def test_axes_that_the_numbers_decide(tmp_path):
    clips = np.stack([array(2, 9, 2, seed) for seed in range(3)])
    clips[2, ..., 1] = 0
    with pytest.raises(ConfigError, match=r"clip 2: .*absent; pass axes='CTVM'"):
        planar(tmp_path, clips)
    with pytest.raises(ConfigError, match=r"axes='MTV': expected the order"):
        planar(tmp_path, clips, axes="MTV")
    assert not list(tmp_path.iterdir())
    single = array(1, 9, 3)[0]
    with pytest.raises(DataError, match=r"clip 0: 9 joints.*axes='CTVM' if it holds CTV"):
        planar(tmp_path, [single.transpose(2, 0, 1)])
    clip = planar(tmp_path, [single.transpose(2, 0, 1)], axes="CTVM").store.clip(0)
    np.testing.assert_array_equal(clip.pos[0], single)


@pytest.mark.parametrize("nothing", [0, np.nan])
def test_persons_who_are_nowhere_are_no_tracks(tmp_path, nothing):
    clips = [array(3, 5), array(1, 4)]
    clips[0][1] = nothing
    dataset = planar(tmp_path, clips)
    assert dataset.card["persons"] == {"1": 1, "2": 1}
    np.testing.assert_array_equal(dataset.store.clip(0).pos, clips[0][[0, 2]])


def test_clips_of_nobody(tmp_path):
    clips = [array(2, 5), np.zeros((2, 4, 4, 3))]
    with pytest.warns(UserWarning, match="nobody is seen"):
        dataset = planar(tmp_path, clips)
    assert dataset.card["notes"][0] == "nobody is seen: all coordinates are zero (1: clip 1)"
    clips[1][:] = np.nan
    with pytest.raises(DataError, match="clip 1: frame 0"):
        planar(tmp_path / "error", clips)
    assert len(planar(tmp_path / "drop", clips, nan="drop")) == 1


def test_labels_by_name(tmp_path):
    labels = np.array(["turn", "sit", "turn", "wave", "sit", "wave"])
    dataset = SkeletonDataset.from_arrays(ARRAYS, labels, STICK, root=tmp_path / "a")
    assert dataset.class_names == ("sit", "turn", "wave")
    assert dataset.labels.tolist() == [1, 0, 1, 2, 0, 2]
    train, test = dataset.split("label", ["turn", 0])
    assert list(train.indices()) == [0, 1, 2, 4] and list(test.indices()) == [3, 5]
    assert len(dataset.split("label", train=["sit"], test=["wave"])[1]) == 2
    with pytest.raises(DataError, match="no class 'wavy'; did you mean 'wave'"):
        dataset.split("label", ["wavy"])
    settings = {"class_names": ["turn", "sit", "wave", "fall"], "root": tmp_path / "b"}
    dataset = SkeletonDataset.from_arrays(ARRAYS, labels, STICK, **settings)
    assert dataset.labels.tolist() == [0, 1, 0, 2, 1, 2]
    assert dataset.card["clips_per_class"]["fall"] == 0
    names = [str(number) for number in range(500)]
    labels = [0, 1, 2, 0, 1, 499]
    dataset = SkeletonDataset.from_arrays(
        ARRAYS, labels, STICK, root=tmp_path / "c", class_names=names
    )
    assert dataset.card["notes"] == ["496 of 500 classes have no clip"]


@pytest.mark.parametrize("label", [101, 20_240_101, 2_000_000_000, 10**25])
def test_labels_that_are_no_classes(tmp_path, label):
    labels = [0, 1, 2, 0, 1, label]
    with pytest.raises(DataError, match=r"pass class_names|64 bits"):
        SkeletonDataset.from_arrays(ARRAYS, labels, STICK, root=tmp_path / "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("label", [1.0, True, float("nan"), None, -1])
def test_labels_of_other_types(tmp_path, label):
    with pytest.raises(DataError):
        SkeletonDataset.from_arrays(ARRAYS, [0, 1, 2, 0, 1, label], STICK, root=tmp_path / "a")


def test_further_columns(tmp_path):
    columns = {"camera": [1, 2, 3] * 2, "tempo": torch.linspace(0, 1, 6), "day": list("abcabc")}
    dataset = make(tmp_path, columns=columns)
    assert [list(side.indices()) for side in dataset.split("camera", train=[1, 3])] == [
        [0, 2, 3, 5],
        [1, 4],
    ]
    for kept in (dataset, SkeletonDataset(tmp_path / "store", None, lambda data: data)):
        assert list(kept.split("day", ["a", "c"])[1].indices()) == [1, 4]
    with pytest.raises(DataError, match=r"'tempo', 'day'. and 'name'; did you mean 'camera'"):
        dataset.split("kamera", train=[1])
    with pytest.raises(DataError, match="no clip has 4; there are 1, 2, 3"):
        dataset.split("camera", train=[4])
    with pytest.raises(DataError, match="clip 2: there are more clips than entries of 'day'"):
        make(tmp_path / "b", columns={"day": [1, 2]})
    with pytest.raises(DataError, match="column 'label'"):
        make(tmp_path / "c", columns={"label": [1] * 6})


def test_in_memory(tmp_path, monkeypatch):
    """Without a folder nothing is left on the disk, and clips are the same."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spare"))
    (tmp_path / "spare").mkdir()
    monkeypatch.chdir(tmp_path)
    valid = [np.ones(clip.shape[:-1], bool) for clip in ARRAYS]
    valid[0][..., 1] = False
    kept, held = (
        SkeletonDataset.from_arrays(ARRAYS, LABELS, STICK, root=root, valid=valid)
        for root in (tmp_path / "store", None)
    )
    assert held.store.in_memory and not kept.store.in_memory
    assert held.store.content_hash == kept.store.content_hash
    held.store.verify()
    for mine, other in zip(held, kept, strict=True):
        assert torch.equal(mine.pos, other.pos) and torch.equal(mine.valid, other.valid)
    train, _ = held.split("label", train=[0])
    assert len(list(DataLoader(train, 1))) == len(train) == 2
    sent = pickle.loads(pickle.dumps(held))
    assert torch.equal(sent[2].pos, held[2].pos) and repr(sent.store) == repr(held.store)
    twice = SkeletonDataset(held.store, None, lambda clip: clip)
    assert twice.store.in_memory and torch.equal(twice[1].pos, held[1].pos)
    both = concat([held, kept])
    assert len(both) == 2 * len(held) and SkeletonDataset(both.store, None, lambda clip: clip)
    with pytest.raises(DataError, match="clips in memory: these clips have no official split"):
        held.official_split()
    held.to_npz(tmp_path / "clips.npz", scale=None)
    assert torch.equal(SkeletonDataset.from_npz(tmp_path / "clips.npz")[0].pos, held[0].pos)
    assert {path.name for path in tmp_path.iterdir()} == {"spare", "store", "clips.npz"}
    assert not any((tmp_path / "spare").iterdir())


def test_labels_and_channels_by_the_names_of_pyg(tmp_path):
    dataset = SkeletonDataset.from_arrays(ARRAYS, LABELS, STICK)
    assert torch.equal(dataset.y, dataset.labels) and torch.equal(dataset[:2].y, dataset.labels[:2])
    assert torch.equal(dataset.y, torch.cat([clip.y for clip in dataset]))
    assert SkeletonDataset.from_arrays(ARRAYS, None, STICK).y is None
    channels = ARRAYS[0].shape[-1]
    assert dataset.num_node_features == dataset.num_features == channels
    assert dataset[:1].num_node_features == channels
    streams = SkeletonDataset(dataset.store, ToStreams(STICK, ["joint", "bone"]))
    assert streams.num_node_features == streams[0].pos.size(-1) == 2 * channels
    graphs = SkeletonDataset(dataset.store, ToFrameGraphs())
    assert graphs.num_node_features == graphs[0].x.size(-1) == channels
