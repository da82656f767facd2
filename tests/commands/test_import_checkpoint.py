import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli_helpers import runner, the_error
from model_helpers import make_batch
from public_helpers import save
from s2v_helpers import make_s2v, s2v_oracle
from st_helpers import call, load, weights
from torch import Tensor
from torch_geometric.data import Data

from pyg_skeletonmae import layouts
from pyg_skeletonmae.batch import tracks_edge_index
from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.commands.import_checkpoint import import_official
from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import CheckpointError, ConfigError
from pyg_skeletonmae.models import Classifier, Preprocessing, STSkeletonMAE, ViTBackbone
from pyg_skeletonmae.models.checkpoints.names import mamp_source
from pyg_skeletonmae.training import (
    load_release,
    release_config,
    release_preprocessing,
    save_release,
)


def mamp_file(folder: Path) -> Path:
    """A small model of ours, as MAMP would have saved it."""
    backbone = ViTBackbone(
        hidden_channels=16, depth=2, heads=2, decoder_channels=8, decoder_depth=1
    )
    state = {}
    for name, value in STSkeletonMAE(layouts.NTU25, 3, 8, backbone).state_dict().items():
        (key,), _ = mamp_source(name)
        if name.endswith("patch.proj.weight"):
            value = value.view(16, 4, 3).transpose(1, 2)[..., None]
        elif name.endswith("position.time"):
            value = value[None, :, None]
        elif name.endswith(("position.joint", "mask_token")):
            value = value.view(1, 1, *value.shape)
        state[key] = value.clone()
    args = Namespace(
        model="model_mamp.transformer.Transformer", mask_ratio=0.9, motion_stride=1,
        motion_aware_tau=0.8, model_args={"num_heads": 2, "norm_skes_loss": True},
    )  # fmt: skip
    return save({"model": state, "args": args}, folder)


def classifier_file(folder: Path, classes: int = 60) -> Path:
    """A linear probe on the encoder of the same model."""
    content = torch.load(mamp_file(folder), weights_only=False)
    parts = ("mask_token", "decoder_")
    state = {key: t for key, t in content["model"].items() if not key.startswith(parts)}
    torch.manual_seed(1)
    state |= {"head.fc.weight": torch.rand(classes, 16), "head.fc.bias": torch.rand(classes)}
    return save(content | {"model": state}, folder)


def write_clips(folder: Path, clips: list[np.ndarray], classes: int) -> tuple[str, ...]:
    """Clips in a store, of which all but the first are tested; the options that name it."""
    names = [str(i) for i in range(classes)]
    clips = [clips[0], *clips]  # somebody has to train
    subjects = [1] + [2] * (len(clips) - 1)
    labels = [i % classes for i in range(len(clips))]
    SkeletonDataset.from_arrays(
        clips, labels, layouts.NTU25, root=folder, subjects=subjects, class_names=names
    )
    return "--data.name=store", f"--data.path={folder}", "--keep_memory=false"


def scores(out: Path, *options: str) -> Tensor:
    """What evaluate makes of the test clips."""
    assert main(["evaluate", f"--out={out}", *options]) == 0
    assert json.loads((out / "results.json").read_text())["protocol"] == "classify"
    assert (out / "confusion.png").is_file() and (out / "confusion.html").is_file()
    with np.load(out / "scores.npz") as arrays:
        return torch.from_numpy(arrays["logits"])


@pytest.mark.parametrize(("classes", "fill"), [(60, "zeros"), (51, "zeros"), (120, "loop")])
def test_lone_persons_score_as_in_training(tmp_path: Path, classes: int, fill: str) -> None:
    """Also where clips are not prepared as the release says: the classifier itself knows it."""
    release = tmp_path / "release"
    assert (
        main(["import", str(classifier_file(tmp_path, classes)), "--from=mamp", str(release)]) == 0
    )
    told = release_preprocessing(release)
    assert told is not None and (told.pipeline, told.frames, told.fill) == ("mamp", 8, fill)
    assert (told.center, told.scale, told.channels) == (None, None, 3)
    model = load_release(release)
    assert isinstance(model, Classifier) and model.absent == fill
    pos = np.random.default_rng(0).normal(size=(3, 1, 8, 25, 3)).astype(np.float32)
    data = write_clips(tmp_path / "clips", list(pos), classes)
    tracks = torch.from_numpy(pos).transpose(2, 3)
    second = torch.zeros_like(tracks) if fill == "zeros" else tracks
    features = model.encoder.encode_tracks(torch.cat((tracks, second), 1).flatten(0, 1))
    expected = model.head(features.unflatten(0, (3, 2)).mean((1, 2, 3)))
    own = ("--data.pipeline=ours", "--data.center=null", "--data.scale=null", "--data.fill=null")
    for number, options in enumerate(((), own)):
        out = tmp_path / f"out{number}"
        found = scores(out, *data, f"--pretrained={release}", *options)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    results = json.loads((out / "results.json").read_text())
    assert {"top1", "top5", "mean_class"} <= set(results)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["linear", "linear_bn", "finetune"])
