from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.training.metric_means import Interval, Skipped


def output(loss: float, **more: object) -> dict[str, object]:
    return {"loss": torch.tensor(loss, requires_grad=True), **more}


def test_means_of_scalars_only():
    interval = Interval()
    interval.add(1, output(1.0, accuracy=0.5, logits=torch.ones(2), name="x"))
    interval.add(2, output(3.0, accuracy=1.0))
    names, means = interval.means()
    assert dict(zip(names, means.tolist(), strict=True)) == {"loss": 2.0, "accuracy": 0.75}
    assert not means.requires_grad
    assert interval.state_dict() == {}


def test_state():
    interval, again = Interval(), Interval()
    interval.add(1, output(1.0))
    again.load_state_dict(interval.state_dict())
    again.add(2, output(2.0))
    assert again.means()[1].tolist() == [1.5]


def test_values_of_a_resumed_run_lie_on_two_devices():
    interval = Interval()
    interval.load_state_dict({"loss": torch.ones(1)})
    other = SimpleNamespace(cpu=lambda: torch.tensor(3.0))  # as if it lay on a GPU
    interval._values["loss"].append(other)
    assert interval.state_dict()["loss"].tolist() == [1.0, 3.0]


def test_steps_that_were_not_taken_are_told_once():
    interval, good, bad = Interval(), torch.zeros(()), torch.ones(())
    interval.add(1, output(1.0), torch.tensor([1, 2]))
    interval.judge(1, good)
    assert interval.check() == []
    interval.add(2, output(2.0), torch.tensor([3]))
    interval.add(2, output(float("inf")), torch.tensor([4, 5]))  # the second batch of the step
    interval.judge(2, bad)
    interval.add(3, output(6.0), torch.tensor([6]))
    interval.judge(3, bad)  # its gradients
    interval.add(4, output(float("nan")))
    interval.judge(4, bad)
    first, second, third = interval.check()
    assert first == Skipped(2, float("inf"), [4, 5]) and second == Skipped(3, 6.0, [6])
    assert (third.step, third.clips) == (4, []) and math.isnan(third.loss)
    assert interval.check() == []
    names, means = interval.means()  # of those that are finite
    assert dict(zip(names, means.tolist(), strict=True))["loss"] == 3.0


def test_clips_without_a_valid_joint_are_said():
    interval, none = Interval(3), torch.zeros(4, 2, dtype=torch.bool)
    interval.add(1, output(0.0), torch.tensor([7, 8]), none)
    with pytest.warns(UserWarning, match="step 1: no joint of the clips 7, 8 is valid"):
        interval.check()
    interval.add(2, output(1.0), torch.tensor([9]), ~none)
    interval.add(3, output(1.0), torch.tensor([9]))  # does not say: all are there
    interval.check()
    interval.add(4, output(0.0), None, none)
    interval.add(5, output(0.0), None, none)
    with pytest.warns(UserWarning, match="clips unknown"):
        interval.check()
    interval.add(6, output(0.0), None, none)
    with pytest.raises(DataError, match=r"step 6: no joint of any clip of the last 3 batch\(es\)"):
        interval.check()
