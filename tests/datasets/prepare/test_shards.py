from pathlib import Path

import pytest
from prepare_helpers import prepared, write_tasks

from pyg_skeletonmae.datasets import ClipStore
from pyg_skeletonmae.datasets.prepare.shards import OthersAtWork, Shard, one_shard, this_shard
from pyg_skeletonmae.errors import ConfigError, DataError


def prepare_shard(out: Path, tasks: list[Path], number: int, count: int = 4) -> ClipStore:
    with one_shard(number, count):
        return prepared(out, tasks)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_shards_together_equal_one_process(tmp_path: Path, order: tuple[int, ...]) -> None:
    tasks, out = write_tasks(tmp_path / "raw"), tmp_path / "shards" / "store"
    for done, number in enumerate(order[:-1], 1):
        with pytest.raises(OthersAtWork, match=rf"shard {number} of 4 is done; \d of 9 parts"):
            prepare_shard(out, tasks, number)
        parts = list(next(out.parent.glob(".store.*.journal")).glob("*.json"))
        assert len(parts) == sum(part % 4 in order[:done] for part in range(9))
        assert not out.exists()
    store = prepare_shard(out, tasks, order[-1])
    one = prepared(tmp_path / "one" / "store", tasks)
    assert store.content_hash == one.content_hash and store.names == one.names
    assert store.card == {**one.card, "created": store.card.get("created")} or (
        {**store.card, "created": ""} == {**one.card, "created": ""}
    )
    assert [path.name for path in out.parent.iterdir()] == ["store"]
    # One that is late, or is started again, finds the store.
    assert prepare_shard(out, tasks, 0).content_hash == one.content_hash
    assert [path.name for path in out.parent.iterdir()] == ["store"]


def test_a_shard_does_not_touch_what_another_writes(tmp_path: Path) -> None:
    tasks, out = write_tasks(tmp_path / "raw"), tmp_path / "store"
    with pytest.raises(OthersAtWork):
        prepare_shard(out, tasks, 0, 2)
    half = next(tmp_path.glob(".store.*.journal")) / "000001-unfinished"
    half.mkdir()
    with pytest.raises(OthersAtWork):
        prepare_shard(out, tasks, 0, 2)
    assert half.exists()
    prepare_shard(out, tasks, 1, 2).verify()
    assert not half.exists()


def test_bad_shards(tmp_path: Path) -> None:
    for number, count in ((4, 4), (-1, 4), (0, 0)):
        with pytest.raises(ConfigError, match="expected 0 <= shard < shards"):
            one_shard(number, count).__enter__()
    with pytest.raises(ConfigError, match="leave force"), one_shard(0, 2):
        prepared(tmp_path / "store", write_tasks(tmp_path / "raw"), overwrite=True)
    assert this_shard() == Shard(0, 1) and this_shard().has(7)


def prepare_part(out: Path, tasks: list[Path], number: int, count: int = 3, **how) -> ClipStore:
    with one_shard(number, count, apart=True):
        return prepared(out, tasks, **how)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_shards_can_stay_apart(tmp_path: Path, order: tuple[int, ...]) -> None:
    tasks, out = write_tasks(tmp_path / "raw"), tmp_path / "parts" / "store"
    for done, number in enumerate(order[:-1], 1):
        with pytest.raises(OthersAtWork, match=rf"shard {number} of 3 is done; {done} of 3 are"):
            prepare_part(out, tasks, number)
        assert ClipStore.exists(out / f"part-{number:05}") and not ClipStore.exists(out)
    store = prepare_part(out, tasks, order[-1])
    one = prepared(tmp_path / "one" / "store", tasks)
    assert store.content_hash == one.content_hash and store.names == one.names
    counted = ("dropped", "splits", "nan_joints", "clips_per_class", "inputs", "unit", "source")
    assert {key: store.card[key] for key in counted} == {key: one.card[key] for key in counted}
    assert store.card["files"]["count"] == one.card["files"]["count"]
    assert sorted(path.name for path in out.iterdir()) == [
        "card.json", "index.npz", "part-00000", "part-00001", "part-00002", "skeleton.yaml",
    ]  # fmt: skip
    assert prepare_part(out, tasks, 0).content_hash == one.content_hash
    assert [path.name for path in out.parent.iterdir()] == ["store"]
    store.verify()


def test_parts_of_other_files_are_refused(tmp_path: Path) -> None:
    tasks, out = write_tasks(tmp_path / "raw"), tmp_path / "store"
    with pytest.raises(OthersAtWork):
        prepare_part(out, tasks, 0)
    with pytest.raises(DataError, match="part-00000: a store exists already"):
        prepare_part(out, tasks, 0, 2)
    with pytest.raises(DataError, match="part-00000: of other files, settings or shards"):
        prepare_part(out, tasks, 1, 2)
    with pytest.raises(ConfigError, match="--shards 10: there are only 9 to read"):
        prepare_part(out, tasks, 0, 10)
