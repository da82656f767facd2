"""Names that are public since version 0.1.0 are where they were."""

from __future__ import annotations

import importlib
import subprocess
import sys
from operator import attrgetter

import pytest

PUBLIC = {
    "pyg_skeletonmae": "Skeleton __version__ get_layout",
    "pyg_skeletonmae.batch": (
        "as_tracks clip_draws clip_of_node clip_of_track num_clips pos_tracks positions "
        "tracks_edge_index valid_joints"
    ),
    "pyg_skeletonmae.commands": "evaluate finetune pretrain",
    "pyg_skeletonmae.datasets": (
        "Clip ClipStore DataCard Diving48 FineGym NTURGBD PKUMMD PoseFolder PysklDataset "
        "PysklOptions SkeletonDataset SyntheticActions UIPRMD XYDataset concat export_pyskl "
        "write_store"
    ),
    "pyg_skeletonmae.datasets.prepare": "ClipInfo Side own_file prepare_store",
    "pyg_skeletonmae.datasets.store": "Clip ClipStore write_store",
    "pyg_skeletonmae.draws": "Draws clip_keys mix",
    "pyg_skeletonmae.errors": (
        "CheckpointError ConfigError DataError SkeletonError SkeletonFormatError SkeletonMAEError"
    ),
    "pyg_skeletonmae.evaluation": (
        "CAPTION FINETUNE Features LINEAR_SGD Readout Recipe Segment WindowLoader accuracy "
        "bridge confidence_interval confusion detection_map ensemble evaluate_classifier "
        "evaluating extract_features few_shot find_segments finetune finetune_recipe "
        "fit_readout interpolate_on_tree knn knn_curve linear_probe linear_probe_sgd "
        "paired_interval prediction_accuracy raw_features reconstruct_clip reconstruction_error "
        "retrieval ridge semi_supervised temporal"
    ),
    "pyg_skeletonmae.io": (
        "Labelled NpzFile Packed PoseOptions PoseTracks Pyskl PysklClip XYFile download_uiprmd "
        "read_arrays read_bvh read_coco_keypoints read_deeplabcut read_label_csv read_mediapipe "
        "read_ntu read_openpose read_packed read_pku read_pku_labels read_pku_split "
        "read_positions read_pyskl read_recordings read_sleap write_packed write_pyskl"
    ),
    "pyg_skeletonmae.layouts": (
        "BODY25 COCO17 COCO17_BODY H36M17 HAND21 KINECT20 LAYOUTS MEDIAPIPE33 NTU25 "
        "NTU25_CTRGCN OPENPOSE18 UIPRMD22 get_layout"
    ),
    "pyg_skeletonmae.loader": "SkeletonLoader",
    "pyg_skeletonmae.models": (
        "Classifier Encoder GraphEncoder GraphSkeletonMAE GraphTemporalEncoder STEncoder STGCN "
        "STGCNEncoder STRL STRLEncoder STSkeletonMAE STTFormerBackbone STTFormerEncoder "
        "Skeleton2Vec SkeletonModel ViTBackbone build_model load_mamp load_skeleton2vec"
    ),
    "pyg_skeletonmae.nn": (
        "DropPath EMA JointTimeEmbedding LayerScale MultiScaleTemporalConv PatchEmbed "
        "SelfAttention SkeletonGATConv SkeletonGCNConv SkeletonGINConv Transformer "
        "TransformerBlock TupleAttention TupleBlock cosine_error latent_target masked_mse "
        "pool_tracks rce_loss sce_loss"
    ),
    "pyg_skeletonmae.training": (
        "OptimConfig Trainer keep_memory load_checkpoint load_model load_release read_metrics "
        "release_config save_checkpoint save_release"
    ),
    "pyg_skeletonmae.transforms": (
        "AlignTorso CenterRoot CropResize CropTime DropFrames FlipSides JitterJoints "
        "JointFrameMask KeepPersons MapJoints MaskEdges MaskJoints MaskPolicy MotionMask "
        "MotionTubeMask PartMask PreNormalize2D PreNormalize3D RandomMask RandomRotate3D "
        "RandomTokenMask RandomTransform Resample ScaleBody ToBones ToFrameGraphs ToMotion "
        "ToStreams TokenMaskPolicy TubeMask UniformSample standard_transform"
    ),
    "pyg_skeletonmae.visualize": (
        "animate draw_clip draw_confusion draw_curves draw_reconstruction draw_skeleton "
        "embedding_map"
    ),
}
PACKAGES = (
    "commands", "configurable", "datasets", "evaluation", "inference", "io", "loader", "models",
    "nn", "skeleton", "training", "transforms", "visualize",
)  # fmt: skip


@pytest.mark.parametrize(("module", "names"), PUBLIC.items(), ids=PUBLIC)
def test_public_names_of_version_0_1_0(module, names):
    found = importlib.import_module(module)
    assert [name for name in names.split() if not hasattr(found, name)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_public_names(package):
    found = importlib.import_module(f"pyg_skeletonmae.{package}")
    assert dir(found) == sorted(found.__all__)
    assert all(getattr(found, name) is not None for name in found.__all__)
    with pytest.raises(AttributeError, match=f"{package}' has no attribute 'nothing'"):
        attrgetter("nothing")(found)


def test_the_function_of_a_module_of_its_name_stays():
    from pyg_skeletonmae import commands, evaluation

    assert callable(evaluation.knn) and callable(evaluation.finetune)
    assert evaluation.finetune is not commands.finetune and callable(commands.finetune)


def test_the_packages_are_there_once_the_library_is_imported_and_no_sooner():
    code = """
import sys
import pyg_skeletonmae
assert "torch" not in sys.modules and "pyg_skeletonmae.models" not in sys.modules
assert {"Skeleton", "get_layout", "models", "io"} <= set(dir(pyg_skeletonmae))
print(pyg_skeletonmae.models.STRL.__name__, pyg_skeletonmae.Skeleton.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["STRL", "Skeleton"]
