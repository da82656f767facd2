"""Objects that check how they are built, and can be built again from JSON."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.configurable.configurable import Configurable, decode, encode, unrecorded

__all__ = ["Configurable", "decode", "encode", "unrecorded"]

attach(__name__)
