"""``python -m pyg_skeletonmae`` is the command ``skeletonmae``."""

import sys

from pyg_skeletonmae.commands.cli import main

sys.exit(main())
