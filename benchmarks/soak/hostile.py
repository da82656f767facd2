"""Hostile files at every entry: none may execute what it holds, and none may end in a traceback."""

from __future__ import annotations

import pickle
import random
import shutil
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from pyg_skeletonmae.datasets import SkeletonDataset
from soak.payloads import (
    MARK,
    MARKING,
    MODULE,
    NAMES,
    PICKLES,
    SETTINGS,
    npy,
    torch_legacy,
    torch_zip,
    within,
)
from soak.processes import Kill, run_line
from soak.scenes import ENCODER, PACKED, RELEASE, RUN, SCENES, write_data

Lines = list[tuple[str, ...]]
_ENDS = {0: "read as something harmless", 2: "refused", 3: "refused"}
_DATA = ("--data.cache=cache", "--data.frames=8", "--keep_memory=false")
_NPZ = ("--data.name=npz", f"--data.path={PACKED}", *_DATA)
_SHORT = ("--trainer.max_steps=1", "--trainer.max_epochs=null")
_TRAINED = f"of_{RELEASE}"
_PATIENCE = 120.0  # seconds of work of a command line; they take one or two


class Case(NamedTuple):
    """A hostile file and who reads it.

    Args:
        name: What it is.
        write: Writes it into a folder.
        lines: The command lines that read it there.
    """

    name: str
    write: Callable[[Path], object]
    lines: Lines


def try_hostile(folder: Path, count: int | None = None) -> int:
    """Tries them; prints what became of them, and returns 0 if none was executed or broke.

    Args:
        folder: An empty folder.
        count: So many of the command lines, drawn; None: all.
    """
    write_data(folder, lambda arguments, place: run_line(arguments, place).code)
    if not executes(folder / "control"):
        raise SystemExit("nothing here notices what is executed")
    tried = [(case, line) for case in cases() for line in case.lines]
    tried = tried if count is None else random.Random(0).sample(tried, count)
    found = Counter[str]()
    for case, line in tried:
        end, said = _try(case, line, folder)
        found[end] += 1
        if end not in _ENDS.values():
            print(f"{end}: {case.name}: {' '.join(line)}", said[-800:], sep="\n", flush=True)
    print("; ".join(f"{count} {end}" for end, count in found.most_common()))
    print(f"executed {found['EXECUTED']} of {found.total()}")
    return int(bool(found.keys() - _ENDS.values()))


def _try(case: Case, line: tuple[str, ...], folder: Path) -> tuple[str, str]:
    """What became of a command line beside a hostile file, and what it said."""
    place, said = folder / "case", folder / "said.txt"
    place.mkdir()
    for name in (PACKED, RELEASE, ENCODER, _TRAINED):
        source = folder / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, place / name)
    (place / f"{MODULE}.py").write_text(MARKING)
    case.write(place)
    said.unlink(missing_ok=True)
    code = run_line(line, place, Kill(seconds=_PATIENCE)).code
    end = _ENDS.get(code, f"ended with {code}")
    if code == -signal.SIGKILL:
        end = f"did not end in {_PATIENCE:.0f} s"
    if "Traceback" in said.read_text():
        end = "broke"
    if any(folder.rglob(MARK)):
        end = "EXECUTED"
        for mark in folder.rglob(MARK):
            mark.unlink()
    shutil.rmtree(place)
    return end, said.read_text()


def executes(place: Path) -> bool:
    """Whether pickles of these do what they are for, where they are loaded freely."""
    place.mkdir()
    (place / f"{MODULE}.py").write_text(MARKING)
    (place / "legacy.pt").write_bytes(torch_legacy(PICKLES["os.system"]))
    (place / "object.npy").write_bytes(npy(PICKLES["os.system"]))
    deaf = []
    for name, program in PICKLES.items():
        (place / "x.pkl").write_bytes(program)
        code = (
            "import pickle, torch, sys; sys.path.insert(0, '.'); pickle.load(open('x.pkl', 'rb'))"
        )
        if name in ("dotted", "torch.load", "torch.compile", "a tensor's hook"):
            continue  # each takes a second to try
        subprocess.run([sys.executable, "-c", code], cwd=place, check=False,
                       stderr=subprocess.DEVNULL)  # fmt: skip
        if not (place / MARK).exists():
            deaf.append(name)
        (place / MARK).unlink(missing_ok=True)
    if deaf:
        print(f"harmless even where they are loaded freely: {', '.join(deaf)}")
    return len(deaf) <= len(PICKLES) // 4


