"""PyG's own ``GATConv`` on skeletons: ``ToFrameGraphs`` makes one graph of each frame.

Run it by `python examples/gat_on_frames.py --epochs 4`.
"""

from __future__ import annotations

import argparse

import torch
import torch_geometric.transforms as T
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GATConv, global_mean_pool

from pyg_skeletonmae.datasets import SyntheticActions
from pyg_skeletonmae.transforms import CenterRoot, Resample, ScaleBody, ToFrameGraphs

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=int, default=144)
parser.add_argument("--epochs", type=int, default=4)
args = parser.parse_args()
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)

dataset = SyntheticActions(args.clips, num_classes=4)
skeleton = dataset.skeleton
dataset.transform = T.Compose(
    [Resample(16), CenterRoot(skeleton), ScaleBody(skeleton), ToFrameGraphs()]
)
train_dataset, test_dataset = dataset.split(by="subject", train=[1, 3, 5, 7, 9])
train_loader = DataLoader(train_dataset, batch_size=16, shuffle=True)
test_loader = DataLoader(test_dataset, batch_size=16)


class GAT(nn.Module):
    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv1 = GATConv(3, channels, heads=4)
        self.conv2 = GATConv(4 * channels, channels, heads=1)
        self.lin = nn.Linear(channels, num_classes)

    def forward(self, data: Data) -> Tensor:
        x = F.elu(self.conv1(data.x, data.edge_index))  # a node is a joint in a frame
        x = F.elu(self.conv2(x, data.edge_index))
        return self.lin(global_mean_pool(x, data.batch))  # over the joints and frames of a clip


model = GAT(16, dataset.num_classes).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(1, args.epochs + 1):
    model.train()
    for data in train_loader:
        data = data.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data), data.y)
        loss.backward()
        optimizer.step()

    model.eval()
    correct = 0
    with torch.no_grad():
        for data in test_loader:
            data = data.to(device)
            correct += int((model(data).argmax(-1) == data.y).sum())
    print(f"Epoch: {epoch:02d}, Loss: {loss.item():.4f}, Test: {correct / len(test_dataset):.4f}")
