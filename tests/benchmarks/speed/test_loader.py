from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from speed import loader
from speed.loader import BATCH, FRAMES, PlainFeeder, crop_and_resize, random_rotation


def test_the_feeder_crops_resizes_and_turns() -> None:
    clips = np.random.default_rng(0).normal(size=(40, 70, 2, 5, 3)).astype(np.float32)
    feeder = PlainFeeder(clips)
    batch = feeder.batch(0)
    assert batch.shape == (BATCH, 3, FRAMES, 5, 2)
    first, last = batch[0, :, 0], batch[0, :, -1]
    assert first.norm(dim=0).sub(last.norm(dim=0)).abs().max() > 1e-3
    turned = random_rotation(batch[0])
    torch.testing.assert_close(turned.norm(dim=0), batch[0].norm(dim=0))
    assert not turned.equal(batch[0])


def test_a_crop_of_all_frames_is_the_clip() -> None:
    clip = np.random.default_rng(0).normal(size=(3, FRAMES, 5, 2)).astype(np.float32)
    whole = crop_and_resize(clip[:, :64], 64, np.random.default_rng(0))
    assert whole.shape == (3, FRAMES, 5, 2)
    torch.testing.assert_close(
        whole.mean(1), torch.from_numpy(clip[:, :64]).mean(1), atol=0.2, rtol=0
    )


def test_every_step_gives_a_batch(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(loader, "CLIPS", BATCH)
    steps = loader.loader_steps(tmp_path)
    assert len(steps) == 2 + 2 * 3
    for step in steps.values():
        assert step() is not None
