"""Transforms on clips and batches of clips; masking policies."""
