import os
import pickle
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch
from oracle_helpers import oracles
from public_helpers import labelled, replay_dropout, save
from st_helpers import (
    BACKBONE,
    FRAMES,
    PATCH,
    SKELETON,
    STEPS,
    as_batch,
    call,
    load,
    oracle_tracks,
    ours,
    weights,
)
from torch import Tensor

from pyg_skeletonmae import Skeleton
from pyg_skeletonmae.draws import Draws
from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.layouts import COCO17, KINECT20, NTU25, UIPRMD22
from pyg_skeletonmae.models import Classifier, STSkeletonMAE, build_model, load_mamp
from pyg_skeletonmae.models.checkpoints.mamp import _HEADS
from pyg_skeletonmae.models.checkpoints.names import MAMP, mamp_source
from pyg_skeletonmae.transforms import MotionMask, RandomTokenMask

ARGS = {
    "model": "model_mamp.transformer.Transformer",
    "model_args": {"num_heads": 4, "norm_skes_loss": True},
    "mask_ratio": 0.9,
    "motion_stride": 1,
    "motion_aware_tau": 0.8,
}


def public_state() -> dict[str, Tensor]:
    """What MAMP would save of a small model of ours: the mapping, backwards."""
    torch.manual_seed(0)
    state = {}
    for name, value in STSkeletonMAE(SKELETON, 3, FRAMES, BACKBONE).state_dict().items():
        (key,), _ = mamp_source(name)
        if name.endswith("patch.proj.weight"):
            value = value.view(len(value), PATCH, 3).transpose(1, 2)[..., None]
        elif ".position." in name or name.endswith("mask_token"):
            shape = {"joint": (1, 1, 25, -1), "time": (1, STEPS, 1, -1)}
            value = value.view(shape.get(name.rpartition(".")[2], (1, 1, -1)))
        state[key] = value.clone()
    return state


def write(folder: Path, state: Any = None, **args: object) -> Path:
    state = public_state() if state is None else state
    return save({"model": state, "epoch": 399, "args": Namespace(**{**ARGS, **args})}, folder)


def test_a_pretraining_file(tmp_path: Path) -> None:
    model = load_mamp(write(tmp_path))
    assert isinstance(model, STSkeletonMAE) and not model.training
    assert repr(model.mask) == repr(MotionMask(0.9, 0.8, "published"))
    assert (model.target, model.target_norm) == ("motion", "patch")
    assert repr(build_model(model.config)) == repr(model)
    state = public_state()
    assert torch.equal(model.encoder.position.joint, state["pos_embed"][0, 0])
    assert torch.equal(model.decoder.head.weight, state["decoder_pred.weight"])


def test_a_file_of_the_coordinate_model(tmp_path: Path) -> None:
    settings = {"num_heads": 4, "norm_skes_loss": False}
    path = write(tmp_path, model="model_mae.transformer.Transformer", model_args=settings)
    model = load_mamp(path)
    assert isinstance(model, STSkeletonMAE)
    assert repr(model.mask) == repr(RandomTokenMask(0.9, "published"))
    assert (model.target, model.target_norm) == ("coordinates", "none")


ENCODER = ("joints_embed", "pos_embed", "temp_embed", "blocks.", "norm.")


