"""How the publications train classifiers, and whose recipe fits what."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, get_args

import pytest
from job_helpers import make_job

from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.options import Options, TuneConfig
from pyg_skeletonmae.commands.publications import (
    Publication,
    Tuning,
    clips_of,
    publication_of,
    published,
    published_settings,
)
from pyg_skeletonmae.commands.trained import finetune, probe
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.layouts import NTU25, UIPRMD22
from pyg_skeletonmae.models import STEncoder, STTFormerEncoder
from pyg_skeletonmae.models.heads import head_defaults

SETS = (
    "ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset", "pkummd1-xsub", "pkummd2-xsub",
    "uiprmd",
)  # fmt: skip


def transformer(skeleton: Any = NTU25) -> STEncoder:
    return STEncoder(skeleton, frames=8, frames_per_patch=4, hidden_channels=8, depth=2, heads=2)


@pytest.mark.parametrize("clips", SETS)
@pytest.mark.parametrize("whose", get_args(Publication))
@pytest.mark.parametrize("tuning", get_args(Tuning))
def test_recipes_are_the_settings_of_a_configuration(
    tuning: Tuning, whose: Publication, clips: str
) -> None:
    if (tuning, whose) == ("linear", "sttformer"):
        with pytest.raises(ConfigError, match="expected one of mamp, skeleton2vec for linear"):
            published(tuning, whose, clips)
        return
    recipe, settings = published(tuning, whose, clips), published_settings(tuning, whose, clips)
    optim = settings["trainer"]["optim"]
    assert {key: getattr(recipe.optim, key) for key in optim} == optim
    assert recipe.epochs == settings["trainer"]["max_epochs"]
    assert recipe.batch_size == settings["data"]["batch_size"]
    head = settings["model"]["init_args"]
    assert recipe.freeze == (tuning == "linear") and recipe.head == head["head"]
    defaults = head_defaults(recipe.head)  # which a recipe leaves as they are
    for key in ("hidden", "dropout"):
        assert head.get(key, getattr(defaults, key)) == getattr(defaults, key)


def test_published_values_differ_between_data_sets() -> None:
    found = {clips: published("finetune", "skeleton2vec", clips) for clips in SETS}
    assert [recipe.batch_size for recipe in found.values()] == [48, 48, 64, 48, 48, 48, 48]
    assert [recipe.optim.lr for recipe in found.values()] == [3e-4] * 3 + [1e-4] + [3e-4] * 3
    averaged = found["ntu60-xview"]
    assert (averaged.epochs, averaged.optim.swa_start, averaged.optim.swa_lr) == (120, 100, 1e-5)
    probes = {clips: published("linear", "mamp", clips) for clips in SETS}
    assert [probe.batch_size for probe in probes.values()] == [256] * 4 + [128, 32, 256]
    assert probes["pkummd2-xsub"].optim.lr == 0.01 and probes["ntu60-xsub"].norm_eps == 1e-6


def test_whose_recipe_fits() -> None:
    tuples = STTFormerEncoder(NTU25, 3, 12, tuple_frames=6, channels=[[4, 4, 2]], heads=1)
    for encoder, pipeline, expected in (
        (transformer(), "mamp", ("mamp", "mamp")),
        (transformer(), "skeleton2vec", ("skeleton2vec", "skeleton2vec")),
        (transformer(), "ours", (None, None)),
        (transformer(), "pyskl2d", (None, None)),
        (tuples, "mamp", (None, "sttformer")),
        (tuples, "ours", (None, None)),
    ):
        data = DataConfig("ntu60", pipeline=pipeline, center=None, scale=None)
        found = tuple(publication_of(encoder, data, tuning) for tuning in ("linear", "finetune"))
        assert found == expected


def test_the_name_of_clips() -> None:
    assert clips_of(DataConfig("ntu60")) == "ntu60-xsub"
    assert clips_of(DataConfig("ntu60", protocol="xview")) == "ntu60-xview"
    assert clips_of(DataConfig("ntu60", protocol="xview", train_subjects=[1])) == "ntu60"
    assert clips_of(DataConfig("store", "clips")) == "store"


def test_what_is_said_comes_before_what_is_published(tmp_path, monkeypatch, caplog) -> None:
    """Options of ``tune``, then ``data.batch_size``, then the recipe; and which it is is said."""
    caplog.set_level(logging.INFO, "pyg_skeletonmae")
    seen: list[Any] = []
    keep = "pyg_skeletonmae.commands.trained.train_on"
    monkeypatch.setattr(keep, lambda job, recipe, *rest: seen.append(recipe) or {})
    job = make_job(tmp_path)
    job = replace(job, encoder=transformer(UIPRMD22), protocol="linear-sgd")
    job.data.batch_size = DataConfig.batch_size
    for tune, size, lr in (
        (TuneConfig(recipe="mamp"), 256, 0.1),
        (TuneConfig(recipe="mamp", batch_size=32, lr=0.5), 32, 0.5),
        (TuneConfig(), None, 0.1),
        (TuneConfig(recipe="ours", batch_size=7), 7, 0.1),
    ):
        probe(job, Options(tune=tune))
        assert (seen[-1].batch_size, seen[-1].optim.lr) == (size, lr)
    assert "linear-sgd: as published (mamp, " in caplog.text
    assert "sgd at 0.1, batches of 256; --tune.recipe ours is ours" in caplog.text
    job.data.batch_size = 9
    finetune(job, Options(tune=TuneConfig(recipe="skeleton2vec")))
    assert seen[-1].batch_size == 9 and seen[-1].optim.lr_scale == {"encoder.norm": 0.8}
    finetune(job, Options(tune=TuneConfig(recipe="skeleton2vec", batch_size=8)))
    assert seen[-1].batch_size == 8
    with pytest.raises(ConfigError, match=r"tune.recipe sttformer: expected one of mamp"):
        probe(job, Options(tune=TuneConfig(recipe="sttformer")))
