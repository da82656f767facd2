from pathlib import Path

import pytest
import yaml

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.files.yaml import MAX_BYTES, parse_yaml, read_yaml


def test_settings_are_read_as_they_are_meant() -> None:
    text = "base: &b {lr: 1e-3, day: 2024-01-01}\nrun: {<<: *b, lr: 0.5, on: true, none: null}"
    assert parse_yaml(text)["run"] == {"lr": 0.5, "day": "2024-01-01", True: True, "none": None}
    assert parse_yaml(text)["base"]["lr"] == 1e-3
    values = {"a": [1, 2.5, 1e-05, "1e", None, True], "b": {"c": "x: y"}}
    assert parse_yaml(yaml.safe_dump(values)) == values


def test_refusals_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for text, message in (
        ("a: 1\na: 2", "line 2: the key 'a' stands twice"),
        ("a: &a [*a]", "line 1: an alias of what it stands in"),
        ("[" * 1000, "line 1: nested deeper than 32 levels"),
        ("#" * (MAX_BYTES + 1), "larger than 1024 KiB"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=f"a.yaml: .*{message}"):
            read_yaml(path)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_yaml(tmp_path / "none.yaml")
