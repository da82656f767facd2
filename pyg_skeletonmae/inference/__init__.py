"""What a trained model is for: classes and features of new clips, files, folders and streams."""

from typing import TYPE_CHECKING

from pyg_skeletonmae.__lazy__ import attach

if TYPE_CHECKING:
    from pyg_skeletonmae.inference.embedder import Embedder, Embeddings
    from pyg_skeletonmae.inference.explain import explain
    from pyg_skeletonmae.inference.export import Exported, TensorModel, export
    from pyg_skeletonmae.inference.recognizer import Prediction, Recognizer
    from pyg_skeletonmae.inference.stream import Stream

__all__ = [
    "Embedder", "Embeddings", "Exported", "Prediction", "Recognizer", "Stream", "TensorModel",
    "explain", "export",
]  # fmt: skip

attach(__name__)
