"""What a folder of poses would be read as, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pyg_skeletonmae.datasets.sets.pose_formats import PoseFormatName
from pyg_skeletonmae.datasets.sets.pose_plan import PosePlan, plan_poses
from pyg_skeletonmae.datasets.store.data_card import grouped_notes
from pyg_skeletonmae.errors import DataError, SkeletonFormatError
from pyg_skeletonmae.io.landmark_columns import TableOptions
from pyg_skeletonmae.io.poses import AS_IS, PoseOptions
from pyg_skeletonmae.io.zeros import Zeros
from pyg_skeletonmae.skeleton import Skeleton

_SHOWN = 20


def describe_poses(
    root: str | Path,
    labels: str | None = None,
    skeleton: Skeleton | str | Path | None = None,
    format: PoseFormatName = "mediapipe",
    *,
    options: PoseOptions = AS_IS,
    zeros: Zeros | None = None,
    label_column: str | None = None,
    columns: Mapping[str, str] | Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    first_index: int | None = None,
    strict: bool = False,
) -> list[str]:
    """Reads the recordings of a folder and says what was understood; writes nothing.

    For the arguments and errors see :class:`~pyg_skeletonmae.datasets.PoseFolder`.

    Returns:
        Lines: of the folder, of the first recordings (persons, frames, channels, rate, share of
        joints that are missing), of what their readers had to decide, of what cannot be read.
    """
    options = options if zeros is None else replace(options, zeros=zeros)
    table = TableOptions(columns, ignore, label_column, first_index, strict)
    plan = plan_poses(
        root, labels, skeleton, format, options=options, class_names=None, table=table
    )
    return list(_lines(plan))


def _lines(plan: PosePlan) -> Iterator[str]:
    layout, notes, refusals = plan.reader.skeleton, list[tuple[str, str]](), plan.dropped
    yield f"recordings  {len(plan.tasks):,} of the format {plan.reader.name}"
    yield f"joints      {layout.num_joints} ({layout.name}): {', '.join(layout.joints):.100}"
    classes = f"{len(plan.class_names)}: {', '.join(plan.class_names)}" if plan.class_names else "0"
    yield f"classes     {classes:.100}"
    yield f"subjects    {len({task.subject for task in plan.tasks} - {-1})}"
    for number, task in enumerate(plan.tasks):
        try:
            tracks = plan.reader.read(task.path)
        except (DataError, SkeletonFormatError) as error:
            refusals.append((task.name, str(error).removeprefix(f"{task.path}: ")))
            continue
        notes += [(task.name, note) for note in tracks.notes]
        if number < _SHOWN:
            persons, frames, _, channels = tracks.pos.shape
            size = f"{persons} person(s), {frames:,} frames, {channels} channels"
            rate = f"{tracks.fps:g} a second" if tracks.fps else "no rate"
            missing = 100 * (1 - tracks.valid.mean())
            yield f"  {task.name}: {size}, {rate}, {missing:.1f}% missing"
    if len(plan.tasks) > _SHOWN:
        yield f"  ... and {len(plan.tasks) - _SHOWN:,} more"
    yield from (f"understood  {line}" for line in grouped_notes(notes))
    yield from (f"note        {note}" for note in plan.notes)
    yield from (f"left out    {line}" for line in grouped_notes(refusals))
