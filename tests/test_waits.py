"""Neither a step of training nor a batch waits for a GPU, see ``wait_helpers``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch_geometric.transforms import Compose
from wait_helpers import Waits

import pyg_skeletonmae
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import (
    STGCN,
    STRL,
    Classifier,
    GraphSkeletonMAE,
    GraphTemporalEncoder,
    MaskedPretrainer,
    Skeleton2Vec,
    STEncoder,
    STSkeletonMAE,
    ViTBackbone,
    classifier,
)
from pyg_skeletonmae.models.encoders import strl, strl_layer
from pyg_skeletonmae.models.pretraining import collapse
from pyg_skeletonmae.nn import losses, pool
from pyg_skeletonmae.training.optim import OptimConfig, build_optimizer
from pyg_skeletonmae.transforms import (
    MaskEdges,
    MaskJoints,
    MotionMask,
    MotionTubeMask,
    PartMask,
    RandomMask,
    standard_transform,
)

FRAMES, V = 16, NTU25
AUGMENTED = standard_transform(
    V,
    FRAMES,
    train=True,
    center="first",
    rotate=17.0,
    flip=0.5,
    shape=0.02,
    jitter=0.01,
    view=180.0,
)
SMALL = {"hidden_channels": 16, "depth": 2}


def vit() -> ViTBackbone:
    return ViTBackbone(**SMALL, heads=2, decoder_channels=16)


def make_strl(**settings: bool) -> STRL:
    return STRL(V, 3, 2, frames=FRAMES, hidden_channels=16, depth=1, **settings)


SYSTEMS: dict[str, Callable[[], nn.Module]] = {
    "graph": lambda: GraphSkeletonMAE(V, 3, **SMALL),
    "graph, random parts": lambda: GraphSkeletonMAE(V, 3, **SMALL, mask=PartMask("random")),
    "graph, random joints": lambda: GraphSkeletonMAE(V, 3, **SMALL, mask=RandomMask()),
    "graph, squared": lambda: GraphSkeletonMAE(V, 3, **SMALL, target="coordinates", loss="squared"),
    "vit": lambda: STSkeletonMAE(V, 3, FRAMES, vit()),
    "mamp": lambda: STSkeletonMAE(V, 3, FRAMES, vit(), MotionMask(), "motion"),
    "skeleton2vec": lambda: Skeleton2Vec(V, 3, FRAMES, vit(), MotionTubeMask(tube=2)),
    "graph-temporal": lambda: MaskedPretrainer(GraphTemporalEncoder(V, frames=FRAMES, depth=2)),
    "st-gcn": lambda: STGCN(V, 3, 2, [16, 16, 32]),
    "strl": make_strl,
    "strl, one for each person": lambda: make_strl(share_persons=False),
    "vit classifier": lambda: Classifier(STEncoder(V, 3, FRAMES, heads=2, **SMALL), 2, "mlp"),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> SkeletonDataset:
    random = torch.Generator().manual_seed(0)
    shapes = [(1 + number % 2, 20 + number, 25, 3) for number in range(8)]
    clips = [torch.randn(shape, generator=random).numpy() for shape in shapes]
    clips[3][0, 4:7, 2] = float("nan")
    root = tmp_path_factory.mktemp("waits") / "store"
    return SkeletonDataset.from_arrays(clips, [0, 1] * 4, V, root=root, nan="drop")


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_step_waits_for_nothing(name: str, dataset: SkeletonDataset) -> None:
    model = SYSTEMS[name]().to("meta")
    batch = next(iter(SkeletonLoader(dataset, 4, AUGMENTED, shuffle=True, device="meta")))
    optimizer = build_optimizer(model, OptimConfig(), fused=False)
    with Waits("meta") as waits:
        model(batch)["loss"].backward()
    optimizer.step()
    assert dict(waits.found) == {}
    assert waits.operators > 100


@pytest.mark.parametrize("masks", [False, True])
def test_a_batch_waits_for_nothing(masks: bool, dataset: SkeletonDataset) -> None:
    steps = [AUGMENTED]
    steps += [MaskJoints(RandomMask(), V), MaskEdges(0.3, V)] if masks else []
    batches = iter(SkeletonLoader(dataset, 4, Compose(steps), shuffle=True, device="meta"))
    next(batches)
    with Waits("meta") as waits:
        batch = next(batches)
    assert dict(waits.found) == {}
    assert waits.operators < (710 if masks else 535), waits.operators  # on a device
    assert batch.pos.device.type == "meta" and batch.num_tracks.device.type == "meta"
    assert ("joint_mask" in batch) == masks


def test_a_batch_on_a_cpu_takes_few_operators(dataset: SkeletonDataset) -> None:
    batches = iter(SkeletonLoader(dataset, 4, AUGMENTED, shuffle=True))
    next(batches)
    with Waits() as waits:
        next(batches)
    assert waits.operators < 200, waits.operators


def moves(tree: ast.AST) -> list[str]:
    """Where tensors are sent to a device or read from it, by another way than ``on_device``."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        text = ast.unparse(node)
        sent = name == "to" and any("device" in ast.unparse(argument) for argument in node.args)
        made = name in ("tensor", "as_tensor", "new_tensor") and "device=" in text
        if sent or made or name in ("cuda", "new_tensor"):
            found.append(text)
    return found


