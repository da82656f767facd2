"""What the publications set differently from data set to data set in pre-training.

The presets in ``configs/`` are those of NTU RGB+D 60. Sources: the public codes of MAMP (also for
the SkeletonMAE it compares with) and of Skeleton2vec. How classifiers are trained:
:mod:`pyg_skeletonmae.commands.publications`.
"""

from __future__ import annotations

import json

from pyg_skeletonmae.commands.publications import Publication, own_settings

_MODEL = "--model.init_args."
_DEEPER = f"{_MODEL}backbone.init_args.decoder_depth=5"
_MASK = f"{_MODEL}mask.init_args."
_TEACHER = f"{_MODEL}ema_steps"  # 800 epochs; the batches of an epoch differ
# By method: the settings of the data sets and splits whose names start so.
_RECIPES: dict[str, dict[str, tuple[str, ...]]] = {
    "st_mae_vit": {"ntu120": (_DEEPER,), "pkummd": (_DEEPER,)},
    "mamp": {"ntu120": (_DEEPER, f"{_MASK}tau=0.75"), "pkummd": (_DEEPER,)},
    "skeleton2vec": {
        "ntu60-xview": (f"{_TEACHER}=236000",),
        "ntu120": (f"{_MASK}beta=0.2",),
        "ntu120-xsub": (f"{_TEACHER}=395200",),
        "ntu120-xset": (f"{_TEACHER}=340800",),
        "pkummd1": (f"{_TEACHER}=118400", "--trainer.optim.min_lr=5e-4"),
        "pkummd2": (f"{_TEACHER}=33600",),
    },
}


def pretraining(method: str, clips: str) -> tuple[str, ...]:
    """What differs from a method's preset on some clips (``ntu120-xsub``).

    >>> pretraining("mamp", "ntu60-xsub"), pretraining("skeleton2vec", "pkummd2-xsub")
    ((), ('--model.init_args.ema_steps=33600',))
    """
    own = _RECIPES.get(method, {})
    return tuple(s for name, settings in own.items() if clips.startswith(name) for s in settings)


def finetuning(publication: Publication, clips: str) -> tuple[str, ...]:
    """The same for a fine-tuning.

    >>> finetuning("mamp", "ntu60-xsub"), finetuning("skeleton2vec", "ntu120-xset")[-1]
    ((), '--trainer.optim.lr=0.0001')
    """
    settings = own_settings("finetune", publication, clips)
    words = {k: v if isinstance(v, str) else json.dumps(v) for k, v in settings.items()}
    return tuple(f"--{key}={word}" for key, word in words.items())
