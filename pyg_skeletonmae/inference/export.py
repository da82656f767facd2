"""Trained models as files that run without this library: ONNX, and programs of ``torch.export``."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError, check_choice
from pyg_skeletonmae.files.write import write_file
from pyg_skeletonmae.inference.released import Released
from pyg_skeletonmae.models.base import encode_clips

Target = Literal["onnx", "torch"]
SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}
TOLERANCE = 1e-4
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_AXES = ("clips", "persons", "frames", "joints", "coordinates")
# Clips and persons of what a file is compared on; the first is what the model is traced with.
_SIZES = ((3, 2), (1, 1), (1, 2), (4, 1))


class TensorModel(nn.Module):
    """A trained model whose input and output are one tensor each, as other runtimes have it.

    A joint that is missing is NaN in all coordinates. Clips of a batch have equal numbers of
    persons; those whom a clip has not are NaN altogether, and come last. They change nothing about
    the others.

    Args:
        released: The model, and how its clips are prepared.
        preprocessing: Whether clips are centred, scaled and turned into the model's stream here, as
            the release says; else they have to be when they come.

    Shapes:
        - **input:** ``pos [B, M, T, V, C]``: clips, persons, frames, joints, coordinates
        - **output:** ``logits [B, K]`` of a classifier, ``features [B, M, V, T', D]`` of an encoder

    Raises:
        ConfigError: The pipeline of a public code is more than a graph can hold: it samples frames
            and persons by what they show.
    """

    def __init__(self, released: Released, preprocessing: bool = False) -> None:
        super().__init__()
        told = released.preprocessing
        if preprocessing and told.pipeline != "ours":
            raise ConfigError(
                f"the pipeline {told.pipeline} chooses frames and persons by what they show, which "
                "no exported graph can do: export without preprocessing"
            )
        self.classifies, self.model = released.classifies, released.fast
        self.output = "logits" if self.classifies else "features"
        # Of clips that have as many frames as they shall have, the graph resamples none.
        self.steps = told.transform(released.skeleton).transforms if preprocessing else []

    def forward(self, pos: Tensor) -> Tensor:
        """The scores of clips, or the features of their persons."""
        clips, persons, joints = pos.size(0), pos.size(1), pos.size(3)
        valid = ~pos.isnan().any(-1)
        nodes = torch.where(valid[..., None], pos, 0.0).transpose(2, 3).flatten(0, 2)
        clip = torch.arange(clips, device=pos.device)
        data = Data(
            pos=nodes,
            valid=valid.transpose(2, 3).flatten(0, 2),
            num_tracks=torch.full_like(clip, persons),
            batch=clip[:, None].expand(clips, persons * joints).flatten(),
        )
        for step in self.steps:
            data = step(data)
        if self.classifies:
            logits: Tensor = self.model(data)["logits"]
            return logits
        features = encode_clips(self.model, data)
        return features.reshape(clips, persons, *features.shape[1:])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r}, steps={self.steps})"


class Exported(NamedTuple):
    """What was written.

    Args:
        file: The file.
        input: The axes of the input ``pos``: names of those of any size, and numbers.
        output: What the output is called, ``logits`` or ``features``.
        difference: The largest difference from this library's own output, relative where that is
            above 1.
    """

    file: Path
    input: tuple[str | int, ...]
    output: str
    difference: float


class _Program(NamedTuple):
    content: bytes
    run: Callable[[Tensor], Tensor]


def export(
    released: Released,
    path: str | Path,
    to: Target,
    preprocessing: bool = False,
) -> Exported:
    """Writes a model as a file, if what runs from the file gives the same numbers.

    Clips and persons may be of any number, and frames, too, where the encoder takes any and nothing
    is done to clips before. The file is run on clips of several sizes, with missing joints and
    absent persons: ONNX by ONNX Runtime, a program by PyTorch.

    Args:
        released: The model, a :class:`Recognizer` or an :class:`Embedder`.
        path: The file; one that is there is replaced.
        to: ``onnx``, or ``torch`` for a program that ``torch.export.load`` reads.
        preprocessing: See :class:`TensorModel`.

    Raises:
        ConfigError: A package for ONNX is missing; the model holds what no graph can; or the
            numbers differ by more than 1e-4. Nothing is written then.
    """
    check_choice("to", to, get_args(Target))
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if to == "onnx" and missing:
        raise ConfigError(
            f"to onnx: {', '.join(missing)} not installed: pip install 'pyg_skeletonmae[export]'"
        )
    model = TensorModel(released, preprocessing).eval().cpu()
    name = type(model.model).__name__
    clips = [_example(released, *size) for size in _SIZES]
    any_frames = torch.export.Dim.STATIC if preprocessing else torch.export.Dim.AUTO
    shapes = ({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC, 2: any_frames},)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch, about itself
            program = torch.export.export(model, (clips[0],), dynamic_shapes=shapes, strict=False)
            written = _onnx(program, model, released) if to == "onnx" else _torch(program)
            difference = max(_difference(written.run(pos), model(pos)) for pos in clips)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{name}: cannot be exported to {to}: {reason:.300}") from error
    if not difference <= TOLERANCE:
        raise ConfigError(
            f"{name}: the exported model differs by {difference:.1e}, more than {TOLERANCE:g}; "
            "nothing was written"
        )
    write_file(path, lambda file: file.write(written.content))
    traced = next(node for node in program.graph.nodes if node.name == "pos").meta["val"].shape
    sizes = zip(traced, _AXES, strict=True)
    axes = tuple(int(size) if str(size).isdigit() else axis for size, axis in sizes)
    return Exported(Path(path), axes, model.output, difference)


def _example(released: Released, clips: int, persons: int) -> Tensor:
    """Clips ``[B, M, T, V, C]`` with missing joints; of several, the last has a person less."""
    frames, joints = released.preprocessing.frames, released.skeleton.num_joints
    random = torch.Generator().manual_seed(0)
    shape = (clips, persons, frames, joints, released.channels or 3)
    pos = torch.randn(shape, generator=random)
    pos[:, 0, : (frames + 1) // 2, joints // 2] = torch.nan
    if clips > 1 < persons:
        pos[-1, -1] = torch.nan
    return pos


def _difference(a: Tensor, b: Tensor) -> float:
    if a.shape != b.shape:
        return torch.inf
    return float((a - b).abs().max() / b.abs().max().clamp(min=1))


def _torch(program: torch.export.ExportedProgram) -> _Program:
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    content = buffer.getvalue()
    return _Program(content, torch.export.load(io.BytesIO(content)).module())


def _onnx(
    program: torch.export.ExportedProgram, model: TensorModel, released: Released
) -> _Program:
    import onnxruntime

    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)  # it misses packages that nobody needs here
    try:
        made = torch.onnx.export(
            program, (), dynamo=True, verbose=False, output_names=[model.output]
        )
    finally:
        log.setLevel(level)
    assert made is not None
    made.model.metadata_props.update(
        {
            "input": f"pos [{', '.join(_AXES)}], NaN: missing",
            "joints": json.dumps(released.skeleton.joints),
            "classes": json.dumps(getattr(released.model, "class_names", None)),
            "prepared_inside": json.dumps(bool(model.steps)),
            "preprocessing": released.preprocessing.to_yaml(),
        }
    )
    content: bytes = made.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return _Program(
        content, lambda pos: torch.from_numpy(session.run(None, {"pos": pos.numpy()})[0])
    )
