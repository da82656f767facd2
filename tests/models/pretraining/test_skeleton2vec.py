import copy
from pathlib import Path

import pytest
import torch
from model_helpers import assert_gradients, make_batch, make_clip
from s2v_helpers import SMALL, STEPS, make_s2v, replay, s2v_model, s2v_oracle, s2v_tracks
from st_helpers import as_batch, our_ids, ours
from torch import Tensor
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models import Skeleton2Vec, ViTBackbone, build_model
from pyg_skeletonmae.models.checkpoints.skeleton2vec_names import skeleton2vec_source
from pyg_skeletonmae.nn.losses import masked_mse
from pyg_skeletonmae.nn.tokens import to_patches
from pyg_skeletonmae.training import Trainer
from pyg_skeletonmae.training.optim import OptimConfig, parameter_groups
from pyg_skeletonmae.transforms import MotionTubeMask, RandomTokenMask, TubeMask

NO_GRADIENT = ("qkv.bias",)  # a third of it belongs to the keys

# What the public code computes -----------------------------------------------------------------

REPAIRED = "derived/loss_if_visible_tokens_sat_at_their_true_positions"
CALLS = [
    ("", "out/loss", {}),
    ("", REPAIRED, {"decoder_order": "repaired"}),
    ("beta02/", "beta02/out/loss", {"mask": MotionTubeMask(0.9, 5, 0.2, "published")}),
    ("r80/", "r80/out/loss", {"mask": MotionTubeMask(0.8, 5, 0.1, "published")}),
    ("plain_tube/", "plain_tube/out/loss", {"mask": TubeMask(0.9, 2, "published")}),
    (
        "random_strategy/",
        "random_strategy/out/loss",
        {"mask": RandomTokenMask(0.9, "published"), "decoder_order": "repaired"},
    ),
    ("", "layernorm_target/out/loss", {"target_norm": "layer"}),
    ("", "no_final_norm/out/loss", {"final_norm": False}),
    ("", "topk1/out/loss", {"top_k": 1}),
]


def recorded(
    monkeypatch: pytest.MonkeyPatch, prefix: str = "", **settings: object
) -> tuple[dict[str, Tensor], Skeleton2Vec, Batch]:
    """The recording, the model with its weights, and its clips; the model draws its noise."""
    oracle = s2v_oracle()
    noise = oracle[f"{prefix}mask/noise_uniform"]
    replay(monkeypatch, noise.unflatten(1, (STEPS, -1)) if noise.dim() == 2 else noise)
    return oracle, s2v_model(oracle, **settings), as_batch(s2v_tracks(oracle["in/x"]))


@pytest.mark.oracle
@pytest.mark.parametrize(("prefix", "key", "settings"), CALLS, ids=lambda value: str(value)[:40])
def test_every_recorded_loss(
    monkeypatch: pytest.MonkeyPatch, prefix: str, key: str, settings: dict[str, object]
) -> None:
    oracle, model, batch = recorded(monkeypatch, prefix, **settings)
    split, _ = model._split(batch, s2v_tracks(oracle["in/x"]))
    assert torch.equal(split.mask, ours(oracle[f"{prefix}mask/mask"], STEPS).bool())
    torch.testing.assert_close(model(batch)["loss"], oracle[key], rtol=1e-5, atol=0.0)


@pytest.mark.oracle
@pytest.mark.parametrize("norm", ["instance", "layer"])
def test_the_prototype_differs_in_its_settings_only(
    monkeypatch: pytest.MonkeyPatch, norm: str
) -> None:
    prototype = s2v_oracle("s2v_main")
    oracle, _, batch = recorded(monkeypatch)
    replay(monkeypatch, prototype["mask/noise_uniform"])
    model = s2v_model(oracle, mask=TubeMask(0.9, 5, "published"), target_norm=norm, ema_end=0.95)
    mask = ours(prototype["mask/mask"], STEPS).bool()
    prediction, drawn = model._predict(batch, s2v_tracks(oracle["in/x"]))
    assert torch.equal(drawn, mask)
    by_time = ours_back(prediction)[prototype["mask/mask"].bool()]
    torch.testing.assert_close(by_time, prototype["out/prediction_masked"], rtol=1e-5, atol=1e-5)
    loss = model(batch)["loss"]
    torch.testing.assert_close(loss, prototype[f"out/loss_mse_{norm}_norm"], rtol=1e-5, atol=0.0)
    assert decays(model) == pytest.approx(prototype["ema/tau_used"].tolist(), abs=1e-12)


