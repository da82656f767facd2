import numpy as np
import pytest
import torch
from data_helpers import STICK, some_clips

from pyg_skeletonmae.datasets import write_store
from pyg_skeletonmae.datasets.conversion import processed_store, to_clip, to_data
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.transforms import ToMotion

KEY = torch.tensor([5])


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "s", some_clips(), STICK)


class Half:
    """Keeps half of the frames (at least one) and the first two channels."""

    calls = 0  # of all, as what an instance holds is its settings

    def __call__(self, data):
        Half.calls += 1
        frames = max(1, data.pos.size(1) // 2)
        data.pos, data.valid = data.pos[:, :frames, :2], data.valid[:, :frames]
        return data

    def __repr__(self):
        return "Half()"


def several(data):
    return int(data.num_tracks) > 1


def test_data(store):
    data = to_data(store, 3, KEY)
    assert data.pos.shape == (12, 9, 3) and data.pos.is_contiguous()
    assert data.valid.shape == (12, 9) and data.valid.dtype == torch.bool and data.valid.all()
    assert data.edge_index.shape == (2, 18) and int(data.edge_index.max()) == 11
    fields = {"y": 0, "num_tracks": 3, "clip_id": 3, "subject": 2, "key": 5}
    for key, value in fields.items():
        assert data[key].dtype == torch.long and data[key].tolist() == [value], key
    for person in range(3):
        wanted = some_clips()[3].pos[person].transpose(1, 0, 2)
        np.testing.assert_array_equal(data.pos[4 * person : 4 * person + 4], wanted)
    data.validate()


def test_data_is_a_copy(store):
    for number in range(len(store)):
        data = to_data(store, number, KEY)
        for key, value in data.to_dict().items():
            value += value.clone() if key != "valid" else True
        again = to_data(store, number, KEY)
        np.testing.assert_array_equal(
            to_clip(again, store.clip(number)).pos, some_clips()[number].pos
        )
        assert torch.equal(again.edge_index[:, :6], STICK.edge_index) and again.y < 3


def test_clip_of_data(store):
    for number in range(len(store)):
        clip, wanted = to_clip(to_data(store, number, KEY), store.clip(number)), store.clip(number)
        np.testing.assert_array_equal(clip.pos, wanted.pos)
        assert (clip.label, clip.subject, clip.name) == (wanted.label, wanted.subject, wanted.name)
    data = to_data(store, 1, KEY)
    data.pos = data.pos[:7]
    with pytest.raises(
        DataError, match=r"clip-1: expected pos \[2 \* V, T, C\], found \[7, 3, 3\]"
    ):
        to_clip(data, store.clip(1))


def derived(store, root, pre_transform=None, pre_filter=None, **kwargs):
    return processed_store(
        store, root, lambda number: to_data(store, number, KEY), pre_transform, pre_filter, **kwargs
    )


def test_processed(store, tmp_path):
    half, Half.calls = Half(), 0
    found = derived(store, tmp_path / "p", half, several)
    assert half.calls == 2 and len(found) == 2 and found.names == ("clip-1", "clip-3")
    assert found.length.tolist() == [1, 4] and found.num_channels == 2
    assert found.label.tolist() == [1, 0] and found.class_names == store.class_names
    np.testing.assert_array_equal(found.clip(1).pos, store.clip(3).pos[:, :4, :, :2])
    assert found.card["dropped"] == {"pre_filter": ["clip-0", "clip-2", "clip-4"]}


def test_processed_once_per_setting(store, tmp_path):
    half, Half.calls = Half(), 0
    first = derived(store, tmp_path / "p", half)
    assert derived(store, tmp_path / "p", half).root == first.root and half.calls == 5
    assert derived(store, tmp_path / "p", half, force_reload=True).root == first.root
    assert half.calls == 10
    assert derived(store, tmp_path / "p", half, several).root != first.root
    assert derived(store, tmp_path / "p", None, several).root != first.root
    assert len(list((tmp_path / "p").iterdir())) == 3


def test_address_of_a_function_does_not_matter(store, tmp_path):
    roots = {derived(store, tmp_path / "p", None, lambda data: True).root for _ in range(2)}
    assert len(roots) == 1


def test_settings_that_a_repr_leaves_out_are_told_apart(store, tmp_path):
    one, two = (ToMotion(scores=scores) for scores in ("keep", "mean"))
    assert repr(one) == repr(two)
    roots = {derived(store, tmp_path / "p", each).root for each in (one, two, ToMotion())}
    assert len(roots) == 2


def test_refused(store, tmp_path):
    with pytest.raises(DataError, match="at least one clip"):
        derived(store, tmp_path / "p", None, lambda data: False)

    def fewer_joints(data):
        data.pos, data.valid = data.pos[:3], data.valid[:3]
        return data

    with pytest.raises(DataError, match="clip-0: 3 joints, but 'stick' has 4"):
        derived(store, tmp_path / "p", fewer_joints)
    assert not list((tmp_path / "p").iterdir())
