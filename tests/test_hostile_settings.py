"""Settings that name what is no model: nothing is imported, called or written, one line is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import FAST, runner, the_error, write_packed

from pyg_skeletonmae.files.manifest import MANIFEST, write_manifest
from pyg_skeletonmae.models import Classifier, GraphEncoder
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import save_release

MODULE = "module_that_marks"
MARKING = """
from pathlib import Path
Path(__file__).with_name("imported").touch()
class Model:
    def __init__(self, *args, **kwargs):
        Path(__file__).with_name("called").touch()
def build(*args, **kwargs):
    Path(__file__).with_name("called").touch()
"""
SKELETON = Skeleton.from_parents("sticks", [f"joint_{i}" for i in range(3)], [-1, 0, 1])
CALL = "{class_path: %s, init_args: %s}"
TOUCH = "{command: touch called}"


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """``run(*arguments)``, after which nothing must have happened."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for variable in ("SKELETONMAE_DATA", "JSONARGPARSE_DEFAULT_ENV"):
        monkeypatch.delenv(variable, raising=False)
    Path(f"{MODULE}.py").write_text(MARKING)
    Path("payload.py").write_text("open('called', 'w')")
    Path("keep").touch()
    write_packed(tmp_path / "sticks.npz")
    return runner(capsys)


def refused(result: tuple[int, str, str], folder: Path) -> str:
    line = the_error(result)
    untouched(folder)
    assert not (folder / "out").exists()
    return line


def untouched(folder: Path) -> None:
    assert MODULE not in sys.modules and "antigravity" not in sys.modules
    assert not (folder / "imported").exists() and not (folder / "called").exists()
    assert (folder / "keep").exists()


def mask(text: str) -> str:
    return f"{{class_path: GraphSkeletonMAE, init_args: {{mask: {text}}}}}"


