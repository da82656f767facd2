"""What a person sees of a run: ``metrics.jsonl``, TensorBoard scalars, a progress bar or lines."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pyg_skeletonmae.errors import CheckpointError
from pyg_skeletonmae.files.plain import read_plain
from pyg_skeletonmae.files.write import naming, write_text

METRICS = "metrics.jsonl"
_MAX_BYTES = 256 * 2**20
_log = logging.getLogger("pyg_skeletonmae")


def read_metrics(run_dir: str | Path) -> list[dict[str, Any]]:
    """The lines of a run's ``metrics.jsonl``, oldest first.

    Each has ``step``, ``epoch`` (from 1), ``clips_seen``, ``seconds`` and values named
    ``train/...`` or ``eval/...``; a value that was not finite is ``None``. A last line that was
    cut off when the run was killed is left out.

    Raises:
        CheckpointError: A line is damaged or holds something else.
    """
    records, garbage = read_lines(Path(run_dir) / METRICS)
    for _, reason in garbage:
        raise CheckpointError(reason)
    return records


def read_lines(path: Path) -> tuple[list[dict[str, Any]], list[tuple[bytes, str]]]:
    """The lines of a ``metrics.jsonl``, and those that are none, with what is wrong about each.

    Raises:
        CheckpointError: The file cannot be read.
    """
    try:
        lines = read_plain(path, _MAX_BYTES).split(b"\n")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    records, garbage = [], []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line.decode()) if line else None
        except (ValueError, RecursionError) as error:
            if number < len(lines) or line[:2] not in (b"{", b'{"'):  # else it was cut off
                garbage.append((line, f"{path}: line {number} is not JSON ({error})"))
            continue
        if isinstance(record, dict) and {"step", "epoch"} <= record.keys():
            records.append(record)
        elif line:
            expected = "expected a mapping with step and epoch"
            garbage.append((line, f"{path}: line {number}: {expected}"))
    return records, garbage


class RunLog:
    """Writes the values of a run to its folder and to the terminal.

    Args:
        run_dir: The run folder; None writes no file (no folder given, or not rank 0).
        total: Steps of the whole run.
        step: Steps done before; lines of ``metrics.jsonl`` after it are dropped, so that a resumed
            run leaves the file of an uninterrupted one. Lines that are damaged are set aside.
        every: Where stderr is a terminal, draw a progress bar. Elsewhere, say after so many epochs,
            and at the end, where the run stands: to the logger ``pyg_skeletonmae``. 0: neither.
    """

    def __init__(self, run_dir: Path | None, total: int, step: int = 0, every: int = 1) -> None:
        self.values: dict[str, Any] = {}  # the last value of every name
        self._before: tuple[float, float] | None = None if step else (0.0, 0.0)
        self._speed, self._every = "", every
        self._total, self._first, self._steps, self._started = total, step, 0, time.monotonic()
        self._file, self._board = None, None
        if run_dir is not None:
            from torch.utils.tensorboard import SummaryWriter  # Slow to import: only where used.

            path = run_dir / METRICS
            lines, garbage = read_lines(path)
            if garbage:
                with Path(f"{path}.aside").open("ab") as file:
                    file.writelines(line + b"\n" for line, _ in garbage)
                said = "; ".join(reason for _, reason in garbage)
                _log.warning("%s; set aside in %s.aside", said, path.name)
            lines = [line for line in lines if line["step"] <= step]
            for line in lines:
                self.values.update({name: line[name] for name in line if "/" in name})
            text = "".join(f"{json.dumps(line)}\n" for line in lines)
            write_text(path, text)
            self._file = path.open("a", encoding="utf-8", newline="\n")
            self._board = SummaryWriter(str(run_dir), purge_step=step + 1)
        self._bar = tqdm(total=total, initial=step, unit="step", disable=None if every else True)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()
        if self._file is not None and self._board is not None:
            self._file.close()
            self._board.close()

    def advance(self) -> None:
        """Moves the bar by one step."""
        self._steps += 1
        self._bar.update()

    def end_epoch(self, epoch: int, epochs: int) -> None:
        """Says where the run stands, if it is time to and no bar shows it: one line.

        Args:
            epoch: The number of the epoch that ended, from 1.
            epochs: How many there are.
        """
        left = self._total - self._first - self._steps
        if not self._every or not self._bar.disable or (left and epoch % self._every):
            return
        seconds = (time.monotonic() - self._started) / max(1, self._steps) * left
        named = ("train/loss", *(name for name in self.values if name.startswith("eval/")))
        shown = [f"{n.partition('/')[2]} {self.values[n]:.4g}" for n in named if n in self.values]
        shown += [f"{self._speed} clips/s"] * bool(self._speed)
        shown += [f"{tqdm.format_interval(seconds)} left"] * bool(left)
        _log.info("epoch %d of %d: %s", epoch, epochs, ", ".join(shown))

    def write(self, place: Mapping[str, float], values: Mapping[str, float]) -> None:
        """Writes one line: where the run stands, and the values there."""
        self.values.update(values)
        if self._file is not None and self._board is not None:
            line = {name: v if math.isfinite(v) else None for name, v in values.items()}
            with naming(self._file.name):
                self._file.write(json.dumps({**place, **line}) + "\n")
                self._file.flush()
            for name, value in values.items():
                self._board.add_scalar(name, value, int(place["step"]))
        if "train/loss" not in values:
            return
        shown = {"loss": f"{values['train/loss']:.4g}"}
        here = (place["clips_seen"], place["seconds"])
        if self._before is not None and here[1] > self._before[1]:
            speed = (here[0] - self._before[0]) / (here[1] - self._before[1])
            shown["clips/s"] = self._speed = f"{speed:.0f}"
            if self._board is not None:
                self._board.add_scalar("clips_per_second", speed, int(place["step"]))
        self._before = here
        self._bar.set_postfix(shown)
