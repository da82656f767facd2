"""Diving48: fine-tuning on 2-D poses, and linear evaluation.

python benchmarks/diving48.py --data /path/to/diving48 --jobs 2
"""

from __future__ import annotations

from finegym import runs
from tables import command as script

if __name__ == "__main__":
    script.main(script.parser(__doc__, ["diving48"]), runs)
