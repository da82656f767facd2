"""Every protocol of the command line: its keys, what it keeps, and how it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import TINY, packed_arrays, runner, the_error, write_packed

from pyg_skeletonmae.evaluation import FINETUNE
from pyg_skeletonmae.nn.drop_path import DropPath
from pyg_skeletonmae.skeleton import Skeleton
from pyg_skeletonmae.training import Trainer, load_release

HEAD = {"protocol", "features", "random_init", "train_clips", "test_clips"}
HEAD |= {"peak_mib", "data_hash"}
TRAINED = {"step", "epoch", "clips_seen", "seconds", "finished", "train/loss", "train/accuracy"}
TRAINED |= {"train/lr", "top1", "top5", "mean_class", "selected_on"}
VIT = ("--model=STSkeletonMAE", "--model.backbone=ViTBackbone", "--model.mask=RandomTokenMask",
       "--model.backbone.hidden_channels=8", "--model.backbone.depth=1",
       "--model.backbone.heads=2", "--model.backbone.decoder_depth=1")  # fmt: skip


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKELETONMAE_DATA", raising=False)
    return runner(capsys)


@pytest.fixture
def data(tmp_path):
    path = write_packed(tmp_path / "sticks.npz")
    return ("--data.name=npz", f"--data.path={path}", "--data.frames=8", "--data.batch_size=5",
            "--keep_memory=false")  # fmt: skip


@pytest.fixture
def evaluate(run, data):
    def evaluate(*options: str) -> dict[str, object]:
        code, out, err = run("evaluate", *data, *options)
        assert code == 0, err
        found: dict[str, object] = json.loads(out)
        assert found.keys() >= HEAD
        return found

    return evaluate


@pytest.fixture
def pretrained(run, data):
    options = (*data, "--trainer.max_epochs=1", "--model.mask=RandomMask", *TINY, "--out=pre")
    assert run("pretrain", *options)[0] == 0
    return "--pretrained=pre"


def keys(found: dict[str, object]) -> set[str]:
    """Those of the protocol; whether there is something to note of so few clips is not asked."""
    return set(found) - HEAD - {"notes"}


def test_frozen_features_and_coordinates(evaluate, pretrained):
    joints = {"knn_pooled", "knn_per_joint", "linear_pooled", "linear_per_joint"}
    curve = {f"{name}_k{k}" for name in ("top1", "mean_class") for k in (1, 5)}
    expected = {
        ("knn",): {"top1", "mean_class"},
        ("knn", "--k=[1,5]"): curve,
        ("linear",): {"top1", "top5", "mean_class", "l2"},
        ("ridge",): {"top1", "mean_class", "l2"},
        ("all",): joints | {f"{name}_segments4" for name in joints},
        ("all", "--segments=2"): joints,
        ("all", "--segments=[2,1]"): joints | {f"{name}_segments1" for name in joints},
    }
    for (protocol, *options), names in expected.items():
        found = evaluate(f"--protocol={protocol}", *options, pretrained)
        assert keys(found) == names and found["features"] == "pre"
    assert keys(evaluate("--protocol=ridge")) == expected["ridge",]
    assert keys(evaluate("--protocol=all")) == {"knn_per_joint", "linear_per_joint"}
    both, one, two = (
        evaluate("--protocol=all", pretrained, *segments)
        for segments in ((), ("--segments=1",), ("--segments=4",))
    )
    assert all(both[name] == one[name] for name in joints)
    assert all(both[f"{name}_segments4"] == two[name] for name in joints)
    few = ("--few_shot.ways=2", "--few_shot.queries=2", "--few_shot.episodes=5")
    found = evaluate("--protocol=few-shot", *few, pretrained)
    assert keys(found) == {"top1", "interval", "ways", "shots", "queries", "episodes"}


def test_mirrored_training_clips_and_statistics_of_clips(evaluate, run, data, pretrained):
    twin = ("--protocol=ridge", pretrained, "--random_init")
    found = evaluate(*twin, "--statistics=clips")
    assert keys(found) == keys(evaluate(*twin))
    both = evaluate(*twin, "--statistics=both")
    names = ("top1", "mean_class", "l2")
    assert {name: both[name] for name in names} == {n: evaluate(*twin)[n] for n in names}
    assert {name: both[f"{name}_clips"] for name in names} == {name: found[name] for name in names}
    bodies = ("--data.name=synthetic", "--data.num_clips=60", "--data.frames=8")
    code, out, err = run("evaluate", *bodies, "--protocol=ridge", "--flip")
    assert code == 0, err
    assert json.loads(out)["train_clips"] == 36
    assert "no left-right pairs" in the_error(run("evaluate", *data, "--flip"))
    few = ("--few_shot.ways=2", "--few_shot.queries=2", "--few_shot.episodes=5")
    for options, words in (
        (("--protocol=finetune", pretrained, "--flip"), "flip: protocol finetune takes no"),
        (("--protocol=few-shot", "--flip", *few), "flip: protocol few-shot takes no"),
        (("--statistics=clips",), "statistics: coordinates have none"),
        (
            ("--protocol=finetune", pretrained, "--statistics=both"),
            "statistics both: protocol fine",
        ),
        ((pretrained, "--segments=[1,4]"), "segments [1, 4]: expected one number for protocol knn"),
    ):
        assert words in the_error(run("evaluate", *data, *options))


def test_retrieval(evaluate, run, data):
    assert "recall_at 10: expected 1 to 8" in the_error(
        run("evaluate", *data, "--protocol=retrieval")
    )
    found = evaluate("--protocol=retrieval", "--data.train_subjects=[1,2,3]")
    assert keys(found) == {"map", "recall1", "recall5", "recall10"}


def test_trained_protocols(evaluate, pretrained):
    for protocol in ("linear-sgd", "finetune", "transfer"):
        found = evaluate(f"--protocol={protocol}", pretrained, "--tune.epochs=1")
        assert keys(found) == TRAINED and found["selected_on"] == "last"
    options = ("--tune.epochs=4", "--tune.evaluate_every=2", "--select=test-best")
    found = evaluate("--protocol=linear-sgd", pretrained, *options, "--out=best")
    assert found["selected_on"] == "test" and found["top1"] == found["best"]
    log = [json.loads(line) for line in Path("best/metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log if "eval/top1" in line] == [2, 4]
    held_out = ("--data.val_subjects=[3]", "--select=val-best", "--tune.epochs=1")
    assert evaluate("--protocol=finetune", pretrained, *held_out)["selected_on"] == "val"


def test_semi_supervised_draws_are_kept(evaluate, pretrained):
    shares = ("--semi.fractions=[0.5,1.0]", "--semi.draws=2", "--data.balanced=true")
    options = ("--protocol=semi", pretrained, "--tune.epochs=1", *shares)
    found = evaluate(*options, "--out=semi")
    names = {"top1", "interval", "clips"}
    expected = {f"{name}_{share}" for name in names for share in ("0.5", "1")}
    expected |= {f"top1_{share}_draw{i}" for share in ("0.5", "1") for i in (0, 1)}
    assert keys(found) == expected | {"by", "balanced", "selected_on"}
    assert (found["clips_0.5"], found["clips_1"], found["balanced"]) == (4, 8, True)
    labels = sorted(path.name[13:] for path in Path("data/labels").iterdir())
    assert labels == [f"{share}-balanced-draw{i}.txt" for share in ("0.5", "1") for i in (0, 1)]
    # Stopped after some draws, it does not train those again.
    Path("semi/results.json").unlink()
    Path("semi/1-draw1/results.json").unlink()
    before = Path("semi/0.5-draw0/results.json").stat().st_mtime_ns
    again = evaluate(*options, "--out=semi", "--resume")
    assert {name: again[name] for name in expected} == {name: found[name] for name in expected}
    assert Path("semi/0.5-draw0/results.json").stat().st_mtime_ns == before
    by_linear = ("--protocol=semi", "--semi.by=linear", *shares)  # of the coordinates
    linear = evaluate(*by_linear, "--l2=0.1")
    assert keys(linear) == keys(found) and linear["features"] == "coordinates"


def test_a_run_that_is_stopped_gives_the_same_numbers(evaluate, run, data, pretrained, monkeypatch):
    options = ("--protocol=finetune", pretrained, "--tune.epochs=3", "--select=test-best")
    whole = evaluate(*options, "--out=whole")
    step, steps = Trainer._step, []

    def interrupted(trainer, state):
        if len(steps) == 3:
            raise KeyboardInterrupt
        steps.append(state.step)
        return step(trainer, state)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    assert run("evaluate", *data, *options, "--out=stopped")[0] == 130
    assert not Path("stopped/results.json").exists()
    monkeypatch.setattr(Trainer, "_step", step)
    resumed = evaluate(*options, "--out=stopped", "--resume")
    other = {"seconds", "peak_mib"}
    assert {k: resumed[k] for k in resumed.keys() - other} == {
        k: whole[k] for k in whole.keys() - other
    }
    assert json.loads(Path("stopped/results.json").read_text()) == resumed


def test_other_joints(run, data, evaluate, pretrained, tmp_path):
    path = write_packed(tmp_path / "four.npz", **packed_arrays(joints=4))
    other = (*data, f"--data.path={path}")
    code, out, _ = run("evaluate", *other, "--protocol=transfer", pretrained, "--tune.epochs=1")
    assert code == 0 and json.loads(out)["protocol"] == "transfer"
    assert "--protocol transfer" in the_error(run("evaluate", *other, pretrained))
    joints = tuple(f"joint_{i}" for i in range(3))
    bones = (("joint_1", "joint_0"), ("joint_2", "joint_1"))
    Skeleton("three", joints, bones, root="joint_0").to_yaml("three.yaml")
    code, out, _ = run("evaluate", *other, pretrained, "--data.joints=three.yaml")
    assert code == 0 and json.loads(out)["test_clips"] == 8
    assert len(list(Path("data/joints").iterdir())) == 1


def test_an_ensemble_reads_each_stream_as_its_run_did(run, data, evaluate):
    epoch = ("--trainer.max_epochs=1", "--model.num_layers=1", *TINY)
    for stream in ("joint", "bone"):
        assert run("finetune", *data, *epoch, f"--data.stream={stream}", f"--out={stream}")[0] == 0
    runs = "--ensemble.runs=[joint,bone]"
    found = evaluate("--protocol=ensemble", runs, "--ensemble.weights=[0.6,0.4]")
    expected = {"top1", "top5", "mean_class", "member_0", "member_1", "runs", "weights"}
    assert keys(found) == expected and found["features"] == "joint, bone"
    for i, stream in enumerate(("joint", "bone")):
        alone = json.loads(Path(stream, "results.json").read_text())["test/top1"]
        assert found[f"member_{i}"] == alone
    for options, said in (
        (("--ensemble.runs=[joint]",), "expected two run folders"),
        (("--ensemble.runs=[joint,joint/release]",), "no run folder"),
    ):
        assert said in the_error(run("evaluate", *data, "--protocol=ensemble", *options))


def test_detection_in_untrimmed_recordings(run, tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("skeleton", "label"):
        (tmp_path / folder).mkdir()
    for name in ("0002-L", "0003-M", "0004-R"):
        table = 0.01 * rng.normal(size=(60, 150))
        table[10:30] += np.arange(150) % 7  # two actions, far from each other
        table[40:55] -= np.arange(150) % 5
        lines = "\n".join(" ".join(f"{v:.4f}" for v in row) for row in table)
        (tmp_path / f"skeleton/{name}.txt").write_text(lines + "\n")
        (tmp_path / f"label/{name}.txt").write_text("1,10,30,2\n2,40,99,2\n")  # beyond the end
    sides = "Training videos:\n0002-L, 0003-M\nValidataion videos:\n0004-R\n"
    (tmp_path / "cross-subject.txt").write_text(sides)
    data = ("--data.name=pkummd1", f"--data.path={tmp_path}", "--data.frames=4",
            "--data.center=null", "--data.scale=null", "--keep_memory=false")  # fmt: skip
    windows = ("--temporal.window=4", "--temporal.stride=2", "--temporal.train_stride=2")
    options = ("--protocol=temporal", *windows, "--temporal.shortest=3")
    code, out, err = run("evaluate", *data, "--data.policy=untrimmed", *options)
    assert code == 0, err
    found = json.loads(out)
    expected = {f"map_{kind}_{iou}" for kind in ("action", "video") for iou in ("0.1", "0.5")}
    expected |= {"frame_top1", "window_top1", "l2", "train_windows", "test_windows"}
    assert keys(found) == expected
    assert (found["train_windows"], found["test_windows"]) == (58, 29)
    assert found["map_action_0.5"] == found["map_video_0.5"] == 1.0
    assert found["frame_top1"] > 0.8
    assert "data.policy untrimmed" in the_error(run("evaluate", *data, *options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--protocol=linear-sgd",), "protocol linear-sgd: trains on an encoder"),
        (("--protocol=semi",), "protocol semi: trains on an encoder"),
        (("--protocol=knn", "--k=9"), "k = 9: expected 1 to 8"),
        (("--protocol=all", "--k=[1,2]"), "expected one number for protocol all"),
        (("--protocol=few-shot",), "2 classes with 16 clips each are needed"),
        (("--select=best",), "select: expected one of last, val-best, test-best"),
        (("--tune.epoch=3",), "tune.epoch: no such key; did you mean tune.epochs?"),
        (("--data.label_fraction=2",), "label_fraction 2.0: expected a share"),
        (("--data.label_file=no.txt",), "no.txt: no readable file of clip names"),
        (("--select=test-best",), "protocol knn trains nothing to select from"),
        (("--protocol=semi", "--semi.by=linear", "--select=test-best"), "trains nothing"),
        (("--segments=2",), "coordinates are not pooled"),
        (("--joints=mean",), "coordinates are not pooled"),
        (("--protocol=linear", "--data.label_fraction=0.25"), "a single penalty (l2_grid, --l2)"),
    ],
)
def test_bad_options(run, data, options, said):
    few = ("--few_shot.ways=2",)
    line = the_error(run("evaluate", *data, *few, *options, "--out=out"))
    assert said in line and not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--protocol=semi", "--semi.fractions=[0.01]"), "1 labelled clip"),
        (("--protocol=semi", "--semi.fractions=[2]"), "expected a share above 0, up to 1"),
        (("--protocol=linear-sgd", "--data.batch_size=1"), "data.batch_size 1: classifiers"),
        (("--protocol=finetune", "--tune.epochs=0"), "max_epochs"),
        (("--protocol=finetune", "--tune.lr=-1"), "lr"),
    ],
)
def test_a_training_that_cannot_begin_leaves_nothing(run, data, pretrained, options, said):
    line = the_error(run("evaluate", *data, pretrained, *options, "--out=out"))
    assert said in line and not Path("out").exists()


def test_a_classifier_that_cannot_read_the_clips_leaves_nothing(run, data):
    assert run("pretrain", *data, "--trainer.max_epochs=1", *VIT, "--out=pre")[0] == 0
    longer = ("--data.frames=12", "--protocol=finetune", "--pretrained=pre", "--out=out")
    code, _, err = run("evaluate", *data, *longer)
    assert code == 2 and "12" in err and not Path("out").exists()


def test_what_was_tuned_here_makes_an_ensemble(run, data, evaluate, pretrained):
    for name in ("a", "b"):
        evaluate("--protocol=finetune", pretrained, "--tune.epochs=1", f"--out={name}")
    found = evaluate("--protocol=ensemble", "--ensemble.runs=[a,b]")
    alone = json.loads(Path("a/results.json").read_text())["top1"]
    assert found["member_0"] == alone
    other = ("--data.train_subjects=[2,4]", "--ensemble.runs=[a,b]")
    line = the_error(run("evaluate", *data, "--protocol=ensemble", *other))
    assert line.startswith("a: trained on another split: data.train_subjects is [2, 4]")
    assert "note: data.train_subjects" in run("evaluate", *data, *other[:1], "--pretrained=a")[2]


def test_labels_of_a_limited_training_are_kept(evaluate, pretrained):
    few = ("--data.label_fraction=0.5", "--data.balanced=true", "--tune.epochs=1")
    evaluate("--protocol=finetune", pretrained, *few, "--out=few")
    assert len(Path("few/labels.txt").read_text().splitlines()) == 4


def test_a_transformer_is_tuned_with_its_own_recipe(run, data, evaluate):
    two = (*VIT, "--model.backbone.depth=2")  # the first layer drops nothing
    assert run("pretrain", *data, "--trainer.max_epochs=1", *two, "--out=pre")[0] == 0
    options = ("--protocol=finetune", "--pretrained=pre", "--tune.epochs=1", "--out=tuned")
    assert keys(evaluate(*options)) == TRAINED
    rates = [m.rate for m in load_release("tuned/release").modules() if isinstance(m, DropPath)]
    assert max(rates) == pytest.approx(FINETUNE.drop_path)
