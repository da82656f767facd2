import json

import pytest
from data_helpers import STICK, some_clips

from pyg_skeletonmae.datasets import write_store
from pyg_skeletonmae.datasets.store.card import FILES, FORMAT, read_card
from pyg_skeletonmae.errors import SkeletonFormatError


def test_a_store_has_no_other_files(tmp_path):
    write_store(tmp_path / "s", some_clips(), STICK)
    assert {path.name for path in (tmp_path / "s").iterdir()} <= set(FILES)
    assert read_card(tmp_path / "s")["format"] == FORMAT


@pytest.mark.parametrize(
    ("card", "place"),
    [
        ([], "format"),
        ({"format": "another"}, "format"),
        ({"format": FORMAT, "class_names": [1]}, "class_names"),
        ({"format": FORMAT, "class_names": [], "content_hash": 1}, "content_hash"),
    ],
)
def test_other_cards_are_refused(tmp_path, card, place):
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(SkeletonFormatError, match=rf"card\.json: {place}: expected"):
        read_card(tmp_path)
