"""Objects that check how they are built, and can be built again from JSON."""

from pyg_skeletonmae.configurable.configurable import Configurable, decode, encode, unrecorded

__all__ = ["Configurable", "decode", "encode", "unrecorded"]
