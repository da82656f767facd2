"""Skeleton2vec is pre-trained by a loop of one's own, without labels; neighbours judge it.

In seconds the loss falls and the neighbours stay what they were: that takes thousands of steps.

Run it by `python examples/pretrain_own_loop.py --epochs 8`.
"""

from __future__ import annotations

import argparse

import torch

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.evaluation import extract_features, knn
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import Skeleton2Vec, ViTBackbone
from pyg_skeletonmae.transforms import standard_transform

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=int, default=144)
parser.add_argument("--epochs", type=int, default=8)
args = parser.parse_args()
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)

dataset = SyntheticActions(args.clips, num_classes=4)
train_dataset, test_dataset = dataset.split(by="subject", train=[1, 3, 5, 7, 9])
augmented = standard_transform(dataset.skeleton, frames=32, train=True, rotate=(0, 20, 0))
plain = standard_transform(dataset.skeleton, frames=32, train=False)
loader = SkeletonLoader(train_dataset, 16, augmented, shuffle=True)

backbone = ViTBackbone(hidden_channels=32, depth=2, heads=4, decoder_channels=32, decoder_depth=1)
model = Skeleton2Vec(
    dataset.skeleton,
    frames=32,
    backbone=backbone,
    ema_start=0.9,  # a run of seconds: the teacher follows sooner than the .9999 of the paper
    ema_end=0.99,
    ema_steps=100,
).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)


def neighbours() -> float:
    """How often the nearest training clip has the class of a test clip."""
    sides = [SkeletonLoader(side, 32, plain) for side in (train_dataset, test_dataset)]
    train, test = (extract_features(model.encoder, side, joints="concat") for side in sides)
    return float(knn(train, test)["top1"])


print(f"Epoch: 00, 1-NN: {neighbours():.4f}")
for epoch in range(1, args.epochs + 1):
    model.train()
    loader.set_epoch(epoch)  # another order, other masks
    total = 0.0
    for batch in loader:
        batch = batch.to(device)
        optimizer.zero_grad()
        out = model(batch)  # masks are drawn inside, from the seed, the epoch and the clip
        out["loss"].backward()
        optimizer.step()
        model.after_step()  # the teacher follows
        total += float(out["loss"].detach()) * batch.num_graphs
    loss = total / len(train_dataset)
    print(f"Epoch: {epoch:02d}, Loss: {loss:.4f}, 1-NN: {neighbours():.4f}")
