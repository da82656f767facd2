from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from inference_helpers import CLASSES, TOLD, classifier, poses, release

from pyg_skeletonmae.datasets import SkeletonDataset
from pyg_skeletonmae.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    SkeletonError,
    SkeletonFormatError,
)
from pyg_skeletonmae.evaluation import evaluate_classifier
from pyg_skeletonmae.inference import Embedder, Recognizer
from pyg_skeletonmae.layouts import COCO17, MEDIAPIPE33
from pyg_skeletonmae.loader import SkeletonLoader
from pyg_skeletonmae.models import GraphSkeletonMAE, Preprocessing
from pyg_skeletonmae.training import ModelCard, save_release


@pytest.fixture
def recognizer(tmp_path):
    return Recognizer.from_pretrained(release(tmp_path / "release"))


@pytest.fixture
def dataset(tmp_path):
    clips = [poses(persons, frames) for persons, frames in ((1, 40), (2, 25), (1, 16))]
    names = ["one", "two", "three"]
    return SkeletonDataset.from_arrays(
        clips, [0, 1, 2], "coco17", root=tmp_path / "store", names=names, class_names=CLASSES
    )


def same(first, second):
    assert [(p.start, p.stop, p.person) for p in first] == [
        (p.start, p.stop, p.person) for p in second
    ]
    for one, other in zip(first, second, strict=True):
        assert one.label == other.label
        if one.scores is not None:
            assert np.allclose(one.scores, other.scores, atol=1e-5)


def test_the_scores_are_those_of_an_evaluation(recognizer, dataset):
    assert repr(recognizer) == "Recognizer(Classifier, coco17, frames=16, classes=3)"
    found = recognizer.predict(dataset, batch_size=2)
    loader = SkeletonLoader(dataset, 3, TOLD.transform(COCO17))
    logits = evaluate_classifier(recognizer.model, loader)["logits"]
    scores = np.stack([prediction.scores for prediction in found])
    assert np.allclose(scores, logits.softmax(-1).numpy(), atol=1e-6)
    assert [prediction.name for prediction in found] == ["one", "two", "three"]
    assert [prediction.stop for prediction in found] == [40, 25, 16]


def test_arrays_clips_data_sets_stores_and_lists_of_them_are_the_same_clips(recognizer, dataset):
    clips = [np.asarray(dataset.store.clip(number).pos) for number in range(3)]
    expected = recognizer.predict(dataset)
    for given in (
        clips,
        [torch.from_numpy(clip).double() for clip in clips],
        [dataset[number] for number in range(3)],
        iter([clips[0], dataset[1], dataset[2:]]),
        dataset.store.root,
        str(dataset.store.root),
    ):
        same(recognizer.predict(given), expected)
    batch = next(iter(SkeletonLoader(dataset[[0]], 1)))
    same(recognizer.predict(batch), expected[:1])
    same(recognizer.predict(clips[0][0]), expected[:1])
    same(recognizer.predict(dataset[1:]), expected[1:])


def test_by_person_and_by_window(recognizer, dataset):
    clip = np.asarray(dataset.store.clip(1).pos)
    people = recognizer.predict(clip, by="person")
    same(
        people,
        [
            p.__class__(**{**vars(p), "person": number})
            for number in (0, 1)
            for p in recognizer.predict(clip[number])
        ],
    )
    windows = recognizer.predict(clip, by="window", window=10, stride=10)
    assert [(p.start, p.stop) for p in windows] == [(0, 10), (10, 20), (15, 25)]
    same(
        windows[1:2],
        [
            p.__class__(**{**vars(p), "start": 10, "stop": 20})
            for p in recognizer.predict(clip[:, 10:20])
        ],
    )
    assert len(recognizer.predict(clip, by="person", window=10)) > 6


def test_what_it_says(recognizer):
    (said,) = recognizer.predict(poses())
    scores = said.to_dict()["scores"]
    assert said.label == said.top(1)[0][0] and said.score == max(said.scores)
    assert [name for name, _ in said.top()] == sorted(CLASSES, key=lambda c: -scores[c])
    content = json.loads(json.dumps(said.to_dict()))
    assert list(content) == ["name", "start", "stop", "label", "score", "scores"]
    assert repr(said).startswith(f"Prediction(clip 0, 0-40: {said.label}, 0.")


def test_nobody_has_no_class(recognizer):
    pos = poses(frames=32)
    pos[:, :16] = np.nan
    nobody, somebody = recognizer.predict(pos, by="window", window=16, stride=16)
    assert nobody.label is None and nobody.score is None and nobody.top() == []
    assert nobody.to_dict()["scores"] is None and "nobody" in repr(nobody)
    assert somebody.label in CLASSES
    assert recognizer.predict(np.full_like(pos, np.nan))[0].label is None


