"""Names that people give to files, joints and classes, compared as people read them."""

from __future__ import annotations

import unicodedata


def nfc(name: str) -> str:
    """A name in the composed form of Unicode.

    ``ü`` is one character on most systems, and ``u`` with a mark after it in what macOS writes: the
    two look alike and are the same name. Applied wherever a name enters.
    """
    return unicodedata.normalize("NFC", name)
