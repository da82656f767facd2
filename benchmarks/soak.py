"""Kills, hostile files, an hour of training: ``python benchmarks/soak.py -h``."""

import sys

from soak.command import main

if __name__ == "__main__":
    sys.exit(main())
