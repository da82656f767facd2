"""Writes hostile checkpoints, releases, archives, YAML, JSON and links, and reads each of them.

It reads under the limits of ``fuzz_guard``, in this process. Argument: an empty folder. It prints
what became of each.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from training_helpers import Task, make_loader

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.import_checkpoint import import_official
from pyg_skeletonmae.errors import SkeletonMAEError
from pyg_skeletonmae.io import read_bvh, read_ntu, read_pyskl
from pyg_skeletonmae.io.npz import NpzFile
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.models import STSkeletonMAE, ViTBackbone
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import Trainer, load_checkpoint, load_release, save_release

# Fabric looks at the processor, and passes its seed on to workers; a run locks its folder.
OF_A_TRAINER = {"read /proc/cpuinfo", "did os.putenv", "did os.mkdir", "did os.remove"}
Case = tuple[str, Callable[[], object]]


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch RAN",)


def resume(folder: Path) -> object:
    trainer = Trainer(max_epochs=2, accelerator="cpu", progress=False)
    return trainer.fit(Task(), make_loader(), run_dir=folder, resume=True)


def checkpoints(folder: Path) -> list[Case]:
    """A run whose last checkpoint was changed in one place each."""
    run = folder / "run"
    Trainer(max_epochs=1, accelerator="cpu", progress=False).fit(Task(), make_loader(), run_dir=run)
    cases: list[Case] = []

    def case(name: str, change: Callable[[dict[str, Any]], object]) -> None:
        state = torch.load(run / "last.ckpt", weights_only=True)
        change(state)
        path = folder / name
        path.mkdir()
        torch.save(state, path / "last.ckpt")
        cases.append((name, lambda: resume(path)))

    def moment(**values: Any) -> Callable[[dict[str, Any]], object]:
        return lambda s: s["optimizer"]["state"][0].update(values)

    def rank(*keys: str, value: Any) -> Callable[[dict[str, Any]], object]:
        def change(state: dict[str, Any]) -> None:
            place = state["ranks"][0]
            for key in keys[:-1]:
                place = place[key]
            place[keys[-1]] = value

        return change

    case("moment_short", moment(exp_avg=torch.zeros(1)))
    case("moment_long", moment(exp_avg_sq=torch.zeros(4096, 3)))
    case("moment_double", moment(exp_avg=torch.zeros(8, 3, dtype=torch.float64)))
    case("moment_transposed", moment(exp_avg=torch.zeros(3, 8).t()))
    case("moment_nan", moment(exp_avg=torch.full((8, 3), float("nan"))))
    case("moment_negative", moment(exp_avg_sq=-torch.ones(8, 3)))
    case("moment_unknown", moment(max_exp_avg_sq=torch.zeros(8, 3)))
    case("moment_text", moment(exp_avg="text"))
    case("moment_steps", moment(step=torch.tensor(1e9)))
    case("moment_of_nobody", lambda s: s["optimizer"]["state"].update({99: {}}))
    case("rate_nan", lambda s: s["optimizer"]["param_groups"][0].update(lr=float("nan")))
    case("rate_huge", lambda s: s["optimizer"]["param_groups"][0].update(lr=1e30))
    case("beta", lambda s: s["optimizer"]["param_groups"][0].update(betas=(5.0, 5.0)))
    case("params", lambda s: s["optimizer"]["param_groups"][0].update(params=[0, 0, 0, 0, 0, 0]))
    case("schedule_step", lambda s: s["scheduler"].update(last_epoch=-7))
    case("schedule_rates", lambda s: s["scheduler"].update(base_lrs=[1e9]))
    case("step_text", lambda s: s["progress"].update(step="4"))
    case("step_other", lambda s: s["progress"].update(step=3))
    case("seconds", lambda s: s["progress"].update(seconds=float("inf")))
    case("best", lambda s: s["progress"].update(best={"best": "x", "best_step": 1}))
    case("weight_nan", lambda s: s["model"]["head.weight"].fill_(float("nan")))
    case("weight_integer", lambda s: s["model"].update({"head.bias": torch.zeros(2).long()}))
    case("variance", lambda s: s["model"]["encoder.1.running_var"].fill_(-1.0))
    case("batches", lambda s: s["model"]["encoder.1.num_batches_tracked"].fill_(-1))
    case("feed_batch", rank("feed", "batch", value=10**9))
    case("feed_epoch", rank("feed", "epoch", value=-1))
    case("no_rank", lambda s: s.update(ranks=[]))
    case("interval", rank("interval", value={"loss": torch.zeros(2, 2)}))
    case("torch_random", rank("random", "torch", value=torch.zeros(10, dtype=torch.uint8)))
    case("python_random", rank("random", "python", value=(3, torch.full((625,), 2**40), None)))
    case("numpy_place", rank("random", "numpy", "state", "pos", value=10**7))
    case("settings", lambda s: s.update(settings={}))
    case("precision", lambda s: s.update(precision={"scale": 0.0}))
    return cases


def archives(folder: Path) -> list[Case]:
    """Files that torch.save could have written, but for one claim."""
    cases: list[Case] = []

    def case(name: str, content: Any, change: Callable[[str, bytes], bytes] | None = None,
             method: int = zipfile.ZIP_STORED, twice: bool = False) -> None:  # fmt: skip
        path = folder / f"{name}.ckpt"
        torch.save(content, path)
        if change is not None or method or twice:
            with zipfile.ZipFile(path) as archive:
                members = [(info.filename, archive.read(info)) for info in archive.infolist()]
            with zipfile.ZipFile(path, "w", method) as archive:
                for member, data in members * (1 + twice):
                    archive.writestr(member, change(member, data) if change else data)
        cases.append((name, lambda: load_checkpoint(path)))

    plain = {"format": 1, "a": torch.arange(1000.0)}
    case("packed", {"format": 1, "a": torch.zeros(50_000_000)}, method=zipfile.ZIP_DEFLATED)
    case("twice", plain, twice=True)
    case("expanded", {"format": 1, "a": torch.zeros(1).expand(10**9)})
    case("sparse", {"format": 1, "a": torch.eye(3).to_sparse()})
    case("meta", {"format": 1, "a": torch.zeros(10**9, device="meta")})
    # A storage of 1000 numbers, which says that it has 64,000.
    case("over_read", plain, lambda name, data: data.replace(b"M\xe8\x03", b"M\x00\xfa"))
    case("cut", plain, lambda name, data: data[:10] if "data/" in name else data)
    case("runs", {"format": 1, "a": Hostile()})
    case("chain", {"format": 1, "a": _deep(200)})
    case("shared", {"format": 1, "a": _shared([], 40)})
    case("hashed", {"format": 1, "a": _shared((1,), 40)})
    pickled = folder / "legacy.ckpt"
    torch.save(plain, pickled, _use_new_zipfile_serialization=False)
    cases.append(("legacy", lambda: load_checkpoint(pickled)))
    official = folder / "official.pth"
    torch.save(
        {"model": {"norm.weight": torch.full((3,), float("nan"))}, "args": Hostile()}, official
    )
    cases.append(("import", lambda: import_official(official, "mamp", folder / "imported")))
    return cases


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def _shared(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = type(value)((value, value))
    return value


def releases(folder: Path) -> list[Case]:
    """Releases that ask for more than their weights are."""
    backbone = ViTBackbone(hidden_channels=8, depth=1, heads=2, decoder_channels=8, decoder_depth=1)
    model = STSkeletonMAE(UIPRMD22, 3, 8, backbone)
    cases: list[Case] = []

    def case(name: str, change: Callable[[dict[str, Any], dict[str, Tensor]], object]) -> None:
        path = save_release(model, folder / name)
        config = json.loads((path / "config.json").read_text())
        weights = load_file(path / "model.safetensors")
        change(config["model"]["init_args"], weights)
        (path / "config.json").write_text(json.dumps(config))
        save_file(weights, path / "model.safetensors")
        cases.append((name, lambda: load_release(path)))

    def parts(**values: Any) -> Callable[..., object]:
        return lambda args, _: args["backbone"]["init_args"].update(values)

    case("width", parts(hidden_channels=20_000))
    case("depth", parts(depth=10**9))
    case("depth_million", parts(depth=10**6))
    case("ratio", parts(mlp_ratio=1e9))
    case("time", lambda args, _: args.update(frames=4 * 10**8))
    case("nan", lambda _, weights: next(iter(weights.values())).view(-1)[:1].fill_(float("nan")))
    case("integers", lambda _, w: w.update({k: t.long() for k, t in w.items()}))
    path = save_release(model, folder / "header")
    (path / "model.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{}")
    cases.append(("header", lambda: load_release(path)))
    return cases


def texts(folder: Path) -> list[Case]:
    """YAML and JSON."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
    )
    contents = {
        "bomb.yaml": bomb,
        "merge.yaml": "a: &a {x: 1}\n" + "b: &b {<<: [*a, *a]}\n" * 2,
        "itself.yaml": "a: &a [*a]",
        "deep.yaml": "[" * 100_000,
        "long.yaml": "- 1\n" * 100_000,
        "digits.yaml": "a: " + "9" * 100_000,
        "twice.yaml": "a: 1\na: 2",
        "tag.yaml": "a: !!python/object/apply:os.system ['touch RAN']",
        "deep.json": "[" * 100_000,
        "nan.json": '{"a": NaN}',
        "twice.json": '{"a": 1, "a": 2}',
        "digits.json": '{"a": ' + "9" * 100_000 + "}",
    }
    cases: list[Case] = []
    for name, text in contents.items():
        path = folder / name
        path.write_text(text)
        cases.append((name, lambda path=path: runs.read_mapping(path)))
    return cases


