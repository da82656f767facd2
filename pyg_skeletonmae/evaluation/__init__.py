"""Evaluations: plain functions of an encoder and data."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.evaluation.centroid import centroid
    from pyg_skeletonmae.evaluation.classify import evaluate_classifier
    from pyg_skeletonmae.evaluation.detection import Segment, detection_map, find_segments
    from pyg_skeletonmae.evaluation.ensemble import ensemble
    from pyg_skeletonmae.evaluation.features import (
        Features,
        evaluating,
        extract_features,
        raw_features,
    )
    from pyg_skeletonmae.evaluation.few_shot import few_shot
    from pyg_skeletonmae.evaluation.finetune import finetune, linear_probe_sgd, train_classifier
    from pyg_skeletonmae.evaluation.folds import Folds, deal_folds
    from pyg_skeletonmae.evaluation.knn import knn, knn_curve
    from pyg_skeletonmae.evaluation.label_curve import label_curve
    from pyg_skeletonmae.evaluation.linear import linear_probe, ridge
    from pyg_skeletonmae.evaluation.metrics import (
        accuracy,
        confidence_interval,
        confusion,
        paired_interval,
        prediction_accuracy,
    )
    from pyg_skeletonmae.evaluation.readout import Readout, fit_readout
    from pyg_skeletonmae.evaluation.recipe import FINETUNE, LINEAR_SGD, Recipe, finetune_recipe
    from pyg_skeletonmae.evaluation.reconstruction import (
        CAPTION,
        interpolate_on_tree,
        reconstruct_clip,
        reconstruction_error,
    )
    from pyg_skeletonmae.evaluation.retrieval import retrieval
    from pyg_skeletonmae.evaluation.semi import semi_supervised
    from pyg_skeletonmae.evaluation.statistics import refit_statistics
    from pyg_skeletonmae.evaluation.temporal import temporal
    from pyg_skeletonmae.evaluation.transfer import bridge
    from pyg_skeletonmae.evaluation.windows import WindowLoader

__all__ = [
    "CAPTION",
    "FINETUNE",
    "Features",
    "Folds",
    "LINEAR_SGD",
    "Readout",
    "Recipe",
    "Segment",
    "WindowLoader",
    "accuracy",
    "bridge",
    "centroid",
    "confidence_interval",
    "confusion",
    "deal_folds",
    "detection_map",
    "ensemble",
    "evaluate_classifier",
    "evaluating",
    "extract_features",
    "few_shot",
    "find_segments",
    "finetune",
    "finetune_recipe",
    "fit_readout",
    "interpolate_on_tree",
    "knn",
    "knn_curve",
    "label_curve",
    "linear_probe",
    "linear_probe_sgd",
    "paired_interval",
    "prediction_accuracy",
    "raw_features",
    "reconstruct_clip",
    "reconstruction_error",
    "refit_statistics",
    "retrieval",
    "ridge",
    "semi_supervised",
    "temporal",
    "train_classifier",
]

attach(__name__)