def test_the_recorded_classifiers_of_mamp(tmp_path: Path, kind: str) -> None:
    oracle = load("mamp_heads")
    arrays = call(oracle, f"{kind}/")
    args = Namespace(model_args={"num_heads": 4})
    path, release = save({"model": weights(arrays), "args": args}, tmp_path), tmp_path / "release"
    assert main(["import", str(path), "--from=mamp", "--absent=zeros", str(release)]) == 0
    clips = list(oracle["in/x"].permute(0, 4, 2, 3, 1).numpy())  # the last shows one person
    assert not clips[-1][1].any()
    data = write_clips(tmp_path / "clips", clips, 7)
    found = scores(tmp_path / "out", *data, f"--pretrained={release}")
    torch.testing.assert_close(found, arrays["eval/logits"], rtol=0, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["light", "large"])
def test_the_recorded_classifiers_of_skeleton2vec(tmp_path: Path, kind: str) -> None:
    """Its three clips of each sample, as they are; their mean is what was recorded."""
    oracle = s2v_oracle("s2v_heads")
    arrays, encoder = call(oracle, f"{kind}/"), weights(s2v_oracle())
    state = {
        key.replace("ema.model.", "encoder."): value
        for key, value in encoder.items()
        if key.startswith("ema.model.")
    }
    content = {"model": {"sd": {**state, **weights(arrays)}, "args": {}}}
    path, release = save(content, tmp_path), tmp_path / "release"
    assert main(["import", str(path), "--from=skeleton2vec", "--heads=4", str(release)]) == 0
    told = release_preprocessing(release)
    assert told is not None and (told.pipeline, told.fill) == ("skeleton2vec", "zeros")
    clips = list(oracle["in/x_clips"].flatten(0, 1).numpy())
    data = write_clips(tmp_path / "clips", clips, 7)
    prepared = ("--data.pipeline=ours", "--data.center=null", "--data.scale=null",
                "--data.fill=null")  # fmt: skip
    found = scores(tmp_path / "out", *data, f"--pretrained={release}", *prepared)
    found = found.view(2, 3, 7).mean(1)
    torch.testing.assert_close(found, arrays["eval/logits"], rtol=0, atol=1e-5)


