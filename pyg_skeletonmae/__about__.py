"""The version, apart from what imports anything."""

__version__ = "0.2.0"
