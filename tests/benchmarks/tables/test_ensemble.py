from __future__ import annotations

import json
from pathlib import Path

import torch
from tables.ensemble import evaluate_together

from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.models import STRL
from pyg_skeletonmae.training import save_release


def test_the_mean_of_copies_is_one_of_them(tmp_path: Path) -> None:
    """Of two equal models and a third, in the order of their folders."""
    data = DataConfig("synthetic", num_clips=24, num_classes=3, frames=8, cache=str(tmp_path))
    skeleton = open_dataset(data).skeleton
    folders = [tmp_path / name for name in ("first", "second", "third")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        torch.manual_seed(seed)
        model = STRL(skeleton, 3, num_classes=3, frames=8, hidden_channels=8).eval()
        save_release(model, folder / "release")
    evaluate_together(folders[:2], data, tmp_path / "two")
    evaluate_together(folders, data, tmp_path / "three")
    two, three = (json.loads((tmp_path / n / "results.json").read_text()) for n in ("two", "three"))
    assert list(two) == ["test/top1", "first, clip and mirror", "second, clip and mirror"]
    assert two["test/top1"] == two["first, clip and mirror"] == two["second, clip and mirror"]
    assert list(three)[1:3] == list(two)[1:] and 0 <= three["third, clip and mirror"] <= 1
    assert three["first, clip and mirror"] == two["first, clip and mirror"]
