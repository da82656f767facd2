"""What the commands do, in one line of Python each."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np
from torch import Tensor

from pyg_skeletonmae.commands.configs import preset, presets
from pyg_skeletonmae.commands.settings_commands import run_settings
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.catalog import CATALOG
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.files.remote import remote_url
from pyg_skeletonmae.inference import Embedder, Embeddings, Prediction, Recognizer
from pyg_skeletonmae.inference.inputs import Clips
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import LAYOUTS

TrainingClips: TypeAlias = "str | Path | Sequence[np.ndarray | Tensor]"
_log = logging.getLogger("pyg_skeletonmae")
_PICKLES = (".pkl", ".pickle")


def pretrain(
    data: TrainingClips,
    out: str | Path,
    method: str = "st_mae_vit_small",
    *,
    skeleton: Skeleton | str | None = None,
    budget: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Pre-trains a model without labels, as ``skeletonmae pretrain`` does.

    Args:
        data: A store, in a folder or at an address, a folder of pose files, a pickle of pyskl, a
            packed ``.npz``, the name of a data set, or arrays ``[T, V, C]`` or ``[M, T, V, C]``:
            every fifth of these is held out, and a store of them is written beside ``out``.
        out: The run folder, which is returned.
        method: A preset of pre-training, see :func:`list_methods`.
        skeleton: The joints of arrays, and of pose files that do not say them.
        budget: The time it may take, ``"90s"``, ``"10m"`` or ``"2h"``: first steps are timed, and
            the clips to see follow; None: the preset's length.
        settings: Others, by their names: ``{"trainer.max_epochs": 20}``.

    Raises:
        ConfigError: A setting or the method is unknown, or arrays come without a skeleton.
        SkeletonMAEError: The data cannot be used.
    """
    return _train("pretrain", method, _placed(data, out, skeleton), out, budget, settings)


