"""The joint layouts people meet; they stand in :mod:`pyg_skeletonmae.skeleton.layouts`."""

from pyg_skeletonmae.skeleton.layouts import *  # noqa: F403
