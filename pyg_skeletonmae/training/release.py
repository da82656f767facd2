"""Release folders: a model to share, with all that using it takes.

=======================  ===========================================================
``model.safetensors``    the weights
``config.json``          the class of the model and its arguments
``skeleton.yaml``        the joints that it reads
``preprocessing.yaml``   how the clips are prepared that it reads
``labels.txt``           the classes of a classifier in their order, one a line
``metrics.json``         what was measured and how, and the data by counts and hashes
``README.md``            the same for people
``manifest.json``        size and SHA-256 of each of these, compared on reading
=======================  ===========================================================

Releases of earlier versions have the first two, and nothing to compare them with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from pyg_skeletonmae.__about__ import __version__
from pyg_skeletonmae.configurable import unrecorded
from pyg_skeletonmae.errors import (
    CheckpointError,
    ConfigError,
    SkeletonFormatError,
    SkeletonMAEError,
)
from pyg_skeletonmae.files.manifest import check_files, write_manifest
from pyg_skeletonmae.files.plain import open_plain, read_plain
from pyg_skeletonmae.files.write import write_folder
from pyg_skeletonmae.files.yaml import read_yaml
from pyg_skeletonmae.io.json_file import read_json
from pyg_skeletonmae.models.base import skeleton_of
from pyg_skeletonmae.models.from_config import build_model, check_classes
from pyg_skeletonmae.models.preprocessing import Preprocessing
from pyg_skeletonmae.training.checkpoint import load_weights
from pyg_skeletonmae.training.model_card import ModelCard, TrainingData
from pyg_skeletonmae.training.sized import WeightsError, build_sized

RELEASE, RUN_SETTINGS = "release", "config.yaml"  # in the folder of a run
WEIGHTS, CONFIG, PREPROCESSING = "model.safetensors", "config.json", "preprocessing.yaml"
SKELETON, CLASSES, METRICS, README = "skeleton.yaml", "labels.txt", "metrics.json", "README.md"
_READ = (WEIGHTS, CONFIG, PREPROCESSING, CLASSES, METRICS)  # others are for people
_FORMAT = 1
MAX_CONFIG, MAX_HEADER, MAX_PREPROCESSING, MAX_CLASSES = 16 * 2**20, 16 * 2**20, 2**16, 2**20
# What the constructors of a hostile configuration may raise.
_UNFIT = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, AttributeError)


def save_release(
    model: nn.Module,
    folder: str | Path,
    extra: Mapping[str, Any] | None = None,
    preprocessing: Preprocessing | None = None,
    card: ModelCard | None = None,
) -> Path:
    """Writes a release folder, whole or not at all; an older one there is replaced.

    Args:
        model: A model that knows its arguments (``config``), as those of this library do and those
            derived from :class:`~pyg_skeletonmae.models.SkeletonModel`.
        folder: The release folder.
        extra: Anything JSON can hold, for :func:`release_config`: class names, transforms, scores.
        preprocessing: How the clips are prepared that it reads; None: as its attribute
            ``preprocessing`` says, which :func:`load_release` sets, or nobody knows.
        card: What is known of its classes, its data and its scores; None: the classes alone, as its
            attribute ``class_names`` says.

    Raises:
        CheckpointError: The model has no ``config``, or is an inference form, or has tensors that
            are not finite (the first is named), or another number of classes than the card names;
            ``extra`` is no JSON, or the place is taken by something that is no release folder.
    """
    folder = Path(folder)
    if getattr(model, "without_training", False):
        raise CheckpointError(
            f"{type(model).__name__}: an inference form has other weights; save the model itself"
        )
    config = getattr(model, "config", None)
    unknown = unrecorded(config) if isinstance(config, dict) else type(model).__name__
    if unknown is not None:
        raise CheckpointError(
            f"{unknown} has no config to be built from again: derive the class from "
            "pyg_skeletonmae.models.SkeletonModel, which records its arguments"
        )
    if folder.exists() and not (folder / CONFIG).is_file():
        raise CheckpointError(f"{folder}: exists and is no release folder; name another place")
    version = __version__
    content = {"format": _FORMAT, "version": version, "model": config, "extra": dict(extra or {})}
    try:
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}: extra: not JSON: {error}") from error
    # Clones, because two names of one tensor (tied weights) are two tensors in the file.
    weights = {
        name: t.detach().cpu().contiguous().clone() for name, t in model.state_dict().items()
    }
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise CheckpointError(
                f"{folder}: {name}: holds numbers that are not finite; nothing was written"
            )
    preprocessing = preprocessing or getattr(model, "preprocessing", None)
    card = card or ModelCard(tuple(getattr(model, "class_names", ())))
    classes = getattr(model, "num_classes", None)
    if classes is None:
        card = replace(card, class_names=())
    elif card.class_names and len(card.class_names) != classes:
        raise CheckpointError(
            f"{folder}: {len(card.class_names)} names for the {classes} classes of the model"
        )
    skeleton = skeleton_of(model)
    with write_folder(folder, overwrite=True) as beside:
        # Not by save_file, whose file nobody else may read.
        (beside / WEIGHTS).write_bytes(save(weights))
        (beside / CONFIG).write_text(text, encoding="utf-8")
        if preprocessing is not None:
            (beside / PREPROCESSING).write_text(preprocessing.to_yaml(), encoding="utf-8")
        if skeleton is not None:
            skeleton.to_yaml(beside / SKELETON)
        if card.class_names:
            lines = (name if name.isprintable() else ascii(name)[1:-1] for name in card.class_names)
            (beside / CLASSES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if card.data is not None or card.metrics:
            figures = json.dumps(card.figures(), indent=2, allow_nan=False) + "\n"
            (beside / METRICS).write_text(figures, encoding="utf-8")
        page = card.page(model, preprocessing)
        (beside / README).write_text(page, encoding="utf-8")
        write_manifest(beside)
    return folder


def release_of(folder: str | Path) -> Path:
    """The release folder that a path means: the folder itself, or the one in a run folder."""
    folder = Path(folder)
    inside = folder / RELEASE
    return inside if not (folder / CONFIG).is_file() and inside.is_dir() else folder


def release_config(folder: str | Path) -> dict[str, Any]:
    """The ``config.json`` of a release folder: ``format``, ``version``, ``model``, ``extra``.

    Args:
        folder: The release folder, or the folder of the run that wrote it.

    Raises:
        CheckpointError: The file is missing, damaged or of another format; a key is missing.
    """
    path = release_of(folder) / CONFIG
    content = _parsed_config(path)
    check_files(path.parent, [CONFIG])
    return content


def _parsed_config(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise CheckpointError(f"{path}: no such file; a release folder holds one")
    try:
        content = read_json(path, MAX_CONFIG)
    except SkeletonFormatError as error:
        reason = f"not JSON ({error.where}: {error.found})"
        raise CheckpointError(f"{path}: {reason}; a release folder holds one") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise CheckpointError(f"{path}: not the config of a release (format {_FORMAT})")
    for key in ("model", "extra"):
        if not isinstance(content.get(key), dict):
            raise CheckpointError(f"{path}: {key}: expected an object, found {content.get(key)!r}")
    return content


def release_preprocessing(folder: str | Path) -> Preprocessing | None:
    """How the clips are prepared that the model of a release folder reads; None: it does not say.

    Of a release of an earlier version it is what the settings of its run say, where it lies in the
    folder of that.

    Raises:
        CheckpointError: The file is no plain one, damaged or of another format.
    """
    path = release_of(folder) / PREPROCESSING
    try:
        text = read_plain(path, MAX_PREPROCESSING).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        check_files(path.parent, [PREPROCESSING])
        return _run_preprocessing(path.parent)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "expected text in UTF-8"
        raise CheckpointError(f"{path}: cannot be read: {reason}") from None
    preprocessing = Preprocessing.from_yaml(text, str(path))
    check_files(path.parent, [PREPROCESSING])
    return preprocessing


def _run_preprocessing(folder: Path) -> Preprocessing | None:
    """What the settings of a run say of its clips, ``config.yaml`` beside the release folder."""
    path = folder.parent / RUN_SETTINGS
    if folder.name != RELEASE or not path.is_file():
        return None
    try:
        settings = read_yaml(path)
        data = settings.get("data") if isinstance(settings, dict) else None
        if not isinstance(data, dict) or "frames" not in data:
            return None
        keys = ("pipeline", "frames", "center", "scale", "stream")
        return Preprocessing(**{key: data[key] for key in keys if key in data})
    except ConfigError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise CheckpointError(f"{path}: damaged ({reason})") from None


def release_classes(folder: str | Path) -> tuple[str, ...]:
    """The classes of a release, by its ``labels.txt``; none where it has no such file.

    Raises:
        CheckpointError: The file is no plain one, too large, or holds what is no printable text.
    """
    path = release_of(folder) / CLASSES
    try:
        text = read_plain(path, MAX_CLASSES).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        check_files(path.parent, [CLASSES])
        return ()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "expected text in UTF-8"
        raise CheckpointError(f"{path}: cannot be read: {reason}") from None
    names = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    for number, name in enumerate(names, 1):
        if not name.isprintable():
            raise CheckpointError(f"{path}: line {number}: {name!r:.60}: expected a printable name")
    check_files(path.parent, [CLASSES])
    return tuple(names)


def release_data(folder: str | Path) -> TrainingData | None:
    """What the model of a release was trained on, by its ``metrics.json``; None: it does not say.

    Raises:
        CheckpointError: The file is damaged.
    """
    path = release_of(folder) / METRICS
    try:
        told = read_json(path, MAX_CONFIG)["data"] if path.exists() else None
        data = None if told is None else TrainingData(**told)
    except (SkeletonMAEError, LookupError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path}: data: damaged ({reason:.200})") from None
    check_files(path.parent, [METRICS])
    return data


def load_release(folder: str | Path, classes: Iterable[type] = ()) -> nn.Module:
    """The model of a release folder, on the CPU and in ``eval`` mode.

    Its attribute ``preprocessing`` is what :func:`release_preprocessing` says, ``class_names`` what
    :func:`release_classes` says.

    Nothing in the folder is unpickled or imported by name, and no memory is taken for a model that
    the weights are not of.

    Args:
        folder: The release folder, or the folder of the run that wrote it.
        classes: Your own classes that its configuration may name, besides those of this library:
            ``load_release(folder, classes=(MyEncoder,))``. They are first built on the ``meta``
            device, where tensors have a shape and no values: a constructor that reads values of a
            tensor (``.item()``, ``.tolist()``, ``if tensor:``, an eigenvalue) fails there, and the
            release is refused. Compute such values with NumPy or plain numbers, or within
            ``with torch.device("cpu"):``.

    Raises:
        ConfigError: One of ``classes`` is no class of models or their parts.
        CheckpointError: A file is missing, damaged or not the one that was written (its size and
            SHA-256 are compared with ``manifest.json``), the config names an unknown class or
            argument, or a tensor is missing, left over or of another shape (it is named).
    """
    folder = release_of(folder)
    classes = check_classes(classes)
    config, path = _parsed_config(folder / CONFIG)["model"], folder / WEIGHTS
    preprocessing, shapes = release_preprocessing(folder), _weight_shapes(path)
    class_names = release_classes(folder)
    try:
        model = build_sized(lambda: build_model(config, classes), config, shapes)
    except WeightsError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except (*_UNFIT, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{folder / CONFIG}: model: {reason:.300}") from error
    try:
        weights = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: no readable safetensors file ({error})") from error
    load_weights(model, weights, path)
    number = getattr(model, "num_classes", len(class_names))
    if class_names and len(class_names) != number:
        raise CheckpointError(
            f"{folder / CLASSES}: {len(class_names)} names for a model of {number} classes"
        )
    check_files(folder, _READ)
    model.__dict__.update(preprocessing=preprocessing, class_names=class_names)
    return model.eval()


def _weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes in a safetensors file, whose header is compared with its length on opening."""
    try:
        with open_plain(path) as file:
            header = int.from_bytes(file.read(8), "little")
        if header > MAX_HEADER:
            raise ValueError(f"a header of {header} bytes")
        with safe_open(path, "pt") as weights:
            names = list(weights.keys())
            return {name: tuple(weights.get_slice(name).get_shape()) for name in names}
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: no readable safetensors file ({error})") from error
