"""Masked pre-training: the systems and the parts they are built from."""
