"""A model of ours under Lightning's ``Trainer``, from ``pip install lightning``.

Run it by `python examples/lightning_trainer.py --epochs 2`.
"""

from __future__ import annotations

import argparse
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.transforms import standard_transform

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=int, default=144)
parser.add_argument("--epochs", type=int, default=2)
args = parser.parse_args()
L.seed_everything(0, verbose=False)


class Task(L.LightningModule):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def training_step(self, batch: Data, _: Any) -> Tensor:
        loss: Tensor = self.model(batch)["loss"]
        self.log("loss", loss, on_epoch=True, on_step=False, batch_size=batch.num_graphs)
        return loss

    def on_train_epoch_start(self) -> None:
        self.trainer.train_dataloader.set_epoch(self.current_epoch)  # another order, other masks

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


dataset = SyntheticActions(args.clips, num_classes=4)
transform = standard_transform(dataset.skeleton, frames=32, train=True)
loader = SkeletonLoader(dataset, 16, transform, shuffle=True)
task = Task(GraphSkeletonMAE(dataset.skeleton, hidden_channels=32))

trainer = L.Trainer(max_epochs=args.epochs, devices=1, logger=False, enable_checkpointing=False)
trainer.fit(task, loader)
print(f"Loss: {float(trainer.callback_metrics['loss']):.4f}")
