"""UI-PRMD, 20 classes, held-out training subjects: where settings are chosen.

    SKELETONMAE_DATA=... python benchmarks/uiprmd_selection.py --jobs 2 --seeds 0 \\
        --method graph_temporal "graph_temporal tubes"

Subjects 1, 3 and 7 are trained on, 5 and 9 looked at; the even subjects, which ``uiprmd.py`` tests
on, are not read. Every pre-training sees 24,000 clips. Options, rows and tables are those of that
script.
"""

from __future__ import annotations

from tables.open_command import chosen, parser, work
from tables.uiprmd_runs import SELECTION


def main() -> None:
    """Runs what is missing and writes the tables."""
    options = parser(__doc__, list(SELECTION.protocols), "uiprmd_selection").parse_args()
    work(chosen(SELECTION, options), options)


if __name__ == "__main__":
    main()
