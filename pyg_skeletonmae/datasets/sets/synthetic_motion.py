"""Families of human actions as joint angles over time.

A family is a function of the course of the action (0 before it, 1 after it), its size and a few
draws, and gives angles in degrees and shifts in metres, all ``[n, T]``; what it leaves out keeps
the pose of standing. Every family is written for the right hand and mirrored for left-handers.
The curves are our own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyg_skeletonmae.draws import Draws

Pose = dict[str, Tensor]
ARM = ("flex", "abduct", "open", "rotate", "elbow")
_LEG = ("hip", "spread", "knee")
ANGLES = (
    "yaw", "pitch", "roll", "bend", "lean", "twist", "nod", "turn",
    *(f"{side}_{angle}" for side in "lr" for angle in ARM + _LEG),
)  # fmt: skip
SHIFTS = ("forward", "sideways", "up")
_MIRRORED = ("yaw", "roll", "lean", "twist", "turn", "sideways")


@dataclass
class Course:
    """What a family of actions is drawn from.

    Args:
        time: The course of each clip, 0 to 1, ``[n, T]``.
        size: How largely each performer moves, around 1, ``[n, 1]``.
        draws: One row per clip.
    """

    time: Tensor
    size: Tensor
    draws: Draws

    def between(self, low: float, high: float) -> Tensor:
        """A number for each clip, ``[n, 1]``."""
        return low + (high - low) * self.draws.uniform(1)

    def repeats(self, low: int, high: int) -> Tensor:
        """A whole number for each clip, ``[n, 1]``."""
        return low + self.draws.integers(high - low + 1, 1)

    def hold(self, rise: float = 0.25) -> Tensor:
        """Up, stay, and down again."""
        return smooth(self.time / rise) * smooth((1 - self.time) / rise)

    def swing(self, repeats: Tensor) -> Tensor:
        """A sine of that many periods, at rest before and after."""
        return torch.sin(2 * math.pi * repeats * self.time) * self.hold(0.1)

    def bumps(self, repeats: Tensor) -> Tensor:
        """That many smooth bumps from 0 to 1 and back."""
        return 0.5 - 0.5 * torch.cos(2 * math.pi * repeats * self.time)


def smooth(x: Tensor) -> Tensor:
    """A smooth step from 0 to 1."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def wave(c: Course) -> Pose:
    """The forearm swings beside the head, or lower for a small wave."""
    up, swing = c.hold(), c.swing(c.repeats(2, 4))
    return {
        "r_abduct": up * c.between(45, 100),
        "r_rotate": up * c.between(60, 95),
        "r_elbow": up * (90 + 35 * c.size * swing),
        "r_flex": up * c.between(0, 30),
    }


def squat(c: Course) -> Pose:
    """Knees and hips bend together, once or more, the arms forward or not."""
    deep = c.bumps(c.repeats(1, 2)) * c.size.clamp(max=1.1)
    arms = deep * c.between(10, 85)
    return {
        "l_hip": 95 * deep, "r_hip": 95 * deep, "l_knee": 110 * deep, "r_knee": 110 * deep,
        "bend": 30 * deep, "pitch": 10 * deep, "l_flex": arms, "r_flex": arms,
    }  # fmt: skip


def kick(c: Course) -> Pose:
    """The leg swings back and then up to the front."""
    back, up = smooth(c.time / 0.3) * smooth((0.55 - c.time) / 0.2), _pulse(c.time, 0.6, 0.22)
    high = c.between(55, 95) * c.size
    return {
        "r_hip": -25 * back + high * up, "r_knee": 70 * back + 12 * up, "bend": -8 * up,
        "l_flex": 35 * up, "r_flex": -20 * up, "twist": 12 * up, "l_knee": 10 * up,
    }  # fmt: skip


