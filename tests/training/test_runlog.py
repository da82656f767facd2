from __future__ import annotations

import json

import pytest

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.training import runlog
from pyg_skeletonmae.training.runlog import RunLog, read_metrics


def place(step: int) -> dict[str, float]:
    return {"step": step, "epoch": 1, "clips_seen": 4 * step, "seconds": 0.5 * step}


def write(folder, steps, start=0):
    with RunLog(folder, 9, start) as log:
        for step in steps:
            log.write(place(step), {"train/loss": 1.0 / step})
        return log.values


def test_lines(tmp_path):
    assert write(tmp_path, [1, 2]) == {"train/loss": 0.5}
    assert read_metrics(tmp_path) == [
        {**place(1), "train/loss": 1.0},
        {**place(2), "train/loss": 0.5},
    ]


def test_goes_on_after_a_step(tmp_path):
    write(tmp_path, [1, 2, 3, 4])
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "tra')
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2, 3, 4]
    assert write(tmp_path, [], start=2) == {"train/loss": 0.5}
    write(tmp_path, [3], start=2)
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2, 3]


def test_values_that_are_not_finite_are_null(tmp_path):
    with RunLog(tmp_path, 1) as log:
        log.write(place(1), {"eval/score": float("nan")})
    text = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name))["eval/score"] is None


def test_an_end_that_no_line_begins_with_is_named(tmp_path):
    """As a disk leaves that lost its power, and not a process that was killed."""
    write(tmp_path, [1])
    path = tmp_path / "metrics.jsonl"
    whole = path.read_bytes()
    for end in (b"{", b'{"', b'{"step": 2, "ep'):
        path.write_bytes(whole + end)
        assert len(read_metrics(tmp_path)) == 1
    for end in (bytes(9), b"\xff", b"[[[[", b"{}{"):
        path.write_bytes(whole + end)
        with pytest.raises(CheckpointError, match=r"metrics.jsonl: line 2 is not JSON"):
            read_metrics(tmp_path)


def test_damaged_lines_are_named(tmp_path):
    write(tmp_path, [1])
    path = tmp_path / "metrics.jsonl"
    path.write_text("nonsense\n" + path.read_text())
    with pytest.raises(CheckpointError, match=r"metrics.jsonl: line 1 is not JSON"):
        read_metrics(tmp_path)


@pytest.mark.parametrize("line", ["[1]", "3", '{"step": 1}', "null"])
def test_lines_of_something_else_are_named(tmp_path, line):
    write(tmp_path, [1])
    path = tmp_path / "metrics.jsonl"
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(CheckpointError, match=r"line 2: expected a mapping with step and epoch"):
        read_metrics(tmp_path)


@pytest.mark.parametrize(("every", "epochs"), [(1, [1, 2, 3]), (2, [2, 3]), (5, [3]), (0, [])])
def test_lines_off_a_terminal(caplog, every, epochs):
    """Six steps, two an epoch; the line of the last epoch is never left out."""
    caplog.set_level("INFO", "pyg_skeletonmae")
    with RunLog(None, 6, every=every) as log:
        for step in range(1, 7):
            log.advance()
            if step % 2 == 0:
                log.write({**place(step), "epoch": step // 2}, {"train/loss": 1 / step})
                log.write(place(step), {"eval/knn": 0.25})
                log.end_epoch(step // 2, 3)
    lines = [message.partition(": ") for message in caplog.messages]
    assert [head for head, _, _ in lines] == [f"epoch {epoch} of 3" for epoch in epochs]
    for epoch, (_, _, line) in zip(epochs, lines, strict=True):
        shown = [f"loss {1 / (2 * epoch):.4g}", "knn 0.25", "8 clips/s"]
        assert line.split(", ") == shown + ["00:00 left"] * (epoch < 3)


def test_the_time_left_is_that_of_this_process(caplog, monkeypatch):
    caplog.set_level("INFO", "pyg_skeletonmae")
    now = [50.0]
    monkeypatch.setattr(runlog.time, "monotonic", lambda: now[0])
    with RunLog(None, 100, step=10) as log:
        for _ in range(30):
            now[0] += 2.0
            log.advance()
        log.end_epoch(4, 10)
    assert caplog.messages == ["epoch 4 of 10: 02:00 left"]


def test_no_folder(tmp_path):
    assert write(None, [1, 2]) == {"train/loss": 0.5}
    assert read_metrics(tmp_path) == []


def test_tensorboard_holds_the_same(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path, [1, 2])
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(1, 1.0), (2, 0.5)]
    assert [e.value for e in events.Scalars("clips_per_second")] == [8.0, 8.0]
