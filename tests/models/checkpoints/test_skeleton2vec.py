from pathlib import Path
from typing import Any

import pytest
import torch
from oracle_helpers import oracles
from public_helpers import labelled, replay_dropout, save
from s2v_helpers import BACKBONE, FRAMES, PATCH, STEPS, replay, s2v_oracle, s2v_tracks
from st_helpers import SKELETON, as_batch, call, ours, weights
from torch import Tensor

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.layouts import KINECT20
from pyg_skeletonmae.models import Classifier, Skeleton2Vec, build_model, load_skeleton2vec
from pyg_skeletonmae.models.checkpoints.skeleton2vec_names import skeleton2vec_source
from pyg_skeletonmae.transforms import MotionTubeMask, RandomTokenMask, TubeMask

ARGS = {
    "model_spec": {"name": "SkTWithDecoder", "args": {"num_heads": 4, "mask_strategy": "motion"}},
    "ema_spec": {
        "name": "EMA",
        "args": {"ema_decay": 0.999, "ema_end_decay": 1.0, "ema_anneal_end_step": 100},
    },
    "average_top_k_layers": 2,
    "norm_target_per_layer": "instance_norm",
    "normalize_targets": True,
}


def unpacked(name: str, value: Tensor) -> list[Tensor]:
    """One of our parameters as the public tensors it is made of."""
    if name.endswith("patch.proj.weight"):
        return [value.view(len(value), PATCH, 3).transpose(1, 2)[..., None]]
    if name.endswith("position.joint"):
        return [value.t()[None, :, None]]
    if name.endswith("position.time"):
        return [value.t()[None, :, :, None]]
    if name.endswith("mask_token"):
        return [value[None, None]]
    return list(value.chunk(3)) if ".qkv." in name else [value]


def public_state() -> dict[str, Tensor]:
    """What Skeleton2vec would save of a small model of ours: the mapping, backwards."""
    torch.manual_seed(0)
    state = {}
    for name, value in Skeleton2Vec(SKELETON, 3, FRAMES, BACKBONE).state_dict().items():
        if name.endswith("_extra_state"):
            continue
        value = value + 0.1 * torch.randn_like(value)
        keys, _ = skeleton2vec_source(name)
        state |= dict(zip(keys, (t.clone() for t in unpacked(name, value)), strict=True))
    for key in [key for key in state if key.startswith("auto_encoder.")]:
        state.setdefault(key.replace("auto_encoder.", "ema.model."), torch.zeros_like(state[key]))
    return state


