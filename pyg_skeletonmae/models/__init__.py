"""Encoders, pre-training models and classifiers."""
