"""Evaluations: plain functions of an encoder and data."""

from pyg_skeletonmae.evaluation.classify import evaluate_classifier
from pyg_skeletonmae.evaluation.features import Features, evaluating, extract_features, raw_features
from pyg_skeletonmae.evaluation.knn import knn
from pyg_skeletonmae.evaluation.linear import linear_probe, ridge
from pyg_skeletonmae.evaluation.metrics import (
    accuracy,
    confidence_interval,
    confusion,
    paired_interval,
    prediction_accuracy,
)
from pyg_skeletonmae.evaluation.readout import Readout, fit_readout
from pyg_skeletonmae.evaluation.reconstruction import (
    CAPTION,
    interpolate_on_tree,
    reconstruct_clip,
    reconstruction_error,
)

__all__ = [
    "CAPTION",
    "Features",
    "Readout",
    "accuracy",
    "confidence_interval",
    "confusion",
    "evaluate_classifier",
    "evaluating",
    "extract_features",
    "fit_readout",
    "interpolate_on_tree",
    "knn",
    "linear_probe",
    "paired_interval",
    "prediction_accuracy",
    "raw_features",
    "reconstruct_clip",
    "reconstruction_error",
    "ridge",
]
