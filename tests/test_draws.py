import pytest
import torch

from pyg_skeletonmae.draws import Draws, clip_keys, mix

KEYS = clip_keys(seed=1, epoch=2, clip_id=torch.arange(500))


def test_mix_is_splitmix64():
    # The first outputs of the reference generator for the seed 0.
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    found = mix(torch.tensor(0), torch.arange(3)).tolist()
    assert [value % 2**64 for value in found] == expected


def test_mix_takes_a_number_or_a_tensor():
    keys = torch.tensor([3, -(2**63), 2**63 - 1])
    assert torch.equal(mix(keys, 7), mix(keys, torch.tensor(7)))


@pytest.mark.parametrize("value", [0, -1, -2, 5, 2**62, torch.arange(4)])
def test_every_device_mixes_alike(value):
    """The two ways, by PyTorch where keys lie on a device and by NumPy, give the same bits."""
    keys = torch.tensor([[3, -(2**63), 2**63 - 1, 0]]).T[:, :1]

    class Elsewhere(torch.Tensor):
        is_cpu = False

    found = mix(keys.as_subclass(Elsewhere), value).as_subclass(torch.Tensor)
    assert torch.equal(found, mix(keys, value)) and found.dtype == torch.long
    assert mix(keys[:0], 1).shape == (0, 1) and mix(torch.tensor(3), 1).shape == ()


def test_known_values():
    # A change of these numbers changes every run of every user: it must not happen by accident.
    draws = Draws(clip_keys(0, 0, torch.tensor([0, 1])))
    assert draws.uniform(2).tolist() == [
        [0.5914494395256042, 0.2925233244895935],
        [0.0840688943862915, 0.28439193964004517],
    ]
    assert draws.integers(1000, 3).tolist() == [[673, 900, 528], [522, 974, 539]]


@pytest.mark.parametrize("seed", [0, -1, 2**63, 2**64 - 1, 10**30])
def test_any_seed_makes_keys(seed):
    assert clip_keys(seed, 0, torch.arange(3)).unique().numel() == 3


def test_keys_differ_by_seed_epoch_and_clip():
    keys = [clip_keys(seed, epoch, torch.arange(50)) for seed in range(5) for epoch in range(5)]
    assert torch.cat(keys).unique().numel() == 5 * 5 * 50


def test_uniform_is_uniform_and_never_one():
    x = Draws(KEYS).uniform(400)
    assert x.shape == (500, 400)
    assert x.dtype == torch.float32
    assert x.min() >= 0 and x.max() < 1
    counts = torch.histc(x, bins=20, min=0, max=1)
    expected = x.numel() / 20
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 43.8  # 0.999 quantile for 19 degrees of freedom
    assert abs(float(x.var()) - 1 / 12) < 1e-3


def test_neighbouring_clips_and_draws_are_uncorrelated():
    draws = Draws(KEYS)
    x, y = draws.uniform(400) - 0.5, draws.uniform(400) - 0.5
    for a, b in ((x, y), (x[1:], x[:-1]), (x[:, 1:], x[:, :-1])):
        correlation = (a * b).mean() * 12
        assert abs(float(correlation)) < 0.01


def test_normal_is_standard_normal():
    x = Draws(KEYS).normal(400)
    assert torch.isfinite(x).all()
    assert abs(float(x.mean())) < 0.01
    assert abs(float(x.std()) - 1) < 0.01
    assert abs(float((x.abs() < 1.959964).float().mean()) - 0.95) < 0.002


def test_integers_cover_their_range_evenly():
    x = Draws(KEYS).integers(7, 100)
    assert x.dtype == torch.long
    counts = torch.bincount(x.flatten(), minlength=7)
    assert len(counts) == 7
    assert (counts - x.numel() / 7).abs().max() < 400


def test_integers_take_one_bound_per_row():
    high = torch.randint(1, 9, (500,), generator=torch.Generator().manual_seed(0))
    x = Draws(KEYS).integers(high, 3, 4)
    assert x.shape == (500, 3, 4)
    assert (x >= 0).all() and (x < high[:, None, None]).all()
    assert torch.equal(Draws(KEYS).integers(high), Draws(KEYS).integers(high, 1)[:, 0])


