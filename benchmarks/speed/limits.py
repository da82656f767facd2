"""How far from what the machine can do? For ``speed.py --only limits``; writes ``SPEED.md``.

First the machine: what its matrix products and copies reach. Then, alternating in one process, each
system beside the same written plainly (``textbook.py``), forward and backward and use; its FLOPs by
PyTorch's counter, and the share of the time that these alone would take (the floor, at the rate of
matrix products measured in turns with it), and its memory. With ``--against COMMIT`` encoders of
that commit compute the same in a second process, in turns.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.batch import pos_tracks
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import COCO17, NTU25
from pyg_skeletonmae.models import (
    GraphEncoder,
    GraphSkeletonMAE,
    GraphTemporalEncoder,
    SkeletonEncoder,
    STEncoder,
    STGCNEncoder,
    STSkeletonMAE,
    ViTBackbone,
)
from pyg_skeletonmae.nn.kernels import kernels, use_kernels
from pyg_skeletonmae.nn.tokens import to_patches
from pyg_skeletonmae.training import keep_memory
from pyg_skeletonmae.transforms.token_masking import RandomTokenMask
from speed.rates import (
    PRODUCTS,
    Alternate,
    Step,
    flops,
    machine_rates,
    peak_memory,
    product,
    product_rate,
)
from speed.textbook import TextbookMAE, TextbookSTGCN

MARK = "<!-- written by speed.py --only limits -->"
ROOT = Path(__file__).parents[2]
# Encoders by name: what makes them, and tracks, frames and channels of what they read.
ENCODERS: dict[str, tuple[str, tuple[int, int, int]]] = {
    "graph": ("GraphEncoder(COCO17, 2, 64)", (256, 64, 2)),
    "st-gcn": ("STGCNEncoder(NTU25, 3)", (16, 120, 3)),
    "graph-temporal": ("GraphTemporalEncoder(NTU25, 3, 64)", (128, 64, 3)),
    "vit": ("STEncoder(NTU25, 3, 120)", (4, 120, 3)),
}
MAKERS: dict[str, Callable[[], SkeletonEncoder]] = {
    "graph": partial(GraphEncoder, COCO17, 2, 64),
    "st-gcn": partial(STGCNEncoder, NTU25, 3),
    "graph-temporal": partial(GraphTemporalEncoder, NTU25, 3, 64),
    "vit": partial(STEncoder, NTU25, 3, 120),
}
# Whose rate is the floor of an encoder or system, and how many are timed at once.
WIDTHS = dict.fromkeys(("graph", "st-gcn", "graph-temporal"), "rows x 64 x 64")
WIDTHS["vit"] = "rows x 256 x 256"
REPEATED = 4
# What the process of an earlier commit runs: a name comes in, the time of one pass goes out.
CHILD = """
import sys, time, torch
from pyg_skeletonmae.layouts import COCO17, NTU25
from pyg_skeletonmae import models
torch.set_num_threads(int(sys.argv[1]))
clock = {"cpu": time.process_time, "wall": time.perf_counter}[sys.argv[2]]
made = {}
for line in sys.stdin:
    name, code, *size = line.rstrip().split("|")
    if not hasattr(models, code.partition("(")[0]):  # younger than the commit
        print("nan", flush=True)
        continue
    if name not in made:
        torch.manual_seed(0)
        encoder = eval(code, {**vars(models), "COCO17": COCO17, "NTU25": NTU25}).eval()
        made[name] = encoder, torch.randn(*map(int, size))
    encoder, pos = made[name]
    with torch.no_grad():
        start = clock()
        encoder.encode_tracks(pos)
    print(clock() - start, flush=True)
"""


def training(model: nn.Module, *batch: Any) -> Step:
    """One step: forward, backward, optimiser."""
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        out = model(*batch)
        loss = out["loss"] if isinstance(out, dict) else out
        (loss if loss.dim() == 0 else loss.square().mean()).backward()
        optimizer.step()

    return step


def training_steps(quick: bool, frame_graphs: Callable[..., Any]) -> dict[str, tuple[Step, Step]]:
    """Ours and the textbook's step of each system."""
    clips = [
        Data(pos=torch.randn(17, 64, 2), num_tracks=torch.ones(1, dtype=torch.long))
        for _ in range(4 if quick else 32)
    ]
    graph = GraphSkeletonMAE(COCO17, 2, 64)
    ours = Batch.from_data_list(clips)
    frames = [Data(x=x, edge_index=COCO17.edge_index) for c in clips for x in c.pos.unbind(1)]
    theirs = Batch.from_data_list(frames)
    steps = {"graph": (training(graph, ours), training(frame_graphs(graph), theirs))}
    width, depth, decoder = (16, 1, 1) if quick else (256, 8, 3)
    backbone = ViTBackbone(4, width, depth, 8, decoder_channels=width, decoder_depth=decoder)
    mae = STSkeletonMAE(NTU25, 3, 120, backbone, RandomTokenMask(0.9))
    clips = [
        Data(pos=torch.randn(25, 120, 3), num_tracks=torch.ones(1, dtype=torch.long))
        for _ in range(2)
    ]
    batch = Batch.from_data_list(clips)
    patches = to_patches(pos_tracks(batch, 25), 4).flatten(3).flatten(1, 2)
    keep = torch.rand(2, 750).argsort(1)[:, :75].sort(1).values
    book = TextbookMAE(750, 12, width, depth, decoder, 8)
    steps["vit"] = training(mae, batch), training(book, patches, keep)
    widths = [16, 16] if quick else [64] * 4 + [128] * 3 + [256] * 3
    encoder, plain = STGCNEncoder(NTU25, 3, widths), TextbookSTGCN(NTU25, widths)
    steps["st-gcn"] = training(encoder, batch), training(plain, pos_tracks(batch, 25))
    return steps


