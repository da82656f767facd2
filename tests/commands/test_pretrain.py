"""Pre-training: whom it looks at, and whom it is measured on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cli_helpers import FAST, packed_arrays, runner, write_packed

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
    assert ("single joints are masked" in caplog.text) == (kind == "chain")
