"""What the public feeders make of clips, from the draws that were recorded with it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from oracle_helpers import oracles
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae.batch import as_tracks, tracks_edge_index
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.io.xy_npz import XYFile
from pyg_skeletonmae.layouts import COCO17, NTU25_CTRGCN
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.transforms import (
    CropResize,
    KeepPersons,
    PreNormalize2D,
    PreNormalize3D,
    ToBones,
    ToMotion,
    ToStreams,
    UniformSample,
)
from pyg_skeletonmae.transforms.rotation import axis_rotations, rotate
from pyg_skeletonmae.transforms.sampling import crop_length, middle_crop, spread_frames
from pyg_skeletonmae.transforms.temporal import follow_plan
from pyg_skeletonmae.transforms.timeplan import TimePlan, Window, resample_plan

pytestmark = pytest.mark.oracle
MAMP, PYSKL = "mamp_feeder", "pyskl_skeleton2vec"


@cache
def recorded(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    feeders = oracles() / "data" / "feeders"
    arrays = np.load(feeders / f"{name}.npz")
    return json.loads((feeders / f"{name}.json").read_text()), {
        key: torch.from_numpy(arrays[key]) for key in arrays.files
    }


def clip_of(keypoint: Tensor, skeleton: Skeleton = NTU25_CTRGCN, zeros: bool = True) -> Data:
    """``[M, T, V, C]`` as a clip; joints that are zero are missing, if wanted."""
    persons = len(keypoint)
    pos = keypoint.transpose(1, 2).flatten(0, 1)
    clip = Data(
        pos=pos,
        edge_index=tracks_edge_index(skeleton, persons),
        num_tracks=torch.tensor([persons]),
    )
    if zeros:
        clip.valid = (pos[..., :3] != 0).any(dim=-1)
    return clip


def keypoint_of(clip: Data, skeleton: Skeleton = NTU25_CTRGCN) -> Tensor:
    return as_tracks(clip.pos, skeleton.num_joints).transpose(1, 2)


def from_ctvm(array: Tensor) -> Tensor:
    """``[C, T, V, M]`` as ``[M, T, V, C]``, without persons who are all zero."""
    return torch.stack([p for p in array.permute(3, 1, 2, 0) if p.any()])


def drawn(record: dict[str, Any], call: str) -> list[Any]:
    return [draw["result"] for draw in record["draws"] if draw["call"] == call]


# CTR-GCN and MAMP ---------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(11))
def test_crop_and_resize(number):
    records, arrays = recorded(MAMP)
    record = records[f"crop{number:02}"]
    frames = record["valid_frame_num"]
    persons = arrays[f"{record['clip']}/input"][:frames].view(frames, 2, -1, 3).transpose(0, 1)
    keypoint = torch.stack([person for person in persons if person.any()])
    low, high = record["p_interval"][0], record["p_interval"][-1]
    whole = Window(torch.tensor([0]), torch.tensor([frames]))
    if len(record["p_interval"]) == 1:
        window = middle_crop(whole, low)
        fixed = CropResize(record["window"], low, None)(clip_of(keypoint, zeros=False))
        crop = fixed.pos
    else:
        ratio = torch.tensor(drawn(record, "rand")[0], dtype=torch.double) * (high - low) + low
        window = Window(
            torch.tensor(drawn(record, "randint")), crop_length(whole.length, ratio, least=64)
        )
        crop = None
    assert window.start.item() == record["crop_start"]
    assert window.length.item() == record["crop_length"]
    plan = resample_plan(window, record["window"], "half_pixel")
    found = follow_plan(clip_of(keypoint, zeros=False), plan)
    wanted = from_ctvm(arrays[f"crop{number:02}/output"])
    assert keypoint_of(found).sub(wanted).abs().max() < 2e-7
    assert crop is None or crop.equal(found.pos)
    # The difference is the rounding of one multiplication: with it fused, bits are equal.
    before, after = keypoint[:, plan.low[0]], keypoint[:, plan.high[0]]
    weight = plan.weight[0, :, None, None]
    fused = before.double() * (1 - weight).double() + (after * weight).double()
    assert fused.float().equal(wanted)


def test_random_crops_follow_the_rule():
    window = Window(torch.zeros(500, dtype=torch.long), torch.full((500,), 100))
    transform, starts, lengths = CropResize(64, 0.5, 1.0), set(), set()
    plan = transform.plan(window, Draws(torch.arange(500)))
    for low, high in zip(plan.low.tolist(), plan.high.tolist(), strict=True):
        assert low[0] >= 0 and high[-1] <= 99
        starts.add(low[0])
        lengths.add(high[-1] - low[0])
    assert min(lengths) >= 62 and max(lengths) >= 95 and len(starts) > 30


@pytest.mark.parametrize("name", ["zero", "x", "y", "z", "mix", "full"])
def test_rotation(name):
    _, arrays = recorded(MAMP)
    angles = arrays[f"rot_{name}/angles"].double()
    matrix = axis_rotations(-angles[None])
    assert matrix[0].sub(arrays[f"rot_{name}/matrix"]).abs().max() < 1e-7
    if name == "full":
        keypoint = from_ctvm(arrays["rot_full/input"])
        found = rotate(
            keypoint.flatten(0, 1),
            matrix.float().expand(keypoint[..., 0].numel(), 3, 3)[
                : keypoint.shape[0] * keypoint.shape[1]
            ],
        )
        wanted = from_ctvm(arrays["rot_full/output"])
        assert found.view_as(wanted).sub(wanted).abs().max() < 1e-6


@pytest.mark.parametrize("stream", ["joint", "bone", "motion", "bone_motion"])
def test_streams_of_the_whole_feeder(stream):
    records, arrays = recorded(MAMP)
    with XYFile(oracles() / "data/ntu/NTU60_CS.npz") as file:
        clips = list(file.clips("test"))
    for name, sample in records["feeder_samples"].items():
        clip = clips[sample["test_index"]]
        assert clip.label == sample["label"]
        frames = records["feeder_valid_frames_of_all_test_samples"][name]
        data = clip_of(torch.from_numpy(clip.pos[:, :frames]), zeros=False)
        data = CropResize(16, 0.95, None)(data)
        found = keypoint_of(ToStreams(NTU25_CTRGCN, [stream])(data))
        wanted = arrays[f"feeder_{stream}/{name}"].permute(3, 1, 2, 0)
        assert found.sub(wanted[: len(found)]).abs().max() < 5e-7
        assert not wanted[len(found) :].any()


# pyskl and Skeleton2vec ---------------------------------------------------------------------

CASES = [
    ("one", "float16"),
    ("one", "float32"),
    ("one_zero_frames", "float16"),
    ("two", "float16"),
    ("two_first_shorter", "float16"),
    ("two_first_shorter", "float32"),
    ("two_equal", "float16"),
]


@pytest.mark.parametrize(("case", "dtype"), CASES)
@pytest.mark.parametrize("align", ["center", "align"])
def test_prenormalize_3d(case, dtype, align):
    records, arrays = recorded(PYSKL)
    key = f"prenorm3d/{case}/{dtype}"
    clip = clip_of(arrays[f"{key}/input"].float())
    mode = "pyskl" if align == "align" else "none"
    transform = PreNormalize3D(NTU25_CTRGCN, align=mode, half=dtype == "float16")
    found = keypoint_of(transform(clip))
    assert found.size(1) == records[f"{key}/{align}"]["total_frames"]
    wanted = arrays[f"{key}/{align}/output"].float()
    if align == "center":
        assert found.equal(wanted)
    else:
        assert found.sub(wanted).abs().max() < 3e-7


def test_prenormalize_3d_without_half_precision_is_off_by_rounding_only():
    _, arrays = recorded(PYSKL)
    key = "prenorm3d/two_first_shorter/float16"
    clip = clip_of(arrays[f"{key}/input"].float())
    found = keypoint_of(PreNormalize3D(NTU25_CTRGCN, align="none")(clip))
    difference = found.sub(arrays[f"{key}/center/output"].float()).abs().max()
    assert 0 < difference < 5e-4


def test_prenormalize_3d_of_another_body():
    _, arrays = recorded(PYSKL)
    clip = clip_of(arrays["prenorm3d/v17/input"], COCO17)
    found = PreNormalize3D(COCO17, align="none", center=COCO17.joints[-1])(clip)
    assert keypoint_of(found, COCO17).equal(arrays["prenorm3d/v17/center/output"])


def test_prenormalize_3d_leaves_nobody_alone():
    clip = clip_of(torch.zeros(1, 5, NTU25_CTRGCN.num_joints, 3))
    assert PreNormalize3D(NTU25_CTRGCN, align="pyskl")(clip).pos.equal(clip.pos)


def test_rotation_of_pyskl():
    records, arrays = recorded(PYSKL)
    (angles,) = drawn(records["randomrot3d"], "uniform")
    matrix = axis_rotations(-torch.tensor([angles], dtype=torch.double))
    assert matrix[0].sub(arrays["randomrot3d/matrix"]).abs().max() < 1e-9
    clip = clip_of(arrays["randomrot3d/input"])
    found = rotate(clip.pos.double(), matrix.expand(len(clip.pos), -1, -1)).float()
    wanted = arrays["randomrot3d/output"].transpose(1, 2).flatten(0, 1)
    assert found.sub(wanted).abs().max() < 3e-7


@pytest.mark.parametrize(
    ("name", "transform", "scores"),
    [
        ("fix_imgshape_720_1280", PreNormalize2D((1280, 720)), True),
        ("fix_default_1080_1920", PreNormalize2D(), True),
        ("auto", PreNormalize2D(None), True),
        ("fix_noscore", PreNormalize2D((1280, 720)), False),
        ("threshold_half", PreNormalize2D((1280, 720), threshold=0.5), True),
    ],
)
def test_prenormalize_2d(name, transform, scores):
    _, arrays = recorded(PYSKL)
    keypoint = arrays["prenorm2d/keypoint"].float()
    if scores:
        score = arrays["prenorm2d/score"].float()
        keypoint = torch.cat([keypoint, score[..., None]], dim=-1)
    clip = clip_of(keypoint, COCO17, zeros=False)
    found = keypoint_of(transform(clip), COCO17)
    wanted = arrays[f"prenorm2d/{name}"]
    assert found.sub(wanted).abs().max() < 3e-7


def coco_pairs() -> Skeleton:
    """The bones of pyskl's poses, whose hips hang from the nose."""
    records, _ = recorded(PYSKL)
    parents = [-1 if c == p else p for c, p in records["pairs_zero_based_child_parent"]["coco"]]
    return Skeleton.from_parents("coco", COCO17.joints, parents)


