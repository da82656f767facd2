"""The protocols of ``skeletonmae evaluate`` by name; a new one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pyg_skeletonmae.commands import frozen, trained
from pyg_skeletonmae.commands.curve import curve
from pyg_skeletonmae.commands.evaluation_context import Job
from pyg_skeletonmae.commands.options import Options


class Protocol(NamedTuple):
    """A protocol.

    Args:
        run: Measures.
        trains: It trains on an encoder: weights can be selected, and its run can be resumed.
        mirrors: Its training clips can come a second time, mirrored.
        bridges: Its clips may have other joints than the encoder was pre-trained on.
        segments: Into how many segments it keeps the time of features apart if nothing is said; of
            several it shows each.
    """

    run: Callable[[Job, Options], dict[str, Any]]
    trains: bool = False
    mirrors: bool = True
    bridges: bool = False
    segments: tuple[int, ...] = (1,)


PROTOCOLS: dict[str, Protocol] = {
    "knn": Protocol(frozen.nearest),
    "linear": Protocol(frozen.linear),
    "all": Protocol(frozen.both_kinds, segments=(1, 4)),
    "ridge": Protocol(frozen.least_squares),
    "centroid": Protocol(frozen.means),
    "retrieval": Protocol(frozen.search),
    "few-shot": Protocol(frozen.episodes, mirrors=False),
    "linear-sgd": Protocol(trained.probe, trains=True, mirrors=False),
    "finetune": Protocol(trained.finetune, trains=True, mirrors=False),
    "semi": Protocol(trained.semi, trains=True),
    "curve": Protocol(curve, trains=True, segments=(1, 4)),
    "transfer": Protocol(trained.finetune, trains=True, mirrors=False, bridges=True),
    "temporal": Protocol(frozen.detect),
    "classify": Protocol(trained.classify, mirrors=False),
    "ensemble": Protocol(trained.together, mirrors=False),
}

if TYPE_CHECKING:
    ProtocolName = str
else:
    ProtocolName = Literal[tuple(PROTOCOLS)]