def finetune(
    data: TrainingClips,
    out: str | Path,
    pretrained: str | Path | None = None,
    method: str = "joints_mlp_small",
    *,
    labels: Sequence[int] | Sequence[str] | None = None,
    skeleton: Skeleton | str | None = None,
    budget: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Trains a classifier, as ``skeletonmae finetune`` does; arguments as of :func:`pretrain`.

    Args:
        data: As there, with labels; what is held out is tested on.
        out: The run folder, which is returned.
        pretrained: The run or release to start from, a folder or ``user/name`` of the Hub; None:
            from scratch.
        method: A preset of fine-tuning.
        labels: Of arrays: the class of each.
        skeleton: As there.
        budget: As there.
        settings: As there.
    """
    given = _placed(data, out, skeleton, labels)
    given |= {} if pretrained is None else {"pretrained": pretrained}
    return _train("finetune", method, given, out, budget, settings)


def embed(release: str | Path, clips: Clips, **how: Any) -> Embeddings:
    """Features of clips, see :meth:`~pyg_skeletonmae.inference.Embedder.embed` for the options.

    Args:
        release: A run or release folder, or ``user/name`` of the Hub.
        clips: Arrays, clips, data sets, files, folders.
        **how: The options; an unknown one is a ``TypeError``.
    """
    return Embedder.from_pretrained(release).embed(clips, **how)


def predict(release: str | Path, clips: Clips, **how: Any) -> list[Prediction]:
    """Classes of clips, see :meth:`~pyg_skeletonmae.inference.Recognizer.predict` for the options.

    Args:
        release: The run or release folder of a classifier, or its ``user/name`` on the Hub.
        clips: Arrays, clips, data sets, files, folders.
        **how: The options; an unknown one is a ``TypeError``.
    """
    return Recognizer.from_pretrained(release).predict(clips, **how)


def list_methods() -> dict[str, list[str]]:
    """The presets by what they are for: ``{"pretrain": [...], "finetune": [...]}``."""
    kinds: dict[str, list[str]] = {"pretrain": [], "finetune": []}
    for name, path in presets().items():
        kinds[path.parent.name].append(name)
    return kinds


def list_layouts() -> list[str]:
    """The names of all layouts, for :func:`~pyg_skeletonmae.get_layout`."""
    return sorted(LAYOUTS)


def list_datasets() -> list[str]:
    """The names that ``data.name`` takes."""
    return sorted(CATALOG)


def _placed(
    data: TrainingClips,
    out: str | Path,
    skeleton: Skeleton | str | None,
    labels: Sequence[int] | Sequence[str] | None = None,
) -> dict[str, Any]:
    """Where the clips are, by the names of the settings."""
    if isinstance(data, str) and data in CATALOG:
        return {"data.name": data}
    if not isinstance(data, str | Path):
        if skeleton is None:
            raise ConfigError("arrays do not say their joints: give skeleton=, or a layout's name")
        root = Path(out).absolute().with_name(f"{Path(out).name}-clips-{uuid4().hex[:8]}")
        parts = [1 + (i % 5 == 1) for i in range(len(data))]  # 2: held out for testing
        SkeletonDataset.from_arrays(list(data), labels, skeleton, root=root, subjects=parts)
        return {"data.name": "store", "data.path": root, "data.train_subjects": [1]}
    if remote_url(data) is not None:
        return {"data.name": "store", "data.path": remote_url(data)}
    path = Path(data)
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder, and no data set of that name")
    if path.is_file():
        name = "pyskl" if path.suffix.lower() in _PICKLES else "npz"
    else:
        name = "store" if ClipStore.exists(path) else "poses"
    own = {} if skeleton is None or name != "poses" else {"data.skeleton": skeleton}
    return {"data.name": name, "data.path": path, **own}


def _train(
    command: str,
    method: str,
    given: dict[str, Any],
    out: str | Path,
    budget: str | None,
    settings: Mapping[str, Any] | None,
) -> Path:
    begin, path = time.monotonic(), preset(method)
    if path.parent.name != command:
        raise ConfigError(f"{method}: a preset of {path.parent.name}, not of {command}")
    given = {**given, "data.val_subjects": [], "trainer.monitor": None, **(settings or {})}
    words = [f"--{key}={'null' if value is None else value}" for key, value in given.items()]
    words = [command, f"--config={path}", *words]
    if budget is not None:
        words.append(f"--trainer.max_clips={clips_within(seconds_of(budget), words, begin)}")
    run_settings([*words, f"--out={out}"])
    return Path(out)


def seconds_of(budget: str) -> float:
    """The seconds of ``"90s"``, ``"10m"`` or ``"2h"``.

    Raises:
        ConfigError: It is no such time.
    """
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smh])", budget)
    if match is None or not float(match[1]):
        raise ConfigError(f"budget {budget!r:.40}: expected a time, 90s, 10m or 2h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def clips_within(seconds: float, command: Sequence[str], begin: float) -> int:
    """How many clips a training sees in a time; two short ones, which leave nothing, are timed.

    The second does what the first did and more steps, so that starting and testing, which both
    take, are known apart from the steps.

    Args:
        seconds: The time, from ``begin`` on.
        command: The words of the command, without ``--out``.
        begin: When it began, by ``time.monotonic``.
    """
    took, seen, level = [], [], _log.level  # which --quiet changes
    with tempfile.TemporaryDirectory() as folder:
        for steps in (2, 12):
            start = time.monotonic()
            said = f"--out={folder}/{steps}", f"--trainer.max_steps={steps}", "--quiet"
            results = run_settings([*command, *said]) or {}
            _log.setLevel(level)
            took.append(time.monotonic() - start)
            seen.append(int(results["clips_seen"]))
    each = max((took[1] - took[0]) / (seen[1] - seen[0]), 1e-6)
    left = seconds - (time.monotonic() - begin) - took[0]
    clips = max(int(left / each), seen[1])
    _log.info("budget: %.2g ms a clip, so %d clips; the schedule is as long", 1000 * each, clips)
    return clips
