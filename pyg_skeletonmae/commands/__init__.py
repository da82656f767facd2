"""What the subcommands do. Their signatures are their options."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.commands.evaluate import evaluate
    from pyg_skeletonmae.commands.finetune import finetune
    from pyg_skeletonmae.commands.pretrain import pretrain

__all__ = ["evaluate", "finetune", "pretrain"]

attach(__name__)
