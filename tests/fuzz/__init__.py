"""Fuzzing: valid files of every format, damaged, and what each reader makes of them."""
