from __future__ import annotations

import csv
import io
import json
import logging

import numpy as np
import pytest
from cli_helpers import runner, the_error
from inference_helpers import CLASSES, poses, release

from pyg_skeletonmae.commands.parser import build_parser, positionals_first
from pyg_skeletonmae.commands.predict import new_files
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference import Recognizer


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    release(tmp_path / "run/release")
    np.save("a.npy", poses())
    np.save("b.npy", poses(2, 20))
    return runner(capsys)


def typed(monkeypatch, *frames):
    text = "".join(json.dumps(frame) + "\n" for frame in frames).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_a_line_for_each_recording(run):
    code, out, err = run("predict", "run", "a.npy", "b.npy", "--top=2")
    assert (code, err) == (0, "")
    (first, second) = Recognizer.from_pretrained("run").predict(["a.npy", "b.npy"])
    lines = [line.split("\t") for line in out.splitlines()]
    assert [line[0] for line in lines] == ["a.npy 0-40", "b.npy 0-20"]
    assert lines[0][1].startswith(f"{first.label} {first.score:.3f}, ")
    assert lines[1][1].startswith(f"{second.label} {second.score:.3f}, ")


def test_json_and_csv_hold_all_scores(run):
    code, out, _ = run("predict", "run", "--json", "--windows", "16", "8", "b.npy", "--by=person")
    said = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and {(one["person"], one["start"]) for one in said} == {
        (0, 0), (1, 0), (0, 4), (1, 4),
    }  # fmt: skip
    assert set(said[0]["scores"]) == set(CLASSES)
    code, out, _ = run("predict", "run", "a.npy", "--csv")
    (row,) = csv.DictReader(out.splitlines())
    assert row["label"] in CLASSES and float(row[row["label"]]) == float(row["score"])
    line = the_error(run("predict", "run", "a.npy", "--csv", "--json"))
    assert line == "--json, --csv: give one of the two"


def test_frames_are_read_from_standard_input_and_answered_as_they_come(run, monkeypatch):
    pos = poses(frames=40)
    typed(monkeypatch, *pos[0].tolist())
    code, out, err = run("predict", "run", "-", "--windows", "16", "8", "--json")
    assert code == 0 and "answers from frame 16 on, then one every 8 frames" in err
    expected = Recognizer.from_pretrained("run").predict(pos, window=16, stride=8)
    said = [json.loads(line) for line in out.splitlines()]
    assert [(one["start"], one["label"]) for one in said] == [(p.start, p.label) for p in expected]
    typed(monkeypatch, *pos[0, :20].tolist(), [[1, 2]])
    code, out, err = run("predict", "run", "-", "--windows", "16", "8")
    assert code == 2 and len(out.splitlines()) == 1
    assert err.splitlines()[-1].startswith(
        "skeletonmae: error: standard input: line 21: expected the 17 joints of coco17"
    )
    typed(monkeypatch, *pos[0].tolist())
    code, out, err = run("predict", "run", "-")
    assert code == 0 and "then one every 4 frames" in err and len(out.splitlines()) == 7
    assert the_error(run("predict", "run", "-", "a.npy")) == "-: standard input stands alone"


def test_one_bad_file_does_not_stop_the_others(run, tmp_path):
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    code, out, err = run("predict", "run", "bad.npy", "a.npy", "no.npy")
    assert code == 2 and out.startswith("a.npy 0-40\t")
    errors = [line for line in err.splitlines() if line.startswith("skeletonmae: error")]
    assert "bad.npy" in errors[0] and "no.npy: expected a file or a folder" in errors[1]
    assert errors[2].endswith("2 of 3 recordings could not be read, see above")
    assert "bad.npy" in the_error(run("predict", "run", "bad.npy"))
    assert "no such file" in the_error(run("predict", "nothing", "a.npy"))
    assert "or --watch" in the_error(run("predict", "run"))


def test_the_options_of_prepare_say_how_files_are_read(run, tmp_path):
    np.save("m.npy", poses(joints=33))
    assert run("predict", "run", "m.npy", "--skeleton=mediapipe33")[0] == 0
    np.save("n.npy", poses(joints=25))
    line = the_error(run("predict", "run", "n.npy", "--skeleton=ntu25"))
    assert "ntu25 lacks 5 of the 17 joints" in line and "left_eye" in line
    assert run("predict", "run", "n.npy", "--skeleton=ntu25", "--partial")[0] == 0
    line = the_error(run("predict", "run", "a.npy", "--positions=add"))
    assert "positions='add' means nothing for arrays" in line
    assert "did you mean skeleton?" in the_error(run("predict", "run", "a.npy", "--skelton=x"))
    for file in ("preprocessing.yaml", "manifest.json"):
        (tmp_path / "run/release" / file).unlink()
    assert "not known how its clips are prepared" in the_error(run("predict", "run", "a.npy"))
    (tmp_path / "told.yaml").write_text("format: 2\nframes: 16\n")
    assert run("predict", "run", "a.npy", "--preprocessing=told.yaml")[0] == 0


