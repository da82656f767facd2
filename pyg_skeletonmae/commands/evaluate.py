"""``skeletonmae evaluate``."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from pyg_skeletonmae.commands import run_folders as runs
from pyg_skeletonmae.commands.data_clips import open_dataset, split
from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.commands.divided import divided
from pyg_skeletonmae.commands.encoders import check_fits, is_classifier, load_encoder
from pyg_skeletonmae.commands.evaluation_context import Job, Joints
from pyg_skeletonmae.commands.options import (
    CurveConfig,
    EnsembleConfig,
    FewShotConfig,
    Options,
    SemiConfig,
    TemporalConfig,
    TuneConfig,
)
from pyg_skeletonmae.commands.protocols import PROTOCOLS, ProtocolName
from pyg_skeletonmae.commands.run_steps import check_selection, finite, measured
from pyg_skeletonmae.datasets.store.stamp import Verify
from pyg_skeletonmae.errors import ConfigError, check_choice
from pyg_skeletonmae.evaluation import bridge
from pyg_skeletonmae.evaluation.finetune import Select
from pyg_skeletonmae.evaluation.notes import noted
from pyg_skeletonmae.training import release_preprocessing
from pyg_skeletonmae.training.run_checkpoints import Resume

TRAINS_ALONE = (
    "protocol {} trains in one process; pre-training and the command finetune do in several"
)
_TUNE, _SEMI, _FEW_SHOT = TuneConfig(), SemiConfig(), FewShotConfig()
_TEMPORAL, _ENSEMBLE, _CURVE = TemporalConfig(), EnsembleConfig(), CurveConfig()


def evaluate(
    data: DataConfig,
    resolved: dict[str, Any],
    pretrained: str | None = None,
    protocol: ProtocolName | None = None,
    k: int | list[int] = 1,
    joints: Joints = "concat",
    segments: int | list[int] | None = None,
    l2: float | None = None,
    select: Select = "last",
    tune: TuneConfig = _TUNE,
    semi: SemiConfig = _SEMI,
    few_shot: FewShotConfig = _FEW_SHOT,
    temporal: TemporalConfig = _TEMPORAL,
    ensemble: EnsembleConfig = _ENSEMBLE,
    curve: CurveConfig = _CURVE,
    random_init: bool = False,
    out: str | None = None,
    seed: int = 0,
    resume: Resume = False,
    verify: Verify = "stamp",
    flip: bool = False,
    statistics: Literal["model", "clips", "both"] = "model",
    devices: int = 1,
    num_nodes: int = 1,
    timeout: float = 1800.0,
    classes: Iterable[type] = (),
) -> dict[str, Any]:
    """Measures an encoder, or the coordinates: labelled training clips against the test clips.

    Args:
        data: The clips.
        resolved: The whole configuration, for the run folder.
        pretrained: The run or release folder, or ``user/name`` of a release on the Hub; none: the
            coordinates themselves, the bar to beat.
        protocol: On frozen features: nearest neighbours by cosine (``knn``), a linear classifier
            on standardised features (``linear``) or least squares (``ridge``), ``all`` (knn and
            linear, on features averaged over the joints and on those per joint), ``centroid``
            (nearest class means), ``retrieval`` (test clips search in training clips),
            ``few-shot`` and ``temporal``. Trained: ``linear-sgd`` (the linear probe of the
            publications, augmented), ``finetune``, ``semi`` (shares of the labels), ``transfer``
            (fine-tuning where the clips have other joints). ``curve``: accuracy against labels a
            class, of the encoder, its random twins, and trained from scratch. ``classify``: a
            trained classifier as it is, ``ensemble``: several as one. None: ``classify`` where
            ``pretrained`` is a classifier, else ``knn``.
        k: How many neighbours vote; a list: each of them.
        joints: Features averaged over the joints, or one vector for each.
        segments: Features averaged over time (1), or over this many equal segments; ``all`` and
            ``curve`` take a list. None: 1, of these two 1 and 4.
        l2: The penalty of linear classifiers on frozen features; none: chosen on training clips.
        select: Which weights of a training are tested; ``test-best`` is for comparison with
            publications that chose so.
        tune: The training of the trained protocols, where it differs from their recipes.
        semi: The semi-supervised protocol.
        few_shot: The few-shot protocol.
        temporal: The temporal protocol.
        ensemble: The ensemble.
        curve: The curve over labels a class.
        random_init: Give the pre-trained model fresh weights: what its architecture does alone.
        out: A folder for the results; none: only print them.
        seed: Draws the validation subjects of the linear classifier, and fresh weights.
        resume: Go on with the run in the folder; ``auto``: if there is one, else start.
        verify: Compare the clips with their hash: all of them (``full``), unless a stamp beside
            them says that this was done and nothing has changed since (``stamp``), or not.
        flip: Give training clips to the classifiers on frozen features a second time, mirrored.
        statistics: The batch-norm statistics of the encoder: the model's own, those of the
            training clips, or one after the other (``both``), the second with keys in ``_clips``.
        devices: How many processes of this machine divide the clips, one for each GPU if there are
            any; each has whole batches, so that the results are those of one. Under ``torchrun``
            or ``srun`` as many as were started.
        num_nodes: Of how many machines.
        timeout: Seconds after which a process that is not heard of ends the others.
        classes: The user's own classes that a release may name.
    """
    folder = None if out is None else Path(out)
    if folder is not None:
        runs.check_folder(folder, resolved, resume)
    if random_init and pretrained is None:
        raise ConfigError("random_init: name the model to build anew with --pretrained")
    protocol = protocol or _usual_protocol(
        pretrained, random_init or statistics != "model", classes
    )
    check_choice("protocol", protocol, PROTOCOLS)
    chosen = PROTOCOLS[protocol]
    if random_init and protocol == "curve":
        raise ConfigError("random_init: protocol curve shows the random twins by itself")
    by_linear = protocol == "semi" and semi.by == "linear"
    trains = chosen.trains and not by_linear
    if select != "last" and not trains:
        raise ConfigError(f"select {select}: protocol {protocol} trains nothing to select from")
    if flip and (not chosen.mirrors or (protocol == "semi" and not by_linear)):
        raise ConfigError(
            f"flip: protocol {protocol} takes no mirrored training clips; where a classifier is "
            "trained, data.flip mirrors them at random"
        )
    if statistics != "model" and pretrained is None:
        raise ConfigError("statistics: coordinates have none; name an encoder with --pretrained")
    parts = [segments] if isinstance(segments, int) else segments or chosen.segments
    if len(parts) > 1 and len(chosen.segments) == 1:
        raise ConfigError(f"segments {parts}: expected one number for protocol {protocol}")
    if statistics == "both" and chosen.trains:
        raise ConfigError(f"statistics both: protocol {protocol} trains, once; give one of the two")
    if pretrained is None and (joints != "concat" or segments not in (None, 1)):
        raise ConfigError("joints, segments: coordinates are not pooled; leave these options out")
    if protocol == "classify" and (random_init or statistics != "model"):
        raise ConfigError(
            "protocol classify: a classifier as it is; leave random_init and statistics"
        )
    check_selection(data, None, select)
    if chosen.trains and devices * num_nodes > 1:
        raise ConfigError(f"devices: {TRAINS_ALONE.format(protocol)}")
    with divided(devices, num_nodes, timeout) as fabric:
        if chosen.trains and fabric.world_size > 1:
            raise ConfigError(TRAINS_ALONE.format(protocol))
        folder = folder if fabric.is_global_zero else None
        splits = split(open_dataset(data, seed, verify), data)
        clips = splits.train.store
        if folder is not None:
            runs.check_data(folder, clips.content_hash)
        torch.manual_seed(seed)
        encoder = None
        notes: list[str] = []
        if pretrained is not None:
            told = release_preprocessing(pretrained)
            if told is not None:
                other = ", ".join(told.differences(data.preprocessing(splits.test)))
                named = resolved["pretrained"]
                notes += [f"other clips than {named} was trained on: {other}"] if other else []
            encoder = load_encoder(Path(pretrained), resolved["data"], random_init, classes)
            if chosen.bridges:
                encoder = bridge(encoder, splits.test.skeleton)
            check_fits(encoder, splits.test, pretrained)
            encoder = encoder.to(fabric.device)
        job = Job(
            data,
            splits,
            encoder,
            joints=joints,
            segments=parts[0],
            seed=seed,
            select=select,
            l2=l2,
            folder=folder,
            flip=flip,
            classes=tuple(classes),
            protocol=protocol,
            pretrained=None if random_init else pretrained,
            rank=fabric.global_rank,
            world_size=fabric.world_size,
        )
        notes += job.refit_statistics() if statistics == "clips" else []
        if trains and encoder is None:
            raise ConfigError(f"protocol {protocol}: trains on an encoder; name it by --pretrained")
        run: AbstractContextManager[None] = nullcontext()
        if folder is not None and chosen.trains:
            run = runs.started(folder, resolved, seed, clips)
        with run:
            options = Options(
                k, tune, semi, few_shot, temporal, ensemble, curve=curve, segments=parts
            )
            found = dict(chosen.run(job, options))
            notes += found.get("notes", [])
            if statistics == "both":
                notes += job.refit_statistics()
                # Pictures are those of the first.
                again = dict(chosen.run(replace(job, folder=None), options))
                notes += [f"statistics of clips: {note}" for note in again.pop("notes", [])]
                found |= {f"{name}_clips": value for name, value in again.items()}
        found |= noted(*notes)
        results = {
            "protocol": protocol,
            "features": ", ".join(found.get("runs", [resolved["pretrained"] or "coordinates"])),
            "random_init": random_init,
            "train_clips": len(splits.labelled),
            "test_clips": len(splits.test),
            **finite(found),
            **measured(splits, job.device),
        }
        if folder is not None:
            if not chosen.trains:
                runs.start(folder, resolved, seed, clips)
            runs.write_json(folder / runs.RESULTS, results)
        return results


def _usual_protocol(pretrained: str | None, encoder_only: bool, classes: Iterable[type]) -> str:
    """A classifier is measured as it is, anything else by nearest neighbours; the first is said."""
    if pretrained is None or encoder_only or not is_classifier(pretrained, classes):
        return "knn"
    said = "protocol classify: %s is a classifier; --protocol knn measures its encoder"
    logging.getLogger("pyg_skeletonmae").info(said, pretrained)
    return "classify"
