"""What is killed: command lines of a second each, the data they read, and what they leave."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from prepare_scale import write_files

from pyg_skeletonmae.datasets import ClipStore, SkeletonDataset
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.training import load_checkpoint

CLIPS, FRAMES = 40, 12
RUN, STORES = "run", "stores"
PACKED, FILES, RELEASE, ENCODER = "clips.npz", "files", "release", "st_release"
# Differ from run to run, and say nothing of what was computed.
_OF_THE_DAY = {"seconds", "peak_mib", "folder"}
_LEFT = (".partial", ".old", ".journal", ".lock", ".aside")

_DATA = (
    "--data.name=npz", f"--data.path=../{PACKED}", "--data.cache=cache", "--data.frames=8",
    "--data.batch_size=6",
)  # fmt: skip
_RUN = ("--keep_memory=false", f"--out={RUN}", "--resume=auto")
_TRAIN = (
    *_DATA, *_RUN, "--trainer.max_epochs=2", "--trainer.checkpoint_minutes=0",
    "--trainer.accelerator=cpu", "--trainer.keep_last=3",
)  # fmt: skip
_BEST = ("--data.val_subjects=[3]", "--trainer.mode=max")
_VIT = (
    "--model.backbone=ViTBackbone", "--model.backbone.hidden_channels=8",
    "--model.backbone.depth=1", "--model.backbone.heads=2",
    "--model.backbone.decoder_channels=8", "--model.backbone.decoder_depth=1",
)  # fmt: skip


class Scene(NamedTuple):
    """A command line, which goes on with what it left when it is called again.

    Args:
        arguments: It; it runs in an empty folder, beside the data.
        processes: Whether it has others work for it, so that its own time is not what passes.
    """

    arguments: tuple[str, ...]
    processes: bool = False


SCENES = {
    "graph_mae": Scene(
        ("pretrain", "--model=GraphSkeletonMAE", "--model.hidden_channels=8", "--model.depth=1",
         *_TRAIN, *_BEST, "--trainer.monitor=knn")
    ),
    "st_mae": Scene(("pretrain", "--model=STSkeletonMAE", *_VIT, *_TRAIN)),
    "skeleton2vec": Scene(
        ("pretrain", "--model=Skeleton2Vec", *_VIT, "--model.ema_steps=10",
         "--model.mask=MotionTubeMask", "--model.mask.tube=2", *_TRAIN)
    ),
    "strl": Scene(
        ("finetune", "--model=STRL", "--model.hidden_channels=8", "--model.num_layers=1",
         "--model.depth=1", f"--pretrained=../{RELEASE}", *_TRAIN, *_BEST, "--select=val-best")
    ),
    "finetune": Scene(
        ("finetune", "--model=Classifier", f"--pretrained=../{ENCODER}", *_TRAIN,
         "--trainer.optim.schedule=cosine")
    ),
    "evaluate": Scene(
        ("evaluate", "--protocol=semi", "--semi.fractions=[0.5]", "--semi.draws=2",
         "--tune.epochs=2", f"--pretrained=../{RELEASE}", *_DATA, *_RUN)
    ),
    "probe": Scene(("evaluate", "--protocol=all", f"--pretrained=../{RELEASE}", *_DATA, *_RUN)),
    "prepare": Scene(
        ("prepare", "ntu60", f"--root=../{FILES}", f"--out={STORES}", "--workers=0")
    ),
    "prepare_workers": Scene(
        ("prepare", "ntu60", f"--root=../{FILES}", f"--out={STORES}", "--workers=2"), True
    ),
}  # fmt: skip


def write_data(folder: Path, run: Callable[[tuple[str, ...], Path], int]) -> None:
    """Writes what the scenes read: a packed file, raw files, and two pre-trained encoders.

    Args:
        folder: Where.
        run: Runs a command line in a folder.
    """
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(FRAMES, COCO17.num_joints, 3)) + i % 2 for i in range(CLIPS)]
    labels = [i % 2 for i in range(CLIPS)]
    subjects = [1 + i // 2 % 5 for i in range(CLIPS)]
    SkeletonDataset.from_arrays(clips, labels, COCO17, subjects=subjects).to_npz(folder / PACKED)
    write_files(folder / FILES, 12, 4)
    for scene, name in (("graph_mae", RELEASE), ("st_mae", ENCODER)):
        place = folder / f"of_{name}"
        place.mkdir()
        if run(SCENES[scene].arguments, place):
            raise SystemExit(f"{scene} failed, see {place}")
        (place / RUN / "release").rename(folder / name)


def state(folder: Path) -> dict[str, str]:
    """What a scene left, by its parts: a hash of each that has to be the same every time."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == "card.json":
            store = ClipStore(path.parent)
            store.verify()
            found[name] = store.content_hash
        elif path.suffix == ".ckpt":
            found[name] = _digest(load_checkpoint(path))
        elif path.name == "metrics.jsonl":
            found[name] = _digest([json.loads(line) for line in path.read_text().splitlines()])
        elif path.name in ("results.json", "metrics.json"):
            found[name] = _digest(json.loads(path.read_text()))
        elif path.name in ("model.safetensors", "config.json", "scores.npz", "labels.txt"):
            found[name] = _digest(path.read_bytes())
        elif path.name.endswith(_LEFT):
            found[name] = "left behind"
    return found


def _digest(value: Any) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(value):
        digest.update(piece)
    return digest.hexdigest()[:16]


def _pieces(value: Any) -> Iterator[bytes]:
    """The bits of plain values and tensors, without what is of the day."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in _OF_THE_DAY:
                yield repr(key).encode()
                yield from _pieces(inner)
    elif isinstance(value, list | tuple):
        yield f"{len(value)} of".encode()
        for inner in value:
            yield from _pieces(inner)
    elif hasattr(value, "numpy"):
        yield f"{value.dtype} {list(value.shape)}".encode()
        yield np.ascontiguousarray(value.numpy()).tobytes()
    else:
        yield value if isinstance(value, bytes) else repr(value).encode()
