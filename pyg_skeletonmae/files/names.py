"""Names that people give to files, joints and classes, compared as people read them."""

from __future__ import annotations

import re
import unicodedata

_NOT_ON_WINDOWS = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)", re.IGNORECASE)


def nfc(name: str) -> str:
    """A name in the composed form of Unicode.

    ``ü`` is one character on most systems, and ``u`` with a mark after it in what macOS writes: the
    two look alike and are the same name. Applied wherever a name enters.
    """
    return unicodedata.normalize("NFC", name)


def portable(name: str) -> str:
    """A name as every system allows it for a file or folder, where the name comes from elsewhere.

    Windows forbids some characters (``:`` among them), dots and spaces at the end, and the names of
    its devices (``CON``, ``aux.npz``): the characters become ``_``, the others get one.
    """
    name = _NOT_ON_WINDOWS.sub("_", name)
    if _DEVICE.match(name):
        name = f"_{name}"
    return f"{name}_" if name.endswith((".", " ")) else name
