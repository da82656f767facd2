import pytest
import torch
from model_helpers import assert_gradients, make_batch
from sttformer_helpers import load, our_weights, part
from torch import Tensor, nn
from torch.nn import functional as F

from pyg_skeletonmae import Skeleton, layouts
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.models import Classifier, STTFormerEncoder, build_model
from pyg_skeletonmae.models.encoders.sttformer import PUBLISHED

CHAIN5 = Skeleton.from_parents("chain5", list("abcde"), [-1, 0, 1, 2, 3])
CHAIN31 = Skeleton.from_parents("chain31", [f"j{i}" for i in range(31)], list(range(-1, 30)))
TINY = [(8, 8, 4), (8, 12, 4), (12, 12, 4)]
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def make_encoder(skeleton: Skeleton = layouts.UIPRMD22, **arguments: object) -> STTFormerEncoder:
    torch.manual_seed(0)
    settings = {"frames": 12, "channels": [(4, 4, 2), (4, 8, 2)], **arguments}
    return STTFormerEncoder(skeleton, **settings)  # type: ignore[arg-type]


class Recorded:
    """The recorded network: our encoder, a mean over everything, and a linear map."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.oracle = load()
        theirs = {key: value.to(dtype) for key, value in part(self.oracle, "sd/").items()}
        weights = our_weights(theirs)
        self.encoder = STTFormerEncoder(CHAIN5, frames=24, channels=TINY).to(dtype)
        self.head = nn.Linear(12, 7).to(dtype)
        self.head.load_state_dict({key: weights.pop(f"fc.{key}") for key in ("weight", "bias")})
        self.encoder.load_state_dict(weights)
        for number, block in enumerate(self.encoder.blocks):  # ours are rounded only once
            position = theirs[f"blocks.{number}.pes.pe"][0, :, :1]
            torch.testing.assert_close(block.attention.position, position, rtol=0.0, atol=1e-6)
            block.attention.position = position
        # [N, C, T, V, M] as tracks
        x = self.oracle["in/x"].to(dtype)
        self.pos = x.permute(0, 4, 3, 2, 1).flatten(0, 1)

    def logits(self) -> Tensor:
        features = self.encoder.encode_tracks(self.pos)  # [N * M, V, S, D]
        return self.head(features.unflatten(0, (-1, 2)).mean((1, 2, 3)))


@pytest.mark.oracle
def test_recorded_evaluation() -> None:
    recorded, oracle = Recorded(), load()
    recorded.encoder.eval()
    seen: list[Tensor] = []
    for block in recorded.encoder.blocks:
        block.register_forward_hook(lambda _, x, y: seen.extend((x[0], y)))
    torch.testing.assert_close(recorded.logits(), oracle["eval/logits"], **CLOSE)
    for key, value in zip(
        ("input_map", "block0", "block1", "block2"), seen[::2] + seen[-1:], strict=True
    ):
        torch.testing.assert_close(value, oracle[f"eval/mid/{key}"], **CLOSE)


@pytest.mark.oracle
def test_recorded_evaluation_in_double_precision() -> None:
    recorded = Recorded(torch.float64)
    recorded.encoder.eval()
    expected = recorded.oracle["f64/eval/logits"]
    torch.testing.assert_close(recorded.logits(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.oracle
def test_recorded_training_step() -> None:
    recorded = Recorded()
    oracle, encoder = recorded.oracle, recorded.encoder
    seen: list[Tensor] = []
    encoder.blocks[-1].register_forward_hook(lambda _, __, y: seen.append(y))
    logits = recorded.logits()
    torch.testing.assert_close(logits, oracle["train/logits"], **CLOSE)
    torch.testing.assert_close(seen[0], oracle["train/mid/last_block"], **CLOSE)
    loss = F.cross_entropy(logits, oracle["in/labels"])
    torch.testing.assert_close(loss, oracle["train/loss_cross_entropy"], rtol=1e-5, atol=0.0)
    loss.backward()
    parameters = dict(encoder.named_parameters()) | {"fc.weight": recorded.head.weight}
    gradients = our_weights(part(oracle, "train/grad/"))
    assert len(gradients) == 7
    for name, expected in gradients.items():
        torch.testing.assert_close(parameters[name].grad, expected, msg=name, **CLOSE)


@pytest.mark.oracle
def test_recorded_running_statistics() -> None:
    recorded = Recorded()
    biases = {key: value for key, value in part(recorded.oracle, "sd/").items() if "bias" in key}
    after = our_weights(part(recorded.oracle, "train/after/") | biases)
    recorded.logits()
    buffers = dict(recorded.encoder.named_buffers())
    checked = [key for key in after if "running" in key]
    assert len(checked) == 24
    for key in checked:
        torch.testing.assert_close(buffers[key], after[key], msg=key, **CLOSE)


@pytest.mark.parametrize(
    ("skeleton", "channels"),
    [(layouts.COCO17, 2), (layouts.UIPRMD22, 3), (layouts.NTU25, 3), (CHAIN31, 3)],
    ids=lambda value: getattr(value, "name", value),
)
def test_any_skeleton_persons_and_two_coordinates(skeleton: Skeleton, channels: int) -> None:
    encoder = make_encoder(skeleton, in_channels=channels)
    batch = make_batch(skeleton, (1, 2, 3), frames=12, channels=channels)
    out = encoder(batch)
    assert out.shape == (6, skeleton.num_joints, 2, 8)
    out.square().sum().backward()
    assert_gradients(encoder)


def test_features_are_means_over_the_frames_of_a_tuple() -> None:
    encoder = make_encoder(tuple_frames=4).eval()
    pos = torch.randn(2, 22, 12, 3)
    tokens = encoder.encode_tokens(pos)
    assert tokens.shape == (2, 22, 12, 8)
    expected = torch.stack([part.mean(2) for part in tokens.split(4, dim=2)], dim=2)
    torch.testing.assert_close(encoder.encode_tracks(pos), expected)


def test_what_is_masked_is_not_seen() -> None:
    encoder = make_encoder().eval()
    pos, mask = torch.randn(2, 22, 12, 3), torch.rand(2, 22, 12) < 0.5
    token = torch.randn(4)
    before = encoder.encode_tokens(pos, mask, token)
    other = torch.where(mask[..., None], 1e3, pos)
    assert torch.equal(encoder.encode_tokens(other, mask, token), before)
    assert not torch.allclose(encoder.encode_tokens(pos, mask), before)
    assert not torch.allclose(encoder.encode_tokens(pos), before)


def test_in_a_classifier() -> None:
    model = Classifier(make_encoder(), 3, head="linear")
    model(make_batch(layouts.UIPRMD22, frames=12))["loss"].backward()
    assert_gradients(model)


def test_config_rebuilds_the_encoder() -> None:
    encoder = make_encoder(kernel=(1, 3), heads=2).eval()
    twin = build_model(encoder.config).eval()
    assert repr(twin) == repr(encoder) and twin.config == encoder.config
    twin.load_state_dict(encoder.state_dict())
    pos = torch.randn(1, 22, 12, 3)
    assert torch.equal(twin.encode_tracks(pos), encoder.encode_tracks(pos))


def test_published_size() -> None:
    encoder = STTFormerEncoder(layouts.NTU25)
    assert len(encoder.blocks) == len(PUBLISHED) == 8
    assert encoder.blocks[0].tokens == 150 and encoder.out_channels == 256


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": 13}, "13 frames are no whole number of tuples of 6"),
        ({"tuple_frames": 0}, "tuples of 0"),
        ({"channels": []}, "channels"),
        ({"channels": [(4, 4, 2), (8, 8, 2)]}, "the one before"),
        ({"heads": 0}, "heads 0"),
    ],
    ids=str,
)
def test_bad_settings(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_encoder(**arguments)


@pytest.mark.parametrize("shape", [(1, 21, 12, 3), (1, 22, 18, 3), (1, 22, 12, 2)], ids=str)
def test_other_clips_are_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="for an encoder of"):
        make_encoder().encode_tracks(torch.randn(shape))


def test_repr() -> None:
    assert repr(make_encoder()) == (
        "STTFormerEncoder(uiprmd22, channels=3, frames=12, tuple_frames=6, hidden=8, depth=2)"
    )
