"""What the subcommands do. Their signatures are their options."""

from pyg_skeletonmae.commands.evaluate import evaluate
from pyg_skeletonmae.commands.finetune import finetune
from pyg_skeletonmae.commands.pretrain import pretrain

__all__ = ["evaluate", "finetune", "pretrain"]
