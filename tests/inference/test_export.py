"""Every encoder and classifier as a file of another runtime, for any clips and persons."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from inference_helpers import poses
from torch import nn

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.inference import Recognizer, TensorModel, export
from pyg_skeletonmae.inference.released import Released
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.models import (
    STGCN,
    STRL,
    Classifier,
    GraphEncoder,
    GraphTemporalEncoder,
    Preprocessing,
    STEncoder,
    STGCNEncoder,
    STRLEncoder,
    STTFormerEncoder,
    from_config,
)

TOLD = Preprocessing(frames=8, center="mean", scale="std")


def st() -> STEncoder:
    return STEncoder(
        COCO17, frames=8, frames_per_patch=4, hidden_channels=8, depth=1, heads=2, mlp_ratio=1.0
    )


def tuples() -> STTFormerEncoder:
    return STTFormerEncoder(COCO17, frames=8, tuple_frames=4, channels=[[8, 8, 4]], heads=2)


def strl(**settings: object) -> STRL:
    return STRL(COCO17, 3, 4, frames=8, hidden_channels=8, num_layers=2, depth=1, **settings)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "graph": lambda: GraphEncoder(COCO17, hidden_channels=8, depth=1),
    "attention": lambda: GraphEncoder(COCO17, hidden_channels=8, depth=1, conv="gat"),
    "graph_temporal": lambda: GraphTemporalEncoder(
        COCO17, frames=8, frames_per_patch=4, hidden_channels=8, depth=1, joint_gain=True
    ),
    "st": st,
    "tuples": tuples,
    "st_gcn": lambda: STGCNEncoder(COCO17, channels=[8, 16]),
    "strl_encoder": lambda: STRLEncoder(COCO17, frames=8, hidden_channels=8, depth=1),
    "strl": lambda: strl(joints="concat", segments=2),
    "strl_persons": lambda: strl(share_persons=False),
    "st_gcn_classifier": lambda: STGCN(COCO17, 3, 4, channels=[8, 16]),
    "joints_mlp": lambda: Classifier(st(), 4, "joints-mlp", hidden=8),
    "linear": lambda: Classifier(tuples(), 4, "bn-linear"),
}


def released(name: str, told: Preprocessing = TOLD) -> Released:
    torch.manual_seed(0)
    return Released(MODELS[name](), told)


@pytest.mark.parametrize("name", MODELS)
def test_a_program_of_torch_takes_any_clips_and_persons(tmp_path: Path, name: str) -> None:
    model = released(name)
    written = export(model, tmp_path / "model.pt2", "torch")
    assert written.difference <= 1e-4 and written.input[:2] == ("clips", "persons")
    run = torch.export.load(tmp_path / "model.pt2").module()
    pos = torch.randn(5, 2, 8, 17, 3)
    with torch.no_grad():
        torch.testing.assert_close(run(pos), TensorModel(model)(pos), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["st", "tuples", "graph", "strl_persons", "st_gcn_classifier"])
def test_onnx_runtime_gives_the_same(tmp_path: Path, name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = released(name)
    written = export(model, tmp_path / "model.onnx", "onnx")
    assert written.difference <= 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (answer,) = session.get_outputs()
    assert answer.name == written.output
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["joints"]) == list(COCO17.joints)
    pos = torch.randn(2, 1, 8, 17, 3)
    with torch.no_grad():
        eager = TensorModel(model)(pos)
    np.testing.assert_allclose(session.run(None, {"pos": pos.numpy()})[0], eager, atol=1e-4)


def test_every_encoder_and_classifier_is_tried() -> None:
    tried = {type(make()) for make in MODELS.values()}
    assert tried >= {*from_config.ENCODERS, *from_config.CLASSIFIERS}


@pytest.mark.parametrize(
    "told",
    [
        TOLD,
        Preprocessing(frames=8, center="first", scale="bones", stream="bone"),
        Preprocessing(frames=8, center="frame", scale=None, stream="motion"),
    ],
    ids=lambda told: f"{told.center}-{told.stream}",
)
def test_raw_poses_go_in_and_are_scored_as_a_recognizer_does(
    tmp_path: Path, told: Preprocessing
) -> None:
    model = released("joints_mlp", told)
    written = export(model, tmp_path / "model.pt2", "torch", preprocessing=True)
    assert written.input == ("clips", "persons", 8, 17, 3)
    run = torch.export.load(written.file).module()
    one, two = 100 * poses(1, 8), 100 * poses(2, 8)
    two[0, 3:5, 2] = np.nan
    absent = np.full_like(one, np.nan)
    pos = torch.from_numpy(np.stack([np.concatenate([one, absent]), two]))
    with torch.no_grad():
        scores = run(pos).softmax(-1).numpy()
    expected = [answer.scores for answer in Recognizer(model.model, told).predict([one, two])]
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_frames_are_free_where_the_encoder_takes_any(tmp_path: Path) -> None:
    assert export(released("graph"), tmp_path / "a.pt2", "torch").input[2] == "frames"
    assert export(released("st"), tmp_path / "b.pt2", "torch").input[2] == 8


def test_a_public_pipeline_is_no_part_of_a_graph(tmp_path: Path) -> None:
    told = Preprocessing("mamp", 8, None, None)
    with pytest.raises(ConfigError, match="the pipeline mamp"):
        export(released("st", told), tmp_path / "model.pt2", "torch", preprocessing=True)
    assert not any(tmp_path.iterdir())


class Restless(GraphEncoder):
    """An encoder that does another thing in eager mode."""

    def encode_tracks(self, pos: torch.Tensor) -> torch.Tensor:
        return super().encode_tracks(pos) + (0.0 if torch.compiler.is_compiling() else 1e-3)


def test_nothing_is_written_where_the_numbers_differ(tmp_path: Path) -> None:
    model = Released(Restless(COCO17, hidden_channels=8, depth=1), TOLD)
    with pytest.raises(ConfigError, match=r"differs by .* nothing was written"):
        export(model, tmp_path / "model.pt2", "torch")
    assert not any(tmp_path.iterdir())


class Deciding(GraphEncoder):
    """An encoder whose way depends on the numbers."""

    def encode_tracks(self, pos: torch.Tensor) -> torch.Tensor:
        return super().encode_tracks(-pos if float(pos.sum()) > 0 else pos)


def test_a_model_that_no_graph_holds_is_said_in_a_line(tmp_path: Path) -> None:
    model = Released(Deciding(COCO17, hidden_channels=8, depth=1), TOLD)
    with pytest.raises(ConfigError, match="Deciding: cannot be exported to torch") as error:
        export(model, tmp_path / "model.pt2", "torch")
    assert "\n" not in str(error.value) and not any(tmp_path.iterdir())


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find(name)
    )
    with pytest.raises(ConfigError, match=r"onnxruntime not installed: pip install .*\[export\]"):
        export(released("graph"), tmp_path / "model.onnx", "onnx")
