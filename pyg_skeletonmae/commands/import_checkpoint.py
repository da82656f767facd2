"""Public checkpoints as release folders: the command ``skeletonmae import``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser
from torch import nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import (
    Classifier,
    Preprocessing,
    Skeleton2Vec,
    load_mamp,
    load_skeleton2vec,
)
from pyg_skeletonmae.models.base import skeleton_of
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import NTU25, get_layout
from pyg_skeletonmae.training import save_release
from pyg_skeletonmae.transforms.tracks import Fill

Source = Literal["mamp", "skeleton2vec"]
_KINECT: dict[str, Any] = {"skeleton": NTU25.name, "unit": "m", "rate": 30.0, "axes": "y up"}
_NOTE = (
    "left out, because nothing reads it: the average of the decoder's weights; not in the file: "
    "how often the teacher was moved, its schedule starts again"
)


def import_official(
    path: str | Path,
    source: Source,
    out: str | Path,
    *,
    absent: Fill | None = None,
    skeleton: Skeleton | str | Path | None = None,
    heads: int | None = None,
    frames: int | None = None,
) -> dict[str, Any]:
    """Turns a public checkpoint into a release folder that everything else can use.

    See :func:`~pyg_skeletonmae.models.load_mamp` and
    :func:`~pyg_skeletonmae.models.load_skeleton2vec`. Nothing in the file is executed. The release
    says that clips are prepared by the pipeline of the public code, of joints as it has them.

    Args:
        path: The checkpoint file.
        source: Whose it is, ``"mamp"`` or ``"skeleton2vec"``.
        out: The release folder; an older one there is replaced.
        absent: What a classifier was trained to see for an absent person: ``zeros``, the same
            person again (``loop``), or ``none``; None: ``zeros`` of Skeleton2vec and of MAMP with
            60 or 51 classes, ``loop`` of MAMP with 120.
        skeleton: The joints, a layout or a YAML file, where they are not the 25 of NTU RGB+D.
        heads: The attention heads, where the file does not tell them.
        frames: The length of clips, where it is to be another than in the pre-training (MAMP: the
            embedding of time is resampled).

    Returns:
        What was imported: ``model``, ``parameters``, ``folder``, and ``note`` where something was
        left out.

    Raises:
        CheckpointError: The file cannot be read, or its weights do not fit; an argument is needed
            and not given, or does not fit the file; or ``out`` is taken by something that is no
            release folder.
        ConfigError: The source is unknown, or has no such argument.
        SkeletonError: The skeleton is unknown.
    """
    if source not in ("mamp", "skeleton2vec"):
        raise ConfigError(f"--from {source!r}: expected 'mamp' or 'skeleton2vec'")
    joints = None if skeleton is None else get_layout(skeleton)
    if source == "mamp":
        model: nn.Module = load_mamp(
            path, absent=absent, skeleton=joints, heads=heads, frames=frames
        )
    elif frames is not None:
        raise ConfigError("--frames: only MAMP resamples its embedding of time; leave it out")
    else:
        model = load_skeleton2vec(path, heads=heads, absent=absent, skeleton=joints)
    told = {"imported": {"from": source, "file": Path(path).name}}
    folder = save_release(model, out, told, _preprocessing(model, source))
    results: dict[str, Any] = {
        "model": repr(model),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "folder": str(folder),
    }
    return results | ({"note": _NOTE} if isinstance(model, Skeleton2Vec) else {})


def _preprocessing(model: nn.Module, source: Source) -> Preprocessing:
    """How the public code prepares clips; those of NTU's joints are those of a Kinect."""
    encoder: Any = getattr(model, "encoder", model)
    settings, skeleton = encoder.config["init_args"], skeleton_of(model)
    fill = model.absent if isinstance(model, Classifier) else None
    ntu = skeleton is not None and skeleton.joints == NTU25.joints
    return Preprocessing(
        pipeline=source, frames=settings["frames"], center=None, scale=None, fill=fill,
        channels=settings["in_channels"], **(_KINECT if ntu else {}),
    )  # fmt: skip


def add_import_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`import_official`."""
    parser.add_argument("path", type=str, help="The checkpoint file.")
    parser.add_argument(
        "--from", type=Source, required=True, help="Whose it is: mamp or skeleton2vec."
    )
    parser.add_argument("out", type=str, help="The release folder to write.")
    parser.add_argument(
        "--absent", type=Fill | None, help="What a classifier saw for an absent person: zeros, "
        "loop (the same person again) or none. (default: as its data had it, by its classes)",
    )  # fmt: skip
    parser.add_argument(
        "--skeleton", type=str | None, help="The joints, a layout or a YAML file. (default: the "
        "25 of NTU RGB+D)",
    )  # fmt: skip
    parser.add_argument(
        "--heads", type=int | None, help="The attention heads, where the file does not tell them."
    )
    parser.add_argument(
        "--frames", type=int | None, help="The length of clips, where it is to be another than in "
        "the pre-training (MAMP).",
    )  # fmt: skip
