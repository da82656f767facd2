"""Layers, losses and pooling."""
