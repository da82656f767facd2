"""Run folders: what was run, with which settings and versions, and where its results lie."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pyg_skeletonmae.__about__ import __version__
from pyg_skeletonmae.commands.settings_file import parse_settings, read_settings
from pyg_skeletonmae.errors import CheckpointError, ConfigError, SkeletonMAEError
from pyg_skeletonmae.files.write import write_text
from pyg_skeletonmae.io.json_file import read_json

if TYPE_CHECKING:
    import torch

    from pyg_skeletonmae.datasets import ClipStore
    from pyg_skeletonmae.training.run_checkpoints import Resume

CONFIG, INFO, RESULTS, RELEASE = "config.yaml", "run.json", "results.json", "release"
SPLIT = (  # data settings that divide clips
    "protocol", "train_subjects", "test_subjects", "split_by", "train_values", "test_values",
)  # fmt: skip
LABELS = "labels.txt"  # the clips whose labels were read, where not all were
_log = logging.getLogger("pyg_skeletonmae")
_PACKAGES = ("torch", "torch-geometric", "numpy", "lightning-fabric")
# What may change when a run goes on: the Trainer checks its own settings, and a curve measures more
# labels and draws beside those that it has.
_FREE = (
    "out", "resume", "config", "trainer", "optim", "keep_memory", "curve", "verify", "pictures",
)  # fmt: skip
# What runs of earlier versions did, though their settings do not say it: the option is younger.
_BEFORE = {
    "model.init_args.loss": "cosine",
    "model.init_args.hidden": "token",
    "model.init_args.global_group": False,
    "model.init_args.learn_adjacency": False,
    "encoder.init_args.global_group": False,
    "data.pipeline": "ours",
    "flip": False,
    "statistics": "model",
}


def versions() -> dict[str, str]:
    """The versions that results depend on."""
    found = {"python": platform.python_version(), "pyg_skeletonmae": __version__}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def commit(package: Path = Path(__file__).parents[1]) -> str | None:
    """The commit of a checkout, with ``-dirty`` if the package differs; None where none is."""
    if not (package.parent / ".git").exists():
        return None
    git = ["git", "--no-optional-locks", "-C", str(package)]
    try:
        head = _output([*git, "rev-parse", "--short=12", "HEAD"])
        changed = _output([*git, "status", "--porcelain", "--untracked-files=no", "--", "."])
    except (OSError, subprocess.CalledProcessError):  # no git, or no commit yet
        return None
    return head + "-dirty" * bool(changed)


def peak_mib(device: torch.device | str = "cpu") -> int | None:
    """The most memory ever held, in MiB: by tensors on a GPU, by this process on a CPU.

    None for a process on Windows, where Python does not tell.
    """
    import torch  # Slow to import: only where used.

    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, kilobytes here


def has_state(folder: Path) -> bool:
    """Whether a folder holds more than what a run writes before it has computed anything."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return any(
        name not in (CONFIG, INFO, LABELS) and not name.startswith((".", "events.out."))
        for name in names
    )


def check_folder(folder: Path, config: Mapping[str, Any], resume: Resume) -> None:
    """Refuses a run folder that is taken, or one that cannot be resumed with these settings.

    Call it before anything is computed, and on the first process only.

    Raises:
        ConfigError: The folder holds something and ``resume`` is off (hidden files, which a killed
            start leaves, are nothing), or it is on and there is no
            run (``"auto"``: something else is there), or the run in it had other settings; the
            first such key is named.
        CheckpointError: The configuration of that run is damaged, or gone.
    """
    empty = folder.is_dir() and all(path.name[0] == "." for path in folder.iterdir())
    free = empty or not folder.exists()
    if not resume and not free:
        raise ConfigError(f"{folder}: exists already; give --resume to go on, or another --out")
    if free and resume is not True:
        return
    if not (folder / CONFIG).is_file():
        if (folder / INFO).exists() or any(folder.glob("*.ckpt")):
            raise CheckpointError(
                f"{folder / CONFIG}: no such file, so the settings of the run there are not known; "
                "restore it, or name another folder"
            )
        raise ConfigError(f"{folder}: holds no run to resume; leave --resume out to start one")
    before = {**_BEFORE, **flat(read_mapping(folder / CONFIG))}
    for key, value in flat(config).items():
        old = before.get(key)
        if key.split(".")[0] not in _FREE and old != value:
            raise ConfigError(
                f"{folder}: cannot resume with {key} = {value!r}: the run was started with {old!r}"
            )