def test_missing_joints_do_not_count(recognizer):
    pos = poses()
    pos[:, 5:9, 3] = np.nan
    (there,) = recognizer.predict(pos)
    data = recognizer.data(np.nan_to_num(pos), ~np.isnan(pos).any(-1))
    same([there], [p.__class__(**{**vars(p)}) for p in recognizer.predict(data)])
    pos[0, 0, 0, 1] = np.nan
    with pytest.raises(SkeletonFormatError, match=r"clip 0: track 0, frame 0, joint 'nose'"):
        recognizer.predict(pos)


def test_other_layouts_go_by_names(recognizer):
    pos = poses(joints=33)
    (found,) = recognizer.predict(pos, skeleton="mediapipe33")
    index = MEDIAPIPE33.map_to(COCO17).numpy()
    same([found], recognizer.predict(pos[:, :, index]))
    with pytest.raises(SkeletonError, match=r"lacks 5 of the 17.*left_eye"):
        recognizer.predict(poses(joints=25), skeleton="ntu25")
    assert recognizer.predict(poses(joints=25), skeleton="ntu25", partial=True)[0].label
    with pytest.raises(DataError, match=r"33 joints, but 'coco17' has 17"):
        recognizer.predict(pos)


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        (3, "found int"),
        ({"a": 1}, "found dict"),
        (b"x", "found bytes"),
        (np.zeros((2, 17)), "expected .M, T, V, C."),
        (np.zeros((0, 17, 3)), "has no frames"),
        (np.zeros((4, 17, 3), int), "floating point"),
        (np.full((4, 17, 3), np.inf), "inf"),
        ("nowhere.csv", "nowhere.csv: expected a file or a folder, found nothing"),
    ],
)
def test_what_is_no_clip_is_refused_in_one_line(recognizer, clips, message):
    with pytest.raises(ValueError, match=message) as caught:
        recognizer.predict(clips)
    assert "\n" not in str(caught.value)


def test_a_model_without_classes_is_no_recognizer(tmp_path):
    model = GraphSkeletonMAE(COCO17, hidden_channels=8, depth=1)
    folder = save_release(model, tmp_path / "mae", preprocessing=TOLD)
    with pytest.raises(CheckpointError, match=r"expected a classifier.*Embedder"):
        Recognizer.from_pretrained(folder)
    with pytest.raises(CheckpointError, match=r"2 names for the 3 classes"):
        Recognizer(classifier(), TOLD, class_names=("a", "b"))
    with pytest.raises(CheckpointError, match=r"2 names for the 3 classes"):
        save_release(classifier(), tmp_path / "c", card=ModelCard(("a", "b")))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"window": "16"}, "window '16': expected a whole number, 1 frame or more"),
        ({"window": 16.0}, "window 16.0: expected"),
        ({"window": 8, "stride": 0}, "stride 0: expected"),
        ({"batch_size": 0}, "batch_size 0: expected a whole number, 1 clip or more"),
        ({"batch_size": -1}, "batch_size -1"),
    ],
)
def test_numbers_that_are_none_are_refused(how, message):
    with pytest.raises(ConfigError, match=message):
        Recognizer(classifier(), TOLD).predict(poses(), **how)


def test_scores_are_never_nan():
    recognizer = Recognizer(classifier(), TOLD)
    far = np.sign(poses(frames=20)) * np.float32(3e38)
    with pytest.raises(
        DataError, match=r"clip 0, frames 0 to 19: .* NaN or infinite; check the si"
    ):
        recognizer.predict(far)
    with pytest.raises(DataError, match=r"door, frames 0 to 15"):
        list(recognizer.stream(far[0], 16, 4, name="door"))


def test_a_device_that_there_is_not():
    for device in ("tpuu", "cuda:77"):
        with pytest.raises(ConfigError, match=rf"device '{device}': cannot be used: "):
            Recognizer(classifier(), TOLD, device)


def test_what_is_no_classifier_is_named_with_what_to_do(tmp_path):
    model = GraphSkeletonMAE(COCO17, 3, 8, depth=1)
    path = save_release(model, tmp_path / "pre", preprocessing=TOLD, card=ModelCard())
    with pytest.raises(CheckpointError, match=r"pre: expected a classifier, .*skeletonmae finetun"):
        Recognizer.from_pretrained(path)
    assert len(Embedder.from_pretrained(path).embed(poses())) == 1


def test_a_coordinate_too_many_is_to_be_left_out():
    flat = Recognizer(classifier(channels=2), Preprocessing(frames=16, channels=2))
    with pytest.raises(DataError, match=r"3 coordinates .* reads 2; give it the first 2 alone"):
        flat.predict(poses())
    assert len(flat.predict(poses()[..., :2])) == 1
