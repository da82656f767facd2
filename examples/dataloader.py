"""Our transforms in PyG's ``Compose``, our clips in PyG's ``DataLoader``, a classifier on them.

Run it by `python examples/dataloader.py --epochs 4`.
"""

from __future__ import annotations

import argparse

import torch
import torch_geometric.transforms as T
from torch_geometric.loader import DataLoader

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.models import Classifier, STGCNEncoder
from pyg_skeletonmae.transforms import CenterRoot, RandomRotate3D, Resample, ScaleBody

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=int, default=144)
parser.add_argument("--epochs", type=int, default=4)
args = parser.parse_args()
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)

dataset = SyntheticActions(args.clips, num_classes=4)  # dataset[i] is a Data; pos is [N, T, 3]
skeleton = dataset.skeleton
plain = T.Compose([Resample(32), CenterRoot(skeleton), ScaleBody(skeleton)])
train_dataset, test_dataset = dataset.split(by="subject", train=[1, 3, 5, 7, 9])
train_dataset.transform = T.Compose([plain, RandomRotate3D(15.0)])
test_dataset.transform = plain
train_loader = DataLoader(train_dataset, batch_size=16, shuffle=True)
test_loader = DataLoader(test_dataset, batch_size=16)

encoder = STGCNEncoder(skeleton, channels=[16, 32])
model = Classifier(encoder, dataset.num_classes).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)


def train() -> float:
    model.train()
    total = 0.0
    for data in train_loader:
        data = data.to(device)
        optimizer.zero_grad()
        loss = model(data)["loss"]
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * data.num_graphs
    return total / len(train_dataset)


@torch.no_grad()
def test() -> float:
    model.eval()
    correct = 0
    for data in test_loader:
        data = data.to(device)
        correct += int((model(data)["logits"].argmax(-1) == data.y).sum())
    return correct / len(test_dataset)


for epoch in range(1, args.epochs + 1):
    train_dataset.set_epoch(epoch)  # transforms draw anew
    print(f"Epoch: {epoch:02d}, Loss: {train():.4f}, Test: {test():.4f}")