def walk(c: Course) -> Pose:
    """Legs and arms swing against each other while the body goes forward."""
    repeats = 0.5 * c.repeats(3, 5)
    left, go = c.swing(repeats), c.hold(0.1)
    lift = (torch.cos(2 * math.pi * repeats * c.time) * go).clamp(min=-1, max=1)
    return {
        "l_hip": 28 * c.size * left, "r_hip": -28 * c.size * left, "l_flex": -25 * c.size * left,
        "l_knee": go * (8 + 45 * lift.relu()), "r_knee": go * (8 + 45 * (-lift).relu()),
        "r_flex": 25 * c.size * left, "twist": -6 * left, "l_elbow": 15 * go, "r_elbow": 15 * go,
        "forward": smooth(c.time) * repeats * c.between(0.3, 0.9),
    }  # fmt: skip


def reach(c: Course) -> Pose:
    """An arm goes up or forward to something, and back."""
    out = c.hold(0.4)
    return {
        "r_flex": out * c.between(75, 150), "r_elbow": out * c.between(0, 20),
        "r_open": out * c.between(-15, 35), "bend": 12 * out * c.size, "twist": 14 * out,
        "nod": -out * c.between(-15, 25),
    }  # fmt: skip


def hand_over(c: Course) -> Pose:
    """Two people bring their hands together, low, and let go."""
    out = c.hold(0.35)
    return {
        "r_flex": out * c.between(40, 60), "r_elbow": out * c.between(15, 40),
        "r_open": -10 * out, "bend": 10 * out * c.size, "nod": 15 * out,
    }  # fmt: skip


def punch(c: Course) -> Pose:
    """From guard, the fist darts out."""
    course = ((c.time - 0.15) / 0.7).clamp(0, 1) * c.repeats(1, 3)
    guard, hit = c.hold(0.15), _pulse(course.remainder(1.0), 0.4, 0.3)
    stretch = 108 * hit * c.size.clamp(max=1)
    return {
        "r_flex": guard * (35 + 50 * hit), "r_elbow": guard * (115 - stretch),
        "r_open": -15 * guard, "l_flex": 40 * guard, "l_elbow": 110 * guard, "l_open": -15 * guard,
        "twist": 25 * hit * c.size, "l_hip": 12 * guard, "r_knee": 15 * guard,
    }  # fmt: skip


def clap(c: Course) -> Pose:
    """Both hands meet in front of the chest, again and again."""
    up, beat = c.hold(0.2), c.swing(c.repeats(3, 6))
    arms = {
        "flex": up * c.between(30, 65),
        "elbow": up * c.between(65, 95),
        "open": up * (2 + 32 * c.size * beat),
    }
    return {f"{side}_{angle}": value for angle, value in arms.items() for side in "lr"}


def bow(c: Course) -> Pose:
    """The trunk goes down over straight legs."""
    down = c.hold(0.4) * c.size
    return {
        "pitch": 30 * down, "l_hip": 30 * down, "r_hip": 30 * down, "nod": 15 * down,
        "bend": down * c.between(20, 50), "l_flex": 10 * down, "r_flex": 10 * down,
    }  # fmt: skip


def jump(c: Course) -> Pose:
    """Crouch, fly, land, once or more, with the arms up."""
    repeats = c.repeats(1, 2)
    course = (c.time * repeats).remainder(1.0) * (c.time < 1)
    crouch = _pulse(course, 0.2, 0.2) + 0.8 * _pulse(course, 0.85, 0.14)
    fly = ((course - 0.4) / 0.32).clamp(0, 1)
    arms = _pulse(course, 0.55, 0.25) * c.between(30, 130)
    return {
        "l_hip": 45 * crouch, "r_hip": 45 * crouch, "l_knee": 70 * crouch, "r_knee": 70 * crouch,
        "bend": 25 * crouch, "l_flex": arms, "r_flex": arms,
        "up": c.between(0.4, 1.2) * c.size * fly * (1 - fly),
    }  # fmt: skip


