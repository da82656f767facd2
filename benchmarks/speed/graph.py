"""How fast is a training step? Compares in one process, alternating, and prints medians.

``--only graph``: one step (forward, backward, optimiser) of ``GraphSkeletonMAE`` on tracks with a
dense adjacency, against the same model on one PyG graph per frame. Both have the same weights,
masks, activations, norms and loss terms (their losses are asserted to be equal); what differs is
the layout of a batch and the message passing. Batch building, where it is counted, is a
``SkeletonLoader`` batch on our side and PyG's ``DataLoader`` over one ``Data`` per frame, which lie
ready in memory, on the other. "MLP alone" is our model without the sum over neighbours: the floor.

``--only st``: memory and time of the transformers, see ``spatial_temporal.py``.

``--only stream``: what a stream costs beside its encoder, see ``streaming.py``.

``--only limits``: the machine's own rates, and how much of them each system reaches, see
``limits.py``.

``--only growth``: exponents of time and memory, see ``growth.py``.

``--only profiles``: what takes the time, see ``profiles.py``.

``--only parts``: a step of the presets, and of ``MaskedPretrainer`` of the same four parts.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv, global_add_pool

from pyg_skeletonmae.batch import as_tracks
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.nn import cosine_error
from speed import growth, limits, profiles, streaming
from speed.parts import bench_parts
from speed.spatial_temporal import bench_st, summary

CHANNELS = 2
RESULTS = Path(__file__).parents[1] / "results_speed.csv"
SPEED = RESULTS.with_name("SPEED.md")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
TARGETS = {"with building": 1.4, "without building": 1.15}


class FrameGraphMAE(nn.Module):
    """``GraphSkeletonMAE`` on a PyG batch of one graph per frame, with stock message passing."""

    frame_mask: Tensor

    def __init__(self, model: GraphSkeletonMAE) -> None:
        super().__init__()
        model = copy.deepcopy(model)
        layers = [*model.encoder.gnn.layers, *model.decoder.layers]
        self.embed, self.depth = model.encoder.embed, len(model.encoder.gnn.layers)
        self.mask_token, self.beta, self.collapse = model.mask_token, model.beta, model.collapse
        self.convs = nn.ModuleList(_stock_gin(layer) for layer in layers)
        self.norms = nn.ModuleList(layer.norm for layer in layers)
        self.acts = nn.ModuleList(layer.act for layer in layers)
        skeleton = model.encoder.skeleton
        track = torch.zeros(1, skeleton.num_joints, 1, CHANNELS)
        mask = model.mask(track, skeleton, Draws(torch.zeros(1, dtype=torch.long)))
        self.register_buffer("frame_mask", mask.flatten(), persistent=False)

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """The same figures as ``GraphSkeletonMAE``'s."""
        mask = self.frame_mask.repeat(batch.num_graphs)
        embedded = self.embed(batch.x)
        x = torch.where(mask[:, None], self.mask_token, embedded)
        for conv, norm, act in zip(self.convs, self.norms, self.acts, strict=True):
            x = act(norm(conv(x, batch.edge_index)))
        rows = mask.nonzero().squeeze(1)
        target = embedded.detach()
        error = cosine_error(x.index_select(0, rows), target.index_select(0, rows)).pow(self.beta)
        count = global_add_pool(mask.float(), batch.batch, batch.num_graphs)
        weight = count.index_select(0, batch.batch.index_select(0, rows)).pow(-self.beta)
        loss = (error * weight).sum() / (count > 0).sum()
        cosine, ratio = self.collapse(target, mask), mask.float().mean()
        return {"loss": loss, "mask_ratio": ratio, "target_cosine": cosine}


class MLPAlone(nn.Module):
    """A GIN layer that does not look at its neighbours."""

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Maps ``[P, V, T, C]``; the adjacency is ignored."""
        out: Tensor = self.mlp(x.flatten(0, -2))
        return out.view(*x.shape[:-1], out.size(-1))


def _stock_gin(layer: Any) -> GINConv:
    conv = GINConv(copy.deepcopy(layer.conv.nn))
    conv.load_state_dict(layer.conv.state_dict())
    return conv


def without_messages(model: GraphSkeletonMAE) -> GraphSkeletonMAE:
    """A copy of the model in which no joint sees another."""
    model = copy.deepcopy(model)
    for layer in (*model.encoder.gnn.layers, *model.decoder.layers):
        layer.conv = MLPAlone(layer.conv.nn)
    return model


def training_step(model: nn.Module, batches: Iterator[Data]) -> Callable[[], None]:
    """One step: take a batch, forward, backward, optimiser."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        model(next(batches))["loss"].backward()
        optimizer.step()

    return step


