"""Classes of recordings, from a release: the command ``skeletonmae predict``."""

from __future__ import annotations

import csv
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.recordings import (
    add_recording_arguments,
    open_release,
    reading,
)
from pyg_skeletonmae.datasets.sets.pose_formats import FORMATS
from pyg_skeletonmae.errors import ConfigError, DataError, SkeletonMAEError
from pyg_skeletonmae.inference import Prediction, Recognizer
from pyg_skeletonmae.inference.files import Reading
from pyg_skeletonmae.inference.json_frames import read_frames
from pyg_skeletonmae.inference.windows import check_count, cut
from pyg_skeletonmae.io.scan import scan
from pyg_skeletonmae.skeleton.layouts import get_layout

STDIN = "-"
_log = logging.getLogger("pyg_skeletonmae")
Write = Callable[[Prediction], None]


def add_predict_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`run_predict`."""
    add_recording_arguments(parser)
    parser.add_argument("--json", action="store_true", help="A line of JSON for each answer.")
    parser.add_argument("--csv", action="store_true", help="A table, a column for each class.")
    parser.add_argument("--top", type=int, default=1, help="Classes that a line of text names.")
    parser.add_argument("--watch", type=str, help="Wait for files in a folder, until Ctrl-C.")
    parser.add_argument("--poll", type=float, default=1.0, help="Seconds between two looks.")


def run_predict(chosen: dict[str, Any], classes: Iterable[type] = ()) -> None:
    """Prints what a classifier says of recordings, as it is computed.

    Args:
        chosen: The arguments of :func:`add_predict_arguments`.
        classes: The user's own classes that the release may name.

    Raises:
        ConfigError: Arguments do not fit together.
        DataError: A recording could not be read; the others were.
        SkeletonMAEError: The release, or the only recording, cannot be used.
    """
    files, watched = list(chosen["files"]), chosen["watch"]
    if not files and watched is None:
        raise ConfigError("files: expected a file or a folder, - for standard input, or --watch")
    check_count("--top", chosen["top"], "class")
    if chosen["json"] and chosen["csv"]:
        raise ConfigError("--json, --csv: give one of the two")
    if STDIN in files and (len(files) > 1 or watched is not None):
        raise ConfigError("-: standard input stands alone")
    if watched is not None and not Path(watched).is_dir():
        raise DataError(f"{watched}: no such folder to watch")
    recognizer = open_release(Recognizer, chosen, classes)
    how = reading(chosen, recognizer.preprocessing.pipeline)
    window, stride = chosen["windows"] or (None, None)
    write = writer(chosen, recognizer)
    if files == [STDIN]:
        for prediction in _streamed(recognizer, how, chosen["by"], window, stride):
            write(prediction)
        return
    settings = (how, chosen["by"], window, stride, chosen["batch_size"])
    failed: list[str] = []

    def predict(path: str | Path) -> None:
        try:
            for prediction in recognizer.each(path, *settings):
                write(prediction)
        except SkeletonMAEError as error:
            if isinstance(error, ConfigError) or (watched is None and len(files) == 1):
                raise
            failed.append(str(path))
            _log.error("%s", error)

    for file in files:
        predict(file)
    if watched is not None:
        for path in new_files(Path(watched), chosen["poll"]):
            predict(path)
    if failed:
        raise DataError(f"{len(failed)} of {len(files)} recordings could not be read, see above")


def writer(chosen: dict[str, Any], recognizer: Recognizer) -> Write:
    """Prints predictions in the form that was chosen, each at once."""
    if chosen["json"]:
        return lambda found: print(json.dumps(found.to_dict(), ensure_ascii=False), flush=True)
    if chosen["csv"]:
        table = csv.writer(sys.stdout, lineterminator="\n")
        head = ("name", "person", "start", "stop", "label", "score")
        table.writerow([*head, *recognizer.class_names])

        def row(found: Prediction) -> None:
            empty: list[Any] = [""] * len(recognizer.class_names)
            scores = empty if found.scores is None else found.scores.tolist()
            person = "" if found.person is None else found.person
            said = (found.label or "", "" if found.score is None else found.score)
            table.writerow([found.name, person, found.start, found.stop, *said, *scores])
            sys.stdout.flush()

        return row

    def line(found: Prediction) -> None:
        person = "" if found.person is None else f" person {found.person}"
        best = ", ".join(f"{label} {score:.3f}" for label, score in found.top(chosen["top"]))
        where = f"{found.name}{person} {found.start}-{found.stop}"
        where = "".join(c if c.isprintable() else "?" for c in where)
        print(f"{where}\t{best or 'nobody'}", flush=True)

    return line


def _streamed(
    recognizer: Recognizer, how: Reading, by: Any, window: int | None, stride: int | None
) -> Iterator[Prediction]:
    skeleton = recognizer.skeleton if how.skeleton is None else get_layout(how.skeleton)
    plan = cut("window" if by == "clip" else by, window, stride, recognizer.preprocessing.frames)
    _log.info(
        "reads frames from standard input: answers from frame %s on, then one every %s frames",
        plan.window or recognizer.preprocessing.frames,
        plan.stride if plan.window else max(recognizer.preprocessing.frames // 4, 1),
    )
    if sys.stdin is None:
        raise DataError("standard input: expected frames, found it closed")
    frames = read_frames(sys.stdin.buffer, skeleton, how.options)
    return iter(
        recognizer.stream(
            frames, window, stride, by=by, skeleton=skeleton, partial=how.partial, name=STDIN
        )
    )


def new_files(
    folder: Path, seconds: float, pause: Callable[[float], object] = time.sleep
) -> Iterator[Path]:
    """Recordings that come into a folder or change there, once nobody writes them any more.

    What lies there at the beginning counts as new. A file counts as written when its size and its
    time are those of the look before.

    Args:
        folder: The folder.
        seconds: The time between two looks.
        pause: Waits that long.

    Raises:
        ConfigError: The time is not positive.
        DataError: The folder is gone.
    """
    if not seconds > 0:
        raise ConfigError(f"--poll {seconds}: expected seconds, above 0")
    suffixes = sorted({suffix for form in FORMATS.values() for suffix in form.suffixes})
    before: dict[Path, tuple[int, int]] = {}
    done: dict[Path, tuple[int, int]] = {}
    while True:
        now: dict[Path, tuple[int, int]] = {}
        if not folder.is_dir():
            raise DataError(f"{folder}: the folder that was watched is gone")
        for path in scan(folder, suffixes).files:
            try:
                found = path.stat()
            except OSError:  # gone again
                continue
            now[path] = found.st_size, found.st_mtime_ns
        done = {path: state for path, state in done.items() if path in now}
        for path, state in now.items():
            if before.get(path) == state != done.get(path):
                done[path] = state
                yield path
        before = now
        pause(seconds)
