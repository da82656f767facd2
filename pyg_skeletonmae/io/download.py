"""Fetching public files."""

from pathlib import Path


def download_uiprmd(root: str | Path) -> int:
    return 0
