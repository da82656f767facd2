"""Data sets over the ragged, memory-mapped clip store."""
