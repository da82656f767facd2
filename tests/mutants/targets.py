"""The files whose tests must bite, and the tests that run for each.

A file's own tests are those of its name (``nn/ema.py``: ``tests/nn/test_ema.py``). Neighbours are
named where what a file promises is shown by others: the order of the loader by resuming, the
flushing of a store by the faults.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

TESTS = Path(__file__).resolve().parents[1]
PACKAGE = TESTS.parent / "pyg_skeletonmae"

TARGETS: dict[str, tuple[str, ...]] = {
    "transforms/mask.py": (),
    "transforms/masking.py": ("transforms/test_mask.py", "transforms/test_token_masking.py"),
    "transforms/token_masking.py": ("transforms/test_motion_masking.py",),
    "transforms/motion_masking.py": (),
    "nn/losses.py": (),
    "nn/ema.py": (),
    "nn/targets.py": (),
    "nn/latent_target.py": (),
    "loader/collate.py": (),
    "loader/loader.py": (),
    "training/checkpoint.py": (),
    "training/optim.py": (),
    "training/optim_state.py": ("training/test_optim.py",),
    "training/averaging.py": (),
    "training/guard.py": (),
    "evaluation/knn.py": (),
    "evaluation/linear.py": (),
    "evaluation/classify.py": (),
    "evaluation/centroid.py": (),
    "evaluation/metrics.py": (),
    "evaluation/few_shot.py": (),
    "evaluation/retrieval.py": (),
    "datasets/store/card.py": (),
    "datasets/store/clip_checks.py": ("datasets/store/test_writer.py",),
    "datasets/store/clips.py": ("datasets/store/test_clip_checks.py",),
    "datasets/store/data_card.py": (),
    "datasets/store/reader.py": ("datasets/store/test_store.py",),
    "datasets/store/stamp.py": (),
    "datasets/store/store.py": ("datasets/store/test_stamp.py", "datasets/store/test_reader.py"),
    "datasets/store/writer.py": ("datasets/store/test_store.py",),
    "datasets/store/zero_clips.py": (),
    "files/manifest.py": (),
    "files/write.py": ("training/test_checkpoint.py",),
    "files/lock.py": (),
}


def suite(file: str) -> list[str]:
    """The files of tests that run for a file, from the folder of tests, its own first."""
    path = PurePosixPath(file)
    return [str(path.with_name(f"test_{path.name}")), *TARGETS[file]]
