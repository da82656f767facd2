from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tables.command import clips_of
from tables.protocols import METHODS, Bench
from tables.publication import announced, differences, other_values, pipeline_of, values

OWN = {
    "graph_mae": "ours",
    "st_mae_vit": "mamp",
    "mamp": "mamp",
    "st_mae_sttformer": "mamp",
    "skeleton2vec": "skeleton2vec",
}


NTU = [("ntu60", "xsub"), ("ntu60", "xview"), ("ntu120", "xsub"), ("ntu120", "xset")]
PKU = [("pkummd1", "xsub"), ("pkummd2", "xsub")]
PICKLES = [(name, f"{split}-poses") for name, split in NTU]
POSES = [("finegym", "official"), ("diving48", "official"), *PICKLES]
# On what each was published, stage by stage.
PUBLISHED = {
    "graph_mae": (POSES, {"pretrain", "finetune"}),
    "st_mae_vit": ([*NTU, *PKU], {"pretrain", "finetune", "linear"}),
    "mamp": ([*NTU, *PKU], {"pretrain", "finetune", "linear"}),
    "st_mae_sttformer": (NTU, {"pretrain", "finetune"}),
    "skeleton2vec": ([*NTU, *PKU], {"pretrain", "finetune", "linear"}),
}
CLIPS = [(name, *clips) for name, (sets, _) in PUBLISHED.items() for clips in sets]


@pytest.mark.parametrize(("name", "dataset", "split"), CLIPS)
def test_every_value_of_a_publication_is_that_of_its_runs(name, dataset, split):
    """``published_values.csv``: file of ours and key, value, and where the publication has it."""
    runs = bench(dataset, split)
    told = [value for value in values() if value.method == name and runs.clips.key in value.clips]
    assert {value.stage for value in told} == PUBLISHED[name][1] and len(told) > 20
    assert len({(value.stage, value.key) for value in told}) == len(told)  # none is said twice
    assert [(v.stage, v.key, v.value, v.source, ours) for v, ours in other_values(runs, name)] == []
    assert all(value.source for value in told)


def test_every_value_is_of_a_publication():
    known = {(n, d if s == "official" else f"{d}-{s}") for n, d, s in CLIPS}
    assert {(value.method, clips) for value in values() for clips in value.clips} == known


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": ("--model.init_args.mask.init_args.tau=0.5",)}, "pretrain: .*tau is 0.5"),
        ({"finetune_settings": ("--trainer.optim.lr=1e-3",)}, "finetune: .*lr is 0.001, published"),
        ({"publication": "skeleton2vec"}, "linear: model.init_args.norm_eps is 1e-05, published"),
    ],
)
def test_a_preset_that_drifts_is_named(monkeypatch, changes, said):
    monkeypatch.setitem(METHODS, "mamp", replace(METHODS["mamp"], **changes))
    assert any(re.search(said, line) for line in differences(bench("ntu60", "xsub"), "mamp"))


def bench(dataset: str, split: str, *settings: str, small: bool = False) -> Bench:
    path = Path(f"{dataset}_hrnet.pkl") if split.endswith("-poses") else None
    clips = clips_of(dataset, split.removesuffix("-poses"), path, Path("data"), "fetch")
    return Bench(clips, small, settings=settings)


@pytest.mark.parametrize(("name", "dataset", "split"), CLIPS)
def test_presets_of_publications_differ_in_nothing(name, dataset, split):
    runs = bench(dataset, split)
    assert list(differences(runs, name)) == []
    assert pipeline_of(runs, name) == OWN[name]
    (line,) = announced(runs, [name])
    said = f"{name}: pipeline {OWN[name]}; differs from the publication: nothing"
    repaired = "; repaired on purpose: decoder_order (docs/fidelity.md)"
    assert line.endswith(said + (repaired if name == "skeleton2vec" else ""))


def test_what_was_not_published_on_some_clips_is_said():
    (line,) = announced(bench("pkummd1", "xsub"), ["st_mae_sttformer"])
    assert line.endswith("differs from the publication: nothing; it has none on these clips")
    (line,) = announced(bench("ntu60", "xsub"), ["graph_mae"])
    assert "3-D joints instead of 2-D poses" in line


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
