"""Checkpoints of the public codes: how they are named, read and brought into our models."""
