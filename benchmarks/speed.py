"""How fast is a training step? ``python benchmarks/speed.py``; see ``speed/graph.py``."""

from speed.graph import main

if __name__ == "__main__":
    main()
