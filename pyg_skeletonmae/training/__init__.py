"""The trainer, optimisers and checkpoints."""
