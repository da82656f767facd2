"""Public checkpoints as release folders: the command ``skeletonmae import``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser
from torch import nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import Preprocessing, Skeleton2Vec, load_mamp, load_skeleton2vec
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import save_release

Source = Literal["mamp", "skeleton2vec"]
_NOTE = (
    "left out, because nothing reads it: the average of the decoder's weights; not in the file: "
    "how often the teacher was moved, its schedule starts again"
)


def import_official(path: str | Path, source: Source, out: str | Path) -> dict[str, Any]:
    """Turns a public checkpoint into a release folder that everything else can use.

    See :func:`~pyg_skeletonmae.models.load_mamp` and
    :func:`~pyg_skeletonmae.models.load_skeleton2vec`. Nothing in the file is executed. The release
    says that clips are to be prepared as the public code does it, so that a classifier is given the
    zeros for absent persons that it was trained with.

    Args:
        path: The checkpoint file.
        source: Whose it is, ``"mamp"`` or ``"skeleton2vec"``.
        out: The release folder; an older one there is replaced.

    Returns:
        What was imported: ``model``, ``parameters``, ``folder``, and ``note`` where something was
        left out.

    Raises:
        CheckpointError: The file cannot be read, or its weights do not fit; or ``out`` is taken by
            something that is no release folder.
        ConfigError: The source is unknown.
    """
    if source not in ("mamp", "skeleton2vec"):
        raise ConfigError(f"--from {source!r}: expected 'mamp' or 'skeleton2vec'")
    model: nn.Module = load_mamp(path) if source == "mamp" else load_skeleton2vec(path)
    told = _preprocessing(model, source)
    imported = {"imported": {"from": source, "file": Path(path).name}}
    folder = save_release(model, out, imported, preprocessing=told)
    results: dict[str, Any] = {
        "model": repr(model),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "folder": str(folder),
    }
    return results | ({"note": _NOTE} if isinstance(model, Skeleton2Vec) else {})


def _preprocessing(model: nn.Module, source: Source) -> Preprocessing:
    encoder = model.get_submodule("encoder")
    skeleton, frames = encoder.skeleton, encoder.frames
    assert isinstance(skeleton, Skeleton) and isinstance(frames, int)
    # The files of MAMP have lone persons twice for NTU RGB+D 120, whose classes are as many.
    twice = source == "mamp" and getattr(model, "num_classes", 0) == 120
    return Preprocessing(
        pipeline=source, frames=frames, center=None, scale=None, fill="loop" if twice else None,
        skeleton=skeleton.name, channels=3, unit="m", rate=30.0, axes="y up",
    )  # fmt: skip


def add_import_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`import_official`."""
    parser.add_argument("path", type=str, help="The checkpoint file.")
    parser.add_argument(
        "--from", type=Source, required=True, help="Whose it is: mamp or skeleton2vec."
    )
    parser.add_argument("out", type=str, help="The release folder to write.")
