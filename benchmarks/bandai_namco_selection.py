"""Bandai-Namco, 70 classes, the training half halved once more: where settings are chosen.

    SKELETONMAE_DATA=... python benchmarks/bandai_namco_selection.py --seeds 0 --measure frozen \\
        --method graph_temporal "graph_temporal no average"

The test half, which ``bandai_namco.py`` tests on, is not read. Every pre-training sees 24,000
clips. Options, rows and tables are those of that script.
"""

from __future__ import annotations

import os
from pathlib import Path

from tables.bandai_namco_runs import HELD_OUT, bandai_namco
from tables.open_command import chosen, parser, work


def main() -> None:
    """Runs what is missing and writes the tables."""
    options = parser(__doc__, [HELD_OUT], "bandai_namco_selection").parse_args()
    root = Path(os.environ.get("SKELETONMAE_DATA", "data"))
    data = bandai_namco(root, options.out / "data", options.seeds, held_out=True)
    work(chosen(data, options), options)


if __name__ == "__main__":
    main()