def ours_back(tokens: Tensor) -> Tensor:
    """``[P, V * S, D]`` as time-major tokens ``[P, S * V, D]``."""
    return tokens.unflatten(1, (-1, STEPS)).transpose(1, 2).flatten(1, 2)


def decays(model: Skeleton2Vec, updates: int = 6) -> list[float]:
    values = []
    for _ in range(updates):
        values.append(model.teacher.decay)
        model.after_step()
    return values


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_recorded_intermediate_value(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    oracle, model, _ = recorded(monkeypatch)
    model = model.to(dtype)
    pos = s2v_tracks(oracle["in/x"]).to(dtype)
    seen: dict[str, Tensor] = {}
    model.student.transformer.register_forward_pre_hook(
        lambda _, x: seen.update({"mid/visible_in": x[0]})
    )
    model.student.norm.register_forward_hook(
        lambda _, __, out: seen.update({"mid/student_encoder_out": out})
    )
    model.decoder.embed.register_forward_hook(
        lambda _, __, out: seen.update({"mid/decoder_embed": out})
    )
    model.decoder.transformer.register_forward_pre_hook(
        lambda _, x: seen.update({"mid/decoder_in": ours_back(x[0])})
    )
    split, source = model._split(as_batch(pos), pos)
    step = torch.arange(STEPS)[:, None]
    ids = our_ids(oracle["mask/ids_keep"].long() + step * 25, STEPS).flatten(1)
    assert torch.equal(split.keep, ids)
    assert source is not None
    where = torch.where(source == ids.size(1), -1, source)[..., None]
    assert torch.equal(ours_back(where)[..., 0], oracle["mid/decoder_source_index"].long())
    seen["mid/prediction_all"] = ours_back(model._predict(as_batch(pos), pos)[0])
    seen["mid/student_tokens"] = ours_back(model.student.embed(pos).flatten(1, 2))
    states = model.teacher.module.hidden_states(pos, 2)
    seen["mid/teacher_hidden"] = torch.stack([ours_back(state) for state in states])
    seen["mid/teacher_target_all"] = ours_back(model.targets(pos))
    for key, value in seen.items():
        expected = oracle[key].to(dtype)
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5, msg=key)
    if dtype == torch.float64:
        expected = oracle["f64/mid/student_encoder_out"]
        torch.testing.assert_close(seen["mid/student_encoder_out"], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.oracle
@pytest.mark.parametrize("prefix", ["", "f64/"])
def test_every_recorded_gradient(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    oracle, model, batch = recorded(monkeypatch)
    if prefix:
        model, batch.pos = model.double(), batch.pos.double()
    loss = model(batch)["loss"]
    loss.backward()
    # The public targets are float32 even there.
    torch.testing.assert_close(loss, oracle[f"{prefix}out/loss"], rtol=1e-6, atol=0.0)
    checked = 0
    for name, parameter in model.named_parameters():
        keys, pack = skeleton2vec_source(name)
        theirs = [f"{prefix}grad/{key.removeprefix('auto_encoder.')}" for key in keys]
        found = [(number, oracle[key]) for number, key in enumerate(theirs) if key in oracle]
        if not parameter.requires_grad or not found:
            continue
        assert parameter.grad is not None
        for number, expected in found:
            mine = parameter.grad.chunk(len(keys))[number]
            expected = expected if len(keys) > 1 else pack([expected])
            error = (mine - expected).abs().max() / expected.abs().max()
            assert error < (1e-6 if prefix else 1e-4), (name, error)
            checked += 1
    assert checked == sum(key.startswith(f"{prefix}grad/") for key in oracle) == 8


@pytest.mark.oracle
def test_recorded_moving_average() -> None:
    oracle = s2v_oracle()
    model = s2v_model(oracle)
    first = {name: value.clone() for name, value in model.student.named_parameters()}
    for update in range(1, 7):
        with torch.no_grad():
            for name, value in model.student.named_parameters():
                value.copy_(first[name] * (1.0 + 0.1 * (update - 1)))
        assert model.teacher.decay == pytest.approx(float(oracle["ema/tau_used"][update - 1]))
        model.after_step()
        checked = 0
        for name, value in model.teacher.module.named_parameters():
            keys, pack = skeleton2vec_source(f"teacher.module.{name}")
            theirs = [f"ema/after{update}/{key.removeprefix('ema.model.')}" for key in keys]
            if all(key in oracle for key in theirs):
                expected = pack([oracle[key] for key in theirs])
                torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
                checked += 1
        assert checked == (len(first) if update in (1, 3) else 0)


@pytest.mark.oracle
def test_repaired_order_puts_every_token_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the recorded, published order, 8 of 80 tokens sit where they belong, by coincidence."""
    oracle, model, batch = recorded(monkeypatch)
    split, source = model._split(batch, s2v_tracks(oracle["in/x"]))
    assert source is not None
    token = torch.arange(source.size(1)).expand_as(source)
    keep = torch.cat([split.keep, torch.full((len(token), 1), -1)], 1)
    assert (keep.gather(1, source) == token).sum() == 8


# Our own behaviour -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["repaired", "published"])
@pytest.mark.parametrize("views", [1, 3])
def test_every_trained_parameter_gets_a_gradient(order: str, views: int) -> None:
    model = make_s2v(decoder_order=order, views=views).train()
    loss = model(make_batch(layouts.UIPRMD22, frames=16))["loss"]
    assert loss.ndim == 0 and loss > 0
    loss.backward()
    assert_gradients(model, NO_GRADIENT)
    assert all(p.grad is None and not p.requires_grad for p in model.teacher.parameters())
    assert not any(module.training for module in model.teacher.modules())
    trained = {id(p) for group in parameter_groups(model, OptimConfig()) for p in group["params"]}
    assert not trained & {id(p) for p in model.teacher.parameters()}


@pytest.mark.parametrize(
    ("skeleton", "channels"),
    [
        (layouts.COCO17, 2),
        (layouts.NTU25, 3),
        (Skeleton.from_parents("chain31", [f"j{i}" for i in range(31)], list(range(-1, 30))), 3),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_any_skeleton_and_two_coordinates(skeleton: Skeleton, channels: int) -> None:
    model = make_s2v(skeleton, in_channels=channels)
    batch = make_batch(skeleton, frames=16, channels=channels)
    assert model(batch)["loss"].isfinite()
    assert model.encoder(batch).shape == (7, skeleton.num_joints, 8, 16)


def test_targets_are_standardised_over_channels() -> None:
    pos = make_batch(layouts.UIPRMD22, frames=16).pos.view(7, 22, 16, 3)
    model = make_s2v()
    target = model.targets(pos)
    assert target.shape == (7, 22 * 8, 16) and not target.requires_grad
    torch.testing.assert_close(target.mean(-1), torch.zeros(7, 176), atol=1e-5, rtol=0)
    # Epsilon matters at first, where the hidden states hardly differ.
    assert target.var(-1, correction=0).max() <= 1.0 + 1e-5


def test_teacher_moves_and_goes_on_after_a_resume() -> None:
    model = make_s2v(ema_start=0.5, ema_end=0.9, ema_steps=4)
    with torch.no_grad():
        model.student.norm.weight.fill_(3.0)
    assert model.teacher.module.norm.weight.eq(1.0).all()
    for _ in range(2):
        model.after_step()
    assert model.teacher.module.norm.weight[0] == pytest.approx(3 - 2 * 0.5 * 0.6)
    again = make_s2v(ema_start=0.5, ema_end=0.9, ema_steps=4)
    again.load_state_dict(copy.deepcopy(model.state_dict()))
    assert decays(again, 4) == pytest.approx([0.7, 0.8, 0.9, 0.9])


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path: Path) -> None:
    """Teacher, student and the schedule, bit for bit."""
    clips = [make_clip(layouts.UIPRMD22, frames=16, number=number) for number in range(4)]
    states = []
    for name, epochs in (("whole", [2]), ("parts", [1, 2])):
        for number, until in enumerate(epochs):
            model = make_s2v(ema_start=0.5, ema_steps=4)
            trainer = Trainer(
                until, accelerator="cpu", progress=False, optim=OptimConfig(schedule="constant")
            )
            loader = DataLoader(clips, batch_size=2)
            trainer.fit(model, loader, run_dir=tmp_path / name, resume=number > 0)
        states.append(model.state_dict())
    assert model.teacher.updates == 4 and model.teacher.decay == 1.0
    assert all(torch.equal(states[0][key], value) for key, value in states[1].items())
    moved = model.teacher.module.norm.weight - model.student.norm.weight
    assert moved.abs().max() > 0


def test_views_are_different_masks_of_one_target() -> None:
    """The loss of three views is the mean over the three masks."""
    model = make_s2v(views=3).eval()
    batch = make_batch(layouts.UIPRMD22, frames=16)
    pos = batch.pos.view(7, 22, 16, 3).repeat_interleave(3, 0)
    split, _ = model._split(batch, pos)
    masks = split.mask.view(7, 3, 22, 8)
    assert (masks[:, 0] != masks[:, 1]).flatten(1).any(1).all()
    single = make_s2v().eval()
    single.load_state_dict(model.state_dict())
    losses = []
    for view in range(3):
        batch.joint_mask = masks[:, view].repeat_interleave(2, 2).flatten(0, 1)
        losses.append(single(batch)["loss"])
    del batch.joint_mask
    torch.testing.assert_close(model(batch)["loss"], torch.stack(losses).mean())


def test_masked_coordinates_do_not_reach_the_student() -> None:
    model = make_s2v().eval()
    batch = make_batch(layouts.UIPRMD22, frames=16)
    pos = batch.pos.view(7, 22, 16, 3)
    split, _ = model._split(batch, pos)
    batch.joint_mask = split.mask.repeat_interleave(2, 2).flatten(0, 1)
    hidden = torch.where(batch.joint_mask.view(7, 22, 16, 1), 1e3, pos)
    before, _ = model._predict(batch, pos)
    torch.testing.assert_close(model._predict(batch, hidden)[0], before)


def test_missing_joints_are_never_scored() -> None:
    model = make_s2v().eval()
    batch = Batch.from_data_list([make_clip(layouts.UIPRMD22, frames=16)])
    batch.joint_mask = torch.zeros(22, 16, dtype=torch.bool)
    batch.joint_mask[:11] = True
    batch.valid[:11, 3] = False  # in the second of eight tokens
    prediction, mask = model._predict(batch, batch.pos.view(1, 22, 16, 3))
    pos = batch.pos.masked_fill(~batch.valid[..., None], 0.0).view(1, 22, 16, 3)
    scored = mask & (torch.arange(8) != 1)
    expected = masked_mse(prediction, model.targets(pos), scored.flatten(1))
    torch.testing.assert_close(model(batch)["loss"], expected)
    batch.valid[:] = False
    assert model(batch)["loss"] == 0


def test_published_order_in_a_picture() -> None:
    """Every visible token appears once, in the first places; the rest are mask tokens."""
    model = make_s2v(decoder_order="published")
    batch = make_batch(layouts.UIPRMD22, frames=16)
    split, source = model._split(batch, batch.pos.view(7, 22, 16, 3))
    assert source is not None
    visible = split.keep.size(1)
    counts = torch.stack([(source == number).sum(1) for number in range(visible + 1)], 1)
    assert (counts[:, :-1] == 1).all() and (counts[:, -1] == 176 - visible).all()
    step = torch.arange(176) % 8
    assert (step.expand_as(source)[source < visible] <= (visible - 1) // 22).all()
    shown = ~split.mask.flatten(1)
    assert torch.equal(shown.nonzero()[:, 1].view(7, -1), split.keep.sort(1).values)


def test_probe_chooses_the_encoder() -> None:
    assert make_s2v().encoder is not make_s2v().student
    teacher, student = make_s2v(), make_s2v(probe="student")
    assert teacher.encoder is teacher.teacher.module and student.encoder is student.student
    assert to_patches(torch.zeros(1, 22, 16, 3), teacher.encoder.frames_per_patch).size(2) == 8


def test_encoder_time_embedding_is_zero_at_first() -> None:
    model = make_s2v()
    assert model.student.position.time.eq(0).all() and model.decoder.position.time.ne(0).any()


def test_published_sizes() -> None:
    with torch.device("meta"):
        model = Skeleton2Vec(layouts.NTU25)
    assert model.student.num_steps * 25 == 750 and len(model.decoder.transformer.blocks) == 3
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 8_856_576
    assert sum(p.numel() for p in model.teacher.parameters()) == 6_339_328


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top_k": 3}, "top_k 3: the encoder has 2 blocks"),
        ({"top_k": 0}, "top_k 0"),
        ({"views": 0}, "views 0"),
        ({"target_norm": "batch"}, "'batch'"),
        ({"decoder_order": "fixed"}, "'fixed'"),
        ({"decoder_order": "published", "mask": RandomTokenMask()}, "that of tubes"),
        ({"probe": "both"}, "'both'"),
        ({"mask": MotionTubeMask(0.9, 9)}, "a tube of 9 steps: this clip has 8"),
        ({"mask": MotionTubeMask(0.99, 2, keep="published")}, "leaves none of 22"),
        ({"ema_start": 0.9, "ema_end": 0.8}, "ema_start 0.9"),
        ({"ema_steps": 0}, "ema_steps 0"),
        ({"frames": 15}, "15 frames"),
        ({"backbone": ViTBackbone(2, hidden_channels=20)}, "8 heads do not divide"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_settings(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_s2v(**arguments)


def test_bad_batches() -> None:
    with pytest.raises(DataError, match="Resample"):
        make_s2v()(make_batch(layouts.UIPRMD22, frames=20))
    batch = make_batch(layouts.UIPRMD22, frames=16)
    batch.joint_mask = torch.zeros(batch.num_nodes, 16, dtype=torch.bool)
    for settings in ({"views": 2}, {"decoder_order": "published"}):
        with pytest.raises(DataError, match="must draw the masks"):
            make_s2v(**settings)(batch)


def test_config_rebuilds_the_model() -> None:
    model = make_s2v(views=2, decoder_order="published", probe="student", top_k=1)
    model.after_step()
    twin = build_model(model.config)
    assert repr(twin) == repr(model) and twin.config == model.config
    twin.load_state_dict(model.state_dict())
    batch = make_batch(layouts.UIPRMD22, frames=16)
    assert torch.equal(twin(batch)["loss"], model(batch)["loss"])
    assert torch.equal(twin.encoder(batch), model.encoder(batch))


def test_bfloat16_agrees_loosely() -> None:
    model = make_s2v()
    batch = make_batch(layouts.UIPRMD22, frames=16)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(batch)["loss"]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, model(batch)["loss"], rtol=0.05, atol=0.0)


def test_repr() -> None:
    assert repr(make_s2v()) == (
        "Skeleton2Vec(STEncoder(uiprmd22, channels=3, frames=16, frames_per_patch=2, hidden=16, "
        "depth=2), mask=MotionTubeMask(ratio=0.75, tube=3, beta=0.1, keep='exact'), top_k=2, "
        "views=1, teacher=EMA(0.9999 -> 1.0, steps=251200), decoder_order='repaired')"
    )
    assert SMALL.hidden_channels == 16