def check_data(folder: Path, data_hash: str) -> None:
    """Refuses to go on with a run on other clips than it was started with.

    Raises:
        ConfigError: The content of the store is another than ``run.json`` says.
        CheckpointError: That file is damaged.
    """
    before = read_mapping(folder / INFO) if has_state(folder) and (folder / INFO).exists() else {}
    old = before.get("data_hash", data_hash)
    if old != data_hash:
        raise ConfigError(
            f"{folder}: cannot resume on other clips: the run was started on those of content "
            f"{old!s:.12}, these are of {data_hash:.12}; restore them or start a new run"
        )


def start(
    folder: Path,
    config: Mapping[str, Any],
    seed: int,
    clips: ClipStore | None = None,
    curves: bool = False,
) -> None:
    """Makes the run folder, if need be, and writes the resolved configuration and the facts.

    Args:
        folder: The folder.
        config: The configuration.
        seed: Of the run.
        clips: The store that it reads, whose content and place are noted; None: several, or none.
        curves: Say how the curves that will be there are looked at.
    """
    import torch

    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    info = {
        "command": ["skeletonmae", *sys.argv[1:]],
        "seed": seed,
        **({} if clips is None else {"data_hash": clips.content_hash}),
        **({} if clips is None or clips.in_memory else {"data_store": clips.place}),
        "settings_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": versions(),
        "commit": commit(),
        "machine": {
            "system": platform.platform(terse=True),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
    }
    write_text(folder / CONFIG, text)
    write_json(folder / INFO, info)
    if curves:
        _log.info(
            "run folder %s; curves: tensorboard --logdir %s", folder, shlex.quote(str(folder))
        )


@contextmanager
def started(
    folder: Path, config: Mapping[str, Any], seed: int, clips: ClipStore | None = None
) -> Iterator[None]:
    """Starts a run; of one that could not even begin nothing is left behind."""
    fresh = not folder.exists()
    start(folder, config, seed, clips, curves=True)
    try:
        yield
    except SkeletonMAEError:
        if fresh and {path.name for path in folder.iterdir()} <= {CONFIG, INFO, LABELS}:
            shutil.rmtree(folder)
        raise


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file, atomically."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(path, text)


def read_mapping(path: Path) -> dict[str, Any]:
    """Reads a file of a run folder that holds a mapping, as JSON or YAML by its ending.

    Raises:
        CheckpointError: It cannot be read, or holds something else.
    """
    try:
        content = read_json(path) if path.suffix == ".json" else parse_settings(read_settings(path))
    except (SkeletonMAEError, yaml.YAMLError) as error:
        reason = " ".join(str(error).removeprefix(f"{path}: ").split())
        raise CheckpointError(f"{path}: damaged ({reason})") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected a mapping, found {type(content).__name__}")
    return content


def data_section(folder: Path) -> dict[str, Any]:
    """The data settings of a run, none if it had none.

    Raises:
        CheckpointError: Its configuration is damaged.
    """
    section = read_mapping(folder / CONFIG).get("data") or {}
    if not isinstance(section, dict):
        raise CheckpointError(
            f"{folder / CONFIG}: data: expected a mapping, found {type(section).__name__}"
        )
    return section


def data_differences(
    pretrained: Path,
    data: Mapping[str, Any],
    keys: Sequence[str],
    before: Mapping[str, Any] | None = None,
) -> list[str]:
    """How the data settings of a run differ from those of the run that a model comes from.

    Args:
        pretrained: The folder of the model.
        data: The settings of the run.
        keys: Those that are compared.
        before: The model's; None: those of its run folder, if it is in one.
    """
    if before is None:
        before = data_section(pretrained) if (pretrained / CONFIG).is_file() else {}
    return [
        f"data.{key} is {data[key]!r}, was {before[key]!r} in {pretrained}"
        for key in keys
        if key in before and before[key] != data[key]
    ]


def split_differences(run: Path, data: Mapping[str, Any]) -> list[str]:
    """How the split of a run differs from these settings, if both are of one data set."""
    if data_differences(run, data, ("name",)):
        return []
    return data_differences(run, data, SPLIT)


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted keys."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found
