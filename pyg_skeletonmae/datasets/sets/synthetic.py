"""A data set of made-up people, for demos and tests without a download."""

from __future__ import annotations

from pathlib import Path

from pyg_skeletonmae.datasets.conversion import Transform
from pyg_skeletonmae.datasets.sets.synthetic_clips import FPS, SyntheticClips
from pyg_skeletonmae.datasets.sets.synthetic_motion import FAMILIES
from pyg_skeletonmae.datasets.skeleton_dataset import SkeletonDataset
from pyg_skeletonmae.datasets.store import ClipStore, write_store, written_once
from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.skeleton.layouts import get_layout


class SyntheticActions(SkeletonDataset):
    r"""Synthetic people who wave, squat, kick, walk, reach, hand things over, ...

    Joint angles follow the curves of :mod:`~pyg_skeletonmae.datasets.sets.synthetic_motion`,
    forward kinematics turns them into joints, and
    :mod:`~pyg_skeletonmae.datasets.sets.synthetic_clips` adds what differs between performers,
    clips and cameras. All of it is our own choice, made so that nearest neighbours on coordinates
    recognise 50 to 85 % of 12 classes across subjects, and a small network clearly more.

    Clip ``i`` shows class ``i % num_classes``, done by subject
    ``1 + (i // num_classes) % num_subjects``. Coordinates are metres, x to the camera's left, y up,
    z away from it; clips have 40 to 96 frames at 30 per second. ``hand_over`` and ``shake_hands``
    show two people. A clip derives from the arguments and its number alone: with more clips, the
    first ones stay as they are.

    Args:
        num_clips: The number of clips.
        skeleton: A skeleton, the name of a layout, or a skeleton file: any with arms or legs.
        num_classes: How many of :attr:`FAMILIES` to show, 2 to 16.
        num_subjects: The number of performers.
        seed: What all random draws derive from.
        root: The folder of the store; opened if it holds these very clips already. None = in
            memory.
        num_channels: 3, or 2 for what a pinhole camera sees: x to the right and y down, in focal
            lengths.
        noise: A factor for sensor noise and drop-outs, 0 for neither.
        transform: Applied to a clip at every access.

    Raises:
        ConfigError: A number is out of range.
        SkeletonError: The skeleton has neither arms nor legs.
        DataError: ``root`` holds something else.
    """

    FAMILIES = tuple(family.__name__ for family in FAMILIES)

    def __init__(
        self,
        num_clips: int = 720,
        skeleton: Skeleton | str | Path = "ntu25",
        num_classes: int = 12,
        num_subjects: int = 10,
        seed: int = 0,
        root: str | Path | None = None,
        num_channels: int = 3,
        noise: float = 1.0,
        transform: Transform | None = None,
    ) -> None:
        clips = SyntheticClips(
            num_clips,
            get_layout(skeleton),
            num_classes=num_classes,
            num_subjects=num_subjects,
            seed=seed,
            num_channels=num_channels,
            noise=noise,
        )

        def write() -> ClipStore:
            return write_store(
                root,
                clips,
                clips.skeleton,
                self.FAMILIES[:num_classes],
                source=repr(clips),
                fps=FPS,
                unit="m" if num_channels == 3 else "focal lengths",
            )

        if root is None:
            store = write()
        else:
            written_once(Path(root), write)
            store = ClipStore(root)
            if store.card["source"] != repr(clips) or store.skeleton != clips.skeleton:
                raise DataError(
                    f"{root}: holds {store.card['source'] or 'other clips'} of "
                    f"{store.skeleton.name}, not {clips!r}; choose another folder"
                )
        super().__init__(store, transform)