@contextmanager
def earlier(commit: str, args: argparse.Namespace) -> Iterator[Callable[[str], float]]:
    """Times encoders of an earlier commit, which gets a process of its own: seconds by name."""
    with tempfile.TemporaryDirectory() as folder:
        files = subprocess.run(
            ["git", "archive", commit, "pyg_skeletonmae"], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "x", "-C", folder], input=files.stdout, check=True)
        command = [sys.executable, "-c", CHILD, str(args.threads), args.clock]
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env={"PYTHONPATH": folder},
            text=True,
        )
        assert child.stdin is not None and child.stdout is not None
        stdin, stdout = child.stdin, child.stdout

        def time(name: str) -> float:
            code, (tracks, frames, channels) = ENCODERS[name]
            joints = MAKERS[name]().skeleton.num_joints
            stdin.write("|".join(map(str, (name, code, tracks, joints, frames, channels))) + "\n")
            stdin.flush()
            return float(stdout.readline())

        yield time
        stdin.close()
        child.wait()


def _note(times: list[float], time: Callable[[], float]) -> None:
    times.append(time())


def inference_rows(args: argparse.Namespace, alternate: Alternate) -> list[dict[str, Any]]:
    """Milliseconds of each encoder: as it is, in its inference form, and at an earlier commit."""
    rows = []
    for name, make in MAKERS.items():
        torch.manual_seed(0)
        encoder = make().eval()
        fast, (tracks, frames, channels) = encoder.inference(), ENCODERS[name][1]
        pos = torch.randn(
            2 if args.quick else tracks, encoder.skeleton.num_joints, frames, channels
        )
        before: list[float] = []
        with torch.no_grad():
            steps: dict[str, Step] = {
                "eager": partial(encoder.encode_tracks, pos),
                "form": partial(fast.encode_tracks, pos),
                "product": _products(name),
            }
            if args.against and not args.quick:
                with earlier(args.against, args) as time:
                    steps["before"] = partial(_note, before, partial(time, name))
                    found = alternate(steps, args.repeats, args.clock)
                found["before"] = 1e3 * statistics.median(before[2:])
            else:
                found = alternate(steps, args.repeats, args.clock)
            work = flops(steps["eager"])
        found["floor"] = _floor(name, work, found.pop("product"))
        rows.append({"encoder": name, "tracks": len(pos), "gflop": work, **found})
    return rows


def _products(name: str) -> Step:
    """The matrix products whose rate is the floor of a system, about 5 ms of them."""
    one = product(*PRODUCTS[WIDTHS[name]])

    def several() -> None:
        for _ in range(REPEATED):
            one()

    return several


def _floor(name: str, gflop: float, milliseconds: float) -> float:
    """What the FLOPs of a system alone would take, at the rate measured in turns with it."""
    return 1e3 * gflop / product_rate(WIDTHS[name], milliseconds / REPEATED)


def sides(steps: tuple[Step, Step]) -> dict[str, Step]:
    """Our step, the same with compiled kernels where they can be built, and the textbook's."""
    ours, textbook = steps

    def with_kernels() -> None:
        with use_kernels():
            ours()

    found = {"ours": ours, "textbook": textbook}
    try:
        with use_kernels():
            kernels()
    except ConfigError:
        return found
    return {"ours": ours, "kernels": with_kernels, "textbook": textbook}


def training_rows(
    args: argparse.Namespace, alternate: Alternate, frame_graphs: Callable[..., Any]
) -> list[dict[str, Any]]:
    """Milliseconds of a step of each system, ours and plainly written, and its FLOPs.

    First with the allocator as it comes, then with one that keeps freed memory, for all sides; then
    with two threads.
    """
    rows = []
    ways = [(args.threads, False)]
    if not args.quick:
        ways += [(args.threads, True), (2 * args.threads, True)]
    for threads, keeps in ways:
        if keeps:
            keep_memory()
        torch.set_num_threads(threads)
        for name, steps in training_steps(args.quick, frame_graphs).items():
            own = {**sides(steps), "product": _products(name)}
            found = alternate(own, args.repeats, args.clock)
            work, plain = (flops(step) for step in steps)
            floor = _floor(name, work, found.pop("product"))
            row = {"system": name, "threads": threads, "keeps": keeps, "gflop": work}
            row["textbook_gflop"] = plain
            rows.append({**row, "floor": floor, **found})
    torch.set_num_threads(args.threads)
    return rows


