"""Records what twenty configurations of masked pre-training compute.

``python tests/recorded/record.py``. Each is a system with its options, a seed and one batch with
missing joints. Written down are the loss, and of every initial weight and every gradient two
numbers that any change of it moves: the norm, and the sum weighted by a ramp. Names are those of
the version that was recorded, so that a later one has to say how its own names follow from them.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))
from model_helpers import make_batch

from pyg_skeletonmae import layouts
from pyg_skeletonmae.models import (
    GraphSkeletonMAE,
    Skeleton2Vec,
    SkeletonModel,
    STSkeletonMAE,
    STTFormerBackbone,
    ViTBackbone,
)
from pyg_skeletonmae.transforms import (
    JointFrameMask,
    MotionMask,
    MotionTubeMask,
    PartMask,
    RandomMask,
)

FRAMES = 12
SKELETON = layouts.UIPRMD22
VIT = ViTBackbone(3, 16, 2, 2, decoder_channels=16, decoder_depth=1)
TUPLES = STTFormerBackbone(
    3, channels=[(8, 8, 4), (8, 8, 4)], heads=2, decoder_channels=[(8, 8, 4)]
)
graph = partial(GraphSkeletonMAE, SKELETON, hidden_channels=16)
st_mae = partial(STSkeletonMAE, SKELETON, 3, FRAMES)
skeleton2vec = partial(Skeleton2Vec, SKELETON, 3, FRAMES, VIT, ema_steps=10)
TUBES = MotionTubeMask(0.8, 2)

CONFIGURATIONS: dict[str, Callable[[], SkeletonModel]] = {
    "graph": graph,
    "graph gcn": partial(graph, conv="gcn"),
    "graph random joints": partial(graph, mask=RandomMask(0.5)),
    "graph random parts": partial(graph, mask=PartMask("random")),
    "graph gradient through the target": partial(graph, detach_target=False),
    "graph coordinates": partial(graph, target="coordinates"),
    "graph remask": partial(graph, remask=True, decoder_depth=2),
    "graph as in GraphMAE": partial(graph, loss_form="graphmae", norm="layer", residual=True),
    "graph edges": partial(graph, edge_ratio=0.2, edge_weight=0.5),
    "graph joint embedding": partial(graph, joint_embedding=True),
    "st_mae": partial(st_mae, VIT),
    "st_mae over time": partial(st_mae, VIT, target_norm="time"),
    "mamp": partial(st_mae, VIT, mask=MotionMask(0.8), target="motion"),
    "st_mae parts": partial(st_mae, VIT, mask=PartMask("random")),
    "sttformer": partial(st_mae, TUPLES),
    "sttformer motion": partial(st_mae, TUPLES, target="motion", mask=JointFrameMask(5, 0.3)),
    "skeleton2vec": partial(skeleton2vec, mask=TUBES, top_k=2),
    "skeleton2vec views": partial(skeleton2vec, mask=TUBES, views=2, top_k=1, target_norm="layer"),
    "skeleton2vec published": partial(
        skeleton2vec,
        mask=MotionTubeMask(0.8, 2, keep="published"),
        top_k=2,
        decoder_order="published",
    ),
    "skeleton2vec parts": partial(skeleton2vec, mask=PartMask("random"), top_k=2),
}


def measure(make: Callable[[], SkeletonModel]) -> dict[str, Any]:
    """One step of a configuration: initial weights, loss, gradients, and what the step moves."""
    torch.manual_seed(0)
    model = make()
    weights = {name: _trace(value) for name, value in model.state_dict().items()}
    loss = model.train()(_batch())["loss"]
    loss.backward()
    gradients = {name: _trace(p.grad) for name, p in model.named_parameters() if p.grad is not None}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    if hasattr(model, "after_step"):
        model.after_step()
    moved = {
        name: _trace(value)
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    return {"loss": loss.item(), "weights": weights, "gradients": gradients, "moved": moved}


def _batch() -> Any:
    batch = make_batch(SKELETON, (1, 2, 3, 1), FRAMES, 3)
    batch.valid[3:9, 2:5] = False
    batch.pos[~batch.valid] = 7.0  # whatever stands there must not matter
    batch.key = torch.arange(4) + 100
    return batch


def _trace(value: Tensor) -> list[float]:
    flat = value.detach().double().flatten()
    ramp = torch.linspace(1, 2, len(flat), dtype=torch.double)
    return [flat.norm().item(), (flat * ramp).sum().item()]


if __name__ == "__main__":
    torch.set_num_threads(1)
    values = {name: measure(make) for name, make in CONFIGURATIONS.items()}
    path = Path(__file__).with_name("pretraining.json")
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in values.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
