"""The version, apart from what imports anything."""

__version__ = "0.1.0"
