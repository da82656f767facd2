"""Synthetic clips: performers, idle limbs, camera and sensor around the families of actions.

Angles in degrees until the kinematics, lengths in metres. All ranges are our choice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pyg_skeletonmae.datasets.sets.synthetic_body import (
    axis_rotation,
    forward_kinematics,
    place_joints,
)
from pyg_skeletonmae.datasets.sets.synthetic_motion import (
    ANGLES,
    ARM,
    FAMILIES,
    SHIFTS,
    TWO_PERSONS,
    Course,
    Pose,
    mirrored,
)
from pyg_skeletonmae.datasets.store.clips import Clip
from pyg_skeletonmae.draws import Draws, clip_keys, mix
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.skeleton import Skeleton

FPS = 30
MIN_FRAMES, MAX_FRAMES = 40, 96
GRID = 2.0**-12  # coordinates are rounded to a quarter of a millimetre, so that platforms agree
CHUNK = 240  # clips made at once, to bound the memory
CAMERA_YAW, CAMERA_WANDER = 70.0, 0.1
ARMS: tuple[dict[str, float], ...] = (  # arms left alone: hang, mostly, or rest on the hip, carry
    {"abduct": 7.0, "elbow": 10.0},
    {"abduct": 10.0, "elbow": 15.0},
    {"flex": 10.0, "abduct": 5.0, "elbow": 25.0},
    {"abduct": 45.0, "rotate": -35.0, "elbow": 85.0, "flex": -15.0},
    {"flex": 15.0, "elbow": 75.0, "abduct": 5.0},
)


@dataclass(frozen=True)
class SyntheticClips:
    """The clips of :class:`~pyg_skeletonmae.datasets.SyntheticActions`, made while iterating.

    Args:
        num_clips: The number of clips; the first ones stay as they are when there are more.
        skeleton: The joints: any body with arms or legs.
        num_classes: How many of the families of actions are shown, in their order.
        num_subjects: The number of performers; clip ``i`` is of class ``i % num_classes``, done by
            subject ``1 + (i // num_classes) % num_subjects``.
        seed: What all random draws derive from.
        num_channels: 3, metres, or 2 for what a pinhole camera sees, in focal lengths.
        noise: A factor for sensor noise and drop-outs, 0 for neither.
    """

    num_clips: int
    skeleton: Skeleton
    num_classes: int
    num_subjects: int
    seed: int
    num_channels: int
    noise: float

    def __post_init__(self) -> None:
        limits = {
            "num_clips": (self.num_clips, 1, math.inf),
            "num_classes": (self.num_classes, 2, len(FAMILIES)),
            "num_subjects": (self.num_subjects, 1, math.inf),
            "num_channels": (self.num_channels, 2, 3),
            "noise": (self.noise, 0, math.inf),
        }
        for name, (value, low, high) in limits.items():
            if not low <= value <= high:
                raise ConfigError(f"{name} = {value}: expected {low} to {high}")
        place_joints(self.skeleton)

    def __iter__(self) -> Iterator[Clip]:
        for first in range(0, self.num_clips, CHUNK):
            number = torch.arange(first, min(first + CHUNK, self.num_clips))
            label = number % self.num_classes
            subject = 1 + number // self.num_classes % self.num_subjects
            key = clip_keys(self.seed, 0, number)
            length, time = _timing(key, clip_keys(self.seed, 1, subject))
            pos, valid = self._record(key, label, time, clip_keys(self.seed, 1, subject))
            two = _two_persons(label)
            for i, frames in enumerate(length.tolist()):
                persons = 2 if two[i] else 1
                yield Clip(
                    pos=pos[i, :persons, :frames],
                    valid=valid[i, :persons, :frames],
                    label=int(label[i]),
                    subject=int(subject[i]),
                    name=f"{FAMILIES[int(label[i])].__name__}-s{int(subject[i]):02d}-{int(number[i]):05d}",
                )

    def __repr__(self) -> str:
        return (
            f"SyntheticActions({self.num_clips}, num_classes={self.num_classes}, "
            f"num_subjects={self.num_subjects}, seed={self.seed}, "
            f"num_channels={self.num_channels}, noise={self.noise})"
        )

    def _record(
        self, key: Tensor, label: Tensor, time: Tensor, body: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the sensor records: ``pos [n, 2, T, V, C]`` and ``valid [n, 2, T, V]``."""
        draws = Draws(mix(key, 10))
        left = draws.uniform(1) < 0.5
        performer = self._person(key=mix(key, 11), label=label, time=time, body=body, left=left)
        pos = torch.stack([performer, torch.zeros_like(performer)], 1)
        two = _two_persons(label)
        partner = self._person(
            key=mix(key, 12)[two],
            label=label[two],
            time=time[two],
            body=mix(key, 13)[two],
            left=left[two],
        )
        apart = torch.stack([torch.where(left[:, 0], 0.22, -0.22), 0.95 + 0.3 * draws.uniform()])
        pos[two, 1] = partner * torch.tensor([-1.0, 1.0, -1.0])  # face to face
        pos[:, 1, ..., ::2] += apart.T[:, None, None]
        pos = _film(pos, draws)
        noisy = pos + self.noise * _sensor_noise(pos.shape, Draws(mix(key, 14)))
        valid = _drop_outs(pos.shape[:4], place_joints(self.skeleton)[0], mix(key, 15), self.noise)
        if self.num_channels == 2:
            noisy = -noisy[..., :2] / noisy[..., 2:].clamp(min=0.5)
        return (noisy / GRID).round() * GRID, valid

    def _person(
        self, *, key: Tensor, label: Tensor, time: Tensor, body: Tensor, left: Tensor
    ) -> Tensor:
        """One person's joints in their own frame at the start, ``[n, T, V, 3]``."""
        person, draws = Draws(body), Draws(mix(key, 0))
        size = 0.75 + 0.45 * person.uniform(1)
        pose = {name: torch.zeros_like(time) for name in ANGLES + SHIFTS}
        for k in sorted(set(label.tolist())):
            rows = label == k
            course = Course(time[rows], size[rows], Draws(mix(key[rows], 1)))
            for name, value in _with_idle_arms(FAMILIES[k](course), course).items():
                pose[name][rows] = value
        pose = mirrored(_with_posture(pose, person, draws), left)
        height = 0.88 + 0.24 * person.uniform()
        names = ("trunk", "width", "arm", "leg")
        scale = {name: height * (0.92 + 0.16 * person.uniform()) for name in names}
        return _joints(pose, scale, self.skeleton)


def _two_persons(label: Tensor) -> Tensor:
    return torch.tensor([family in TWO_PERSONS for family in FAMILIES])[label]


def _timing(key: Tensor, body: Tensor) -> tuple[Tensor, Tensor]:
    """Frames of each clip ``[n]``, and the course of its action, 0 to 1, ``[n, MAX_FRAMES]``."""
    draws, tempo = Draws(mix(key, 20)), 0.8 + 0.4 * Draws(mix(body, 20)).uniform()
    length = (64 * (0.85 + 0.3 * draws.uniform()) / tempo).long().clamp(MIN_FRAMES, MAX_FRAMES)
    span = 0.4 + 0.3 * draws.uniform(1)
    start = (1 - span) * draws.uniform(1)
    course = (torch.arange(MAX_FRAMES) / (length[:, None] - 1) - start) / span
    return length, course.clamp(0, 1) ** (0.8 + 0.5 * draws.uniform(1))


def _with_idle_arms(pose: Pose, course: Course) -> Pose:
    """Arms that the family leaves alone do one of the things idle arms do."""
    for side in "lr":
        choice = course.draws.integers(len(ARMS), 1)
        table = {a: torch.tensor([arm.get(a, 0.0) for arm in ARMS])[choice] for a in ARM}
        if not any(f"{side}_{angle}" in pose for angle in ARM):
            rest = {f"{side}_{a}": value.expand_as(course.time) for a, value in table.items()}
            pose = pose | rest
    return pose


def _with_posture(pose: Pose, person: Draws, draws: Draws) -> Pose:
    """Adds a performer's habitual posture, a clip's own, and slow sway, to every angle."""
    habit = 2.0 * person.normal(len(ANGLES)) + 2.0 * draws.normal(len(ANGLES))
    habit[:, :3] *= 0.3  # the pelvis is nearly level
    speed = 0.5 + 1.5 * draws.uniform(len(ANGLES), 1)
    phase = 2 * math.pi * draws.uniform(len(ANGLES), 1)
    frames = torch.arange(MAX_FRAMES) / FPS
    sway = 2.0 * torch.sin(2 * math.pi * speed * frames + phase) + habit[..., None]
    hinges = ("elbow", "knee")  # these do not bend backwards
    result = dict(pose)
    for i, name in enumerate(ANGLES):
        value = pose[name] + sway[:, i]
        result[name] = value.clamp(min=0.0) if name.endswith(hinges) else value
    return result


def _joints(pose: Pose, scale: dict[str, Tensor], skeleton: Skeleton) -> Tensor:
    """The joints of a person who stands on the floor, ``[n, T, V, 3]``."""
    angles = {name: torch.deg2rad(pose[name]) for name in ANGLES}
    origin = torch.stack([pose["sideways"], torch.zeros_like(pose["up"]), pose["forward"]], -1)
    place, frame = forward_kinematics(angles, scale, origin)
    ankles = torch.minimum(place["left_ankle"][..., 1], place["right_ankle"][..., 1])
    lift = pose["up"] + 0.07 - ankles
    segments, offsets = place_joints(skeleton)
    joints = [
        place[segment] + frame[segment] @ offset
        for segment, offset in zip(segments, offsets, strict=True)
    ]
    pos = torch.stack(joints, 2)
    pos[..., 1] += lift[..., None]
    return pos


def _film(pos: Tensor, draws: Draws) -> Tensor:
    """Turns the scene ``[n, 2, T, V, 3]`` before the camera: y up, z away from it.

    Somebody holds the camera: it wanders a little.
    """
    yaw = math.pi + math.radians(CAMERA_YAW) * (2 * draws.uniform() - 1)
    tilt = math.radians(6.0) * (2 * draws.uniform() - 1)
    view = axis_rotation(0, tilt) @ axis_rotation(1, yaw)
    away = torch.stack(
        [draws.uniform() - 0.5, -0.9 - 0.3 * draws.uniform(), 2.8 + 1.2 * draws.uniform()], -1
    )
    speed, phase = 0.3 + 0.7 * draws.uniform(1, 3), draws.uniform(1, 3)
    time = torch.arange(pos.size(2))[:, None] / FPS
    wander = CAMERA_WANDER * torch.sin(2 * math.pi * (speed * time + phase))
    place = away[:, None] + wander
    return pos @ view.mT[:, None, None] + place[:, None, :, None]


def _sensor_noise(shape: torch.Size, draws: Draws) -> Tensor:
    """White noise of 8 mm and a slow drift of 12 mm per joint, ``[n, 2, T, V, 3]``."""
    _, persons, frames, joints, channels = shape
    speed = 0.2 + 0.8 * draws.uniform(persons, 1, joints, channels)
    phase = draws.uniform(persons, 1, joints, channels)
    time = torch.arange(frames)[:, None, None] / FPS
    drift = torch.sin(2 * math.pi * (speed * time + phase)) * math.sqrt(2.0)
    return 0.008 * draws.normal(persons, frames, joints, channels) + 0.012 * drift


def _drop_outs(shape: torch.Size, segments: list[str], key: Tensor, noise: float) -> Tensor:
    """In a third of the tracks one limb is missing for some frames, ``[n, 2, T, V]``, bool."""
    draws = Draws(key)
    limbs = [(side, joints) for side in ("left", "right") for joints in _FAR_JOINTS]
    on_limb = torch.tensor(
        [[s in {f"{side}_{j}" for j in joints} for s in segments] for side, joints in limbs]
    )
    persons, num_frames = shape[1:3]
    tracks = draws.uniform(persons) < min(1.0, noise / 3)
    start = draws.integers(MIN_FRAMES, persons)[..., None]
    length = 4 + draws.integers(12, persons)[..., None]
    time = torch.arange(num_frames)
    frames = (time >= start) & (time < start + length) & tracks[..., None]
    return ~(frames[..., None] & on_limb[draws.integers(len(limbs), persons)][:, :, None])


_FAR_JOINTS = (("elbow", "wrist"), ("knee", "ankle"))