def alternate(steps: dict[str, Callable[[], None]], repeats: int, clock: str) -> dict[str, float]:
    """The median time of each step in milliseconds; every round takes one of each."""
    now = CLOCKS[clock]
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(-2, repeats):  # two rounds to warm up
        for name, step in steps.items():
            start = now()
            step()
            if repeat >= 0:
                times[name].append(1e3 * (now() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def bench_graph(args: argparse.Namespace, root: Path) -> dict[str, float]:
    """Median milliseconds of one step of each variant."""
    clips = torch.randn(args.clips, args.frames, COCO17.num_joints, CHANNELS)
    dataset = SkeletonDataset.from_arrays(list(clips.numpy()), None, COCO17, root=root / "clips")
    ours = SkeletonLoader(dataset, args.clips)
    frames = [Data(x=x.clone(), edge_index=COCO17.edge_index) for x in clips.flatten(0, 1)]
    stock = DataLoader(frames, batch_size=len(frames))

    model = GraphSkeletonMAE(COCO17, CHANNELS, args.hidden)
    stock_model, mlp = FrameGraphMAE(model), without_messages(model)
    batch: Any = next(iter(ours))
    frame_batch = next(iter(stock))
    assert torch.equal(as_tracks(batch.pos, COCO17.num_joints), clips.transpose(1, 2))
    losses = copy.deepcopy(model)(batch), copy.deepcopy(stock_model)(frame_batch)
    for name, value in losses[0].items():
        torch.testing.assert_close(value, losses[1][name], rtol=1e-5, atol=1e-5)
    steps = {
        "ours, with building": training_step(model, _forever(ours)),
        "PyG, with building": training_step(stock_model, _forever(stock)),
        "ours, without building": training_step(copy.deepcopy(model), _forever([batch])),
        "PyG, without building": training_step(copy.deepcopy(stock_model), _forever([frame_batch])),
        "MLP alone": training_step(mlp, _forever([batch])),
    }
    return alternate(steps, args.repeats, args.clock)


def _forever(batches: Any) -> Iterator[Data]:
    while True:
        yield from batches


def report(args: argparse.Namespace, medians: dict[str, float]) -> None:
    """Prints the table, and appends it to the file if asked."""
    size = f"{args.clips} clips x {args.frames} frames x {COCO17.num_joints} joints"
    print(
        f"graph: one step, {size}, hidden {args.hidden}, median {args.clock} time of {args.repeats}"
    )
    print(f"{machine()}, {args.threads} threads, torch {torch.__version__}, eager, float32")
    for name, value in medians.items():
        print(f"  {name:24s} {value:9.1f} ms")
    for name, target in TARGETS.items():
        ratio = medians[f"PyG, {name}"] / medians[f"ours, {name}"]
        print(f"  {name}: {ratio:.2f}x as fast as PyG (target {target}x)")
    if args.csv:
        rows = [
            [*about(args, "graph", size), name, f"{value:.2f}"] for name, value in medians.items()
        ]
        append(rows, args.csv)


def report_parts(args: argparse.Namespace) -> None:
    """Runs ``--only parts``; prints its figures."""
    print(f"parts: {args.clips} clips, hidden {args.hidden}, median {args.clock} time")
    print(f"{machine()}, {args.threads} threads, torch {torch.__version__}, eager, float32")
    for name, preset, parts in bench_parts(args, training_step, alternate):
        print(f"  {name:10s} preset {preset:8.1f} ms, parts {parts:8.1f} ms: {preset / parts:.3f}x")


def report_st(args: argparse.Namespace) -> None:
    """Runs ``--only st``; prints its figures, and appends them to the file if asked."""
    size = f"{'small models' if args.quick else 'published size'}, {args.tracks} tracks"
    print(f"st: {size}, median {args.clock} time of {args.repeats}")
    print(f"{machine()}, {args.threads} threads, torch {torch.__version__}, eager, float32")
    rows = bench_st(args)
    for name, value, unit in rows:
        print(f"  {name:42s} {value:9.2f} {unit}")
    print(*(f"  {line}" for line in summary(rows)), sep="\n")
    if args.csv:
        head = about(args, "st", size)
        # The column is one of milliseconds, so other units stand in the name.
        named = [
            (name if unit == "ms" else f"{name} [{unit}]", value) for name, value, unit in rows
        ]
        append([[*head, name, f"{value:.2f}"] for name, value in named], args.csv)


def report_stream(args: argparse.Namespace) -> None:
    """Runs ``--only stream``; prints its figures, and appends them to the file if asked."""
    print(f"stream: a window, median {args.clock} time of {args.repeats}")
    print(f"{machine()}, {args.threads} threads, torch {torch.__version__}, eager, float32")
    medians = streaming.bench_stream(args, alternate)
    print(*(f"  {line}" for line in streaming.summary(medians)), sep="\n")
    if args.csv:
        head = about(args, "stream", "1 person")
        append([[*head, name, f"{value:.3f}"] for name, value in medians.items()], args.csv)


def report_limits(args: argparse.Namespace) -> None:
    """Runs ``--only limits``; prints its figures, and writes them where it is told to."""
    found = limits.measure(args, alternate, FrameGraphMAE)
    _write(args, found, limits.MARK, limits.as_markdown(found, machine()))


def report_growth(args: argparse.Namespace) -> None:
    """Runs ``--only growth``; prints its figures, and writes them where it is told to."""
    found = growth.measure(args, alternate)
    about = f"{machine()}, {args.threads} thread(s), torch {torch.__version__}, {args.clock} time."
    _write(args, found, growth.MARK, growth.as_markdown(found, about))


def report_profiles(args: argparse.Namespace) -> None:
    """Runs ``--only profiles``; prints its figures, and writes them where it is told to."""
    found = profiles.measure(args, FrameGraphMAE)
    about = f"{machine()}, {args.threads} thread(s), torch {torch.__version__}."
    _write(args, found, profiles.MARK, profiles.as_markdown(found, about))


def _write(args: argparse.Namespace, found: Any, mark: str, text: str) -> None:
    """Prints tables, and writes them and their figures where it is told to."""
    print(text)
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if args.markdown is not None:
        write_section(args.markdown, mark, text)


def write_section(page: Path, mark: str, text: str) -> None:
    """Writes tables behind their mark, up to the next mark, or at the end of a page."""
    before, _, after = (page.read_text(encoding="utf-8") if page.exists() else "").partition(mark)
    rest = after.find("<!-- written by")
    after = after[rest:] if rest >= 0 else ""
    parts = [before.rstrip("\n"), mark, text.rstrip("\n"), after.rstrip("\n")]
    page.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def about(args: argparse.Namespace, benchmark: str, size: str) -> list[object]:
    """The first columns of a line of the file: when, where and what."""
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M")
    where = [date, machine(), args.threads, torch.__version__, args.clock]
    return [*where, benchmark, size, args.hidden if benchmark == "graph" else ""]


def append(rows: Sequence[Sequence[object]], path: Path) -> None:
    """Adds rows to a CSV file, which gets a header if it is new."""
    columns = ["date", "machine", "threads", "torch", "clock", "benchmark", "size", "hidden"]
    header = [*columns, "variant", "median_ms"]
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(rows if file.tell() else [header, *rows])


def machine() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


OTHERS = {
    "st": report_st,
    "stream": report_stream,
    "parts": report_parts,
    "limits": report_limits,
    "growth": report_growth,
    "profiles": report_profiles,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line and runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--only",
        choices=["graph", *OTHERS],
        default="graph",
        help="what to measure",
    )
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--repeats", type=int, help="default: 21; st: 3")
    parser.add_argument("--tracks", type=int, default=4, help="st: persons in a batch")
    parser.add_argument("--processes", type=int, default=1, help="st: runs of each memory figure")
    parser.add_argument("--quick", action="store_true", help="small models, to try it")
    parser.add_argument("--against", help="limits: a commit whose encoders are timed in turns")
    parser.add_argument("--json", type=Path, help="limits, growth, profiles: write the figures")
    parser.add_argument(
        "--markdown",
        nargs="?",
        type=Path,
        const=SPEED,
        help=f"limits, growth, profiles: write tables ({SPEED.name})",
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--clock",
        choices=list(CLOCKS),
        default="wall",
        help="cpu: time this process computed, summed over threads, where others use the machine",
    )
    parser.add_argument(
        "--csv", nargs="?", type=Path, const=RESULTS, help=f"append to a file ({RESULTS.name})"
    )
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.repeats = args.repeats or {"st": 3, "limits": 7, "growth": 3}.get(args.only, 21)
    if args.only in OTHERS:
        OTHERS[args.only](args)
        return
    with tempfile.TemporaryDirectory() as root:
        report(args, bench_graph(args, Path(root)))
