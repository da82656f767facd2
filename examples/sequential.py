"""A convolution of ours in PyG's ``Sequential``: joints are nodes, time is an axis of each node.

Run it by `python examples/sequential.py --epochs 4`.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import Sequential, global_mean_pool

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.nn import SkeletonGCNConv
from pyg_skeletonmae.transforms import standard_transform

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=int, default=144)
parser.add_argument("--epochs", type=int, default=4)
args = parser.parse_args()
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)

dataset = SyntheticActions(args.clips, num_classes=4)
train_dataset, test_dataset = dataset.split(by="subject", train=[1, 3, 5, 7, 9])
transform = standard_transform(dataset.skeleton, frames=32, train=False)
train_loader = SkeletonLoader(train_dataset, 16, transform, shuffle=True)
test_loader = SkeletonLoader(test_dataset, 16, transform)

model = Sequential(
    "x, edge_index, batch",
    [
        (SkeletonGCNConv(3, 32), "x, edge_index -> x"),  # [N, T, 3] -> [N, T, 32]
        nn.ReLU(inplace=True),
        (SkeletonGCNConv(32, 32), "x, edge_index -> x"),
        nn.ReLU(inplace=True),
        (lambda x: torch.cat([x.mean(1), x.std(1)], dim=-1), "x -> x"),  # over time
        (global_mean_pool, "x, batch -> x"),  # over joints: [B, 64]
        nn.Linear(64, dataset.num_classes),
    ],
).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
print(model)

for epoch in range(1, args.epochs + 1):
    model.train()
    train_loader.set_epoch(epoch)
    for data in train_loader:
        data = data.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data.pos, data.edge_index, data.batch), data.y)
        loss.backward()
        optimizer.step()

    model.eval()
    correct = 0
    with torch.no_grad():
        for data in test_loader:
            data = data.to(device)
            out = model(data.pos, data.edge_index, data.batch)
            correct += int((out.argmax(-1) == data.y).sum())
    print(f"Epoch: {epoch:02d}, Loss: {loss.item():.4f}, Test: {correct / len(test_dataset):.4f}")
