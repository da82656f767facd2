import os
import time
from pathlib import Path

import pytest
import yaml

from pyg_skeletonmae.commands.settings_file import MAX_BYTES, parse_settings, read_settings
from pyg_skeletonmae.errors import ConfigError


def test_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: [1, {b: null}]\nc: caf\xc3\xa9 & *bar\n")
    assert parse_settings(read_settings(path)) == {"a": [1, {"b": None}], "c": "café & *bar"}
    (tmp_path / "link.yaml").symlink_to(path)
    assert read_settings(tmp_path / "link.yaml") == read_settings(path)
    assert parse_settings("") is None


def test_only_plain_files_of_reasonable_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "large").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name, said in (
        ("pipe", "a pipe, not a plain file"),
        ("device", "a device, not a plain file"),
        (".", "Is a directory"),
        ("large", "larger than 1024 KiB"),
        ("bytes", "expected text in UTF-8"),
        ("nowhere", "no such file"),
        ("bytes/x", "no such file"),
    ):
        with pytest.raises(ConfigError, match=said):
            read_settings(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: &b [1]\nc: *b", "line 2: anchors"),
        ("a: !!python/name:os.system", r"line 1: tags \(!\)"),
        ("a: !x 3", r"line 1: tags \(!\)"),
        ("[" * 500_000, "nested deeper than 32"),
        ("- " * 40 + "x", "nested deeper than 32"),
        (f"[{'1,' * 60_000}]", "more than 50000 entries"),
        ("#" * (MAX_BYTES + 1), "more than 1048576 characters"),
        ("a:\n  - '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['", "line 2: a text that would be read"),
        ("a: '{b: &b [1], c: *b}'", "a text that would be read"),
        ("a: /dev/null", "/dev/null: neither a plain file nor a folder"),
        ("a: [", "while parsing|did not find"),
    ],
    ids=lambda text: text[:20],
)
def test_beyond_what_settings_are(text: str, said: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(yaml.YAMLError, match=said):
        parse_settings(text)
    assert time.perf_counter() - begin < 5
