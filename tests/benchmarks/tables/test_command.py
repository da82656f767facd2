from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from tables import command
from tables.command import DATASETS, clips_of

from pyg_skeletonmae.commands.data_section import DataConfig
from pyg_skeletonmae.datasets.catalog import CATALOG


def test_every_official_data_set_has_a_name_in_the_tables() -> None:
    official = {name for name, data in CATALOG.items() if data.official}
    assert official - {"pyskl", "stgcn"} <= DATASETS.keys()  # formats, not data sets


@pytest.mark.parametrize("dataset", DATASETS)
def test_clips_of_a_data_set(dataset: str) -> None:
    name, splits = DATASETS[dataset]
    for split in splits:
        clips = clips_of(dataset, split, Path("there"), Path("cache"))
        assert (clips.data, clips.split) == (name, split)
        settings = dict(item.removeprefix("--data.").split("=") for item in clips.settings)
        assert settings["name"] == dataset and settings["path"] == "there"
        assert settings["cache"] == "cache" and settings.get("protocol", split) == split
        assert settings.keys() <= DataConfig.__dataclass_fields__.keys()
        assert ("rotate" in settings) == (dataset in ("finegym", "diving48"))


def test_a_pickle_stands_for_its_data_set() -> None:
    clips = clips_of("ntu60", "xsub", Path("poses.pkl"), Path("cache"), incomplete="fetch")
    assert clips.data == "NTU RGB+D 60, 2-D poses" and clips.key == "ntu60-xsub-poses"
    assert {"--data.name=pyskl", "--data.protocol=xsub", "--data.rotate=0"} <= set(clips.settings)
    assert not any("incomplete" in item for item in clips.settings)
    listed = clips_of("ntu60", "xsub", None, Path("cache"), incomplete="fetch")
    assert "--data.incomplete=fetch" in listed.settings


def test_lists_get_their_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[str, list[int]]] = []

    def lists(bench: object, options: argparse.Namespace) -> list[object]:
        seen.append((bench.clips.split, options.seeds))  # type: ignore[attr-defined]
        return []

    found = command.parser("What it does.\n\nMore.", ["ntu60"], seeds=2)
    with pytest.raises(SystemExit):
        command.main(found, lists, [f"--out={tmp_path}"])
    assert seen == [("xsub", [0, 1]), ("xview", [0, 1])]
    assert "these options leave no run" in capsys.readouterr().err