def cases() -> Iterator[Case]:
    """Every content in every place that could hold it, with all who read it there."""
    for name, program in PICKLES.items():
        yield from _pickles(name, program)
    for name, text in SETTINGS.items():
        yield from _settings(name, text)
    for name, text in NAMES.items():
        yield from _names(name, text)


def _pickles(name: str, program: bytes) -> Iterator[Case]:
    nested = within(program, "model")
    for kind, content in (
        ("zip", torch_zip(program)), ("dict in a zip", torch_zip(nested)),
        ("legacy", torch_legacy(nested)), ("bare", program),
    ):  # fmt: skip
        what = f"{name}, {kind}"
        lines: Lines = [("import", "F.pth", "--from", source, "out") for source in
                        ("mamp", "skeletonmae", "skeleton2vec")]  # fmt: skip
        yield Case(what, _writer("F.pth", content), lines[:1] if kind == "bare" else lines)
        again = SCENES["graph_mae"].arguments
        again = tuple(a.replace("../", "") for a in again)
        again = tuple(f"--out={_TRAINED}/{RUN}" if a == f"--out={RUN}" else a for a in again)
        yield Case(
            f"{what} for a checkpoint",
            _writer(f"{_TRAINED}/{RUN}/last.ckpt", content),
            [again, ("verify", f"{_TRAINED}/{RUN}"), ("compare", f"{_TRAINED}/{RUN}")],
        )
    weights = _writer(
        f"{RELEASE}/model.safetensors", torch_zip(program), f"{RELEASE}/manifest.json"
    )
    yield Case(f"{name} for weights", weights, _readers_of(RELEASE))
    data = [("prepare", "pyskl", "--root=F.pkl", "--out=out", "--workers=0"),
            ("pretrain", "--data.name=pyskl", "--data.path=F.pkl", *_DATA, "--out=out"),
            ("embed", RELEASE, "F.pkl", "--out=rows.npz"),
            ("view", "F.pkl", "--out=x.html"),
            ("check-pipeline", "F.pkl", "--pipeline=pyskl3d")]  # fmt: skip
    for kind, content in (("bare", program), ("annotations", within(program, "annotations"))):
        yield Case(f"{name}, {kind}, for poses", _writer("F.pkl", content), data)
    yield Case(
        f"{name} for labels",
        lambda folder: _write_stgcn(folder, program),
        [("evaluate", "--data.name=stgcn", "--data.path=stgcn", "--data.skeleton=coco17", *_DATA),
         ("prepare", "stgcn", "--root=stgcn", "--out=out", "--skeleton=coco17")],
    )  # fmt: skip
    yield Case(
        f"{name} in an npz",
        lambda folder: _write_npz(folder / "F.npz", folder / PACKED, program),
        [("pretrain", "--data.name=npz", "--data.path=F.npz", *_DATA, "--out=out"),
         ("predict", RELEASE, "F.npz"), ("view", "F.npz", "--out=x.html"),
         ("prepare", "poses", "--root=F.npz", "--format=arrays", "--skeleton=coco17", "--out=o")],
    )  # fmt: skip
    yield Case(
        f"{name} in an npy",
        _writer("poses/a.npy", npy(program)),
        [("prepare", "poses", "--root=poses", "--format=arrays", "--skeleton=coco17", "--out=o"),
         ("embed", RELEASE, "poses/a.npy", "--format=arrays", "--out=x.npz")],
    )  # fmt: skip
    for file in ("pos.npy", "index.npz"):
        yield Case(
            f"{name} in {file}",
            lambda folder, file=file: _write_store(folder, file, program),
            [("evaluate", "--data.name=store", "--data.path=store", *_DATA), ("verify", "store"),
             ("cache", "store"), ("embed", RELEASE, "store", "--out=x.npz")],
        )  # fmt: skip


def _readers_of(release: str) -> Lines:
    return [
        ("evaluate", f"--pretrained={release}", *_NPZ),
        ("finetune", "--model=Classifier", f"--pretrained={release}", *_NPZ, "--out=out"),
        ("predict", release, PACKED),
        ("embed", release, PACKED, "--out=rows.npz"),
        ("cluster", release, PACKED),
        ("export", release, "--to=torch"),
        ("view", PACKED, f"--release={release}", "--out=x.html", "--what=masked"),
        ("verify", release),
        ("release", release, "--out=packed"),
    ]


