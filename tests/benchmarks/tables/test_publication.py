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