def test_integers_reach_large_bounds_without_overflow():
    assert Draws(KEYS).integers(2**30, 100).max() < 2**30


def test_draws_do_not_depend_on_the_batch_or_its_order():
    whole, order = Draws(KEYS), torch.randperm(500, generator=torch.Generator().manual_seed(0))
    shuffled, alone = Draws(KEYS[order]), Draws(KEYS[42:43])
    for _ in range(3):
        expected = whole.normal(4, 5)
        assert torch.equal(shuffled.normal(4, 5), expected[order])
        assert torch.equal(alone.normal(4, 5), expected[42:43])


def test_a_longer_draw_begins_like_a_shorter_one():
    assert torch.equal(Draws(KEYS).uniform(10)[:, :4], Draws(KEYS).uniform(4))


def test_a_draw_without_shape_is_one_number_per_row():
    assert Draws(KEYS).uniform().shape == (500,)
    assert Draws(KEYS).uniform(0).shape == (500, 0)
    assert Draws(KEYS[:0]).uniform(3).shape == (0, 3)


def test_successive_draws_differ():
    draws = Draws(KEYS)
    assert not torch.isclose(draws.uniform(4), draws.uniform(4)).all(1).any()


def test_split_gives_each_track_its_own_numbers_wherever_its_clip_stands():
    counts = torch.tensor([2, 0, 1, 3])
    tracks = Draws(KEYS[:4]).split(counts)
    assert len(tracks.keys) == 6
    assert tracks.keys.unique().numel() == 6
    alone = Draws(KEYS[3:4]).split(counts[3:])
    assert torch.equal(alone.uniform(5), tracks.uniform(5)[3:])


def test_split_advances_the_draws():
    draws = Draws(KEYS[:2])
    one = torch.ones(2, dtype=torch.long)
    assert not torch.equal(draws.split(one).keys, draws.split(one).keys)


def test_fork_gives_fresh_keys_that_do_not_depend_on_what_was_drawn():
    draws = Draws(KEYS)
    before = draws.fork()
    drawn = draws.uniform(3)
    assert torch.equal(draws.fork(), before)
    assert not torch.isclose(Draws(before).uniform(3), drawn).all(1).any()
    assert before.unique().numel() == len(KEYS)


def test_from_generator_follows_the_generator():
    first = Draws.from_generator(4, torch.Generator().manual_seed(3))
    again = Draws.from_generator(4, torch.Generator().manual_seed(3))
    other = Draws.from_generator(4, torch.Generator().manual_seed(4))
    assert torch.equal(first.keys, again.keys)
    assert not torch.equal(first.keys, other.keys)


def test_from_generator_without_one_follows_the_global_seed():
    torch.manual_seed(5)
    first = Draws.from_generator(4)
    torch.manual_seed(5)
    assert torch.equal(first.keys, Draws.from_generator(4).keys)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_draws_the_same_numbers():
    there = Draws(KEYS.cuda())
    here = Draws(KEYS)
    assert torch.equal(there.uniform(9).cpu(), here.uniform(9))
    assert torch.equal(there.integers(5, 9).cpu(), here.integers(5, 9))
    assert there.fork().device.type == "cuda"


def test_numbers_stand_on_the_device_of_the_keys():
    assert Draws(KEYS.to("meta")).uniform(2).device.type == "meta"


def test_repr():
    assert repr(Draws(KEYS)) == "Draws(rows=500)"


@pytest.mark.slow
def test_compiled_draws_are_the_same() -> None:
    """And no memory is overwritten on the way: the generated code of torch 2.13 did so."""
    keys = torch.arange(7)
    draw = torch.compile(lambda: Draws(keys).uniform(22, 4))
    for _ in range(5):
        assert torch.equal(draw(), Draws(keys).uniform(22, 4))
