from __future__ import annotations

from pathlib import Path

import pytest
from tables.command import clips_of
from tables.protocols import METHODS, Bench
from tables.publication import announced, differences, pipeline_of

OWN = {
    "graph_mae": "ours",
    "st_mae_vit": "mamp",
    "mamp": "mamp",
    "st_mae_sttformer": "mamp",
    "skeleton2vec": "skeleton2vec",
}


def bench(dataset: str, split: str, *settings: str, small: bool = False) -> Bench:
    clips = clips_of(dataset, split, None, Path("data"), "fetch")
    return Bench(clips, small, settings=settings)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("dataset", "split"),
    [("ntu60", "xsub"), ("ntu60", "xview"), ("ntu120", "xset"), ("pkummd2", "xsub")],
)
def test_presets_of_publications_differ_in_nothing(name, dataset, split):
    runs = bench(dataset, split)
    assert list(differences(runs, name)) == []
    assert pipeline_of(runs, name) == OWN[name]
    (line,) = announced(runs, [name])
    said = f"{name}: pipeline {OWN[name]}; differs from the publication: nothing"
    repaired = "; repaired on purpose: decoder_order (docs/fidelity.md)"
    assert line.endswith(said + (repaired if name == "skeleton2vec" else ""))


def test_what_differs_is_named():
    clips = clips_of("ntu60", "xsub", None, Path("data"))
    (kept,) = differences(Bench(clips), "mamp")
    assert kept.startswith("clips on the owners' list are kept")
    flat = bench("finegym", "official")
    assert list(differences(flat, "mamp")) == ["pipeline pyskl2d instead of mamp"]
    assert list(differences(flat, "graph_mae")) == []
    small = bench("ntu60", "xsub", small=True)
    assert list(differences(small, "mamp")) == [
        "st_mae_vit_small.yaml instead of mamp.yaml",
        "pipeline ours instead of mamp",
    ]
    assert list(differences(small, "st_gcn_mae")) == ["it is ours, nobody has published it"]
    other = bench("ntu60", "xsub", "--data.pipeline=ours", "--trainer.max_epochs=3")
    assert list(differences(other, "mamp")) == [
        "pipeline ours instead of mamp", "data.pipeline=ours", "trainer.max_epochs=3",
    ]  # fmt: skip
    smoke = Bench(other.clips, True, True)
    assert "two steps on two clips" in list(differences(smoke, "mamp"))


def test_lone_persons_are_not_doubled_where_the_public_files_do_not(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    import ntu_transfer

    options = ntu_transfer.parser().parse_args(["--seeds=0", "--method", "mamp", "skeleton2vec"])
    for small in (False, True):
        runs = list(ntu_transfer.runs(bench("pkummd2", "xsub", small=small), options))
        filled = [run.folder for run in runs if "--data.fill=zeros" in run.command]
        assert len(filled) == (not small) and all("NTU_RGB_D_120-mamp" in f for f in filled)
