"""How far from the truth masked joints are reconstructed, in mm, beside simple baselines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from pyg_skeletonmae.batch import as_tracks, clip_of_track, num_clips, positions
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.evaluation.features import clip_spread, evaluating
from pyg_skeletonmae.evaluation.readout import Readout, Seen, decoded, fit_readout
from pyg_skeletonmae.skeleton import Skeleton

CAPTION = "masked joints: ridge read-out of the decoder's output, fitted on training clips"


def reconstruction_error(
    model: nn.Module,
    train_loader: Iterable[Data],
    test_loader: Iterable[Data],
    skeleton: Skeleton,
    metric_loader: Iterable[Data] | None = None,
    l2: float = 1e-3,
) -> dict[str, Any]:
    """The mean distance between reconstructed and true place of masked joints, in millimetres.

    Beside it stand what needs no model, each in the coordinates that the model reads:

    - ``mean_pose_mm``: every joint at its mean place over the training clips;
    - ``tree_mm``: masked joints interpolated along the bones from the joints that are seen (each
      the mean of its neighbours; an end of the body lies on the last joint that is seen);
    - ``shifted_mean_pose_mm``: the same interpolation of the *departure from the mean pose*, our
      addition, because it is the stronger one: a mean arm hung on the shoulder that is seen.

    Args:
        model: ``model.reconstruct(batch)``, see
            :class:`~pyg_skeletonmae.evaluation.readout.Reconstructs`.
        train_loader: Training clips, transformed as in pre-training, without augmentation.
        test_loader: Test clips, transformed likewise.
        skeleton: The joints.
        metric_loader: The clips of ``test_loader`` in the same order and frames, in metres and not
            scaled; the ratio of the clips' sizes takes errors back to metres. Centring and
            turning may differ. None = the clips of ``test_loader`` are in metres already.
        l2: See :func:`~pyg_skeletonmae.evaluation.readout.fit_readout`.

    Returns:
        ``error_mm``, the three baselines, ``per_joint_mm`` (joint name to error), ``joints`` (how
        many masked joints were scored) and ``readout`` (for :func:`reconstruct_clip`).

    Raises:
        DataError: A loader is empty, the loaders disagree, no joint is masked, or one is masked in
            the test clips that never was in the training clips.
    """
    readout = fit_readout(model, train_loader, skeleton, l2)
    total = torch.zeros(4, skeleton.num_joints, dtype=torch.float64)
    count = torch.zeros(skeleton.num_joints, dtype=torch.float64)
    metric = None if metric_loader is None else iter(metric_loader)
    with evaluating(model) as device:
        for seen in decoded(model, test_loader, skeleton, device):
            _check_fitted(seen.mask, readout)
            millimetres = 1000.0 * _metres(seen, metric, skeleton)[:, None, None]
            for row, guess in enumerate(_guesses(seen, readout)):
                distance = (guess - seen.pos).norm(dim=-1) * millimetres
                total[row] += torch.where(seen.mask, distance, 0.0).double().sum((0, 2)).cpu()
            count += seen.mask.double().sum((0, 2)).cpu()
    if not bool(count.any()):
        raise DataError("no masked joint to score: the split is empty, or the mask is")
    names = ("error_mm", "mean_pose_mm", "tree_mm", "shifted_mean_pose_mm")
    errors = {name: float(total[i].sum() / count.sum()) for i, name in enumerate(names)}
    scored = [v for v in range(len(count)) if count[v]]
    per_joint = {skeleton.joints[v]: float(total[0, v] / count[v]) for v in scored}
    return {**errors, "per_joint_mm": per_joint, "joints": int(count.sum()), "readout": readout}


def reconstruct_clip(
    model: nn.Module, data: Data, readout: Readout, track: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """One person of a clip for :func:`~pyg_skeletonmae.visualize.draw_reconstruction`.

    Args:
        model: ``model.reconstruct(batch)``.
        data: A clip, or a batch, transformed as in pre-training.
        readout: From :func:`reconstruction_error`.
        track: Which person of it.

    Returns:
        The original ``[V, T, C]``, the reconstruction ``[V, T, C]`` (the original where nothing was
        masked) and the mask ``[V, T]``, on the CPU, in the unit of ``data``.

    Raises:
        DataError: There is no such person, or a joint is masked that the read-out does not know.
    """
    batch = data if data.get("batch") is not None else Batch.from_data_list([data])
    with evaluating(model) as device:
        (seen,) = decoded(model, [cast(Data, batch)], readout.skeleton, device)
    if not 0 <= track < len(seen.pos):
        raise DataError(f"track {track}: the clip has {len(seen.pos)}")
    _check_fitted(seen.mask[track : track + 1], readout)
    mixed = torch.where(seen.mask[..., None], _guesses(seen, readout)[0], seen.pos)
    return seen.pos[track].cpu(), mixed[track].cpu(), seen.mask[track].cpu()


def interpolate_on_tree(pos: Tensor, known: Tensor, skeleton: Skeleton) -> Tensor:
    """Fills joints so that each is the mean of its neighbours along the bones.

    Args:
        pos: ``[P, V, T, C]``; what stands at unknown joints is not read.
        known: ``[P, V, T]``, bool. Where nothing at all is known, the result is 0.
        skeleton: The bones.

    Returns:
        ``[P, V, T, C]``, equal to ``pos`` at known joints.
    """
    adjacency = skeleton.adjacency().to(pos)
    laplacian = adjacency.sum(1).diag() - adjacency
    joint = torch.eye(skeleton.num_joints).to(pos)
    known, values = known.transpose(1, 2)[..., None], pos.transpose(1, 2)
    # Known rows say "stay where you are"; the small constant keeps a fully unknown frame solvable.
    system = torch.where(known, joint, laplacian + 1e-6 * joint)
    filled: Tensor = torch.linalg.solve(system, torch.where(known, values, 0.0))
    return filled.transpose(1, 2)


def _guesses(seen: Seen, readout: Readout) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The reconstruction and the baselines, in the order of the result."""
    visible = seen.valid & ~seen.mask
    mean = readout.mean_pose[:, None].to(seen.pos)
    tree = interpolate_on_tree(seen.pos, visible, readout.skeleton)
    shifted = mean + interpolate_on_tree(seen.pos - mean, visible, readout.skeleton)
    return readout.place(seen.features), mean.expand_as(seen.pos), tree, shifted


def _metres(seen: Seen, metric: Iterator[Data] | None, skeleton: Skeleton) -> Tensor:
    """Metres per unit of each track, ``[P]``."""
    clip, clips = clip_of_track(seen.data), num_clips(seen.data)
    if metric is None:
        return seen.pos.new_ones(len(clip))
    other = next(metric, None)
    if other is None or other["clip_id"].tolist() != seen.data["clip_id"].tolist():
        raise DataError("the metric loader does not give the same clips in the same order")
    pos = as_tracks(positions(other).to(seen.pos), skeleton.num_joints)
    if pos.shape != seen.pos.shape:
        raise DataError(
            f"the metric loader gives {list(pos.shape)}, expected {list(seen.pos.shape)}"
        )
    metres = clip_spread(pos, seen.valid, clip, clips)
    return (metres / clip_spread(seen.pos, seen.valid, clip, clips).clamp(min=1e-8))[clip]


def _check_fitted(mask: Tensor, readout: Readout) -> None:
    masked = mask.any(2).any(0)
    unknown = (masked.cpu() & ~readout.fitted.cpu()).nonzero().flatten().tolist()
    if unknown:
        names = ", ".join(readout.skeleton.joints[v] for v in unknown)
        raise DataError(f"masked here but never in the clips of the read-out: {names}")