@pytest.mark.parametrize(
    ("head", "layers"),
    [
        ("Dropout Linear", {"fc.weight": (7, 32), "fc.bias": (7,)}),
        (
            "BatchNorm1d Dropout Linear",
            {"fc.0.running_mean": (32,), "fc.0.running_var": (32,), "fc.0.num_batches_tracked": (),
             "fc.1.weight": (7, 32), "fc.1.bias": (7,)},
        ),
        (
            "Linear BatchNorm1d ReLU Linear",
            {"fc1.weight": (16, 800), "fc1.bias": (16,), "bn.weight": (16,), "bn.bias": (16,),
             "bn.running_mean": (16,), "bn.running_var": (16,), "bn.num_batches_tracked": (),
             "fc2.weight": (7, 16), "fc2.bias": (7,)},
        ),
    ],
)  # fmt: skip
def test_a_classifier(tmp_path: Path, head: str, layers: dict[str, tuple[int, ...]]) -> None:
    state = {key: value for key, value in public_state().items() if key.startswith(ENCODER)}
    for key, shape in layers.items():
        whole = key.endswith("num_batches_tracked")
        state[f"head.{key}"] = torch.zeros(shape).long() if whole else torch.rand(shape)
    model = load_mamp(write(tmp_path, state), absent="none")
    assert isinstance(model, Classifier) and model.num_classes == 7
    assert " ".join(type(layer).__name__ for layer in model.head) == head
    if head.startswith("Batch"):
        assert model.head[0].eps == 1e-6
    last = [key for key in layers if key.endswith("weight")][-1]
    assert torch.equal(model.head[-1].weight, state[f"head.{last}"])


def probe(classes: int) -> dict[str, Tensor]:
    """A linear probe on the encoder of the small model."""
    state = {key: value for key, value in public_state().items() if key.startswith(ENCODER)}
    return state | {"head.fc.weight": torch.rand(classes, 32), "head.fc.bias": torch.rand(classes)}


@pytest.mark.parametrize(("classes", "absent"), [(60, "zeros"), (51, "zeros"), (120, "loop")])
def test_classes_tell_what_stood_for_an_absent_person(
    tmp_path: Path, classes: int, absent: str
) -> None:
    """Of NTU RGB+D 60, PKU-MMD and NTU RGB+D 120."""
    path = write(tmp_path, probe(classes))
    model = load_mamp(path)
    assert isinstance(model, Classifier) and model.absent == absent
    assert load_mamp(path, absent="none").absent == "none"  # type: ignore[union-attr]
    assert build_model(model.config).absent == absent


def test_other_numbers_of_classes_have_to_say_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"official.pth: .* 7 classes .*give absent"):
        load_mamp(write(tmp_path, probe(7)))
    with pytest.raises(CheckpointError, match="absent 'zeros': the file holds no classifier"):
        load_mamp(write(tmp_path), absent="zeros")


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_that_wrappers_gave_are_those_of_the_model(tmp_path: Path, wrapper: str) -> None:
    model = load_mamp(write(tmp_path, {wrapper + key: t for key, t in public_state().items()}))
    for name, tensor in load_mamp(write(tmp_path)).state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_two_tensors_of_one_name_are_refused(tmp_path: Path) -> None:
    state = public_state()
    state["module.norm.bias"] = state["norm.bias"]
    with pytest.raises(CheckpointError, match=r"a second tensor 'norm\.bias'"):
        load_mamp(write(tmp_path, state))


@pytest.mark.parametrize("skeleton", [COCO17, KINECT20, UIPRMD22])
def test_other_joints_are_named_by_a_skeleton(tmp_path: Path, skeleton: Skeleton) -> None:
    state, joints = public_state(), skeleton.num_joints
    for key in ("pos_embed", "decoder_pos_embed"):
        state[key] = state[key][:, :, :joints]
    path = write(tmp_path, state)
    model = load_mamp(path, skeleton=skeleton)
    assert isinstance(model, STSkeletonMAE) and model.encoder.skeleton == skeleton
    assert torch.equal(model.encoder.position.joint, state["pos_embed"][0, 0])
    with pytest.raises(CheckpointError, match=rf"{joints} joints .*does not name them"):
        load_mamp(path)
    with pytest.raises(CheckpointError, match=f"has {joints} joints .*, the skeleton ntu25.* 25"):
        load_mamp(path, skeleton=NTU25)


def test_heads_where_the_file_does_not_tell_them(tmp_path: Path) -> None:
    path = save({"model": probe(60)}, tmp_path)
    with pytest.raises(CheckpointError, match="args: expected a Namespace"):
        load_mamp(path)
    model = load_mamp(path, heads=4)
    assert isinstance(model, Classifier)
    told = load_mamp(write(tmp_path, probe(60)), heads=4)
    assert repr(told) == repr(model)
    with pytest.raises(CheckpointError, match="heads 8: the file tells of 4"):
        load_mamp(write(tmp_path), heads=8)
    with pytest.raises(CheckpointError, match="5 heads do not divide"):
        load_mamp(save({"model": probe(60)}, tmp_path), heads=5)


