"""Several runs of STRL together: class probabilities averaged over models, clip and mirror image.

The weights are equal and fixed in advance; nothing is chosen on test clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch_geometric.transforms import Compose

from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.run_folders import write_json
from pyg_skeletonmae.evaluation import accuracy
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.training import load_release
from pyg_skeletonmae.transforms import FlipSides


def evaluate_together(folders: Sequence[Path], data: DataConfig, out: Path) -> None:
    """Writes the top-1 of the models in ``folders``, on their own and averaged, as JSON."""
    test = split(open_dataset(data), data).test
    plain = data.transform(test, train=False)
    views = [plain, Compose([plain, FlipSides(test.skeleton, p=1.0)])]
    models = [load_release(folder / "release") for folder in folders]
    scores = torch.stack(
        [
            _probabilities(model, SkeletonLoader(test, 100, view))
            for model in models
            for view in views
        ]
    )
    found = {"test/top1": accuracy(scores.mean(0), test.labels)["top1"]}
    mirrored = scores.view(len(models), len(views), *scores.shape[1:]).mean(1)
    for folder, own in zip(folders, mirrored, strict=True):
        found[f"{folder.name}, clip and mirror"] = accuracy(own, test.labels)["top1"]
    write_json(out / "results.json", found)


@torch.no_grad()
def _probabilities(model: torch.nn.Module, loader: SkeletonLoader) -> Tensor:
    return torch.cat([model(batch)["logits"].softmax(-1) for batch in loader])
