"""Fine-tuning of any encoder by the command line."""

from __future__ import annotations

import json

import pytest
import torch
import yaml
from cli_helpers import FAST, TINY, runner, the_error, write_packed

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.configs import CONFIGS
from pyg_skeletonmae.commands.encoders import check_fits
from pyg_skeletonmae.commands.parser import build_parser
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.layouts import COCO17
from pyg_skeletonmae.models import (
    Classifier,
    GraphEncoder,
    Skeleton2Vec,
    STSkeletonMAE,
    ViTBackbone,
)
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.models.pretraining.sttformer_backbone import STTFormerBackbone
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import load_release, save_release
from pyg_skeletonmae.transforms.token_masking import JointFrameMask, RandomTokenMask

CLASSIFIER = ("--model=Classifier", "--model.head=joints-mlp", "--model.hidden=8")
VIT = ViTBackbone(2, 8, 2, 2, decoder_channels=8, decoder_depth=1)
TUPLES = STTFormerBackbone(2, [[4, 4, 2], [4, 8, 2]], heads=2, decoder_channels=[[8, 4, 2]])


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_packed(tmp_path / "sticks.npz")
    call = runner(capsys)
    data = ("--data.name=npz", f"--data.path={path}")
    return lambda *arguments: call("finetune", *data, *FAST, "--out=tuned", *arguments)


def sticks() -> Skeleton:
    return SkeletonDataset.from_npz("sticks.npz", "store").skeleton


def model(kind: str, skeleton: Skeleton) -> torch.nn.Module:
    if kind == "vit":
        return STSkeletonMAE(skeleton, 3, 8, VIT, RandomTokenMask(0.5))
    if kind == "sttformer":
        return STSkeletonMAE(skeleton, 3, 8, TUPLES, JointFrameMask(1, 0.4))
    return Skeleton2Vec(skeleton, 3, 8, VIT, RandomTokenMask(0.5), ema_steps=4)


@pytest.mark.parametrize("kind", ["vit", "sttformer", "skeleton2vec"])
def test_a_classifier_on_any_encoder(run, tmp_path, kind):
    trained = model(kind, sticks())
    save_release(trained, tmp_path / "release")
    more = () if kind == "sttformer" else ("--drop_path=0.3", "--trainer.optim.layer_decay=0.8")
    code, out, err = run(*CLASSIFIER, "--pretrained=release", *more)
    assert code == 0, err
    assert 0 <= json.loads(out)["test/top1"] <= 1
    tuned = load_release(tmp_path / "tuned" / "release")
    assert isinstance(tuned, Classifier) and type(tuned.encoder) is type(trained.encoder)
    assert tuned.label_smoothing == 0.0 and tuned.token_dropout.p == 0.3  # not those of STRL
    if more:
        assert tuned.encoder.config["init_args"]["drop_path"] == 0.3
    before, after = trained.encoder.state_dict(), tuned.encoder.state_dict()
    moved = [not torch.equal(before[name], after[name]) for name in before]
    assert sum(moved) > len(moved) // 2


def test_a_frozen_encoder_stays_and_a_fresh_one_is_fresh(run, tmp_path):
    trained = model("skeleton2vec", sticks())
    save_release(trained, tmp_path / "release")
    frozen = (*CLASSIFIER, "--pretrained=release", "--model.freeze_encoder=true")
    assert run(*frozen)[0] == 0
    weights = trained.encoder.state_dict()
    tuned = load_release(tmp_path / "tuned" / "release").encoder.state_dict()
    assert all(torch.equal(weights[name], tuned[name]) for name in weights)
    assert run(*frozen, "--random_init", "--out=fresh")[0] == 0
    fresh = load_release(tmp_path / "fresh" / "release").encoder.state_dict()
    assert not torch.equal(fresh["patch.proj.weight"], weights["patch.proj.weight"])


def test_a_graph_encoder_and_the_settings_of_the_run(run, tmp_path):
    data = ("--data.name=npz", "--data.path=sticks.npz", "--model.mask=RandomMask")
    assert main(["pretrain", *data, *FAST, *TINY, "--out=graph"]) == 0
    code, _, err = run("--model=Classifier", "--pretrained=graph")
    assert code == 0, err
    settings = yaml.safe_load((tmp_path / "tuned" / "config.yaml").read_text())["model"]
    assert settings["class_path"].endswith(".Classifier")
    assert settings["init_args"]["label_smoothing"] == 0.0
    line = the_error(run("--model=Classifier", "--pretrained=graph", "--drop_path=.1", "--out=x"))
    assert "GraphEncoder has no stochastic depth" in line
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model=Classifier",), "Classifier: needs an encoder, give --pretrained"),
        (("--model=Classifier", "--pretrained=r", "--freeze=true"), "freeze_encoder"),
        (("--random_init",), "random_init: needs --pretrained"),
        (("--drop_path=.3",), "drop_path: STRL has no stochastic depth"),
        (("--freeze=true",), "freeze: there is nothing to freeze"),
        (("--model=Classifer",), "did you mean Classifier?"),
        (("--model=Classifier", "--model.hed=mlp"), "did you mean model.init_args.head?"),
        (("--model=Classifier", "--model.head=mpl"), "did you mean mlp?"),
    ],
)
def test_settings_that_do_not_fit(run, arguments, said):
    assert said in the_error(run(*arguments))


def test_encoders_that_do_not_fit(run, tmp_path):
    save_release(model("vit", sticks()), tmp_path / "vit")
    line = the_error(run("--pretrained=vit"))
    assert "expected a graph encoder for STRL" in line and "--model Classifier" in line
    save_release(model("vit", COCO17), tmp_path / "other")
    line = the_error(run("--model=Classifier", "--pretrained=other"))
    assert line.startswith("other: pre-trained on coco17 with 3 channels")
    assert not (tmp_path / "tuned").exists()


@pytest.mark.parametrize(
    "path", sorted((CONFIGS / "finetune").glob("*.yaml")), ids=lambda p: p.stem
)
def test_a_configuration_is_read_as_it_is_written(path):
    found = build_parser().parse_args(["finetune", "--config", str(path)]).finetune
    wanted = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert found.out == f"runs/{path.stem}" == wanted["out"]
    assert found.model.class_path.endswith(wanted["model"]["class_path"])
    given = wanted["model"].get("init_args", {})
    assert {name: found.model.init_args[name] for name in given} == given
    assert len(list(CONFIGS.rglob("*.yaml"))) <= 24  # few enough to read them all


class Silent(SkeletonEncoder):
    """An encoder that says nothing of channels."""

    def __init__(self, skeleton: Skeleton) -> None:
        super().__init__(skeleton, 4)

    def encode_tracks(self, pos: torch.Tensor) -> torch.Tensor:
        return pos.new_zeros(*pos.shape[:3], 4)


def test_an_encoder_without_in_channels_fits_by_its_joints(tmp_path):
    dataset = SkeletonDataset.from_npz(write_packed(tmp_path / "sticks.npz"), tmp_path / "store")
    check_fits(Silent(dataset.skeleton), dataset, "run")
    with pytest.raises(CheckpointError, match="pre-trained on coco17 with any channels, the clips"):
        check_fits(Silent(COCO17), dataset, "run")
    with pytest.raises(CheckpointError, match=r"with 2 channels, the clips are .* with 3"):
        check_fits(GraphEncoder(dataset.skeleton, 2), dataset, "run")
