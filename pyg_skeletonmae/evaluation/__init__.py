"""Evaluations: plain functions of an encoder and data."""