MODELS = {
    "os.system": CALL % ("os.system", TOUCH),
    "posix.system": CALL % ("posix.system", TOUCH),
    "popen": CALL % ("subprocess.Popen", "{args: [touch, called]}"),
    "getoutput": CALL % ("subprocess.getoutput", "{cmd: touch called}"),
    "exec": CALL % ("builtins.exec", "{source: \"open('called', 'w')\"}"),
    "eval": CALL % ("builtins.eval", "{source: \"open('called', 'w')\"}"),
    "open": CALL % ("builtins.open", "{file: called, mode: w}"),
    "remove": CALL % ("os.remove", "{path: keep}"),
    "rmtree": CALL % ("shutil.rmtree", "{path: .}"),
    "run_path": CALL % ("runpy.run_path", "{path_name: payload.py}"),
    "import_module": CALL % ("importlib.import_module", f"{{name: {MODULE}}}"),
    "partial": CALL % ("functools.partial", "{func: os.system}"),
    "a module that imports itself": CALL % ("antigravity.fly", "{}"),
    "a class": CALL % (f"{MODULE}.Model", "{}"),
    "a class, in short": f"{MODULE}.Model",
    "a function": f"{MODULE}.build",
    "a module": MODULE,
    "a re-export": "pyg_skeletonmae.commands.parser.yaml.safe_load",
    "a re-export of torch": CALL % ("pyg_skeletonmae.models.from_config.torch.load", "{f: keep}"),
    "a re-export of a model": "pyg_skeletonmae.commands.cli_errors.re.compile",
    "a model by another module": "pyg_skeletonmae.commands.encoders.STRL",
    "a method": "pyg_skeletonmae.models.GraphSkeletonMAE.train",
    "a constructor": "pyg_skeletonmae.models.GraphSkeletonMAE.__init__",
    "a function of the package": "pyg_skeletonmae.commands.run_folders.commit",
    "a layer": CALL % ("torch.nn.Linear", "{in_features: 3, out_features: 3}"),
    "in a list": f"[{{class_path: {MODULE}.Model}}]",
    "a name that is no name": "{class_path: 'os.system;x'}",
    "a list for a name": "{class_path: [os.system]}",
    "a number for a name": "{class_path: 3}",
    "a mask": mask(CALL % (f"{MODULE}.Model", "{}")),
    "a mask, in short": mask(f"{MODULE}.Model"),
    "a mask, os.system": mask(CALL % ("os.system", TOUCH)),
    "a mask, in a list": mask(f"[{{class_path: {MODULE}.Model}}]"),
    "a backbone": f"{{class_path: STSkeletonMAE, init_args: {{backbone: {MODULE}.Model}}}}",
    "three deep": CALL
    % ("STSkeletonMAE", "{backbone: %s}")
    % (CALL % ("ViTBackbone", f"{{depth: {{class_path: os.system, init_args: {TOUCH}}}}}")),
    "in dict_kwargs": f"{{class_path: STRL, dict_kwargs: {{x: {{class_path: {MODULE}.Model}}}}}}",
    "for the skeleton": CALL % ("STRL", f"{{skeleton: {{class_path: {MODULE}.Model}}}}"),
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_by_a_file(run, tmp_path, model):
    Path("bad.yaml").write_text(f"model: {model}\nout: out\n")
    refused(run("pretrain", "--config=bad.yaml"), tmp_path)
    refused(run("finetune", "--config=bad.yaml"), tmp_path)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_by_an_option(run, tmp_path, model):
    refused(run("pretrain", f"--model={model}", "--out=out"), tmp_path)


def test_what_is_said(run, tmp_path):
    line = refused(run("pretrain", "--model=os.system"), tmp_path)
    assert line == (
        "model.class_path: 'os.system' is none of the classes that settings may name; your own "
        "classes: --allow_class my_package.MyClass"
    )
    line = refused(run("pretrain", "--model.mask=pyg_skeletonmae.transforms.PartMsk"), tmp_path)
    assert line.startswith("model.init_args.mask.class_path: ")
    assert line.endswith("did you mean PartMask?")
    line = refused(run("finetune", "--model=pyg_skeletonmae.models.Classifier.train"), tmp_path)
    assert "is none of the classes that settings may name" in line


ELSEWHERE = {
    "trainer": "trainer: {class_path: %s}",
    "optim": "trainer: {optim: {class_path: %s}}",
    "optim, in short": "trainer: {optim: %s}",
    "data": "data: {class_path: %s}",
    "data, in short": "data: %s",
    "a number of data": "data: {frames: {class_path: %s}}",
    "a list of data": "data: {train_subjects: [{class_path: %s}]}",
    "an unknown key": "callbacks: [{class_path: %s}]",
    "what is handed on": "resolved: {class_path: %s}",
    "the user's classes": "classes: [%s]",
    "the list itself": "allow_class: %s\nmodel: module_that_marks.Model",
    "another file": "config: %s",
    "a tag": "model: !!python/object/apply:%s ['touch called']",
}


@pytest.mark.parametrize("name", ["os.system", f"{MODULE}.Model"])
@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE)
def test_in_other_places_of_a_file(run, tmp_path, text, name):
    Path("bad.yaml").write_text(text % name)
    for command in ("pretrain", "finetune", "evaluate", "demo"):
        refused(run(command, "--config=bad.yaml", "--out=out"), tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("pretrain", f"--model.class_path={MODULE}.Model"),
        ("pretrain", f"--model.init_args.mask={MODULE}.Model"),
        ("pretrain", f"--model.mask.class_path={MODULE}.Model"),
        ("pretrain", "--model.help", f"{MODULE}.Model"),
        ("finetune", f"--model.help={MODULE}.Model"),
        ("pretrain", f"--model.mask.help={MODULE}.Model"),
        ("pretrain", f"--model+={MODULE}.Model"),
        ("pretrain", f"--model={MODULE}.Model", "--print_config"),
        ("pretrain", f"--config={{model: {MODULE}.Model}}"),
        ("pretrain", f"--trainer={{optim: {{class_path: {MODULE}.Model}}}}"),
        ("pretrain", f"--trainer.optim={MODULE}.Model"),
        ("evaluate", f"--tune={MODULE}.Model"),
        ("demo", f"--method={MODULE}.Model"),
        ("prepare", "poses", "--root=.", f"--format={MODULE}.Model"),
        ("prepare", "poses", "--root=.", f"--allow_class={MODULE}.Model"),
    ],
    ids=" ".join,
)
def test_by_other_options(run, tmp_path, arguments):
    refused(run(*arguments), tmp_path)


def test_by_files_within_files(run, tmp_path):
    Path("model.yaml").write_text(f"model: {MODULE}.Model")
    Path("optim.yaml").write_text(f"class_path: {MODULE}.Model")
    Path("trainer.yaml").write_text("optim: optim.yaml")
    Path("outer.yaml").write_text("trainer: trainer.yaml")
    Path("loop.yaml").write_text("config: loop.yaml")
    refused(run("pretrain", "--config=outer.yaml"), tmp_path)
    refused(run("pretrain", "--trainer=trainer.yaml"), tmp_path)
    refused(run("pretrain", "--data=optim.yaml"), tmp_path)
    refused(run("pretrain", "--config=loop.yaml"), tmp_path)
    refused(run("pretrain", "--config=outer.yaml", "--config=model.yaml"), tmp_path)
    Path("outer.yaml").write_text("config: model.yaml")
    refused(run("pretrain", "--config=outer.yaml"), tmp_path)


