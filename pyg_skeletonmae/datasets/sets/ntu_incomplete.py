"""The owners' lists of NTU RGB+D clips whose skeletons are missing or incomplete."""

from __future__ import annotations

from pathlib import Path

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.files.plain import open_plain
from pyg_skeletonmae.io.download import fetch_all
from pyg_skeletonmae.io.npz import require_file
from pyg_skeletonmae.io.ntu import parse_name

OWNERS = "https://raw.githubusercontent.com/shahroudy/NTURGB-D/master/Matlab"
LISTS = {
    60: "NTU_RGBD_samples_with_missing_skeletons.txt",
    120: "NTU_RGBD120_samples_with_missing_skeletons.txt",
}
NUM_LISTED = {60: 302, 120: 535}  # those of 120 contain those of 60


def read_incomplete(path: str | Path) -> frozenset[str]:
    """The names on the owners' list of clips with missing or incomplete skeletons.

    Args:
        path: The owners' text file: a name in each line; lines of prose are skipped.

    Raises:
        SkeletonFormatError: The file is missing, too long, or holds no name.
    """
    path = require_file(path, "the list of incomplete clips")
    with open_plain(path) as file:
        text = file.read(2**20).decode("ascii", "replace")
    names = set()
    for line in text.splitlines():
        try:
            names.add(str(parse_name(line.strip())))
        except SkeletonFormatError:
            continue
    if not names:
        raise SkeletonFormatError(path, "the file", "names such as S001C002P005R002A008", "none")
    return frozenset(names)


def fetch_incomplete(
    root: str | Path, version: int, owners: str = OWNERS, timeout: float = 10.0
) -> Path:
    """The owners' list of a version, fetched from their repository unless it is in ``root``.

    The owners state no licence for their repository, so the list is not a part of this library.

    Args:
        root: The folder for it.
        version: 60 or 120.
        owners: The address of the folder that holds both.
        timeout: Seconds without an answer after which the server counts as silent.

    Returns:
        The file.

    Raises:
        DataError: It cannot be fetched.
        SkeletonFormatError: It is not the owners' list: the number of names is another.
    """
    path = Path(root) / LISTS[version]
    fetched = fetch_all(owners, [path.name], root, timeout)
    try:
        names = read_incomplete(path)
        if len(names) != NUM_LISTED[version]:
            expected = f"the {NUM_LISTED[version]} names of the owners' list"
            raise SkeletonFormatError(path, "the file", expected, f"{len(names)} names")
    except SkeletonFormatError:
        if fetched:
            path.unlink(missing_ok=True)
        raise
    return path


def incomplete_note(version: int, names: int | None) -> str:
    """What the card says about the list.

    Args:
        version: 60 or 120.
        names: The number of names on the list that was used; None = there was none.
    """
    expected = NUM_LISTED[version]
    if names is None:
        return f"with incomplete clips: no list was given, published numbers leave {expected} out"
    other = "" if names == expected else f", but the owners' list has {expected}"
    return f"without incomplete clips: a list of {names}{other}"
