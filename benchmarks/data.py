"""How fast do data come in? ``python benchmarks/data.py``; see ``speed/data.py``."""

from speed.data import main

if __name__ == "__main__":
    main()
