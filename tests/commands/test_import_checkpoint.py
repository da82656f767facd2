import json
from argparse import Namespace
from pathlib import Path

import pytest
import st_helpers
import torch
from model_helpers import make_batch
from public_helpers import save
from s2v_helpers import make_s2v

from pyg_skeletonmae import layouts
from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.data_section import DataConfig, open_dataset
from pyg_skeletonmae.commands.import_checkpoint import import_official
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.models import Preprocessing, STSkeletonMAE, ViTBackbone
from pyg_skeletonmae.models.checkpoints.names import mamp_source
from pyg_skeletonmae.training import load_release, release_config, save_release


def mamp_file(folder: Path) -> Path:
    """A small model of ours, as MAMP would have saved it."""
    backbone = ViTBackbone(
        hidden_channels=16, depth=2, heads=2, decoder_channels=8, decoder_depth=1
    )
    state = {}
    for name, value in STSkeletonMAE(layouts.NTU25, 3, 8, backbone).state_dict().items():
        (key,), _ = mamp_source(name)
        if name.endswith("patch.proj.weight"):
            value = value.view(16, 4, 3).transpose(1, 2)[..., None]
        elif name.endswith("position.time"):
            value = value[None, :, None]
        elif name.endswith(("position.joint", "mask_token")):
            value = value.view(1, 1, *value.shape)
        state[key] = value.clone()
    args = Namespace(
        model="model_mamp.transformer.Transformer", mask_ratio=0.9, motion_stride=1,
        motion_aware_tau=0.8, model_args={"num_heads": 2, "norm_skes_loss": True},
    )  # fmt: skip
    return save({"model": state, "args": args}, folder)


def test_a_file_becomes_a_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = mamp_file(tmp_path), tmp_path / "release"
    assert main(["import", str(path), "--from", "mamp", str(out)]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["folder"] == str(out) and results["model"].startswith("STSkeletonMAE(")
    assert release_config(out)["extra"] == {"imported": {"from": "mamp", "file": "official.pth"}}
    model = load_release(out)
    assert isinstance(model, STSkeletonMAE)
    assert model(make_batch(layouts.NTU25, frames=8))["loss"].isfinite()
    assert model.preprocessing == Preprocessing(
        pipeline="mamp", frames=8, center=None, scale=None, skeleton="ntu25_ctrgcn", channels=3,
        unit="m", rate=30.0, axes="y up",
    )  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["linear", "linear_bn", "finetune"])
def test_a_classifier_is_fed_as_it_was_trained(tmp_path: Path, kind: str) -> None:
    """Clips of one person: the public heads average over that person and one of zeros."""
    oracle = st_helpers.load("mamp_heads")
    arrays = st_helpers.call(oracle, f"{kind}/")
    args = Namespace(model="model.transformer.Transformer", model_args={"num_heads": 4})
    path = save({"model": st_helpers.weights(arrays), "args": args}, tmp_path)
    assert main(["import", str(path), "--from", "mamp", str(tmp_path / "release")]) == 0
    model = load_release(tmp_path / "release")
    clips = [
        torch.stack([person for person in clip.permute(3, 1, 2, 0) if person.any()])
        for clip in oracle["in/x"]
    ]
    assert [len(clip) for clip in clips] == [2, 2, 1]
    root = tmp_path / "store"
    SkeletonDataset.from_arrays([clip.numpy() for clip in clips], None, layouts.NTU25, root=root)
    config = DataConfig(name="store", path=str(root), **model.preprocessing.settings())
    (batch,) = config.eval_loader(open_dataset(config))
    torch.testing.assert_close(model(batch)["logits"], arrays["eval/logits"], rtol=1e-5, atol=1e-5)


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "release"
    assert main(["import", str(tmp_path / "none.pth"), str(out), "--from", "skeleton2vec"]) == 2
    assert main(["import", str(mamp_file(tmp_path)), str(out), "--from", "skeleton2vec"]) == 2
    lines = capsys.readouterr().err.strip().split("\n")
    assert "none.pth: no such file" in lines[0] and "it holds argparse.Namespace" in lines[1]
    with pytest.raises(ConfigError, match="expected 'mamp' or 'skeleton2vec'"):
        import_official("f", "timm", out)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="args: expected a Namespace"):
        import_official(save({"model": {}}, tmp_path), "mamp", out)
    assert not out.exists()


def test_a_release_keeps_teacher_student_and_schedule(tmp_path: Path) -> None:
    model = make_s2v(ema_start=0.5, ema_steps=4)
    with torch.no_grad():
        model.student.norm.weight.fill_(2.0)
    model.after_step()
    again = load_release(save_release(model, tmp_path / "release"))
    assert again.teacher.decay == model.teacher.decay == 0.625
    batch = make_batch(layouts.UIPRMD22, frames=16)
    assert torch.equal(again(batch)["loss"], model.eval()(batch)["loss"])


def test_weights_that_are_no_finite_floats_are_named(tmp_path: Path) -> None:
    content = torch.load(mamp_file(tmp_path), weights_only=False)
    state = content["model"]
    for change, message in (
        (state["norm.weight"] * float("nan"), "'norm.weight': holds numbers that are not finite"),
        (state["norm.weight"].long(), "'norm.weight'.*expected torch.float32, found torch.int64"),
    ):
        path = save({**content, "model": {**state, "norm.weight": change}}, tmp_path)
        with pytest.raises(CheckpointError, match=message):
            import_official(path, "mamp", tmp_path / "release")
    assert not (tmp_path / "release").exists()
