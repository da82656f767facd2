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

__all__ = [
    "Features",
    "accuracy",
    "confidence_interval",
    "confusion",
    "evaluate_classifier",
    "evaluating",
    "extract_features",
    "knn",
    "linear_probe",
    "paired_interval",
    "prediction_accuracy",
    "raw_features",
    "ridge",
]
