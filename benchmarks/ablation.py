"""What the parts of the three systems are worth.

    python benchmarks/ablation.py --systems a --datasets finegym --data /path/to/finegym
    python benchmarks/ablation.py --systems b c --datasets ntu60 --splits xsub --data /path/to/ntu
    python benchmarks/ablation.py --small --datasets uiprmd --jobs 2

The graph SkeletonMAE (a): depth of its encoder and number of STRL layers from 1 to 4, convolution
for each masked part, parts against random joints at four ratios; measured by fine-tuning, as
published on FineGym. The spatial-temporal SkeletonMAE (b): levels of masking. Skeleton2vec (c):
length of tubes, weight of motion, momentum and number of layers of the teacher. The ratio of
masking for all. (b) and (c) are measured by the linear probe, as published on NTU RGB+D 60.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from tables import command as script
from tables.protocols import Bench, Settings
from tables.runner import Run

PARTS = ("head", "torso", "left_arm", "right_arm", "left_leg", "right_leg")
# Of 17 joints, about 30, 50, 70 and 90 %, and as many in parts: the best and the worst set of the
# paper.
JOINTS = {30: 5, 50: 9, 70: 12, 90: 15}
PART_SETS = {
    30: ("right_arm right_leg", "left_arm left_leg"),
    50: ("head right_arm right_leg", "head torso"),
    70: ("torso left_arm right_arm left_leg right_leg",),
    90: (
        "head torso left_arm right_arm right_leg",
        "head torso right_arm left_leg right_leg",
    ),
}
_MODEL = "--model.init_args."


def _mask(policy: str, **arguments: object) -> Settings:
    given = (f"{_MODEL}mask.init_args.{name}={value}" for name, value in arguments.items())
    return f"{_MODEL}mask={policy}", *given


def _parts(names: str) -> Settings:
    return _mask("PartMask", parts=f"[{','.join(names.split())}]")


_PLAIN = _parts("right_arm")  # what the paper masks unless it says otherwise


def graph(bench: Bench, seed: int) -> Iterator[Run]:
    """A.11 of the graph SkeletonMAE's ablations, by fine-tuning."""

    def both(
        protocol: str, variant: str, settings: Settings, tuned: Settings = ()
    ) -> Iterator[Run]:
        yield bench.pretraining("graph_mae", seed, settings, variant)
        yield bench.finetuning("graph_mae", seed, f"ablation: {protocol}", tuned, variant)

    for depth in (1, 2, 3, 4):
        deep = (f"{_MODEL}depth={depth}",)
        yield from both("depth of the encoder", f"depth {depth}", (*_PLAIN, *deep), deep)
    start = bench.pretraining("graph_mae", seed, _PLAIN, "right_arm")
    yield start
    for layers in (1, 2, 3, 4):
        tuned = (f"{_MODEL}num_layers={layers}",)
        for scratch in (False, True):
            yield bench.finetuning(
                "graph_mae", seed, "ablation: STRL layers", tuned,
                f"layers {layers}{', not pre-trained' * scratch}", start.folder, scratch,
            )  # fmt: skip
    for conv in ("gin", "gcn", "gat"):
        kind = (f"{_MODEL}conv={conv}",)
        for part in PARTS:
            settings = (*_parts(part), *kind)
            yield from both("convolution x part", f"{conv}, {part}", settings, kind)
    for percent, sets in PART_SETS.items():
        about = "parts or random joints"
        yield from both(
            about, f"random, {percent} %", _mask("RandomMask", ratio=f"{JOINTS[percent] / 17:.3f}")
        )
        for names in sets:
            yield from both(about, f"parts {names}", _parts(names))


def st(bench: Bench, seed: int) -> Iterator[Run]:
    """Levels and ratios of masking of the spatial-temporal SkeletonMAE, by the linear probe."""
    for mode in ("joint", "frame", "both"):
        mask = _mask("JointFrameMask", mode=mode)
        yield from _probed(bench, seed, "st_mae_sttformer", "masking levels", mode, mask)
    for share in (0.2, 0.4, 0.6, 0.8):
        mask = _mask("JointFrameMask", joints=share, frames=share)
        variant = f"st_mae_sttformer, ratio {share}"
        yield from _probed(bench, seed, "st_mae_sttformer", "mask ratio", variant, mask)
    for method, policy in (("st_mae_vit", "RandomTokenMask"), ("mamp", "MotionMask")):
        yield from _ratios(bench, seed, method, policy)


def skeleton2vec(bench: Bench, seed: int) -> Iterator[Run]:
    """Masks and teacher of Skeleton2vec, by the linear probe."""

    def one(protocol: str, variant: str, settings: Settings) -> Iterator[Run]:
        return _probed(bench, seed, "skeleton2vec", protocol, variant, settings)

    for tube in (1, 2, 4, 8) if bench.small else (1, 2, 3, 5, 10, 15, 30):
        yield from one("tube length", f"tube {tube}", _mask("MotionTubeMask", tube=tube))
    for beta in (0.0, 0.1, 0.2, 0.5, 1.0):
        yield from one("weight of motion", f"beta {beta}", _mask("MotionTubeMask", beta=beta))
    for tau in (0.9, 0.99, 0.999) if bench.small else (0.99, 0.999, 0.9999, 0.99999):
        settings = (f"{_MODEL}ema_start={tau}",)
        yield from one("first momentum of the teacher", f"ema_start {tau}", settings)
    for top in (1, 2, 3) if bench.small else (1, 2, 4, 8):
        yield from one("layers of the target", f"top {top}", (f"{_MODEL}top_k={top}",))
    yield from _ratios(bench, seed, "skeleton2vec", "MotionTubeMask")


def _ratios(bench: Bench, seed: int, method: str, policy: str) -> Iterator[Run]:
    for ratio in (0.5, 0.7, 0.8, 0.9):
        mask = _mask(policy, ratio=ratio)
        yield from _probed(bench, seed, method, "mask ratio", f"{method}, ratio {ratio}", mask)


def _probed(
    bench: Bench, seed: int, method: str, protocol: str, variant: str, settings: Settings
) -> Iterator[Run]:
    yield bench.pretraining(method, seed, settings, variant)
    yield from bench.linear(method, seed, variant, f"ablation: {protocol}")


SYSTEMS: dict[str, Callable[[Bench, int], Iterator[Run]]] = {"a": graph, "b": st, "c": skeleton2vec}


def runs(bench: Bench, options: argparse.Namespace) -> Iterator[Run]:
    """All runs of the tables whose name holds one of ``--only``."""
    for seed in options.seeds:
        listed = [run for name in options.systems for run in SYSTEMS[name](bench, seed)]
        rows = [run for run in listed if run.row and _wanted(run.row["method"], options.only)]
        needed = {run.pretrained for run in rows}
        for protocol in dict.fromkeys(run.row["protocol"] for run in rows):
            yield from bench.anchors(seed, protocol)
        yield from (run for run in listed if run in rows or run.folder in needed)


def _wanted(variant: str, only: list[str]) -> bool:
    return not only or any(word in variant for word in only)


def parser() -> argparse.ArgumentParser:
    """The options of this script."""
    found = script.parser(__doc__, ["finegym"])
    add = found.add_argument
    add("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS), help="of a, b, c")
    add("--only", nargs="+", default=[], help="variants whose name holds one of these words")
    return found


if __name__ == "__main__":
    script.main(parser(), runs)
