import os
from pathlib import Path

import pytest


def oracles() -> Path:
    """The folder of the recordings; without it, a test is skipped and says so."""
    return _folder("SKELETONMAE_ORACLES")


def real_data() -> Path:
    """The folder of the real data sets; without it, a test is skipped and says so."""
    return _folder("SKELETONMAE_DATA")


def _folder(variable: str) -> Path:
    root = os.environ.get(variable)
    if not root:
        pytest.skip(f"{variable} is not set", allow_module_level=True)
    return Path(root)
