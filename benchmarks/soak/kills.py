"""Kills: a command line dies at a write or at any moment, is called again, and ends the same."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from soak.processes import Ended, Kill, run_line
from soak.scenes import SCENES, Scene, state, write_data

AGAIN = 0.3  # how often what goes on is killed, too


def kill_and_resume(folder: Path, count: int, seed: int, names: Sequence[str] | None = None) -> int:
    """Kills ``count`` runs, prints what became of each, and returns 0 if all ended identical."""
    write_data(folder, lambda arguments, place: run_line(arguments, place).code)
    whole: dict[str, tuple[Ended, dict[str, str]]] = {}
    for name in names or SCENES:
        place = folder / name
        place.mkdir()
        ended = run_line(SCENES[name].arguments, place)
        if ended.code:
            print((folder / "said.txt").read_text()[-3000:])
            raise SystemExit(f"{name} ended with {ended.code} though nobody killed it")
        whole[name] = ended, state(place)
        told = f"{ended.seconds:.1f} s, {ended.boundaries} changes on the disk"
        print(f"{name}: {told}, {len(whole[name][1])} parts compared", flush=True)
    identical = by_hand = 0
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        name = list(whole)[number % len(whole)]
        ended, expected = whole[name]
        place = folder / f"{number:04}"
        place.mkdir()
        deaths, last = _until_it_ends(SCENES[name], place, ended, rng)
        other = [] if last.code else _differences(expected, state(place))
        identical += not last.code and not other
        by_hand += last.code != 0
        found = f"ended with {last.code}" if last.code else ", ".join(other) or "identical"
        print(f"{number:4} {name}: killed {'; '.join(deaths)} -> {found}", flush=True)
        if found == "identical":
            shutil.rmtree(place)
    print(f"{by_hand} folders needed a hand")
    print(f"identical {identical} of {count} (seed {seed})")
    return int(identical < count)


def _until_it_ends(
    scene: Scene, place: Path, whole: Ended, rng: random.Random
) -> tuple[list[str], Ended]:
    """Where it was killed, and how the last call ended, which nobody killed."""
    deaths: list[str] = []
    while not deaths or rng.random() < AGAIN:
        ended = run_line(scene.arguments, place, _draw(scene, whole, rng))
        if ended.code == -9:
            deaths.append(ended.place)
        elif deaths or ended.code:  # what is left takes less than the whole
            return deaths, ended
        else:  # it was faster than the whole, this time
            shutil.rmtree(place)
            place.mkdir()
    return deaths, run_line(scene.arguments, place)


def _draw(scene: Scene, whole: Ended, rng: random.Random) -> Kill:
    """Two in three at a change of the disk, half of whose flushes find half a file."""
    if scene.processes:
        return Kill(seconds=rng.uniform(0, whole.clock), clock=True)
    if rng.random() < 1 / 3:
        return Kill(seconds=rng.uniform(0, whole.seconds))
    cut = rng.random() if rng.random() < 0.5 else None
    return Kill(rng.randint(1, whole.boundaries), cut)


def _differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    names = sorted({*expected, *found})
    return [f"{name} differs" for name in names if expected.get(name) != found.get(name)]
