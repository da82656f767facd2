import os
from pathlib import Path

import pytest


def oracles() -> Path:
    """The folder of the recordings; without it, a test is skipped and says so."""
    root = os.environ.get("SKELETONMAE_ORACLES")
    if not root:
        pytest.skip("SKELETONMAE_ORACLES is not set")
    return Path(root)