def test_all_moves_to_a_device_go_one_way() -> None:
    """But for whole stores, which are copied when a loader is made."""
    package = Path(pyg_skeletonmae.__file__).parent
    paths = [*(package / "loader").glob("*.py"), *(package / "transforms").glob("*.py")]
    found = {path.name: moves(ast.parse(path.read_text(encoding="utf-8"))) for path in paths}
    assert {name: sorted(calls) for name, calls in found.items() if calls} == {
        "collate.py": [
            "store.pos.to(self._rows_device)",
            "store.valid.to(self._rows_device)",
        ],
        "stacked_rows.py": ["part.to(device)"],
    }
    assert moves(ast.parse("x.to(y.device); torch.tensor(1, device=d); x.new_tensor([1])")) != []
    assert moves(ast.parse("x.to(dtype); torch.tensor(1)")) == []


def test_what_waits_is_seen() -> None:
    x = torch.arange(4.0)
    with Waits() as waits:
        float(x[0])
        x[x > 1]
        x.nonzero()
        torch.repeat_interleave(torch.tensor([1, 2]))
        torch.repeat_interleave(torch.tensor([1, 2]), output_size=3)
        x.to("meta")
        x.to("meta", non_blocking=True)
        x[torch.tensor([0, 1])]
    names = sorted(name.split()[0].removeprefix("aten::") for name in waits.found)
    assert names == ["_local_scalar_dense", "_to_copy", "index", "nonzero", "repeat_interleave"]


@pytest.mark.parametrize("name", ["graph", "graph, random parts", "mamp", "graph-temporal", "strl"])
def test_a_system_is_one_graph(name: str, dataset: SkeletonDataset) -> None:
    """As ``torch.compile`` sees it: no line sends it back to Python."""
    batch = next(iter(SkeletonLoader(dataset, 4, AUGMENTED, shuffle=True)))
    torch._dynamo.reset()
    model = SYSTEMS[name]()
    found = torch._dynamo.explain(model)(batch)
    assert (found.graph_break_count, found.graph_count) == (0, 1), found.break_reasons


@pytest.mark.parametrize("name", ["graph", "graph, squared", "vit", "strl, one for each person"])
def test_without_looking_at_numbers_the_loss_is_the_same(
    name: str, dataset: SkeletonDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU computes, on a CPU: values and gradients."""
    batch = next(iter(SkeletonLoader(dataset, 4, AUGMENTED, shuffle=True)))
    results = []
    for look in (True, False):
        torch.manual_seed(0)
        model = SYSTEMS[name]()
        if not look:
            for module in (losses, collapse, pool, strl_layer, strl, classifier):
                monkeypatch.setattr(module, "readable", lambda _: False)
        out = model(batch)
        out["loss"].backward()
        grads = [weight.grad for weight in model.parameters() if weight.grad is not None]
        results.append([*(value.detach() for value in out.values()), *grads])
    for found, expected in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_gpu_is_never_waited_for(name: str, dataset: SkeletonDataset) -> None:
    model = SYSTEMS[name]().cuda()
    batches = iter(SkeletonLoader(dataset, 4, AUGMENTED, shuffle=True, device="cuda"))
    model(next(batches))["loss"].backward()
    torch.cuda.set_sync_debug_mode("error")
    try:
        model(next(batches))["loss"].backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