STREAMS = {"j": "joint", "b": "bone", "jm": "motion", "bm": "bone_motion"}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("dtype", ["nturgbd", "nturgbd_float32"])
def test_streams_of_ntu(stream, dtype):
    _, arrays = recorded(PYSKL)
    keypoint = arrays["feat/nturgbd/input"].to(torch.float16 if dtype == "nturgbd" else torch.float)
    found = ToStreams(NTU25_CTRGCN, [STREAMS[stream]])(clip_of(keypoint, zeros=False))
    wanted = arrays[f"feat/{dtype}/{stream}"]
    assert keypoint_of(found).to(wanted.dtype).equal(wanted)


def test_all_streams_side_by_side():
    _, arrays = recorded(PYSKL)
    clip = clip_of(arrays["feat/nturgbd/input"].float(), zeros=False)
    found = keypoint_of(ToStreams(NTU25_CTRGCN, ["joint", "bone", "motion", "bone_motion"])(clip))
    wanted = torch.cat(
        [arrays[f"feat/nturgbd_float32/{stream}"] for stream in ("j", "b", "jm", "bm")], dim=-1
    )
    assert found.equal(wanted)


@pytest.mark.parametrize("stream", STREAMS)
def test_streams_of_detected_poses(stream):
    _, arrays = recorded(PYSKL)
    clip = clip_of(arrays["feat/coco/input"], COCO17, zeros=False)
    found = ToStreams(coco_pairs(), [STREAMS[stream]], dims=2, scores="mean")(clip)
    assert keypoint_of(found, COCO17).equal(arrays[f"feat/coco/{stream}"])


