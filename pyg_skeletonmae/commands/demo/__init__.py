"""The demonstration: pre-train, probe, fine-tune, report."""
