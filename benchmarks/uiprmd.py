"""UI-PRMD, 20 classes (movement and correctness), across subjects: odd train, even test.

    SKELETONMAE_DATA=... python benchmarks/uiprmd.py --grid --jobs 2
    SKELETONMAE_DATA=... python benchmarks/uiprmd.py --method graph_mae --seeds 0 1 2 --jobs 2

The first line runs all that ``grid.yaml`` names, smallest first; the second some of it, and
``--measure frozen`` less: features of frozen networks alone, averaged over the clip, and kept apart
for its four quarters. Finished runs are skipped and broken ones resumed, so a command may be
stopped and given again; ``--list`` only says what would be run, and what it takes.

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

from tables.open_command import chosen, make, parser, work
from tables.uiprmd_runs import UIPRMD, grid, together


def main() -> None:
    """Runs what is missing and writes the tables."""
    script = parser(__doc__, list(UIPRMD.protocols), "uiprmd")
    script.add_argument("--grid", action="store_true", help="all that grid.yaml names for a CPU")
    script.add_argument("--gpu", action="store_true", help="all that grid.yaml names for a GPU")
    help_ = "also all seeds of STRL as one classifier"
    script.add_argument("--together", action="store_true", help=help_)
    options = script.parse_args()
    grids = [gpu for gpu in (False, True) if (options.gpu if gpu else options.grid)]
    runs = [run for gpu in grids for run, _ in grid(options.seeds, gpu)]
    runs = runs if grids else chosen(UIPRMD, options)
    if options.together and not (options.list or options.table):
        make(runs, options)
        both = [together(options.seeds, protocol, options.out) for protocol in options.protocols]
        runs = [run for run in both if run]
    work(runs, options)


if __name__ == "__main__":
    main()
