"""What a stream costs beside its encoder, for ``speed.py --only stream``.

One person of 25 joints, windows as long as the clips of the preset, one every quarter of a window.
For each window:

- **bare**: one call of the encoder, on a clip that is prepared;
- **stream**: all that ``Recognizer.stream`` does: it reads and checks the frames, prepares the
  window, calls encoder and head, and answers;
- **rows**: all that ``Embedder.stream`` does, which has no head.

``--quick`` takes the smallest encoder alone.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from pyg_skeletonmae.commands.configs import presets
from pyg_skeletonmae.configurable import decode
from pyg_skeletonmae.inference import Embedder, Recognizer
from pyg_skeletonmae.layouts import NTU25
from pyg_skeletonmae.models import Classifier, Preprocessing
from pyg_skeletonmae.models.base import encoder_of
from pyg_skeletonmae.models.from_config import CLASSES

# Those whose encoders take longer than some 50 ms are left out.
NAMES = (
    "graph_mae_small", "graph_temporal_small", "st_mae_vit_small", "skeleton2vec_small",
    "st_mae_sttformer_small", "st_gcn_mae_small", "st_gcn_small", "strl_small", "graph_mae",
    "graph_temporal", "strl", "st_gcn",
)  # fmt: skip
TARGET = 0.2
WINDOWS, NUM_CLASSES = 8, 60
Times = Callable[[dict[str, Callable[[], None]], int, str], dict[str, float]]


def bench_stream(args: argparse.Namespace, alternate: Times) -> dict[str, float]:
    """Median milliseconds of a window, ``"graph_mae_small: bare"`` and so on."""
    medians = {}
    for name in NAMES[:1] if args.quick else NAMES:
        steps = dict(_steps(*preset_model(name)))
        found = alternate(steps, args.repeats, args.clock)
        medians |= {f"{name}: {step}": value / WINDOWS for step, value in found.items()}
    return medians


def summary(medians: dict[str, float]) -> list[str]:
    """A line for each encoder: what streaming adds to it."""
    lines = []
    for name, bare in medians.items():
        if name.endswith(": bare"):
            own = name.removesuffix("bare")
            added = [medians[f"{own}{step}"] / bare - 1 for step in ("stream", "rows")]
            says = f"{bare:7.2f} ms; stream {added[0]:+.0%}, rows {added[1]:+.0%}"
            lines.append(f"{own:24s} {says} (target {TARGET:+.0%})")
    return lines


def preset_model(name: str) -> tuple[Classifier, int]:
    """A classifier with fresh weights on the encoder of a preset, and the frames of a clip."""
    settings: dict[str, Any] = yaml.safe_load(presets()[name].read_text(encoding="utf-8"))
    frames: int = settings["data"]["frames"]
    spec = settings.get("encoder", settings["model"])
    cls = {each.__name__: each for each in CLASSES}[spec["class_path"]]
    told = decode(spec["init_args"], {each.__name__: each for each in CLASSES})
    data = {"skeleton": NTU25, "in_channels": 3, "frames": frames, "num_classes": NUM_CLASSES}
    takes = inspect.signature(cls).parameters
    net: nn.Module = cls(**{key: data[key] for key in data if key in takes} | told)
    if not isinstance(net, Classifier):
        net = Classifier(encoder_of(net), NUM_CLASSES)
    return net.eval(), frames


def _steps(model: Classifier, frames: int) -> Iterator[tuple[str, Callable[[], None]]]:
    told, stride = Preprocessing(frames=frames), max(frames // 4, 1)
    recognizer, embedder = Recognizer(model, told), Embedder(model, told)
    shape = (frames + stride * (WINDOWS - 1), NTU25.num_joints, 3)
    poses = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    present = np.ones((1, frames, NTU25.num_joints), bool)
    clip = told.transform(NTU25)(recognizer.data(poses[None, :frames], present))

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(WINDOWS):
                recognizer.encoder(clip)

    yield "bare", bare
    yield "stream", lambda: _all(recognizer.stream(iter(poses), frames, stride))
    yield "rows", lambda: _all(embedder.stream(iter(poses), frames, stride))


def _all(answers: Any) -> None:
    assert sum(1 for _ in answers) == WINDOWS
