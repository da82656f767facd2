"""Bandai-Namco-Research-Motiondataset-2, 70 classes (content and style), few labels of each.

    SKELETONMAE_DATA=... python benchmarks/bandai_namco.py --method coordinates ST-GCN \\
        "graph_mae squared" graph_mae st_mae_vit --jobs 2

Motion capture of three actors, 2,902 clips, CC BY-NC 4.0; ``bandai_namco/bandai_namco2.npz`` in
``$SKELETONMAE_DATA`` is their packed form. Within each class every second clip, in the order of
names, is tested on. Models are pre-trained on the training half without labels; one or five clips
of each class are labelled, another draw for each seed. Nothing was chosen on the test half; the
settings of ``graph_temporal`` were chosen on the training half, among other data (see
``docs/methods/graph_temporal.md``).

Rows go to ``benchmarks/results.csv``, the tables to ``benchmarks/RESULTS.md``. A command may be
stopped and given again.
"""

from __future__ import annotations

import os
from pathlib import Path

from tables.bandai_namco_files import pack
from tables.bandai_namco_runs import PACKED, PROTOCOLS, bandai_namco
from tables.open_command import chosen, parser, work

from pyg_skeletonmae.io.packed import write_packed


def main() -> None:
    """Runs what is missing and writes the tables."""
    script = parser(__doc__, PROTOCOLS, "bandai_namco")
    script.add_argument("--pack", type=Path, help="the owner's folder of BVH files, to pack it")
    options = script.parse_args()
    root = Path(os.environ.get("SKELETONMAE_DATA", "data"))
    if options.pack:
        (root / PACKED).parent.mkdir(parents=True, exist_ok=True)
        write_packed(root / PACKED, pack(options.pack))
    elif options.table:
        work([], options)
    else:
        data = bandai_namco(root, options.out / "data", options.seeds)
        work(chosen(data, options), options)


if __name__ == "__main__":
    main()
