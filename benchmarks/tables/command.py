"""What all scripts share: their options, the data sets by name, and the way from runs to tables."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from pyg_skeletonmae.commands.cli import main as skeletonmae
from pyg_skeletonmae.commands.data_clips import open_dataset
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets.catalog import CATALOG
from tables.protocols import METHODS, Bench, Clips
from tables.publication import announced
from tables.results_page import write_page
from tables.rows import read_rows, write_rows
from tables.runner import Run, collect, end, execute
from tables.uiprmd_runs import planned

HERE = Path(__file__).parents[1]
_FLAT = ["--data.rotate=0"]  # rotations of the presets need a third coordinate
_NO_PROTOCOL = ("official", "odd/even")
# The data sets whose splits are known, by the names in settings: the name in tables, the splits.
_CLASSES = {"uiprmd": " 20 classes"}  # of the two sets of classes, those of the settings' default
DATASETS = {
    name: (data.title + _CLASSES.get(name, ""), data.splits)
    for name, data in CATALOG.items()
    if data.splits
}
Lists = Callable[[Bench, argparse.Namespace], Iterable[Run]]


def parser(about: str | None, datasets: Sequence[str], seeds: int = 3) -> argparse.ArgumentParser:
    """The options of a script.

    Args:
        about: The script's docstring.
        datasets: What it runs on, all of it unless told.
        seeds: How many seeds it takes unless told.
    """
    found = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    add = found.add_argument
    add("--data", type=Path, help="the folder with the owners' files, or a file of pyskl's")
    add("--datasets", nargs="+", default=list(datasets), choices=list(DATASETS), metavar="NAME")
    add("--splits", nargs="+", help="of the official ones; default: all")
    add("--method", nargs="+", default=list(METHODS), choices=list(METHODS), metavar="METHOD")
    add("--seeds", type=int, nargs="+", default=list(range(seeds)))
    add(
        "--jobs",
        type=int,
        default=1,
        help="runs at a time; 0: in this process",
        choices=range(65),
        metavar="N",
    )
    add("--out", type=Path, help="the folder of all run folders")
    add("--results", type=Path, help="the folder of results.csv and RESULTS.md")
    add("--select", default="last", choices=["last", "val-best", "test-best"])
    add("--small", action="store_true", help="presets for two CPU cores")
    add("--smoke", action="store_true", help="two steps of each run, to see that it works")
    add("--table", action="store_true", help="only write the tables")
    add("--dry", action="store_true", help="only say what differs from the publications")
    add(
        "--incomplete",
        help="of NTU RGB+D, the owners' list of clips to leave out: a file, or fetch",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="--KEY=VALUE",
        help="a further setting of every run, --set=--data.balanced=true; may be given again",
    )
    return found


def main(found: argparse.ArgumentParser, lists: Lists, argv: Sequence[str] | None = None) -> None:
    """Runs what is missing and writes the tables.

    Raises:
        SystemExit: An option means nothing here, or a run has failed or was left out.
    """
    options = found.parse_args(argv)
    _check(found, options)
    smoke, name = options.smoke, Path(found.prog).stem
    options.small = options.small or smoke
    out = options.out or Path("runs") / f"{name}{'-smoke' * smoke}"
    results = options.results or (out if smoke else HERE)
    runs = []
    for clips in _chosen(options, out):
        bench = Bench(clips, options.small, smoke, options.select, tuple(options.set))
        runs += list(lists(bench, options))
        print(*announced(bench, options.method), sep="\n", flush=True)
    if not runs:
        found.error("these options leave no run")
    if options.dry:
        return
    failed: list[str] = []
    if not options.table:
        for dataset in options.datasets:
            _prepare(dataset, options.data, smoke, options.incomplete)
        failed = execute(runs, out, 0 if smoke else options.jobs, results / "results.csv")
        write_rows(results / "results.csv", collect(runs, out))
    rows, notes = read_rows(results / "results.csv"), HERE / "notes.md"
    write_page(results / "RESULTS.md", rows, notes, [] if smoke else planned([0, 1, 2]))
    end(failed)


def _check(found: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    known = {split for name in options.datasets for split in DATASETS[name][1]}
    wrong = sorted(set(options.splits or ()) - known)
    if wrong:
        found.error(f"--splits {' '.join(wrong)}: expected some of {', '.join(sorted(known))}")
    if _is_pickle(options.data) and len(options.datasets) != 1:
        found.error(f"{options.data}: of which data set? Name it by --datasets")


def _is_pickle(path: Path | None) -> bool:
    return path is not None and path.suffix == ".pkl"


def _chosen(options: argparse.Namespace, out: Path) -> Iterator[Clips]:
    for dataset in options.datasets:
        for split in DATASETS[dataset][1]:
            if options.splits is None or split in options.splits:
                yield clips_of(dataset, split, options.data, out / "data", options.incomplete)


def clips_of(
    dataset: str, split: str, path: Path | None, cache: Path, incomplete: str | None = None
) -> Clips:
    """A data set with a split, by name; a pickle of poses stands for the data set it is of."""
    data = DATASETS[dataset][0]
    settings = [f"--data.cache={cache}"]
    key = dataset if split in _NO_PROTOCOL else f"{dataset}-{split}"
    if path is not None:
        settings.append(f"--data.path={path}")
    if _is_pickle(path):
        settings += ["--data.name=pyskl", f"--data.protocol={split}", *_FLAT]
        return Clips(f"{data}, 2-D poses", split, f"{key}-poses", tuple(settings), "pyskl2d")
    settings.append(f"--data.name={dataset}")
    if incomplete is not None and "incomplete" in CATALOG[dataset].options:
        settings.append(f"--data.incomplete={incomplete}")
    if CATALOG[dataset].flat:
        settings += _FLAT
    if split not in _NO_PROTOCOL:
        settings.append(f"--data.protocol={split}")
    fits = "pyskl2d" if CATALOG[dataset].flat else None if CATALOG[dataset].official else "ours"
    return Clips(data, split, key, tuple(settings), fits)


def _prepare(dataset: str, path: Path | None, smoke: bool, incomplete: str | None) -> None:
    """Reads the owners' files once, before runs do so at the same time."""
    if path is None:  # made here, or found by $SKELETONMAE_DATA: the first run reads it
        return
    name = "pyskl" if _is_pickle(path) else dataset
    how = ["--workers=0"] if smoke else []
    if incomplete is not None and "incomplete" in CATALOG[name].options:
        how.append(f"--incomplete={incomplete}")
    if skeletonmae(["prepare", name, f"--root={path}", *how]):
        raise SystemExit(f"{path}: {dataset} could not be prepared")
    poses = DataConfig(name="pyskl", path=str(path))
    if name == "pyskl" and open_dataset(poses).store.num_channels != 2:
        raise SystemExit(f"{path}: pickles are for 2-D poses here; of 3-D ones give the raw files")
