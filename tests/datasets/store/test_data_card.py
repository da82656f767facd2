import json

from data_helpers import STICK, some_clips

from pyg_skeletonmae.datasets import ClipStore, DataCard, write_store


def test_page(tmp_path):
    store = write_store(
        tmp_path / "s", some_clips(), STICK, ["a", "b", "c"], source="here", fps=30.0, unit="m",
        dropped=[(f"{i:02}", f"reason {i // 6 if i < 18 else i}") for i in range(22)],
        about={
            "policy": "all of it",
            "notes": ["nobody checked"],
            "splits": {"xsub train": {"clips": 3, "per_class": {"a": 2, "b": 1, "c": 0}}},
            "files": {"count": 7, "bytes": 1234, "sha256": "ab"},
            "inputs": {"list.txt": "cd"},
        },
    )  # fmt: skip
    assert repr(store.card).splitlines() == [
        "clips       5 of 3 classes (1 to 2 each), 2 subjects",
        "persons     3 clips of 1, 1 clips of 2, 1 clips of 3",
        "frames      min 1, median 4.0, mean 4.4, max 9, total 22, 30 a second",
        "xsub train  3 clips (0 to 2 of each class)",
        "joints      4 (stick), 3 channels, in m; 0 missing, 0 zero, 0 not finite when read",
        "dropped     22",
        "            6: reason 0 (00, 01, 02, ...)",
        "            6: reason 1 (06, 07, 08, ...)",
        "            6: reason 2 (12, 13, 14, ...)",
        "            1: reason 18 (18)",
        "            1: reason 19 (19)",
        "            2: 2 other reasons, see card.json",
        "source      here",
        "policy      all of it",
        "note        nobody checked",
        "files       7, 1,234 bytes, sha256 ab",
        "input       list.txt, sha256 cd",
        f"content     sha256 {store.content_hash}",
        f"written by  pyg_skeletonmae {store.card['library_version']}",
    ]


def test_is_the_file(tmp_path):
    write_store(tmp_path / "s", some_clips(), STICK)
    card = ClipStore(tmp_path / "s").card
    assert isinstance(card, DataCard)
    assert card == json.loads((tmp_path / "s" / "card.json").read_text())
    assert "3 classes" in repr(card) and "policy" not in repr(card)


def test_of_a_card_that_says_nothing():
    assert repr(DataCard({})).startswith("clips       0\n")