def cubic(x: Tensor) -> Tensor:
    """The kernel of cubic convolution with a = -3/4 (Keys, 1981)."""
    a, x = -0.75, x.abs()
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))


@pytest.mark.parametrize("steps", [3, 4, 9, 30])
def test_time_is_resampled_by_cubic_convolution(tmp_path: Path, steps: int) -> None:
    old = public_state()["temp_embed"][0, :, 0].double()
    place = (torch.arange(steps).double() + 0.5) * STEPS / steps - 0.5
    around = place.floor().long()[:, None] + torch.arange(-1, 3)
    weight = cubic(place[:, None] - around)
    expected = torch.einsum("tk,tkd->td", weight, old[around.clamp(0, STEPS - 1)])
    model = load_mamp(write(tmp_path), frames=steps * PATCH)
    assert isinstance(model, STSkeletonMAE)
    torch.testing.assert_close(model.encoder.position.time.double(), expected, rtol=0, atol=1e-6)
    assert model.decoder.position.time.shape[0] == steps
    assert model.config["init_args"]["frames"] == steps * PATCH


def test_as_many_frames_change_nothing_and_parts_of_patches_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    same = load_mamp(path, frames=FRAMES)
    time = public_state()["temp_embed"][0, :, 0]
    assert isinstance(same, STSkeletonMAE) and torch.equal(same.encoder.position.time, time)
    for frames in (0, -4, 10):
        with pytest.raises(CheckpointError, match=rf"frames {frames}: expected a multiple of 4"):
            load_mamp(path, frames=frames)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("blocks.1.norm2.bias"), "no 'blocks.1.norm2.bias'"),
        (lambda s: s.pop("temp_embed"), "no 'temp_embed'"),
        (lambda s: s.update(extra=torch.zeros(1)), "not know: 'extra'"),
        (lambda s: s.update(pos_embed=torch.zeros(1, 1, 17, 32)), "17 joints .'pos_embed'."),
        (lambda s: s.update(temp_embed=torch.zeros(6, 32)), r"'temp_embed' \[6, 32\]"),
        (lambda s: s.update({"norm.bias": 3.0}), "'norm.bias': expected a tensor"),
        (
            lambda s: s.update({"norm.bias": torch.zeros(1).expand(10**12)}),
            "larger than what the file holds",
        ),
        # 10^6 x 10^6 attention weights are never made.
        (
            lambda s: s.update({"joints_embed.proj.weight": torch.zeros(10**6, 3, 4, 1)}),
            "does not fit",
        ),
    ],
)  # fmt: skip
def test_wrong_tensors_are_named(tmp_path: Path, change: Any, message: str) -> None:
    state = public_state()
    change(state)
    with pytest.raises(CheckpointError, match=f"official.pth.*{message}"):
        load_mamp(write(tmp_path, state))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"model_args": {}}, "num_heads: expected a int, found None"),
        ({"model_args": {"num_heads": 5, "norm_skes_loss": True}}, "5 heads do not divide"),
        ({"model_args": "none"}, "model_args: expected a dict"),
        ({"mask_ratio": 1.0}, "mask ratio"),
        ({"model": 3}, "model: expected a str"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, args: dict[str, object], message: str) -> None:
    with pytest.raises(CheckpointError, match=f"official.pth.*{message}"):
        load_mamp(write(tmp_path, **args))


# What the public code computes -----------------------------------------------------------------


