"""Pre-training: whom it looks at, and whom it is measured on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cli_helpers import FAST, packed_arrays, runner, the_error, write_packed

from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.pretrain import pretrain
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import GraphSkeletonMAE
from pyg_skeletonmae.training import Trainer, load_release
from pyg_skeletonmae.transforms import RandomMask
from pyg_skeletonmae.transforms.masking import mask_joints_of


def tiny(skeleton, channels):
    return GraphSkeletonMAE(skeleton, channels, 8, depth=1, mask=RandomMask(0.5))


def run(folder, monitor=None, **settings):
    data = DataConfig(name="npz", cache=str(folder / "cache"), frames=4, batch_size=5, **settings)
    trainer = Trainer(1, accelerator="cpu", monitor=monitor, progress=False)
    return pretrain(tiny, trainer, data, {}, str(folder / "run"))


@pytest.fixture
def arrays():
    """The sticks, where subject 3 does exactly what subject 1 does."""
    arrays = packed_arrays()
    frames = arrays["joints"].reshape(16, -1, 3, 3)
    frames[arrays["subject"] == 3] = frames[arrays["subject"] == 1]
    return arrays


def test_labels_are_never_looked_at_but_to_measure(tmp_path, arrays):
    """Other labels: the same weights, and the opposite accuracy of the validation subject."""
    weights = []
    for name, accuracy in (("true", 1.0), ("swapped", 0.0)):
        (tmp_path / name).mkdir()
        path = write_packed(tmp_path / name / "sticks.npz", **arrays)
        found = run(tmp_path / name, path=str(path), val_subjects=[3])
        assert found["eval/knn"] == accuracy and found["clips"] == found["clips_seen"] == 4
        weights.append(load_release(tmp_path / name / "run" / "release").state_dict())
        arrays["label"] = arrays["label"] ^ (arrays["subject"] == 3)
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_weights_are_not_chosen_on_nobody(tmp_path, arrays):
    path = write_packed(tmp_path / "sticks.npz", **arrays)
    with pytest.raises(ConfigError, match=r"trainer\.monitor: needs data\.val_subjects"):
        run(tmp_path, "knn", path=str(path))
    assert not (tmp_path / "run").exists()


MOUSE = {  # joint: the number of its parent
    "nose": -1, "ear_L": 0, "ear_R": 0, "neck": 0, "back": 3, "hip_L": 4, "hip_R": 4, "tail": 4,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["mouse", "chain"])
@pytest.mark.parametrize("preset", [(), ("--config=configs/pretrain/graph_mae_small.yaml",)])
def test_the_default_model_learns_from_any_skeleton(tmp_path, capsys, caplog, kind, preset):
    """No parts and no pairs were given: they follow from the tree and from the names."""
    arrays = packed_arrays(joints=len(MOUSE) if kind == "mouse" else 3)
    if kind == "mouse":
        arrays |= {"joint_names": np.array([*MOUSE]), "parents": np.array([*MOUSE.values()])}
    path = write_packed(tmp_path / "own.npz", **arrays)
    mirror = f"--data.flip={0.5 if kind == 'mouse' else 0}"
    mask_joints_of.cache_clear()  # it speaks once for each skeleton
    code, _, err = runner(capsys)(
        "pretrain", *preset, "--data.name=npz", f"--data.path={path}", mirror,
        f"--data.cache={tmp_path / 'cache'}", f"--out={tmp_path / 'run'}", *FAST,
        "--data.val_subjects=[]", "--trainer.monitor=null",
        "--trainer.progress=false", "--trainer.accelerator=cpu",
    )  # fmt: skip
    assert code == 0, err
    model = load_release(tmp_path / "run" / "release")
    assert model.encoder.skeleton.parts == {}
    masks_parts = bool(preset)  # the default hides single tokens
    assert ("single joints are masked" in caplog.text) == (kind == "chain" and masks_parts)


SYNTHETIC = ("--data.name=synthetic", "--data.num_clips=20", "--data.num_classes=2",
             "--data.num_subjects=4")  # fmt: skip
ST_GCN = ("--model=MaskedPretrainer", "--encoder=STGCNEncoder", "--encoder.channels=[8,16]")


def test_any_encoder_is_pretrained_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = runner(capsys)
    parts = (
        "--model.target=LatentTarget", "--model.target.top_k=1", "--model.decoder=MixingDecoder",
        "--model.decoder.hidden=drop", "--model.mask=PartMask", "--model.mask.parts=random",
    )  # fmt: skip
    code, _, err = run("pretrain", *ST_GCN, *parts, *FAST, *SYNTHETIC, "--out=a")
    assert code == 0, err
    release = load_release(tmp_path / "a" / "release")
    assert repr(release) == (
        "MaskedPretrainer(STGCNEncoder(ntu25, hidden=16, blocks=2), "
        "mask=PartMask(parts='random', max_parts=3), target=LatentTarget(top_k=1, "
        "norm='instance'), decoder=MixingDecoder(depth=1, hidden='drop'))"
    )
    again = [f for f in FAST if "epochs" not in f]
    code, _, err = run("pretrain", "--config=a/config.yaml", "--resume", *again,
                       "--trainer.max_epochs=2")  # fmt: skip
    assert code == 0, err
    code, out, err = run("evaluate", "--pretrained=a", "--protocol=knn", "--data.frames=8",
                         "--keep_memory=false", *SYNTHETIC)  # fmt: skip
    assert code == 0 and '"top1"' in out, err


def test_several_targets_and_encoders_of_clips_of_one_length(tmp_path, capsys, monkeypatch):
    """The frames of the encoder are those of the data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts.yaml").write_text(
        """
model:
  class_path: MaskedPretrainer
  init_args:
    target:
      class_path: WeightedTargets
      init_args:
        targets: [{class_path: CoordinateTarget}, {class_path: MotionTarget}]
        weights: [1.0, 0.3]
encoder:
  class_path: STEncoder
  init_args: {frames_per_patch: 2, hidden_channels: 8, depth: 1, heads: 2}
"""
    )
    result = runner(capsys)("pretrain", "--config=parts.yaml", *FAST, *SYNTHETIC, "--out=b")
    assert result[0] == 0, result[2]
    assert load_release(tmp_path / "b" / "release").encoder.frames == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model=MaskedPretrainer"], "MaskedPretrainer: needs an encoder, give --encoder"),
        (["--encoder=STGCNEncoder"], "encoder: GraphSkeletonMAE brings its own"),
        ([*ST_GCN, "--encoder.chanels=[8]"], "did you mean encoder.init_args.channels?"),
        ([*ST_GCN, "--model.target=LatentTargt"], "did you mean LatentTarget?"),
        ([*ST_GCN, "--model.decoder=GraphDecoder"], "GraphDecoder decodes GraphEncoder, not STGCN"),
        ([*ST_GCN, "--encoder=os.system"], "none of the classes that settings may name"),
    ],
)
def test_encoders_that_do_not_fit(tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    error = the_error(runner(capsys)("pretrain", *arguments, *FAST, *SYNTHETIC, "--out=c"))
    assert message in error
    assert not (tmp_path / "c").exists()