def sidestep(c: Course) -> Pose:
    """Legs open and close while the body goes to the side."""
    repeats = c.repeats(2, 3)
    apart = c.bumps(repeats) * c.size
    return {
        "r_spread": 20 * apart, "l_spread": 14 * apart, "r_hip": 10 * apart, "r_knee": 22 * apart,
        "l_knee": 8 * apart, "r_abduct": 12 * apart, "l_abduct": 12 * apart, "lean": -4 * apart,
        "sideways": -smooth(c.time) * repeats * c.between(0.15, 0.4),
    }  # fmt: skip


def sit_down(c: Course) -> Pose:
    """Down onto a seat, and often up again."""
    stay = c.draws.uniform(1) < 0.5
    down = smooth(c.time / 0.4) * torch.where(stay, 1.0, smooth((1 - c.time) / 0.35))
    lean = _pulse(c.time, 0.22, 0.22) + torch.where(stay, 0.0, _pulse(c.time, 0.8, 0.2))
    return {
        "l_hip": 88 * down, "r_hip": 88 * down, "l_knee": 88 * down, "r_knee": 88 * down,
        "bend": 45 * lean * c.size, "l_flex": 30 * down, "r_flex": 30 * down, "l_elbow": 40 * down,
        "r_elbow": 40 * down, "forward": -0.25 * down,
    }  # fmt: skip


def turn_around(c: Course) -> Pose:
    """The body turns on the spot, in small steps."""
    step = c.swing(c.repeats(2, 3))
    return {
        "yaw": -c.between(90, 180) * smooth(c.time), "turn": -30 * c.hold(0.3),
        "l_hip": 14 * step.relu(), "l_knee": 28 * step.relu(), "r_hip": 14 * (-step).relu(),
        "r_knee": 28 * (-step).relu(),
    }  # fmt: skip


def shake_hands(c: Course) -> Pose:
    """Two people's hands meet and go up and down."""
    out, shake = c.hold(0.25), c.swing(c.repeats(3, 5))
    return {
        "r_flex": out * (42 + 8 * c.size * shake), "r_elbow": out * (42 + 14 * c.size * shake),
        "r_open": -10 * out, "bend": 6 * out,
    }  # fmt: skip


def drink(c: Course) -> Pose:
    """The hand comes to the mouth and the head tilts back."""
    up = c.hold(0.35)
    return {
        "r_flex": up * c.between(35, 60), "r_elbow": up * c.between(115, 135), "r_open": -18 * up,
        "nod": -20 * up * c.size,
    }  # fmt: skip


def throw(c: Course) -> Pose:
    """The arm goes back over the shoulder and swings through."""
    back, through = smooth(c.time / 0.35), smooth((c.time - 0.45) / 0.18)
    end = smooth((1 - c.time) / 0.2)
    return {
        "r_abduct": 85 * back * (1 - through), "r_rotate": 85 * back * (1 - through),
        "r_elbow": end * (95 * back * (1 - through) + 10 * through), "r_flex": end * 75 * through,
        "twist": end * c.size * (-30 * back + 60 * through), "bend": 15 * end * through,
    }  # fmt: skip


FAMILIES: tuple[Callable[[Course], Pose], ...] = (
    wave, squat, kick, walk, reach, hand_over, punch, clap, bow, jump, sidestep, sit_down,
    turn_around, shake_hands, drink, throw,
)  # fmt: skip
TWO_PERSONS = (hand_over, shake_hands)


def mirrored(pose: Pose, left: Tensor) -> Pose:
    """The pose with left and right exchanged where ``left [n, 1]`` is True."""
    swap = {"l_": "r_", "r_": "l_"}
    result = {}
    for name, value in pose.items():
        other = pose[swap[name[:2]] + name[2:]] if name[:2] in swap else value
        result[name] = torch.where(left, -other if name in _MIRRORED else other, value)
    return result


def _pulse(x: Tensor, middle: float, half_width: float) -> Tensor:
    return smooth(1 - (x - middle).abs() / half_width)
