import json
from pathlib import Path

import numpy as np
import pytest
from ntu_helpers import person, write_skeleton
from oracle_helpers import oracles

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io.ntu import read_ntu
from pyg_skeletonmae.io.ntu_policies import Persons, all_bodies, ctrgcn, pyskl


@pytest.fixture
def oracle() -> Path:
    root = oracles()
    return root / "data/ntu"


def columns(persons: Persons) -> np.ndarray:
    return persons.pos.transpose(1, 0, 2, 3).reshape(persons.pos.shape[1], -1)


def half(pos: np.ndarray) -> np.ndarray:
    return pos.astype(np.float16).astype(np.float32)


def test_one_person(tmp_path):
    pos = person(15)
    clip = read_ntu(write_skeleton(tmp_path, {5: (3, pos)}, 20))
    kept = all_bodies(clip)
    assert kept.pos.shape == (1, 20, 25, 3) and kept.frames.tolist() == list(range(20))
    assert kept.valid[0].any(1).tolist() == [3 <= frame < 18 for frame in range(20)]
    np.testing.assert_array_equal(kept.pos[0, 3:18], pos)
    assert not kept.pos[0, :3].any()
    plain = ctrgcn(clip, centre=False)
    np.testing.assert_array_equal(plain.pos[0], pos)
    np.testing.assert_array_equal(ctrgcn(clip).pos[0], pos - pos[0, 1])
    np.testing.assert_array_equal(pyskl(clip).pos[0], half(pos))
    assert plain.ids == pyskl(clip).ids == ((5,),) and plain.valid.all()


def test_the_one_who_moves_more_is_first_and_third_persons_are_left_out(tmp_path):
    still, calm, lively = (person(20, seed, scale) for seed, scale in enumerate((0.01, 0.1, 0.2)))
    tracks = {1: (0, still), 2: (0, calm), 3: (0, lively)}
    clip = read_ntu(write_skeleton(tmp_path, tracks, 20))
    for policy in (ctrgcn, pyskl):
        assert policy(clip).ids == ((3,), (2,)) and policy(clip).pos.shape == (2, 20, 25, 3)
    assert all_bodies(clip).ids == ((1,), (2,), (3,))


def test_short_and_wide_bodies_go(tmp_path):
    tracks = {
        1: (0, person(20, 0)),
        2: (0, person(11, 1, 0.3)),
        3: (0, person(20, 2, wide=True)),
    }
    clip = read_ntu(write_skeleton(tmp_path, tracks, 20))
    for policy in (ctrgcn, pyskl):
        assert policy(clip).ids == ((1,),)
    clip = read_ntu(write_skeleton(tmp_path, {1: tracks[1], 2: (0, person(12, 1, 0.05))}, 20))
    assert ctrgcn(clip).ids == pyskl(clip).ids
    assert sorted(ctrgcn(clip).ids) == [(1,), (2,)]
    assert ctrgcn(clip).valid.any(2).sum(1).tolist() in ([20, 12], [12, 20])


def test_one_person_under_two_ids_that_share_a_frame(tmp_path):
    first, second = person(20, 0, 0.3), person(15, 1)
    clip = read_ntu(write_skeleton(tmp_path, {1: (0, first), 2: (19, second)}, 34))
    joined = ctrgcn(clip, centre=False)
    assert joined.ids == ((1, 2), ()) and not joined.valid[1].any()
    np.testing.assert_array_equal(joined.pos[0, 19], second[0])
    apart = pyskl(clip)
    assert apart.ids == ((1,), (2,)) and apart.pos.shape == (2, 34, 25, 3)


def test_main_mover_who_comes_later(tmp_path):
    tracks = {1: (4, person(16, 0, 0.3)), 2: (0, person(20, 1))}
    clip = read_ntu(write_skeleton(tmp_path, tracks, 20))
    found = ctrgcn(clip)
    assert found.ids == ((1,), (2,)) and not found.valid[0, :4].any()
    np.testing.assert_array_equal(found.pos[0, 4, 1], 0)
    assert not found.pos[0, :4].any()
    assert pyskl(clip).ids == ((2,), (1,))