def _settings(name: str, text: str) -> Iterator[Case]:
    for place in ("model: {}", "model: {{class_path: GraphSkeletonMAE, init_args: {{mask: {}}}}}",
                  "trainer: {{optim: {}}}", "data: {}", "encoder: {}", "seed: {}"):  # fmt: skip
        content = place.format(text).encode()
        lines: Lines = [(command, "--config=F.yaml", *_NPZ, *_SHORT, "--out=out")
                        for command in ("pretrain", "finetune")]  # fmt: skip
        lines += [("evaluate", "--config=F.yaml", *_NPZ), ("demo", "--config=F.yaml", "--out=out")]
        yield Case(f"{name} as {place}", _writer("F.yaml", content), lines)
    small = (*_NPZ, *_SHORT, "--out=out")
    options = [("pretrain", f"--model={text}", *small),
               ("pretrain", f"--model.mask={text}", *small),
               ("pretrain", "--model=MaskedPretrainer", f"--encoder={text}", *small),
               ("finetune", f"--model={text}", *small), ("evaluate", f"--tune={text}", *_NPZ),
               ("prepare", "poses", "--root=.", f"--format={text}")]  # fmt: skip
    yield Case(f"{name} as an option", lambda folder: None, options)

    def spoil(folder: Path) -> None:
        path = folder / RELEASE / "config.json"
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        content = yaml.safe_load(path.read_text())
        content["model"] = value
        path.write_text(yaml.safe_dump(content, default_flow_style=True, width=10**6))
        (folder / RELEASE / "manifest.json").unlink()

    yield Case(f"{name} in a release", spoil, _readers_of(RELEASE))
    for file in ("preprocessing.yaml", "skeleton.yaml"):
        content = f"class_path: {text}\nname: {text}\n".encode()
        write = _writer(f"{RELEASE}/{file}", content, f"{RELEASE}/manifest.json")
        yield Case(f"{name} in {file}", write, _readers_of(RELEASE))
    run = f"{_TRAINED}/{RUN}"
    yield Case(
        f"{name} in a run",
        _writer(f"{run}/config.yaml", f"model: {text}\n".encode()),
        [("compare", run), ("verify", run), ("evaluate", f"--config={run}/config.yaml"),
         ("pretrain", *_NPZ, f"--out={run}", "--resume"),
         ("evaluate", f"--pretrained={run}", *_NPZ)],
    )  # fmt: skip


def _names(name: str, text: str) -> Iterator[Case]:
    def files(folder: Path) -> None:
        safe = text.replace("/", "_")
        shutil.copy(folder / PACKED, folder / f"{safe}.npz")
        shutil.copytree(folder / RELEASE, folder / safe)

    small = ("--model.hidden_channels=8", "--model.depth=1", *_SHORT, "--data.batch_size=6")
    yield Case(
        f"{name} for a name",
        files,
        [("pretrain", *small, *_NPZ, f"--out={text}x"),
         ("evaluate", "--data.name=npz", f"--data.path={text}.npz", *_DATA),
         ("evaluate", f"--pretrained={text}", *_NPZ, f"--out={text}y"),
         ("embed", text, f"{text}.npz", f"--out={text}z.csv"), ("verify", text),
         ("view", f"{text}.npz", f"--out={text}.html"), ("predict", text, f"{text}.npz")],
    )  # fmt: skip


def _writer(name: str, content: bytes, gone: str | None = None) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        if gone is not None:
            (folder / gone).unlink()

    return write


def _write_stgcn(folder: Path, program: bytes) -> None:
    (folder / "stgcn").mkdir()
    for side in ("train", "val"):
        clips = np.ones((4, 3, 6, 17, 1), np.float32)
        np.save(folder / "stgcn" / f"{side}_data.npy", clips)
        labels = program if side == "train" else pickle.dumps((["a"] * 4, [0] * 4))
        (folder / "stgcn" / f"{side}_label.pkl").write_bytes(labels)


def _write_npz(path: Path, packed: Path, program: bytes) -> None:
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            target.writestr(member, npy(program) if member == "name.npy" else source.read(member))


def _write_store(folder: Path, file: str, program: bytes) -> None:
    SkeletonDataset.from_npz(folder / PACKED, folder / "store")
    path = folder / "store" / file
    if path.suffix == ".npy":
        path.write_bytes(npy(program))
        return
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            target.writestr(name, npy(program) if name == "names.npy" else data)
