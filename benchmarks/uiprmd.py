"""UI-PRMD, 20 classes (movement and correctness), across subjects: odd train, even test.

    SKELETONMAE_DATA=... python benchmarks/uiprmd.py --grid --jobs 2
    SKELETONMAE_DATA=... python benchmarks/uiprmd.py --method graph_mae --seeds 0 1 2 --jobs 2

The first line runs all that ``grid.yaml`` names, smallest first; the second some of it, and
``--measure frozen`` less: features of frozen networks alone, averaged over the clip, or
(``quarters``) kept apart for its four quarters. Finished
runs are skipped and broken ones resumed, so a command may be stopped and given again.

Every method uses the training subjects alone, for pre-training, fine-tuning and every choice: the
last epoch counts, and the settings in ``configs/`` were found on held-out training subjects. In
the label-poor protocol all odd subjects are pre-trained on, and labels of subjects 1 and 3 used; in
the semi-supervised ones, labels of a share of each class, another draw for each seed. In the yaw
protocol every clip whose features are measured, or that a classifier is trained on, is turned about
the vertical by a random angle; models are pre-trained as for the full protocol, those called
*turned* on clips that are turned anew in each epoch.

Rows go to ``benchmarks/results.csv``, the tables to ``benchmarks/RESULTS.md`` (``--table`` only
writes them).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tables.results_page import write_page
from tables.rows import read_rows, write_rows
from tables.runner import Run, collect, end, execute
from tables.uiprmd_runs import PROTOCOLS, grid, planned, runs, together
from tables.variants import PRETRAINED

HERE = Path(__file__).parent
MEASURES = ("frozen", "quarters", "trained")


def parser() -> argparse.ArgumentParser:
    """The options of this script."""
    found = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = found.add_argument
    add("--grid", action="store_true", help="all that grid.yaml names for a CPU")
    add("--gpu", action="store_true", help="all that grid.yaml names for a GPU")
    methods = ["coordinates", "ST-GCN", *PRETRAINED]
    add("--method", nargs="+", default=["graph_mae"], choices=methods, metavar="METHOD")
    add("--measure", nargs="+", default=list(MEASURES), choices=MEASURES)
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--protocols", nargs="+", default=["full", "label-poor"], choices=list(PROTOCOLS))
    add("--together", action="store_true", help="also all seeds of STRL as one classifier")
    add("--jobs", type=int, default=1, help="runs at a time", choices=range(1, 65), metavar="N")
    add("--out", type=Path, default=Path("runs/uiprmd"))
    add("--table", action="store_true", help="only write the tables")
    return found


def _asked_for(options: argparse.Namespace) -> Iterator[Run]:
    kinds = [gpu for gpu in (False, True) if (options.gpu if gpu else options.grid)]
    for gpu in kinds:
        yield from (run for run, _ in grid(options.seeds, gpu))
    for measure in options.measure if not kinds else ():
        yield from runs(measure, options.method, options.protocols, options.seeds)


def main() -> None:
    """Runs what is missing and writes the tables."""
    options = parser().parse_args()
    found = list(_asked_for(options))
    failed: list[str] = []
    if not options.table:
        failed = execute(found, options.out, options.jobs, HERE / "results.csv")
        for protocol in options.protocols if options.together else ():
            if run := together(options.seeds, protocol, options.out):
                found.append(run)
        write_rows(HERE / "results.csv", collect(found, options.out))
    rows = read_rows(HERE / "results.csv")
    write_page(HERE / "RESULTS.md", rows, HERE / "notes.md", planned([0, 1, 2]))
    end(failed)


if __name__ == "__main__":
    main()