@pytest.mark.parametrize(
    ("tracks", "ctrgcn_says", "pyskl_says"),
    [
        ({}, "shows a body", "shows a body"),
        ({1: (0, person(9)), 2: (9, person(11))}, "12 frames", "12 frames"),
        ({1: (0, person(20, wide=True)), 2: (0, person(20, 1, wide=True))}, "", "wider than high"),
        ({1: (0, np.zeros((20, 25, 3))), 2: (0, np.zeros((20, 25, 3)))}, "are zero", "are zero"),
    ],
)
def test_nothing_left(tmp_path, tracks, ctrgcn_says, pyskl_says):
    clip = read_ntu(write_skeleton(tmp_path, tracks, 20))
    with pytest.raises(DataError, match=pyskl_says):
        pyskl(clip)
    if ctrgcn_says:
        with pytest.raises(DataError, match=ctrgcn_says):
            ctrgcn(clip)
    else:
        assert ctrgcn(clip).ids == ((2,),)


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("policy", [ctrgcn, all_bodies])
def test_zeros_alone_are_nobody(tmp_path, policy, centre):
    clip = read_ntu(write_skeleton(tmp_path, {1: (0, np.zeros((20, 25, 3)))}, 20))
    with pytest.raises(DataError, match="all coordinates are zero"):
        policy(clip, centre) if policy is ctrgcn else policy(clip)


def test_a_body_of_zeros_is_no_track(tmp_path):
    tracks = {1: (0, np.zeros((20, 25, 3))), 2: (0, person(20))}
    assert all_bodies(read_ntu(write_skeleton(tmp_path, tracks, 20))).ids == ((2,),)


def test_an_id_for_each_frame_sets_no_size(tmp_path):
    tracks = {number: (number, np.ones((1, 25, 3))) for number in range(700)}
    clip = read_ntu(write_skeleton(tmp_path, tracks, 700))
    with pytest.raises(DataError, match="700 body ids in 700 frames"):
        all_bodies(clip)


@pytest.mark.oracle
def test_ctrgcn_as_recorded(oracle):
    recorded = json.loads((oracle / "ctrgcn_mamp.json").read_text())["per_file"]
    stopped = 0
    with np.load(oracle / "ctrgcn_mamp_arrays.npz") as arrays:
        for name, wanted in recorded.items():
            clip = read_ntu(oracle / f"skeleton/{name}.skeleton")
            if "error" in wanted["read"] or "error" in wanted["denoise"]:
                stopped += 1
                with pytest.raises(DataError):
                    ctrgcn(clip)
                continue
            plain, centred = ctrgcn(clip, centre=False), ctrgcn(clip)
            assert plain.frames.tolist() == wanted["denoise"]["kept_frames"]
            np.testing.assert_array_equal(columns(centred), arrays[f"{name}/centred"])
            if f"{name}/denoised" in arrays:
                np.testing.assert_array_equal(columns(plain), arrays[f"{name}/denoised"])
                halves = [wanted["denoise"][key] for key in ("actor1", "actor2")]
                wanted_ids = [[int(i) for i in ids] for ids in halves if ids is not None]
                assert [list(ids) for ids in plain.ids] == wanted_ids
    assert stopped == 3


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["NTU60_CS", "NTU120_CSet"])
def test_final_arrays_of_ctrgcn(oracle, name):
    splits = json.loads((oracle / "ctrgcn_mamp.json").read_text())["splits"][name]
    with np.load(oracle / f"{name}.npz") as arrays:
        for part in ("train", "test"):
            for clip_name, row in zip(splits[part], arrays[f"x_{part}"], strict=True):
                persons = ctrgcn(read_ntu(oracle / f"skeleton/{clip_name}.skeleton"))
                wanted = np.zeros_like(row)
                one, frames = columns(persons), persons.pos.shape[1]
                if len(persons.pos) == 1 and name.startswith("NTU120"):
                    one = np.concatenate([one, one], 1)
                wanted[:frames, : one.shape[1]] = one
                np.testing.assert_array_equal(wanted, row)


@pytest.mark.oracle
def test_pyskl_as_recorded(oracle):
    recorded = json.loads((oracle / "pyskl.json").read_text())["per_file"]
    stopped = 0
    with np.load(oracle / "pyskl_keypoints.npz") as arrays:
        for name, wanted in recorded.items():
            clip = read_ntu(oracle / f"skeleton/{name}.skeleton")
            if not wanted["annotation"] or "error" in wanted["annotation"]:
                stopped += 1
                with pytest.raises(DataError):
                    pyskl(clip)
                continue
            np.testing.assert_array_equal(pyskl(clip).pos.astype(np.float16), arrays[name])
    assert stopped == 3


@pytest.mark.oracle
def test_no_policy_keeps_every_block(oracle):
    for path in sorted((oracle / "skeleton").glob("*.skeleton")):
        clip = read_ntu(path)
        if clip.bodies:
            kept = all_bodies(clip)
            blocks = sum(len(set(body.frames.tolist())) for body in clip.bodies)
            assert kept.valid.sum() == blocks * 25