@pytest.mark.oracle
def test_the_official_file_gives_the_recorded_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = load("mamp")
    model = load_mamp(oracles() / "models/mamp_official_style.pth")
    assert isinstance(model, STSkeletonMAE)
    noise = ours(oracle["tau080/mask/noise_uniform"])
    monkeypatch.setattr(Draws, "uniform", lambda self, *shape: noise)
    tracks = oracle_tracks(oracle["in/x"])
    loss = model(as_batch(tracks))["loss"]
    torch.testing.assert_close(loss, oracle["tau080/out/loss"], rtol=1e-5, atol=0.0)
    mask = ours(oracle["mask/mask"]).bool()
    (prediction,), _, _ = model._predict(as_batch(tracks, mask))
    expected = ours(oracle["out/pred"]).reshape(prediction.shape)
    torch.testing.assert_close(prediction, expected, rtol=1e-5, atol=1e-5)


def recorded(folder: Path, kind: str) -> tuple[dict[str, Tensor], Classifier, Tensor]:
    """The arrays of a head, our classifier from its weights, and the tracks."""
    oracle = load("mamp_heads")
    arrays = call(oracle, f"{kind}/")
    model = load_mamp(write(folder, weights(arrays)), absent="zeros")
    assert isinstance(model, Classifier)
    return arrays, model, oracle_tracks(oracle["in/x"])


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["linear", "linear_bn", "finetune"])
def test_recorded_scores(tmp_path: Path, kind: str) -> None:
    arrays, model, tracks = recorded(tmp_path, kind)
    batch = labelled(tracks, arrays["in/labels"])
    torch.testing.assert_close(model(batch)["logits"], arrays["eval/logits"], rtol=1e-5, atol=1e-5)
    if "mid/encoder_out" in arrays:
        encoded = model.encoder(batch)
        torch.testing.assert_close(encoded, ours(arrays["mid/encoder_out"]), rtol=1e-5, atol=1e-5)
    batch.pos = batch.pos.double()
    torch.testing.assert_close(
        model.double()(batch)["logits"], arrays["f64/eval/logits"], rtol=1e-9, atol=1e-9
    )


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["linear", "linear_bn", "finetune"])
def test_recorded_training_step(tmp_path: Path, kind: str) -> None:
    arrays, model, tracks = recorded(tmp_path, kind)
    if kind == "finetune":
        keep = arrays["train/dropout_keep"].flatten(0, 1).transpose(1, 2)
        replay_dropout(model, arrays, keep)
    model.train()
    out = model(labelled(tracks, arrays["in/labels"]))
    torch.testing.assert_close(out["logits"], arrays["train/logits"], rtol=1e-5, atol=1e-5)
    expected = arrays["train/loss_cross_entropy"]
    torch.testing.assert_close(out["loss"], expected, rtol=1e-5, atol=0.0)
    out["loss"].backward()
    layers = next(layers for key, (_, layers) in _HEADS.items() if f"sd/{key}" in arrays)
    checked = 0
    for name, parameter in model.named_parameters():
        (key,), pack = mamp_source(name, (*layers, *MAMP))
        if f"train/grad/{key}" in arrays:
            grad = pack([arrays[f"train/grad/{key}"]])
            assert parameter.grad is not None
            # Before a BatchNorm, the gradient of a norm's factors is zero but for its epsilon:
            # there the recording itself is 1.5 % from what it is in float64.
            size = grad.abs().max().clamp_min(0.1)
            assert (parameter.grad - grad).abs().max() / size < 1e-4, name
            checked += 1
    assert checked == sum(key.startswith("train/grad/") for key in arrays) >= 5
    for norm in (layer for layer in model.head if isinstance(layer, torch.nn.BatchNorm1d)):
        for key in ("mean", "var"):
            torch.testing.assert_close(
                getattr(norm, f"running_{key}"), arrays[f"train/bn_running_{key}_after"]
            )


def test_nothing_is_executed(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'executed'}",)

    path = save({"model": public_state(), "args": Namespace(model_args=Hostile())}, tmp_path)
    with pytest.raises(CheckpointError, match=r"official\.pth: .*it holds \S+\.system, which"):
        load_mamp(path)
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_mamp(path)
    assert not (tmp_path / "executed").exists()
