"""What the publications set differently from data set to data set.

The presets in ``configs/`` are those of NTU RGB+D 60. Sources: the public codes of MAMP (also for
the SkeletonMAE it compares with) and of Skeleton2vec.
"""

from __future__ import annotations

from typing import Literal

Stage = Literal["pretrain", "finetune", "linear"]
_MODEL = "--model.init_args."
_DEEPER = f"{_MODEL}backbone.init_args.decoder_depth=5"
_MASK = f"{_MODEL}mask.init_args."
_TEACHER = f"{_MODEL}ema_steps"  # 800 epochs; the batches of an epoch differ
# By stage and method: the settings of the data sets and splits whose names start so.
_RECIPES: dict[tuple[Stage, str], dict[str, tuple[str, ...]]] = {
    ("pretrain", "st_mae_vit"): {"ntu120": (_DEEPER,), "pkummd": (_DEEPER,)},
    ("pretrain", "mamp"): {"ntu120": (_DEEPER, f"{_MASK}tau=0.75"), "pkummd": (_DEEPER,)},
    ("pretrain", "skeleton2vec"): {
        "ntu60-xview": (f"{_TEACHER}=236000",),
        "ntu120": (f"{_MASK}beta=0.2",),
        "ntu120-xsub": (f"{_TEACHER}=395200",),
        "ntu120-xset": (f"{_TEACHER}=340800",),
        "pkummd1": (f"{_TEACHER}=118400", "--trainer.optim.min_lr=5e-4"),
        "pkummd2": (f"{_TEACHER}=33600",),
    },
    ("finetune", "skeleton2vec"): {
        "ntu120-xsub": ("--data.batch_size=64",),
        "ntu120-xset": ("--trainer.optim.lr=1e-4",),
    },
    ("linear", "skeleton2vec"): {"pkummd2": ("--tune.lr=0.01", "--data.batch_size=32")},
}


def recipe(stage: Stage, method: str, clips: str) -> tuple[str, ...]:
    """What differs from a method's preset on some clips (``ntu120-xsub``).

    >>> recipe("pretrain", "mamp", "ntu60-xsub"), recipe("linear", "skeleton2vec", "pkummd2-xsub")
    ((), ('--tune.lr=0.01', '--data.batch_size=32'))
    """
    own = _RECIPES.get((stage, method), {})
    return tuple(s for name, settings in own.items() if clips.startswith(name) for s in settings)
