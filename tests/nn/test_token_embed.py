import pytest
import torch
from torch import nn

from pyg_skeletonmae.models.checkpoints.names import conv_to_linear
from pyg_skeletonmae.nn import JointTimeEmbedding, PatchEmbed
from pyg_skeletonmae.nn.token_embed import sinusoidal


def test_patch_embedding_is_a_convolution() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, kernel_size=(4, 1), stride=(4, 1))
    embed = PatchEmbed(3, 5, frames_per_patch=4)
    embed.load_state_dict(
        {"proj.weight": conv_to_linear([conv.weight.detach()]), "proj.bias": conv.bias.detach()}
    )
    pos = torch.randn(2, 6, 8, 3)
    expected = conv(pos.permute(0, 3, 2, 1))  # [P, D, S, V]
    torch.testing.assert_close(embed(pos).view(2, 6, 2, 5), expected.permute(0, 3, 2, 1))


@pytest.mark.parametrize("time", ["learned", "zero", "sinusoidal"])
def test_chosen_tokens_get_the_vectors_of_all(time: str) -> None:
    torch.manual_seed(0)
    embedding = JointTimeEmbedding(3, 4, 6, time)  # type: ignore[arg-type]
    keep = torch.tensor([[0, 5, 11], [2, 3, 4]])
    everything = embedding()
    assert everything.shape == (12, 6)
    assert torch.equal(embedding(keep), everything[keep])
    assert torch.equal(everything[7], embedding.joint[1] + embedding.time[3])


def test_patch_embedding_of_chosen_tokens() -> None:
    embed = PatchEmbed(2, 5, frames_per_patch=2)
    pos, keep = torch.randn(2, 3, 8, 2), torch.tensor([[0, 11], [4, 5]])
    chosen = embed(pos)[torch.arange(2)[:, None], keep]
    torch.testing.assert_close(embed(pos, keep), chosen)


def test_kinds_of_time() -> None:
    learned, zero, fixed = (
        JointTimeEmbedding(2, 3, 8, kind) for kind in ("learned", "zero", "sinusoidal")
    )
    assert learned.time.abs().max() > 0
    assert isinstance(zero.time, nn.Parameter) and zero.time.abs().max() == 0
    assert not isinstance(fixed.time, nn.Parameter) and set(fixed.state_dict()) == {"joint"}
    assert torch.equal(fixed.time, sinusoidal(3, 8))


def test_sinusoidal() -> None:
    table = sinusoidal(4, 5)
    assert table.shape == (4, 5)
    assert table[0].tolist() == [0, 1, 0, 1, 0]
    assert table[3, 2] == pytest.approx(torch.tensor(3 * 10_000 ** (-2 / 5)).sin().item())


def test_repr() -> None:
    assert repr(PatchEmbed(3, 8)) == "PatchEmbed(3, 8, frames_per_patch=4)"
    assert repr(JointTimeEmbedding(2, 3, 8)) == "JointTimeEmbedding(2, 3, 8, time='learned')"