def test_the_environment_holds_no_settings(run, tmp_path, monkeypatch):
    Path("bad.yaml").write_text(f"model: {MODULE}.Model\nseed: 7")
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    for command in ("PRETRAIN", "FINETUNE"):
        monkeypatch.setenv(f"SKELETONMAE_{command}__CONFIG", "bad.yaml")
        monkeypatch.setenv(f"SKELETONMAE_{command}__MODEL", f"{MODULE}.Model")
        monkeypatch.setenv(f"SKELETONMAE_{command}__ALLOW_CLASS", f"{MODULE}.Model")
    for command in ("pretrain", "finetune"):
        code, out, _ = run(command, "--print_config")
        assert code == 0 and "seed: 0" in out and MODULE not in out
        refused(run(command, "--data.path=nowhere"), tmp_path)


# Run folders and releases ----------------------------------------------------------------------


def hostile_release(folder: Path, name: str) -> None:
    """A release whose encoder would be built by ``name``."""
    model = Classifier(GraphEncoder(SKELETON, 3, hidden_channels=8, depth=1), 2, "linear")
    save_release(model, folder)
    config = json.loads((folder / "config.json").read_text())
    config["model"]["init_args"]["encoder"] = {
        "class_path": name,
        "init_args": {"command": "touch called"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / MANIFEST).unlink()
    write_manifest(folder)  # as who means harm would


@pytest.mark.parametrize(
    "name",
    ["os.system", f"{MODULE}.Model", "Model", "pyg_skeletonmae.models.GraphEncoder", "Skeleton"],
)
def test_in_a_release(run, tmp_path, name):
    hostile_release(tmp_path / "run" / "release", name)
    (tmp_path / "run" / "config.yaml").write_text(f"model: {{class_path: {name}}}\n")
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    data = ("--data.name=npz", "--data.path=sticks.npz", "--data.frames=8", "--keep_memory=false")
    for command in (
        ("finetune", "--model=Classifier", "--pretrained=run", "--out=out"),
        ("evaluate", "--pretrained=run", "--out=out"),
        ("evaluate", "--pretrained=run", "--random_init"),
        ("evaluate", "--protocol=ensemble", "--ensemble.runs=[run,run]"),
        ("evaluate", "--protocol=finetune", "--pretrained=run", "--out=out"),
    ):
        line = refused(run(*command, *data), tmp_path)
        assert line.startswith("run/release/config.json: model: ")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == before


def test_in_a_run_folder(run, tmp_path):
    (tmp_path / "run").mkdir()
    text = f"model: {CALL % ('os.system', TOUCH)}\nseed: {{class_path: {MODULE}.Model}}\n"
    (tmp_path / "run" / "config.yaml").write_text(text)
    data = ("--data.name=npz", "--data.path=sticks.npz", *FAST)
    for command in ("pretrain", "finetune"):
        line = refused(run(command, *data, "--out=run", "--resume"), tmp_path)
        assert line.startswith("run: cannot resume with ")
        refused(run(command, "--config=run/config.yaml"), tmp_path)
    refused(run("evaluate", "--config=run/config.yaml"), tmp_path)
    refused(run("evaluate", "--data.name=synthetic", "--pretrained=run"), tmp_path)
    code, out, _ = run("compare", "run", "run")  # it prints settings and builds nothing
    assert code == 0 and "finished" in out
    untouched(tmp_path)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.yaml"]


# Files that fill memory, time or stack -----------------------------------------------------------


def bomb() -> str:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return "\n".join(lines)


BOMBS = {
    "aliases": (bomb(), "anchors and aliases"),
    "aliases in a text": ("seed: '{a: &a [x, x], b: [*a, *a]}'", "nested lists or aliases"),
    "itself": ("data: &a\n  frames: *a", "anchors and aliases"),
    "deep": ("[" * 300_000, "nested deeper"),
    "deep in a text": (f"seed: '{'[' * 300_000}'", "nested lists or aliases"),
    "many": (f"[{'1,' * 200_000}]", "more than 50000 entries"),
    "large": ("#" * 2**21, "larger than 1024 KiB"),
    "a device": ("data: /dev/zero", "/dev/zero: neither a plain file nor a folder"),
    "no text": (b"\xff\xfe\x00", "expected text in UTF-8"),
    "no mapping": ("- 1", "Unexpected config"),
    "control characters": (b"a: \x00", "bad.yaml: "),
}


@pytest.mark.parametrize(("content", "said"), BOMBS.values(), ids=BOMBS)
def test_files_out_of_proportion(run, tmp_path, content, said):
    Path("bad.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert said in refused(run("pretrain", "--config=bad.yaml"), tmp_path)
    (tmp_path / "run").mkdir()
    Path("bad.yaml").rename("run/config.yaml")
    line = refused(run("compare", "run"), tmp_path)
    assert line.startswith("run/config.yaml: ")


@pytest.mark.parametrize("command", [("pretrain", "--config=pipe"), ("compare", "run")])
def test_a_pipe_is_not_waited_for(run, tmp_path, command):
    os.mkfifo("pipe")
    (tmp_path / "run").mkdir()
    os.mkfifo("run/config.yaml")
    refused(run(*command), tmp_path)


# The user's own classes --------------------------------------------------------------------------

OWN = """
from torch import nn
from pyg_skeletonmae import Skeleton
from pyg_skeletonmae.models import SkeletonModel
from pyg_skeletonmae.models.base import SkeletonEncoder
from pyg_skeletonmae.models import GraphEncoder, STRL
from pyg_skeletonmae.transforms.masking import RandomMask
class MyMask(RandomMask):
    def __init__(self, ratio: float = 0.5) -> None:
        super().__init__(ratio)
class MyEncoder(GraphEncoder):
    pass
class MySTRL(STRL):
    pass
class OwnEncoder(SkeletonEncoder):
    def __init__(self, skeleton: Skeleton, width: int = 4) -> None:
        super().__init__(skeleton, width)
        self.linear = nn.Linear(3, width)
    def encode_tracks(self, pos):
        return self.linear(pos)
class NoBatches(SkeletonModel):
    def __init__(self, skeleton: Skeleton) -> None:
        super().__init__()
        self.linear, self.skeleton, self.out_channels = nn.Linear(3, 4), skeleton, 4
    def encode_tracks(self, pos):
        return self.linear(pos)
class Other(RandomMask):
    pass
def build(*args, **kwargs):
    raise SystemExit("called")
number = 3
"""


@pytest.fixture
def own(run, tmp_path):
    Path("own_classes.py").write_text(OWN)
    yield run
    sys.modules.pop("own_classes", None)


def test_a_class_that_the_person_allows(own, tmp_path):
    Path("mine.yaml").write_text(
        "model:\n  class_path: GraphSkeletonMAE\n  init_args:\n    hidden_channels: 8\n"
        "    depth: 1\n    mask: {class_path: own_classes.MyMask, init_args: {ratio: 0.4}}\n"
    )
    data = ("--data.name=npz", "--data.path=sticks.npz", *FAST)
    command = ("pretrain", "--config=mine.yaml", *data)
    refused(own(*command, "--out=out"), tmp_path)
    assert "own_classes" not in sys.modules
    allow = "--allow_class=own_classes.MyMask"
    code, _, err = own(*command, "--out=run", allow)
    assert code == 0, err
    assert "own_classes.MyMask" in Path("run/config.yaml").read_text()
    # A release with it is read where the person says so again, and only there.
    tune = ("finetune", *data, "--model.hidden_channels=8", "--model.depth=1", "--pretrained=run")
    assert "unknown class 'MyMask'" in refused(own(*tune, "--out=out"), tmp_path)
    code, _, err = own(*tune, "--out=tuned", "--allow_class", "own_classes.MyMask")
    assert code == 0, err
    measure = ("evaluate", *data[:3], "--keep_memory=false", "--pretrained=run")
    assert own(*measure, allow)[0] == 0
    assert own(*measure)[0] == 2
    # The next call allows nothing any more, and a file may name that class alone.
    refused(own(*command, "--out=out"), tmp_path)
    other = Path("mine.yaml").read_text().replace("MyMask", "Other")
    Path("mine.yaml").write_text(other)
    refused(own(*command, "--out=out", allow), tmp_path)


def test_a_classifier_of_ones_own(own, tmp_path):
    data = ("--data.name=npz", "--data.path=sticks.npz", *FAST)
    tiny = ("--model.hidden_channels=8", "--model.depth=1")
    allow = ("--allow_class=own_classes.MySTRL", "--allow_class=own_classes.MyEncoder")
    code, _, err = own("finetune", "--model=own_classes.MySTRL", *data, *tiny, "--out=run", *allow)
    assert code == 0, err
    line = refused(own("pretrain", "--model=own_classes.MySTRL", *allow, "--out=out"), tmp_path)
    assert "MySTRL" in line  # no model to pre-train


def test_an_encoder_of_ones_own(own, tmp_path):
    """It says nothing of its channels, so that any are taken; in all protocols, and fine-tuned."""
    import own_classes

    save_release(own_classes.OwnEncoder(SKELETON), tmp_path / "release")
    data = ("--data.name=npz", "--data.path=sticks.npz", "--data.frames=8", "--keep_memory=false")
    allow = "--allow_class=own_classes.OwnEncoder"
    for more in (
        ("--protocol=linear",),
        ("--random_init",),
        ("--protocol=linear-sgd", "--tune.epochs=1", "--out=probed"),
        ("--protocol=ensemble", "--ensemble.runs=[probed,probed]"),
    ):
        code, _, err = own("evaluate", "--pretrained=release", *data, *more, allow)
        assert code == 0, err
    tune = ("finetune", "--model=Classifier", "--pretrained=release", *data)
    assert own(*tune, "--trainer.max_epochs=1", "--out=tuned", allow)[0] == 0
    for command in (tune, ("evaluate", "--pretrained=release", *data)):
        assert "unknown class 'OwnEncoder'" in the_error(own(*command, "--out=out"))
    save_release(own_classes.NoBatches(SKELETON), tmp_path / "other")
    evaluate = ("evaluate", "--pretrained=other", *data, "--allow_class=own_classes.NoBatches")
    error = the_error(own(*evaluate))
    assert "other: expected a model with an encoder" in error
    assert "NoBatches has no forward(batch); derive it from" in error


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("os.system", "system: expected a class of models"),
        ("subprocess.Popen", "Popen: expected a class of models"),
        ("own_classes.build", "build: expected a class of models"),
        ("own_classes.number", "expected a class of models"),
        ("own_classes.Nobody", "--allow_class own_classes.Nobody: AttributeError"),
        ("nowhere.Model", "--allow_class nowhere.Model: ModuleNotFoundError"),
        ("MyMask", "--allow_class 'MyMask': expected my_package.MyClass"),
        ("", "--allow_class '': expected my_package.MyClass"),
        ("own classes.MyMask", "expected my_package.MyClass"),
    ],
)
def test_what_cannot_be_allowed(own, tmp_path, name, said):
    for command in ("pretrain", "finetune", "evaluate"):
        assert said in refused(own(command, f"--allow_class={name}", "--out=out"), tmp_path)
    assert "expected my_package" in refused(own("pretrain", "--allow_class"), tmp_path)


