from __future__ import annotations

import numpy as np
import pytest
from cli_helpers import runner, the_error
from miniature_helpers import write_pku
from ntu_helpers import person, write_skeleton
from pyskl_helpers import annotation, save_pyskl

from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.loader import SkeletonLoader

PIPELINES = ("ours", "mamp", "skeleton2vec", "pyskl3d")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = runner(capsys)
    return lambda *arguments: call("check-pipeline", *map(str, arguments))


@pytest.fixture
def ntu(tmp_path):
    tracks = {5: (0, person(30, 1)), 6: (0, person(20, 2, scale=0.2))}
    return write_skeleton(tmp_path, tracks, 30)


def stages(result) -> list[list[str]]:
    """Stage, shape, mean, deviation and first values of each line below the head."""
    code, out, err = result
    assert (code, err) == (0, ""), err
    head, *lines = out.strip().splitlines()[1:]
    assert head.split() == ["stage", "shape", "mean", "deviation", "first", "values"]
    return [[cell.strip() for cell in line.split("  ") if cell] for line in lines]


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("train", [False, True])
def test_the_last_stage_is_what_a_model_is_fed(run, ntu, tmp_path, pipeline, train):
    how = ("--pipeline", pipeline, "--frames", 12, *(["--train"] if train else []))
    found = stages(run(ntu, *how))
    policy = "ctrgcn" if pipeline in ("ours", "mamp") else "pyskl"
    assert [stage for stage, *_ in found][:2] == ["all bodies", f"persons, policy {policy}"]
    if train:  # what is drawn is another matter
        assert found == stages(run(ntu, *how)) != stages(run(ntu, *how, "--seed", 1))
        return
    config = DataConfig(
        name="ntu60", path=str(tmp_path), cache=str(tmp_path / "c"), pipeline=pipeline, frames=12
    )
    dataset = open_dataset(config)
    (batch,) = SkeletonLoader(dataset, 4, config.transform(dataset, train=False))
    pos = batch.pos.view(-1, 25, 12, 3).transpose(1, 2)
    _, shape, mean, deviation, first = found[-1]
    assert shape == " x ".join(map(str, pos.shape))
    assert float(mean) == pytest.approx(float(pos.mean()), abs=1e-5)
    assert float(deviation) == pytest.approx(float(pos.std(correction=0)), abs=1e-5)
    values = [float(value) for value in first.split()]
    assert values == pytest.approx(pos[0, 0, :2].flatten().tolist(), abs=1e-6)


def test_each_format(run, tmp_path):
    recording = write_pku(tmp_path / "pku1", 1) / "skeleton/0002-M.txt"
    assert stages(run(recording))[0][0] == "read"
    assert stages(run(recording, "--clip", 1))[0] != stages(run(recording))[0]
    flat = save_pyskl(tmp_path / "a.pkl", [annotation("V0"), annotation("V1", 1)], {})
    found = stages(run(flat, "--pipeline", "pyskl2d", "--clip", 1, "--views", 2))
    assert found[0][1] == "1 x 8 x 17 x 3" and found[-1][1] == "4 x 100 x 17 x 3"
    x, y = np.zeros((2, 9, 150), np.float32), np.eye(2)
    x[:, :5, 3:9] = np.arange(1, 7)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=2 * x, y_test=y)
    first, last = (stages(run("a.npz", "--clip", number))[0] for number in (0, 3))
    assert first[1] == last[1] == "1 x 5 x 25 x 3" and first[2] != last[2]


def test_what_cannot_be_read_is_said_in_a_line(run, ntu, tmp_path):
    write_skeleton(tmp_path, {}, 5, "S001C001P001R001A001")
    (tmp_path / "a.bvh").write_text("")
    np.savez("a.npz", x_train=np.ones((1, 2, 150)), y_train=np.eye(1), x_test=np.ones((1, 2, 150)),
             y_test=np.eye(1))  # fmt: skip
    for arguments, message in (
        (["S001C001P001R001A001.skeleton"], "S001C001P001R001A001.skeleton: none of the 5 frames"),
        (["nowhere.skeleton"], "nowhere.skeleton: the path: expected"),
        (["a.bvh"], "a.bvh: expected .skeleton of NTU RGB+D, .txt of PKU-MMD"),
        ([ntu, "--clip", 1], f"{ntu}: --clip 1: expected 0 to 0"),
        (["a.npz", "--clip", 2], "a.npz: --clip 2: expected 0 to 1"),
        ([ntu, "--pipeline", "maml"], "pipeline: expected one of ours"),
        ([ntu, "--frames", 0], "frames 0"),
    ):
        assert the_error(run(*arguments)).startswith(message)
    (tmp_path / "skeleton").mkdir()
    (tmp_path / "skeleton/0002-L.txt").write_text("")
    assert "with a folder of labels beside" in the_error(run("skeleton/0002-L.txt"))