def samples(name: str) -> list[str]:
    records, _ = recorded(PYSKL)
    start = f"sample/{name}/"
    return [k.removeprefix(start) for k in records if k.startswith(start) and "draws" in records[k]]


def sampled(transform: UniformSample, record: dict[str, Any]) -> Tensor:
    """The frames from the recorded draws, ``[views, F]``."""
    length, frames = record["T"], transform.frames
    draws = iter(record["draws"])
    rows = []
    for view in range(transform.views):
        total = torch.tensor([length])
        used = transform.crop_length(
            total, torch.tensor([next(draws)["result"]], dtype=torch.double)
        )
        offset = torch.tensor([next(draws)["result"]])
        start, jitter = torch.tensor([0]), torch.zeros(1, frames, dtype=torch.long)
        skipped = torch.zeros(1, frames + 1, dtype=torch.bool)
        if used >= 2 * frames:
            jitter[0] = torch.tensor(next(draws)["result"])
        elif used >= frames:
            skipped[0, next(draws)["result"]] = True
        elif transform.train or transform.origin == "UniformSampleDecode":
            start[0] = next(draws)["result"]
        views = transform.views
        start = transform.first_frames(used.repeat(views), start.repeat(views))[view, None]
        spread = spread_frames(used, start, skipped, jitter)
        rows.append(transform.select(total, used, offset, spread))
    assert next(draws, None) is None
    return torch.cat(rows)


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        (origin, name)
        for origin in ("UniformSample", "UniformSampleDecode")
        for name in samples(origin)
    ],
)
def test_uniform_sampling(origin, name):
    records, arrays = recorded(PYSKL)
    record = records[f"sample/{origin}/{name}"]
    settings = record["args"]
    transform = UniformSample(
        settings["clip_len"],
        settings.get("num_clips", 1),
        *settings.get("p_interval", (1.0, 1.0)),
        train=record["mode"] == "train",
        origin=origin,
    )
    found = sampled(transform, record)
    wanted = arrays[f"sample/{origin}/{name}"].tolist()
    assert found.flatten().tolist() == wanted
    if not transform.train:  # these draws are known
        window = Window(torch.tensor([0]), torch.tensor([record["T"]]))
        assert transform.plan(window, Draws(torch.tensor([5]))).low.flatten().tolist() == wanted


