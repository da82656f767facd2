"""The owner's BVH files of Bandai-Namco-Research-Motiondataset-2 as one packed file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.io import read_bvh
from pyg_skeletonmae.io.packed import Packed, quantise

CONTENTS = (
    "walk", "walk-turn-left", "walk-turn-right", "run", "wave-both-hands", "wave-left-hand",
    "wave-right-hand", "raise-up-both-hands", "raise-up-left-hand", "raise-up-right-hand",
)  # fmt: skip
STYLES = ("active", "elderly", "exhausted", "feminine", "masculine", "normal", "youthful")
_NAME = re.compile(r"dataset-2_(?P<content>[a-z-]+)_(?P<style>[a-z]+)_\d{3}")


def pack(folder: Path) -> Packed:
    """All recordings below a folder, in the order of their names, in metres.

    The class is content times seven plus style. Actors are not named: bodies of the same bone
    lengths are taken as one, the one with the most recordings as subject 1.

    Raises:
        DataError: There is no recording, or one has a name of another form.
        SkeletonFormatError: A file is damaged.
    """
    paths = sorted(folder.rglob("dataset-2_*.bvh"), key=lambda path: path.stem)
    if not paths:
        raise DataError(f"{folder}: no file dataset-2_*.bvh below it")
    content, style = np.array([_class(path) for path in paths]).T
    tracks = [read_bvh(path, end_sites=False, positions="replace") for path in paths]
    skeleton = tracks[0].skeleton
    clips = [track.pos[0].astype(np.float64) / 100 for track in tracks]
    return Packed(
        joints=np.concatenate([quantise(clip) for clip in clips]),
        scale=0.0002,
        offset=np.concatenate([[0], np.cumsum([len(clip) for clip in clips])]),
        subject=_subjects(clips, skeleton.parents.tolist()),
        names=tuple(path.stem for path in paths),
        joint_names=skeleton.joints,
        parents=tuple(skeleton.parents.tolist()),
        label=content * len(STYLES) + style,
        class_names=tuple(f"{content}, {style}" for content in CONTENTS for style in STYLES),
        fps=30.0,
        unit="m",
        extra={"content": content, "style": style},
    )


def _class(path: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(path.stem)
    if match is None or match["content"] not in CONTENTS or match["style"] not in STYLES:
        raise DataError(f"{path}: expected a name dataset-2_CONTENT_STYLE_NUMBER.bvh")
    return CONTENTS.index(match["content"]), STYLES.index(match["style"])


def _subjects(clips: Sequence[np.ndarray], parents: list[int]) -> np.ndarray:
    """Numbers from 1 of equal bodies, by their bones below the root in centimetres."""
    bones = [(j, p) for j, p in enumerate(parents) if p > 0]
    own, other = np.array(bones).T
    bodies = [
        tuple(np.rint(100 * np.linalg.norm(clip[0, own] - clip[0, other], axis=-1)))
        for clip in clips
    ]
    number = {body: i for i, (body, _) in enumerate(Counter(bodies).most_common(), 1)}
    return np.array([number[body] for body in bodies])