# The real command --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["file", "option", "help", "bomb", "release"])
def test_by_the_real_command(run, tmp_path, form):
    hostile_release(tmp_path / "run" / "release", "os.system")
    Path("bad.yaml").write_text(f"model: {MODELS['os.system']}")
    Path("bomb.yaml").write_text(bomb())
    arguments = {
        "file": ("pretrain", "--config=bad.yaml"),
        "option": ("finetune", f"--model={MODULE}.Model"),
        "help": ("pretrain", f"--model.help={MODULE}.Model"),
        "bomb": ("pretrain", "--config=bomb.yaml"),
        "release": ("evaluate", "--data.name=npz", "--data.path=sticks.npz", "--pretrained=run",
                    "--keep_memory=false"),
    }[form]  # fmt: skip
    command = [sys.executable, "-m", "pyg_skeletonmae", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    refused((done.returncode, done.stdout, done.stderr), tmp_path)


@pytest.mark.parametrize("member", ["__init__", "train", "forward", "reset_parameters"])
def test_members_of_listed_classes_are_not_even_looked_at(run, tmp_path, monkeypatch, member):
    def started(*arguments, **_):
        raise AssertionError(f"a process was started: {arguments}")

    monkeypatch.setattr(subprocess, "Popen", started)
    name = f"pyg_skeletonmae.models.GraphSkeletonMAE.{member}"
    assert "is none of the classes" in refused(
        run("pretrain", f"--model.class_path={name}"), tmp_path
    )