def links(folder: Path) -> list[Case]:
    """What is no plain file, by every kind of reader."""
    os.mkfifo(folder / "pipe")
    run = folder / "piped"
    run.mkdir()
    cases: list[Case] = []
    readers: dict[str, Callable[[Path], object]] = {
        "a.yaml": runs.read_mapping, "b.json": runs.read_mapping, "c.ckpt": load_checkpoint,
        "d.bvh": read_bvh, "e.skeleton": read_ntu, "f.npz": NpzFile, "g.pkl": read_pyskl,
        "h.yaml": Skeleton.from_yaml,
    }  # fmt: skip
    for target in (folder / "pipe", Path("/dev/zero")):
        for name, read in readers.items():
            path = run / f"{target.name}_{name}"
            path.symlink_to(target)
            cases.append((path.name, lambda read=read, path=path: read(path)))
        release = folder / f"release_{target.name}"
        release.mkdir()
        (release / "config.json").symlink_to(target)
        cases.append((release.name, lambda release=release: load_release(release)))
    pickled = folder / "system.pkl"
    pickled.write_bytes(pickle.dumps(Hostile()))
    cases.append(("system.pkl", lambda: read_pyskl(pickled)))
    return cases


def main(folder: Path) -> None:
    from fuzz.guard import Guard

    os.chdir(folder)
    torch.set_num_threads(1)
    cases = [
        case for make in (checkpoints, archives, releases, texts, links) for case in make(folder)
    ]
    guard, found = Guard(folder), {}
    for name, call in [*cases[:1], *cases[-10:-8], *cases]:  # what is imported on first use
        print(name, file=sys.stderr)  # the last one, if it kills
        seen = guard.watch(call)
        error = seen.error and [isinstance(seen.error, SkeletonMAEError), str(seen.error)]
        usual = OF_A_TRAINER | {f"wrote {folder / f'.{name}.lock'}"}
        found[name] = {"error": error, "problems": sorted({*seen.problems} - usual)}
    print(json.dumps(found))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    main(Path(sys.argv[1]))
