"""The heads of classifiers."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import nn

from pyg_skeletonmae.errors import ConfigError

Head = Literal["linear", "mlp", "mean-linear", "bn-linear", "joints-mlp"]
JointPool = Literal["mean", "concat"]


class HeadDefaults(NamedTuple):
    """What a head takes where the user does not say.

    Args:
        joints: How joints are pooled.
        fixed: Whether the head is defined by this pooling, over all of the time.
        hidden: The width of the hidden layer, if there is one.
        dropout: The dropout rate.
    """

    joints: JointPool = "mean"
    fixed: bool = False
    hidden: int = 256
    dropout: float = 0.0


_DEFAULTS: dict[str, HeadDefaults] = {
    "linear": HeadDefaults(),
    "mlp": HeadDefaults(),
    "mean-linear": HeadDefaults(fixed=True),
    "bn-linear": HeadDefaults(),
    "joints-mlp": HeadDefaults("concat", True, 2048, 0.3),
}


def head_defaults(head: Head) -> HeadDefaults:
    """The defaults of a head.

    Raises:
        ConfigError: There is no such head.
    """
    if head not in _DEFAULTS:
        raise ConfigError(f"head {head!r}: expected one of {', '.join(_DEFAULTS)}")
    return _DEFAULTS[head]


def pooling(head: Head, joints: JointPool | None, segments: int) -> JointPool:
    """How a head pools joints.

    Raises:
        ConfigError: It pools them otherwise than asked for.
    """
    defaults = head_defaults(head)
    if defaults.fixed and (joints not in (None, defaults.joints) or segments != 1):
        raise ConfigError(
            f"head {head!r} pools joints by {defaults.joints!r}, over all of the time; found "
            f"joints={joints!r}, segments={segments}"
        )
    return defaults.joints if joints is None else joints


def make_head(
    head: Head, width: int, num_classes: int, hidden: int, dropout: float, norm_eps: float
) -> nn.Sequential:
    """The layers of a head, from vectors ``[B, width]`` to ``[B, num_classes]``.

    Args:
        head: ``"linear"`` and ``"mean-linear"``: dropout, Linear; ``"bn-linear"``: BatchNorm
            without learned factors, dropout, Linear; ``"mlp"``: Linear, BatchNorm, ReLU, dropout,
            Linear; ``"joints-mlp"``: the same without dropout, which was on its tokens.
        width: The width of a clip's vector.
        num_classes: The number of classes.
        hidden: The width of the hidden layer.
        dropout: The dropout rate before the last layer.
        norm_eps: The epsilon of the BatchNorm.
    """
    if head in ("linear", "mean-linear"):
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, num_classes))
    if head == "bn-linear":
        norm = nn.BatchNorm1d(width, norm_eps, affine=False)
        return nn.Sequential(norm, nn.Dropout(dropout), nn.Linear(width, num_classes))
    first = [nn.Linear(width, hidden), nn.BatchNorm1d(hidden, norm_eps), nn.ReLU()]
    middle = [] if head == "joints-mlp" else [nn.Dropout(dropout)]
    return nn.Sequential(*first, *middle, nn.Linear(hidden, num_classes))