def wrapper(head: dict[str, Tensor], state: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The state dict of a classifier: an average, decoder and all, and a head."""
    state = public_state() if state is None else state
    start = "ema.model."
    encoder = {k.replace(start, "encoder."): v for k, v in state.items() if k.startswith(start)}
    return {**encoder, **{f"cls_head.{key}": value for key, value in head.items()}}


def write(folder: Path, state: Any = None, args: Any = None, name: str = "Skeleton2Vec2") -> Path:
    state = public_state() if state is None else state
    model = {"name": name, "args": ARGS if args is None else args, "sd": state}
    return save({"model": model, "epoch": 600, "scale": {}}, folder)


def with_spec(**spec: object) -> dict[str, object]:
    inner = {"num_heads": 4, "mask_strategy": "motion"} | spec
    return ARGS | {"model_spec": {"args": inner}}


def test_a_pretraining_file(tmp_path: Path) -> None:
    model = load_skeleton2vec(write(tmp_path))
    assert isinstance(model, Skeleton2Vec) and not model.training
    assert repr(model.mask) == repr(MotionTubeMask(0.9, 5, 0.1, "published"))
    assert (model.decoder_order, model.top_k, model.teacher.decay) == ("published", 2, 0.999)
    assert repr(build_model(model.config)) == repr(model)
    state = public_state()
    key = "encoder.layers.1.attn.keys.weight"
    for encoder, prefix in ((model.encoder, "ema.model."), (model.student, "auto_encoder.")):
        weight = encoder.transformer.blocks[1].attn.qkv.weight
        assert torch.equal(weight[32:64], state[prefix + key])
    joints = state["ema.model.encoder_embedding.spatio_pos_emb"]
    assert torch.equal(model.encoder.position.joint, joints[0, :, 0].t())


def test_an_absent_person_is_zeros_unless_said_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path, wrapper({"4.weight": torch.rand(7, 32), "4.bias": torch.rand(7),
                 "2.running_mean": torch.rand(32), "2.running_var": torch.rand(32),
                 "2.num_batches_tracked": torch.tensor(1)}), {})  # fmt: skip
    model = load_skeleton2vec(path)
    assert isinstance(model, Classifier) and model.absent == "zeros"
    assert load_skeleton2vec(path, absent="loop").absent == "loop"
    with pytest.raises(CheckpointError, match="absent 'zeros': the file holds no classifier"):
        load_skeleton2vec(write(tmp_path), absent="zeros")


def test_names_that_wrappers_gave_and_other_joints(tmp_path: Path) -> None:
    state = {}
    for key, value in public_state().items():
        value = value[..., :20] if "spatio_pos_emb" in key else value
        state["module." + key.replace(".", "._orig_mod.", 1)] = value
    model = load_skeleton2vec(write(tmp_path, state), skeleton=KINECT20)
    assert isinstance(model, Skeleton2Vec) and model.encoder.skeleton == KINECT20
    with pytest.raises(CheckpointError, match=r"20 joints .* and does not name them"):
        load_skeleton2vec(write(tmp_path, state))


def test_heads_that_the_file_does_not_tell(tmp_path: Path) -> None:
    path = write(tmp_path, args=ARGS | {"model_spec": {"args": {"mask_strategy": "motion"}}})
    bare = repr(load_skeleton2vec(path, heads=4))
    assert bare == repr(load_skeleton2vec(write(tmp_path)))
    with pytest.raises(CheckpointError, match="heads 2: the file tells of 4"):
        load_skeleton2vec(write(tmp_path), heads=2)


@pytest.mark.parametrize(
    ("strategy", "mask", "order"),
    [
        ("tube", TubeMask(0.9, 5, "published"), "published"),
        ("random", RandomTokenMask(0.9, "published"), "repaired"),
    ],
)
def test_the_mask_is_of_the_kind_of_the_file(
    tmp_path: Path, strategy: str, mask: object, order: str
) -> None:
    path = write(tmp_path, args=with_spec(mask_strategy=strategy))
    model = load_skeleton2vec(path)
    assert isinstance(model, Skeleton2Vec)
    assert repr(model.mask) == repr(mask) and model.decoder_order == order


def test_the_mask_may_be_given(tmp_path: Path) -> None:
    model = load_skeleton2vec(write(tmp_path), mask=MotionTubeMask(0.8, 2, 0.2))
    assert isinstance(model, Skeleton2Vec) and repr(model.mask) == repr(MotionTubeMask(0.8, 2, 0.2))


def test_without_layer_scale(tmp_path: Path) -> None:
    state = {key: value for key, value in public_state().items() if "gamma" not in key}
    model = load_skeleton2vec(write(tmp_path, state))
    assert not any("gamma" in name for name, _ in model.named_parameters())


HEADS = [
    (
        "BatchNorm1d Dropout Linear",
        {"2.running_mean": (32,), "2.running_var": (32,), "2.num_batches_tracked": (),
         "4.weight": (7, 32), "4.bias": (7,)},
    ),
    (
        "Linear BatchNorm1d ReLU Linear",
        {"5.weight": (16, 800), "5.bias": (16,), "6.weight": (16,), "6.bias": (16,),
         "6.running_mean": (16,), "6.running_var": (16,), "6.num_batches_tracked": (),
         "8.weight": (7, 16), "8.bias": (7,)},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "shapes"), HEADS)
def test_a_classifier(tmp_path: Path, layers: str, shapes: dict[str, tuple[int, ...]]) -> None:
    whole = torch.zeros((), dtype=torch.long)
    head = {key: torch.rand(shape) if shape else whole for key, shape in shapes.items()}
    path = write(tmp_path, wrapper(head), {}, "SkTForClassification")
    model = load_skeleton2vec(path, heads=4)
    assert isinstance(model, Classifier) and model.num_classes == 7
    assert " ".join(type(layer).__name__ for layer in model.head) == layers
    assert torch.equal(model.head[-1].bias, head[list(shapes)[-1]])
    with pytest.raises(CheckpointError, match=r"official\.pth.*5 heads do not divide"):
        load_skeleton2vec(path, heads=5)


STUDENT, TEACHER = "auto_encoder.", "ema.model."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop(STUDENT + "encoder.layers.1.attn.keys.bias"), "no 'auto_enc.*keys.bias'"),
        (lambda s: s.pop(TEACHER + "encoder_norm.bias"), "no 'ema.model.encoder_norm.bias'"),
        (lambda s: s.pop(TEACHER + "decoder_norm.bias"), "no 'ema.model.decoder_norm.bias'"),
        (
            lambda s: s.update({TEACHER + "decoder_norm.bias": torch.zeros(3)}),
            r"'ema.model.decoder_norm.bias' \[3\] does not fit",
        ),
        (
            lambda s: s.update({STUDENT + "decoder_motion_head.bias": torch.zeros(9)}),
            "not know: 'auto_encoder.decoder_motion_head.bias'",
        ),
        (
            lambda s: s.update(
                {STUDENT + "encoder_embedding.spatio_pos_emb": torch.zeros(1, 32, 1, 17)}
            ),
            "spatio_pos_emb",
        ),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, change: Any, message: str) -> None:
    state = public_state()
    change(state)
    with pytest.raises(CheckpointError, match=f"official.pth.*{message}"):
        load_skeleton2vec(write(tmp_path, state))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "model_spec: expected a dict"),
        (with_spec(mask_strategy="dynamic"), "mask_strategy: 'dynamic' is not one of"),
        (with_spec(num_heads=5), "5 heads do not divide"),
        (ARGS | {"norm_target_per_layer": "batch_norm"}, "'batch_norm' is not one of"),
        (ARGS | {"average_top_k_layers": 3}, "the encoder has 2 blocks"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, args: object, message: str) -> None:
    with pytest.raises(CheckpointError, match=f"official.pth.*{message}"):
        load_skeleton2vec(write(tmp_path, args=args))


# What the public code computes -----------------------------------------------------------------


@pytest.mark.oracle
def test_the_official_file_gives_the_recorded_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = s2v_oracle()
    model = load_skeleton2vec(oracles() / "models/s2v_official_style.pth")
    assert isinstance(model, Skeleton2Vec)
    replay(monkeypatch, oracle["mask/noise_uniform"])
    pos = s2v_tracks(oracle["in/x"])
    loss = model(as_batch(pos))["loss"]
    torch.testing.assert_close(loss, oracle["out/loss"], rtol=1e-5, atol=0.0)
    target = model.targets(pos).view(4, 25, STEPS, 32)
    expected = ours(oracle["mid/teacher_target_all"], STEPS)
    torch.testing.assert_close(target, expected, rtol=1e-5, atol=1e-5)


def recorded(folder: Path, kind: str) -> tuple[dict[str, Tensor], Classifier, Tensor]:
    """The arrays of a head, our classifier from its weights, and clips ``[B, 3, M, T, V, C]``."""
    oracle = s2v_oracle("s2v_heads")
    arrays = call(oracle, f"{kind}/")
    head = {key.removeprefix("cls_head."): value for key, value in weights(arrays).items()}
    state = wrapper(head, weights(s2v_oracle()))
    model = load_skeleton2vec(write(folder, state, {}, "SkTForClassification"), heads=4)
    assert isinstance(model, Classifier)
    return arrays, model, oracle["in/x_clips"]


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["light", "large"])
def test_recorded_scores(tmp_path: Path, kind: str) -> None:
    arrays, model, clips = recorded(tmp_path, kind)
    batch = labelled(s2v_tracks(clips), torch.zeros(6, dtype=torch.long))
    batch.num_tracks, batch.num_views = torch.tensor([6, 6]), torch.tensor([3, 3])
    del batch.y
    logits = model(batch)["logits"]
    torch.testing.assert_close(logits, arrays["eval/logits"], rtol=1e-5, atol=1e-5)
    lone = s2v_tracks(clips)[[6, 8, 10]]  # the last clip without its person of zeros
    batch = labelled(lone, torch.zeros(1, dtype=torch.long))
    batch.num_tracks, batch.num_views = torch.tensor([3]), torch.tensor([3])
    logits = model(batch)["logits"]
    torch.testing.assert_close(logits, arrays["eval/logits"][1:], rtol=1e-5, atol=1e-5)
    batch = labelled(s2v_tracks(clips), torch.zeros(6, dtype=torch.long))
    if kind == "light":
        expected = ours(arrays["mid/encoder_out_eval"], STEPS)
        torch.testing.assert_close(model.encoder(batch)[:2], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["light", "large"])
def test_recorded_training_step(tmp_path: Path, kind: str) -> None:
    arrays, model, clips = recorded(tmp_path, kind)
    if kind == "large":
        replay_dropout(model, arrays, ours(arrays["train/dropout_keep"], STEPS))
    model.train()
    model.encoder.train(kind == "large")
    out = model(labelled(s2v_tracks(clips[:, :1]), arrays["in/labels"]))
    torch.testing.assert_close(out["logits"], arrays["train/logits"], rtol=1e-5, atol=1e-5)
    expected = arrays["train/loss_cross_entropy"]
    torch.testing.assert_close(out["loss"], expected, rtol=1e-5, atol=0.0)
    out["loss"].backward()
    layers = {"0": "5", "1": "6", "3": "8"} if kind == "large" else {"2": "4"}
    checked = 0
    for name, parameter in model.head.named_parameters():
        number, _, rest = name.partition(".")
        grad = arrays[f"train/grad/cls_head.{layers[number]}.{rest}"]
        torch.testing.assert_close(parameter.grad, grad, rtol=1e-4, atol=1e-5)
        checked += 1
    assert checked == sum(key.startswith("train/grad/") for key in arrays)
    (norm,) = (layer for layer in model.head if isinstance(layer, torch.nn.BatchNorm1d))
    torch.testing.assert_close(norm.running_mean, arrays["train/bn_running_mean_after"])
    torch.testing.assert_close(norm.running_var, arrays["train/bn_running_var_after"])
