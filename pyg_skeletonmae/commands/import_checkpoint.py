"""Public checkpoints as release folders: the command ``skeletonmae import``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser
from torch import nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import Skeleton2Vec, load_mamp, load_skeleton2vec
from pyg_skeletonmae.training import save_release

Source = Literal["mamp", "skeleton2vec"]
_NOTE = (
    "left out, because nothing reads it: the average of the decoder's weights; not in the file: "
    "how often the teacher was moved, its schedule starts again"
)


def import_official(path: str | Path, source: Source, out: str | Path) -> dict[str, Any]:
    """Turns a public checkpoint into a release folder that everything else can use.

    See :func:`~pyg_skeletonmae.models.load_mamp` and
    :func:`~pyg_skeletonmae.models.load_skeleton2vec`. Nothing in the file is executed.

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
    folder = save_release(model, out, {"imported": {"from": source, "file": Path(path).name}})
    results: dict[str, Any] = {
        "model": repr(model),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "folder": str(folder),
    }
    return results | ({"note": _NOTE} if isinstance(model, Skeleton2Vec) else {})


def add_import_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`import_official`."""
    parser.add_argument("path", type=str, help="The checkpoint file.")
    parser.add_argument(
        "--from", type=Source, required=True, help="Whose it is: mamp or skeleton2vec."
    )
    parser.add_argument("out", type=str, help="The release folder to write.")