@pytest.mark.parametrize("case", ["one", "two_first_shorter"])
@pytest.mark.parametrize("align", ["center", "align"])
def test_training_chain_of_skeleton2vec(case, align):
    records, arrays = recorded(PYSKL)
    key = f"skeleton2vec_train/{case}/{align}"
    record = records[key]
    clip = clip_of(arrays[record["input"]].float())
    mode = "pyskl" if align == "align" else "none"
    clip = PreNormalize3D(NTU25_CTRGCN, align=mode, half=True)(clip)
    (angles,) = drawn(record, "uniform")
    matrix = axis_rotations(-torch.tensor([angles], dtype=torch.double))
    clip.pos = rotate(clip.pos.double(), matrix.expand(len(clip.pos), -1, -1)).float()
    transform = UniformSample(18, origin="UniformSampleDecode")
    frames = {"T": clip.pos.size(1), "draws": record["draws"][1:]}
    clip = follow_plan(clip, TimePlan(sampled(transform, frames)))
    del clip.valid
    for name, found in (("keypoint", clip), ("motion", ToMotion()(clip))):
        wanted = arrays[f"{key}/{name}"][0]
        persons = keypoint_of(found)
        assert persons.sub(wanted[: len(persons)]).abs().max() < 5e-7
        assert not wanted[len(persons) :].any()


