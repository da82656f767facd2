from pathlib import Path

import pytest
import yaml

from pyg_skeletonmae import layouts
from pyg_skeletonmae.commands.configs import CONFIGS
from pyg_skeletonmae.commands.parser import build_parser
from pyg_skeletonmae.models import SkeletonModel

FOLDER = CONFIGS / "pretrain"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_configuration_builds_its_model(path: Path) -> None:
    parser = build_parser()
    config = parser.parse_args(["pretrain", "--config", str(path)])
    wanted = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert config.pretrain.out == f"runs/{path.stem}" == wanted["out"]
    if "frames" in config.pretrain.model.init_args:  # as the command line does
        config.pretrain.model.init_args.frames = config.pretrain.data.frames
    if config.pretrain.encoder is not None and "frames" in config.pretrain.encoder.init_args:
        config.pretrain.encoder.init_args.frames = config.pretrain.data.frames
    built = parser.instantiate(config).pretrain
    if built.encoder is None:
        model = built.model(layouts.UIPRMD22, 3)
    else:
        model = built.model(encoder=built.encoder(layouts.UIPRMD22, 3))
    assert isinstance(model, SkeletonModel)
    assert type(model).__name__ == wanted["model"]["class_path"]


@pytest.mark.parametrize("path", sorted(FOLDER.parent.glob("*/*_small.yaml")), ids=lambda p: p.stem)
def test_small_presets_count_clips(path: Path) -> None:
    trainer = yaml.safe_load(path.read_text(encoding="utf-8"))["trainer"]
    assert trainer["max_clips"] % 1000 == 0 and "max_epochs" not in trainer
    assert 0 < trainer["optim"]["warmup_fraction"] < 0.1 and "warmup_epochs" not in trainer["optim"]
