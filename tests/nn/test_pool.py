from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.nn import pool_batch, pool_tracks

NUM_TRACKS = torch.tensor([1, 2, 5])
P, V, T, D = 8, 3, 6, 4


def features() -> torch.Tensor:
    return torch.randn(P, V, T, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("joints", ["mean", "concat"])
@pytest.mark.parametrize("time", ["mean", 1, 2, 3, 4, 6, 7])
def test_equals_the_definition(joints: str, time: str | int) -> None:
    x = features()
    segments = 1 if time == "mean" else int(time)
    expected = []
    for tracks in x.split(NUM_TRACKS.tolist()):
        pieces = []
        for s in range(segments):
            start, stop = s * T // segments, -(-(s + 1) * T // segments)
            piece = tracks[:, :, start:stop].mean(2).mean(0)  # [V, D]
            pieces.append(piece.mean(0) if joints == "mean" else piece.flatten())
        expected.append(torch.cat(pieces))
    out = pool_tracks(x, NUM_TRACKS, joints, time)
    torch.testing.assert_close(out, torch.stack(expected))


def test_segments_are_those_of_adaptive_pooling() -> None:
    x = features()
    expected = torch.nn.functional.adaptive_avg_pool1d(x.mean(1).transpose(1, 2), 4)
    out = pool_tracks(x, torch.ones(P, dtype=torch.long), time=4)
    torch.testing.assert_close(out, expected.transpose(1, 2).flatten(1))


def test_concatenation_is_joint_major() -> None:
    x = torch.arange(V * D, dtype=torch.float32).view(1, V, 1, D).expand(2, V, T, D)
    out = pool_tracks(x, torch.tensor([2]), joints="concat")
    assert out.tolist() == [list(range(V * D))]


def test_order_of_persons_does_not_matter() -> None:
    x = features()
    order = torch.tensor([0, 2, 1, 7, 3, 6, 4, 5])
    for options in ({}, {"joints": "concat", "time": 2}):
        torch.testing.assert_close(
            pool_tracks(x[order], NUM_TRACKS, **options), pool_tracks(x, NUM_TRACKS, **options)
        )


@pytest.mark.parametrize("joints", ["mean", "concat"])
@pytest.mark.parametrize("time", ["mean", 2])
def test_missing_joints_do_not_enter(joints: str, time: str | int) -> None:
    x = features()
    valid = torch.rand(P, V, T, generator=torch.Generator().manual_seed(1)) < 0.7
    valid[0, 0] = False  # nothing to average: zero
    out = pool_tracks(x, NUM_TRACKS, joints, time, valid)
    garbage = x.masked_fill(~valid[..., None], 1e6)
    torch.testing.assert_close(pool_tracks(garbage, NUM_TRACKS, joints, time, valid), out)
    segments = 1 if time == "mean" else int(time)
    frames = T // segments
    x, valid = x.view(P, V, segments, frames, D), valid.view(P, V, segments, frames)
    first = []
    for s in range(segments):
        if joints == "mean":
            first.append(x[0, :, s][valid[0, :, s]].mean(0))
        else:
            first += [
                x[0, v, s][valid[0, v, s]].sum(0) / max(1, valid[0, v, s].sum()) for v in range(V)
            ]
    torch.testing.assert_close(out[0], torch.cat(first))


def test_not_a_number_at_missing_joints_does_not_spread() -> None:
    x, valid = features(), torch.ones(P, V, T, dtype=torch.bool)
    valid[1, 2, 3] = False
    x[1, 2, 3] = torch.nan
    assert pool_tracks(x, NUM_TRACKS, valid=valid).isfinite().all()


def test_all_valid_changes_nothing() -> None:
    x = features()
    valid = torch.ones(P, V, T, dtype=torch.bool)
    for y in (x, x.float()):
        for options in ({}, {"joints": "concat", "time": 4}):
            whole = pool_tracks(y, NUM_TRACKS, **options)
            assert torch.equal(pool_tracks(y, NUM_TRACKS, valid=valid, **options), whole)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.4, 0.5])
@pytest.mark.parametrize("joints", ["mean", "concat"])
def test_the_mean_over_what_is_there(share: float, joints: str) -> None:
    """Each person with the same weight, and only those of whom anything is there."""
    x = features()
    valid = torch.rand(P, V, T, generator=torch.Generator().manual_seed(7)) >= share
    valid[3:5] = False  # two persons of the last clip are absent
    out = pool_tracks(x, NUM_TRACKS, joints, 2, valid)
    expected = []
    for own, there in zip(x.split([1, 2, 5]), valid.split([1, 2, 5]), strict=True):
        for half in (slice(0, 3), slice(3, 6)):
            for v in [slice(None)] if joints == "mean" else [slice(i, i + 1) for i in range(V)]:
                persons = [a[v, half][b[v, half]] for a, b in zip(own, there, strict=True)]
                means = [person.mean(0) for person in persons if len(person)]
                expected.append(torch.stack(means).mean(0) if means else torch.zeros(D).double())
    torch.testing.assert_close(out.flatten(), torch.cat(expected))


def batch_of(valid: torch.Tensor | None) -> Data:
    data = Data(num_tracks=NUM_TRACKS)
    if valid is not None:
        data["valid"] = valid.flatten(0, 1)
    return data


@pytest.mark.parametrize("tokens", [T, 3, 4, 1])
def test_a_token_is_present_if_any_of_its_frames_is(tokens: int) -> None:
    x = features()[:, :, :tokens]
    valid = torch.rand(P, V, T, generator=torch.Generator().manual_seed(2)) < 0.4
    bounds = [(t * T // tokens, -(-(t + 1) * T // tokens)) for t in range(tokens)]
    present = torch.stack([valid[:, :, a:b].any(2) for a, b in bounds], 2)
    expected = pool_tracks(x, NUM_TRACKS, "concat", 1, present)
    assert torch.equal(pool_batch(x, batch_of(valid), "concat", 1), expected)


def test_a_batch_without_missing_joints_is_pooled_as_before() -> None:
    x, everything = features(), torch.ones(P, V, T, dtype=torch.bool)
    for batch in (batch_of(None), batch_of(everything)):
        assert torch.equal(pool_batch(x, batch, time=2), pool_tracks(x, NUM_TRACKS, time=2))
    with pytest.raises(DataError, match="does not fit features"):
        pool_batch(x[:, :2], batch_of(everything))
    with pytest.raises(DataError, match="P, V, T, D"):
        pool_batch(x[0], batch_of(everything))


def test_clip_without_tracks_is_zero() -> None:
    out = pool_tracks(features(), torch.tensor([3, 0, 5]))
    assert out.shape == (3, D) and not out[1].any()


@pytest.mark.parametrize("time", [0, -1, 1.5, "max", True])
def test_unknown_time_is_refused(time: object) -> None:
    with pytest.raises(ConfigError, match="time"):
        pool_tracks(features(), NUM_TRACKS, time=time)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="joints"):
        pool_tracks(features(), NUM_TRACKS, joints="max")
    with pytest.raises(DataError, match="P = 7"):
        pool_tracks(features(), torch.tensor([7]))
    with pytest.raises(DataError, match="P, V, T, D"):
        pool_tracks(features()[0], torch.tensor([3]))
    with pytest.raises(DataError, match="valid"):
        pool_tracks(features(), NUM_TRACKS, valid=torch.ones(P, V, dtype=torch.bool))
