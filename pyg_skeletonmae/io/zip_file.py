"""Zip archives, opened after a look at how long their table of contents is."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

from pyg_skeletonmae.files.plain import open_plain

MAX_DIRECTORY = 16 * 2**20  # bytes of the table of contents, about 200,000 members
_END, _LOCATOR, _END64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"


def open_zip(path: str | Path) -> zipfile.ZipFile:
    """Opens a plain file as a zip archive.

    The archive must end with its table of contents (no comment behind it), so that every reader of
    zip files finds the same one; each member of it takes memory as soon as it is opened.

    Raises:
        OSError: The file cannot be opened, or is no plain file.
        zipfile.BadZipFile: It is no such archive, or has a table of more than 16 MiB.
    """
    with open_plain(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 98))
        tail = file.read().rjust(98, b"\0")
    end, locator, end64 = tail[-22:], tail[-42:-22], tail[:56]
    if not end.startswith(_END) or _END in end[1:]:
        raise zipfile.BadZipFile("it does not end as a zip archive does")
    directory = struct.unpack("<L", end[12:16])[0]
    if locator.startswith(_LOCATOR):
        if not end64.startswith(_END64):
            raise zipfile.BadZipFile("a table of contents that is not where it should be")
        directory = struct.unpack("<Q", end64[40:48])[0]
    if directory > MAX_DIRECTORY:
        raise zipfile.BadZipFile(f"a table of contents of {directory} bytes")
    return zipfile.ZipFile(path)