def test_ten_views_of_skeleton2vec_are_a_mean_of_logits(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = make_s2v(layouts.NTU25).encoder
    model = Classifier(encoder, 4, "joints-mlp", hidden=8, absent="zeros").eval()
    told = Preprocessing(pipeline="skeleton2vec", frames=16, center=None, scale=None, fill="zeros")
    release = save_release(model, tmp_path / "release", preprocessing=told)
    pos = np.random.default_rng(0).normal(size=(2, 1, 40, 25, 3)).astype(np.float32)
    data = write_clips(tmp_path / "clips", list(pos), 4)
    found = scores(tmp_path / "out", *data, f"--pretrained={release}")
    clips = SkeletonDataset.from_arrays(list(pos), [0, 1], layouts.NTU25)
    for number, clip in enumerate(clips):
        seen = told.transform(layouts.NTU25)(clip)
        assert seen.num_views.tolist() == [10] and seen.num_tracks.tolist() == [20]
        views = seen.pos.view(10, 50, 16, 3)
        edges = tracks_edge_index(layouts.NTU25, 2)
        logits = [
            model(Data(pos=view, edge_index=edges, num_tracks=torch.tensor([2])))["logits"]
            for view in views
        ]
        expected = torch.cat(logits).mean(0)
        torch.testing.assert_close(found[number], expected, rtol=0, atol=1e-5)


def test_what_the_file_does_not_say_is_an_option(tmp_path: Path, capsys: Any) -> None:
    path, out = classifier_file(tmp_path, 7), tmp_path / "release"
    command = ["import", str(path), "--from", "mamp", str(out)]
    assert main(command) == 2
    assert "official.pth: a classifier of 7 classes" in capsys.readouterr().err
    assert not out.exists()
    given = ["--absent=loop", "--heads=2", "--frames=16", "--skeleton=ntu25"]
    assert main([*command, *given]) == 0
    model, told = load_release(out), release_preprocessing(out)
    assert isinstance(model, Classifier) and model.absent == "loop"
    assert told is not None and told.frames == 16
    for option, said in (
        ("--heads=4", "heads 4: the file tells of 2"),
        ("--skeleton=coco17", "25 joints ('pos_embed'), the skeleton coco17 17"),
        ("--skeleton=none", "unknown layout"),
        ("--frames=6", "frames 6: expected a multiple of 4"),
        ("--absent=zero", "zero"),
    ):
        assert main([*command, "--absent=loop", option]) == 2
        assert said in capsys.readouterr().err
    again = ["import", str(path), "--from", "skeleton2vec", str(out), "--frames=16"]
    assert main(again) == 2 and "only MAMP" in capsys.readouterr().err


def test_classify_takes_a_classifier_as_it_is(tmp_path: Path, capsys: Any) -> None:
    release = tmp_path / "release"
    assert main(["import", str(mamp_file(tmp_path)), "--from=mamp", str(release)]) == 0
    pos = np.random.default_rng(0).normal(size=(3, 1, 8, 25, 3)).astype(np.float32)
    command = ["evaluate", "--protocol=classify", *write_clips(tmp_path / "clips", list(pos), 3)]
    for options, said in (
        ((), "name a classifier by --pretrained"),
        ((f"--pretrained={release}",), "expected a classifier, found STSkeletonMAE"),
        ((f"--pretrained={release}", "--random_init"), "a classifier as it is"),
    ):
        assert main([*command, *options, f"--out={tmp_path / 'out'}"]) == 2
        assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_classifier_is_measured_as_it_is_unless_a_protocol_is_named(
    tmp_path: Path, capsys: Any
) -> None:
    release = tmp_path / "release"
    assert main(["import", str(classifier_file(tmp_path)), "--from=mamp", str(release)]) == 0
    pos = np.random.default_rng(0).normal(size=(3, 1, 8, 25, 3)).astype(np.float32)
    command = ["evaluate", *write_clips(tmp_path / "clips", list(pos), 60)]
    capsys.readouterr()
    for options, protocol in (
        ([f"--pretrained={release}"], "classify"),
        ([f"--pretrained={release}", "--protocol=knn"], "knn"),
        ([f"--pretrained={release}", "--random_init"], "knn"),
        ([], "knn"),
    ):
        assert main([*command, *options]) == 0
        said = capsys.readouterr()
        assert json.loads(said.out)["protocol"] == protocol
        line = f"protocol classify: {release} is a classifier; --protocol knn measures its encoder"
        assert (line in said.err) == (protocol == "classify")
    other = ["evaluate", *write_clips(tmp_path / "other", list(pos), 3), f"--pretrained={release}"]
    assert main(other) == 2
    said = capsys.readouterr()
    assert "of 60 classes, the clips have 3; --protocol knn measures its encoder" in said.err


def test_a_file_becomes_a_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = mamp_file(tmp_path), tmp_path / "release"
    assert main(["import", str(path), "--from", "mamp", str(out)]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["folder"] == str(out) and results["model"].startswith("STSkeletonMAE(")
    assert release_config(out)["extra"] == {"imported": {"from": "mamp", "file": "official.pth"}}
    model = load_release(out)
    assert isinstance(model, STSkeletonMAE)
    assert model(make_batch(layouts.NTU25, frames=8))["loss"].isfinite()
    assert model.preprocessing == Preprocessing(
        pipeline="mamp", frames=8, center=None, scale=None, skeleton="ntu25", channels=3,
        unit="m", rate=30.0, axes="y up",
    )  # fmt: skip


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "release"
    assert main(["import", str(tmp_path / "none.pth"), str(out), "--from", "skeleton2vec"]) == 2
    assert main(["import", str(mamp_file(tmp_path)), str(out), "--from", "skeleton2vec"]) == 2
    lines = capsys.readouterr().err.strip().split("\n")
    assert "none.pth: no such file" in lines[0] and "it holds argparse.Namespace" in lines[1]
    with pytest.raises(ConfigError, match="expected 'mamp' or 'skeleton2vec'"):
        import_official("f", "timm", out)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="args: expected a Namespace"):
        import_official(save({"model": {}}, tmp_path), "mamp", out)
    assert not out.exists()


def test_what_has_a_place_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    said = the_error(runner(capsys)("import", "a.pth", "--from", "mamp", "--out=release"))
    assert said == "out: no such key; it is no option: write its value alone, see --help"


def test_a_release_keeps_teacher_student_and_schedule(tmp_path: Path) -> None:
    model = make_s2v(ema_start=0.5, ema_steps=4)
    with torch.no_grad():
        model.student.norm.weight.fill_(2.0)
    model.after_step()
    again = load_release(save_release(model, tmp_path / "release"))
    assert again.teacher.decay == model.teacher.decay == 0.625
    batch = make_batch(layouts.UIPRMD22, frames=16)
    assert torch.equal(again(batch)["loss"], model.eval()(batch)["loss"])


def test_weights_that_are_no_finite_floats_are_named(tmp_path: Path) -> None:
    content = torch.load(mamp_file(tmp_path), weights_only=False)
    state = content["model"]
    for change, message in (
        (state["norm.weight"] * float("nan"), "'norm.weight': holds numbers that are not finite"),
        (state["norm.weight"].long(), "'norm.weight'.*expected torch.float32, found torch.int64"),
    ):
        path = save({**content, "model": {**state, "norm.weight": change}}, tmp_path)
        with pytest.raises(CheckpointError, match=message):
            import_official(path, "mamp", tmp_path / "release")
    assert not (tmp_path / "release").exists()