@pytest.mark.parametrize("case", ["one", "two_first_shorter"])
def test_training_chain_of_bones(case):
    records, arrays = recorded(PYSKL)
    record = records[f"pyskl_stgcnpp_bone_train/{case}"]
    clip = clip_of(arrays[record["input"]].float())
    clip = PreNormalize3D(NTU25_CTRGCN, align="pyskl", half=True)(clip)
    del clip.valid
    clip = ToBones(NTU25_CTRGCN)(clip)
    found = keypoint_of(
        follow_plan(clip, TimePlan(sampled(UniformSample(18), {**record, "T": clip.pos.size(1)})))
    )
    wanted = arrays[f"pyskl_stgcnpp_bone_train/{case}"][0]
    assert found.sub(wanted[: len(found)]).abs().max() < 5e-7


def draws_of_seed(seed: int, length: int, frames: int, views: int) -> list[dict[str, Any]]:
    """What NumPy's old generator gives to sampling of long clips."""
    random, draws = np.random.RandomState(seed), []
    edges = np.arange(frames + 1) * length // frames
    for _ in range(views):
        draws += [random.rand(), random.randint(1), random.randint(np.diff(edges))]
    return [{"result": draw} for draw in draws]


@pytest.mark.parametrize("case", ["one", "two_first_shorter"])
def test_testing_chain_with_three_views(case):
    records, arrays = recorded(PYSKL)
    key = f"pyskl_stgcnpp_joint_test/{case}"
    record = records[key]
    frames, views = record["clip_len"], record["num_clips"]
    clip = clip_of(arrays[record["input"]].float())
    clip = PreNormalize3D(NTU25_CTRGCN, align="pyskl", half=True)(clip)
    transform = UniformSample(frames, views, train=False, origin="UniformSample")
    window = Window(torch.tensor([0]), torch.tensor([clip.pos.size(1)]))
    for view, frame in enumerate(transform.plan(window, Draws(torch.tensor([0]))).low):
        found = keypoint_of(clip)[:, frame]
        wanted = arrays[key][view]
        assert found.sub(wanted[: len(found)]).abs().max() < 5e-7
        assert not wanted[len(found) :].any()


def test_sampling_keeps_scores():
    records, arrays = recorded(PYSKL)
    record = records["sample/decode_with_score"]
    score = arrays["prenorm2d/score"][..., None]
    keypoint = torch.cat([arrays["prenorm2d/keypoint"], score], dim=-1).float()
    frames = record["clip_len"]
    transform = UniformSample(frames, origin="UniformSampleDecode")
    draws = draws_of_seed(record["numpy_seed"], record["T"], frames, 1)
    frame = sampled(transform, {"T": record["T"], "draws": draws})
    clip = follow_plan(clip_of(keypoint, COCO17, zeros=False), TimePlan(frame))
    assert keypoint_of(clip, COCO17).equal(arrays["sample/decode_with_score/output"])


def test_a_lone_person_is_not_repeated():
    """Though the recorded mode is called ``loop``: what it adds is zero."""
    _, arrays = recorded(PYSKL)
    wanted = arrays["format/loop"][0]
    clip = clip_of(arrays["feat/nturgbd/input"][:1].float(), zeros=False)
    assert keypoint_of(KeepPersons(len(wanted), "zeros")(clip)).equal(wanted)
    assert keypoint_of(KeepPersons(len(wanted))(clip)).equal(wanted[:1])
    assert not wanted[1:].any()
