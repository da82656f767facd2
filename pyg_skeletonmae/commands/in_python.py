"""What the commands do, in one line of Python each."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from pyg_skeletonmae.commands.configs import preset, presets
from pyg_skeletonmae.commands.settings_commands import run_settings
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.datasets.catalog import CATALOG
from pyg_skeletonmae.datasets.store import ClipStore
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference import Embedder, Embeddings, Prediction, Recognizer
from pyg_skeletonmae.inference.inputs import Clips
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import LAYOUTS

TrainingClips: TypeAlias = "str | Path | Sequence[np.ndarray | Tensor]"
_PICKLES = (".pkl", ".pickle")


def pretrain(
    data: TrainingClips,
    out: str | Path,
    method: str = "st_mae_vit_small",
    *,
    skeleton: Skeleton | str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Pre-trains a model without labels, as ``skeletonmae pretrain`` does.

    Args:
        data: A store, a folder of pose files, a pickle of pyskl, a packed ``.npz``, the name of a
            data set, or arrays ``[T, V, C]`` or ``[M, T, V, C]``: every fifth of these is held out,
            and a store of them is written beside ``out``.
        out: The run folder, which is returned.
        method: A preset of pre-training, see :func:`list_methods`.
        skeleton: The joints of arrays, and of pose files that do not say them.
        settings: Others, by their names: ``{"trainer.max_epochs": 20}``.

    Raises:
        ConfigError: A setting or the method is unknown, or arrays come without a skeleton.
        SkeletonMAEError: The data cannot be used.
    """
    return _train("pretrain", method, _placed(data, out, skeleton), out, settings)


def finetune(
    data: TrainingClips,
    out: str | Path,
    pretrained: str | Path | None = None,
    method: str = "joints_mlp_small",
    *,
    labels: Sequence[int] | Sequence[str] | None = None,
    skeleton: Skeleton | str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Trains a classifier, as ``skeletonmae finetune`` does; arguments as of :func:`pretrain`.

    Args:
        data: As there, with labels; what is held out is tested on.
        out: The run folder, which is returned.
        pretrained: The run or release to start from; None: from scratch.
        method: A preset of fine-tuning.
        labels: Of arrays: the class of each.
        skeleton: As there.
        settings: As there.
    """
    given = _placed(data, out, skeleton, labels)
    given |= {} if pretrained is None else {"pretrained": pretrained}
    return _train("finetune", method, given, out, settings)


def embed(release: str | Path, clips: Clips, **how: Any) -> Embeddings:
    """Features of clips, see :meth:`~pyg_skeletonmae.inference.Embedder.embed` for the options.

    Args:
        release: A run or release folder.
        clips: Arrays, clips, data sets, files, folders.
        **how: The options; an unknown one is a ``TypeError``.
    """
    return Embedder.from_pretrained(release).embed(clips, **how)


def predict(release: str | Path, clips: Clips, **how: Any) -> list[Prediction]:
    """Classes of clips, see :meth:`~pyg_skeletonmae.inference.Recognizer.predict` for the options.

    Args:
        release: The run or release folder of a classifier.
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
        above = Path(out).absolute().parent
        above.mkdir(parents=True, exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix=f"{Path(out).name}-clips-", dir=above))
        parts = [1 + (i % 5 == 1) for i in range(len(data))]  # 2: held out for testing
        SkeletonDataset.from_arrays(list(data), labels, skeleton, root=root, subjects=parts)
        return {"data.name": "store", "data.path": root, "data.train_subjects": [1]}
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
    settings: Mapping[str, Any] | None,
) -> Path:
    path = preset(method)
    if path.parent.name != command:
        raise ConfigError(f"{method}: a preset of {path.parent.name}, not of {command}")
    given = {**given, "data.val_subjects": [], "trainer.monitor": None, **(settings or {})}
    words = [f"--{key}={'null' if value is None else value}" for key, value in given.items()]
    run_settings([command, f"--config={path}", f"--out={out}", *words])
    return Path(out)