def peak(name: str, side: str, keeps: bool, quick: bool) -> float:
    """The MiB that a step of a system adds; for a process of its own."""
    from speed.graph import FrameGraphMAE  # which imports this module

    torch.set_num_threads(1)
    if keeps:
        keep_memory()
    # A small one first, which loads libraries.
    sides(training_steps(True, FrameGraphMAE)[name])[side]()
    step = sides(training_steps(quick, FrameGraphMAE)[name])[side]
    return peak_memory(step)


def memory_rows(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The MiB that a step of each side of each system adds, in a process of its own (Linux)."""
    rows: list[dict[str, Any]] = []
    if not sys.platform.startswith("linux"):
        return rows
    path = f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r})"
    names = ["graph"] if args.quick else ["graph", "vit", "st-gcn"]
    for keeps in (False,) if args.quick else (False, True):
        for name in names:
            row: dict[str, Any] = {"system": name, "keeps": keeps}
            for side in sides((str, str)):
                call = f"print(limits.peak({name!r}, {side!r}, {keeps}, {args.quick}))"
                code = f"{path}; from speed import limits; {call}"
                child = [sys.executable, "-c", code]
                row[side] = float(subprocess.run(child, capture_output=True, check=True).stdout)
            rows.append(row)
    return rows


def measure(
    args: argparse.Namespace, alternate: Alternate, frame_graphs: Callable[..., Any]
) -> dict[str, Any]:
    """All figures, ready for JSON.

    Args:
        args: The command line.
        alternate: Takes steps in turns and gives the median time of each.
        frame_graphs: Makes the graph system on one PyG graph for each frame.
    """
    return {
        "threads": args.threads,
        "clock": args.clock,
        "torch": torch.__version__,
        "against": args.against,
        "machine": machine_rates(alternate, args),
        "inference": inference_rows(args, alternate),
        "memory": memory_rows(args),
        "training": training_rows(args, alternate, frame_graphs),
    }


def as_markdown(found: dict[str, Any], processor: str) -> str:
    """The figures as tables."""
    rates = found["machine"]
    lines = [
        f"{processor}, {found['threads']} thread(s), torch {found['torch']}, float32, median "
        f"{found['clock']} time. Matrix products: "
        + ", ".join(f"{v:.0f} GFLOP/s ({n})" for n, v in rates.items() if n != "copy")
        + f"; copies {rates['copy']:.1f} GB/s.",
        "",
        f"| encoder, tracks | as it is | `inference()` | ratio | {found['against'] or 'earlier'} "
        "| ratio | floor | share |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found["inference"]:
        least, form, before = row["floor"], row["form"], row.get("before")
        then = (
            f"{before:.0f} ms | **{before / form:.2f}x**"
            if before and before == before
            else "- | -"
        )
        lines.append(
            f"| {row['encoder']}, {row['tracks']} | {row['eager']:.0f} ms | {form:.0f} ms | "
            f"**{row['eager'] / form:.2f}x** | {then} | {least:.0f} ms | {least / form:.0%} |"
        )
    lines += [
        "",
        "| step | allocator, threads | ours | with kernels | textbook | ratio | with kernels "
        "| GFLOP, of the textbook's | floor | share | with kernels |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found["training"]:
        least, ours, book = row["floor"], row["ours"], row["textbook"]
        fast = row.get("kernels", ours)
        way = f"{'keeps memory' if row['keeps'] else 'default'}, {row['threads']}"
        lines.append(
            f"| {row['system']} | {way} | {ours:.0f} ms | {fast:.0f} ms | {book:.0f} ms | "
            f"**{book / ours:.2f}x** | **{book / fast:.2f}x** | {row['gflop']:.1f}, "
            f"{row['gflop'] / row['textbook_gflop']:.1%} | "
            f"{least:.0f} ms | {least / ours:.0%} | {least / fast:.0%} |"
        )
    lines += [
        "",
        "| memory of a step | allocator | ours | with kernels | textbook | of it | of it |",
    ]
    lines += ["|---|---|---|---|---|---|---|"]
    for row in found["memory"]:
        ours, book = row["ours"], row["textbook"]
        fast = row.get("kernels", ours)
        way = "keeps memory" if row["keeps"] else "default"
        lines.append(
            f"| {row['system']} | {way} | {ours:.0f} MiB | {fast:.0f} MiB | {book:.0f} MiB | "
            f"{ours / book:.2f}x | {fast / book:.2f}x |"
        )
    return "\n".join(lines) + "\n"
