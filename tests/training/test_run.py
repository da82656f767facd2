"""What a run sees of its numbers, through the trainer; exact resume is in ``test_trainer.py``."""

from __future__ import annotations

import pytest
import torch
from training_helpers import SlicedLoader, Task, make_clips, make_loader, state_without_time

from pyg_skeletonmae.errors import NonFiniteError
from pyg_skeletonmae.training import Trainer


def test_loss_that_is_not_finite_names_step_and_clips(tmp_path):
    clips = make_clips()
    clips[7].pos[0, 0, 0] = float("nan")
    loader = SlicedLoader(clips, 3)
    trainer = Trainer(max_epochs=2, checkpoint_minutes=0, max_bad_steps=0)
    with pytest.raises(NonFiniteError, match="step 3: the loss is nan on clips 6, 7, 8;"):
        trainer.fit(Task(), loader, run_dir=tmp_path)
    state = state_without_time(tmp_path / "last.ckpt")
    assert state["progress"]["step"] == 2
    assert all(v.isfinite().all() for v in state["model"].values())


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    def spoil(step):
        if step == 2:
            model.head.weight.data[0, 0] = float("inf")

    model = Task()
    model.on_step = spoil
    with pytest.raises(NonFiniteError, match=r"step 2: the weight head.weight is no longer"):
        Trainer(max_epochs=1, checkpoint_minutes=0).fit(model, make_loader(), run_dir=tmp_path)
    assert state_without_time(tmp_path / "last.ckpt")["progress"]["step"] == 1


def test_buffers_that_are_not_finite_are_not_saved(tmp_path):
    def spoil(step):
        if step == 2:
            model.encoder[1].running_var[0] = float("inf")

    model = Task()
    model.register_buffer("mask", torch.full((2,), -float("inf")))  # so from the start
    model.on_step = spoil
    with pytest.raises(NonFiniteError, match=r"step 2: the buffer encoder.1.running_var is no"):
        Trainer(max_epochs=1, checkpoint_minutes=0).fit(model, make_loader(), run_dir=tmp_path)
    assert state_without_time(tmp_path / "last.ckpt")["progress"]["step"] == 1
