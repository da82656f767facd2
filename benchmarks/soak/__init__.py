"""Long runs that try to break the library; see ``soak/command.py``."""
