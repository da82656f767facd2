"""A release by itself, without the run that wrote it: the command ``skeletonmae release``."""

from __future__ import annotations

import shutil

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.parser import RELEASE
from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.files.manifest import MANIFEST, changed_files, read_manifest
from pyg_skeletonmae.files.write import write_folder


def add_release_arguments(parser: ArgumentParser) -> None:
    """Adds the options of :func:`pack_release` to its parser."""
    parser.add_argument("run", type=str, help=RELEASE)
    parser.add_argument("--out", type=str, required=True, help="The folder to write; a new one.")


def pack_release(run: str, out: str) -> None:
    """Copies the release of a run into a folder of its own, and prints what is in it.

    Only the files that its manifest lists are copied, each as it was written, with the manifest.

    Args:
        run: The folder of a run, a release folder, or ``user/name`` of the Hub.
        out: The folder to write, which must not be there, or be empty.

    Raises:
        ConfigError: Something lies at ``out``.
        CheckpointError: There is no release, it has no manifest, or a file is not as it was
            written.
    """
    from pyg_skeletonmae.training.hub import find_release  # Slow to import.
    from pyg_skeletonmae.training.release import release_data, release_of

    folder = release_of(find_release(run))
    listed = read_manifest(folder)
    if listed is None:
        raise CheckpointError(
            f"{folder}: no release with a {MANIFEST}; expected the folder of a run that was "
            "finished, or what save_release wrote"
        )
    for line in changed_files(folder):
        raise CheckpointError(line)
    data = release_data(folder)
    try:
        with write_folder(out) as beside:
            for name in (*listed, MANIFEST):
                shutil.copyfile(folder / name, beside / name)
            for line in changed_files(beside):
                raise CheckpointError(f"{line}; it changed while it was copied")
    except FileExistsError:
        raise ConfigError(f"--out {out}: exists; name a new folder") from None
    size = sum(size for size, _ in listed.values())
    licence = "not stated" if data is None else data.licence or "not stated"
    print(f"{out}: {len(listed)} files, {size / 1e6:.1f} MB; licence of its data: {licence}")