def test_a_folder_is_watched_until_it_ends(run, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    np.save("in/first.npy", poses(frames=20))
    looks = iter(range(4))

    def pause(seconds):
        assert seconds == 0.01
        look = next(looks, None)
        if look is None:
            raise KeyboardInterrupt
        if look == 1:
            np.save("in/second.npy", poses(frames=30))
            (tmp_path / "in/bad.npy").write_bytes(b"nothing")

    monkeypatch.setattr(new_files, "__defaults__", (pause,))
    code, out, err = run("predict", "run", "--watch", "in", "--poll=0.01")
    assert code == 130 and [line.split("\t")[0] for line in out.splitlines()] == [
        "in/first.npy 0-20", "in/second.npy 0-30",
    ]  # fmt: skip
    assert "bad.npy" in err and "interrupted" in err
    assert "no such folder to watch" in the_error(run("predict", "run", "--watch", "nowhere"))


def test_a_file_that_is_being_written_is_waited_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1")
    seen = []

    def pause(_):
        seen.append(path.stat().st_size)
        if len(seen) < 4:
            path.write_text("1" * (len(seen) + 1))
        if len(seen) > 9:
            raise KeyboardInterrupt

    files = new_files(tmp_path, 1.0, pause)
    assert next(files) == path and seen == [1, 2, 3, 4]
    with pytest.raises(KeyboardInterrupt):
        next(files)
    with pytest.raises(ConfigError, match=r"--poll 0: expected seconds, above 0"):
        next(new_files(tmp_path, 0, pause))


def test_files_may_stand_behind_options():
    parser = build_parser(["predict"])
    argv = [
        "predict",
        "r",
        "--json",
        "a",
        "--windows",
        "6",
        "2",
        "--top=3",
        "b",
        "--min_score",
        "-1",
    ]
    assert positionals_first(parser.below["predict"], argv) == [
        "predict", "r", "a", "b", "--json", "--windows", "6", "2", "--top=3", "--min_score", "-1",
    ]  # fmt: skip
    assert positionals_first(parser.below["predict"], ["-", "--", "--x"]) == ["-", "--x"]


def test_notes_go_beside_the_answers(run, caplog):
    np.savez("c.npz", pos=poses()[0], other=np.zeros(3))
    with caplog.at_level(logging.INFO, "pyg_skeletonmae"):
        code, out, _ = run("predict", "run", "c.npz", "--json")
    assert code == 0 and json.loads(out)["name"] == "c.npz"


def test_numbers_and_devices_that_are_none(run):
    assert the_error(run("predict", "run", "a.npy", "--top=0")).startswith(
        "--top 0: expected a who"
    )
    assert the_error(run("predict", "run", "a.npy", "--batch_size=0")).startswith("batch_size 0")
    line = the_error(run("predict", "run", "a.npy", "--device=cuda:77"))
    assert line.startswith("device 'cuda:77': cannot be used: ")
    assert "standard input is for predict" in the_error(run("embed", "run", "-", "--out=z.csv"))


def test_standard_input_that_is_closed(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    code, out, err = run("predict", "run", "-")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith("standard input: expected frames, found it closed")


def test_ctrl_c_in_the_middle_of_a_stream(run, monkeypatch):
    class Typed(io.BytesIO):
        def readline(self, size=-1):
            line = super().readline(size)
            if not line:
                raise KeyboardInterrupt
            return line

    text = "".join(json.dumps(frame) + "\n" for frame in poses(frames=17)[0].tolist()).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Typed(text)))
    code, out, err = run("predict", "run", "-", "--windows", "16", "8")
    assert code == 130 and len(out.splitlines()) == 1 and "interrupted" in err


def test_a_watched_folder_that_goes_away(run, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(new_files, "__defaults__", (lambda _: (tmp_path / "in").rmdir(),))
    line = the_error(run("predict", "run", "--watch", "in"))
    assert line == "in: the folder that was watched is gone"


@pytest.mark.parametrize("name", ["labels.txt", "preprocessing.yaml", "config.json"])
def test_a_release_that_lacks_a_file(run, tmp_path, name):
    (tmp_path / "run/release" / name).unlink()
    assert f"run/release/{name}: " in the_error(run("predict", "run", "a.npy"))
