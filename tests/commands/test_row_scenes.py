from __future__ import annotations

import numpy as np
import pytest
from inference_helpers import poses, release
from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.embed import add_embed_arguments, features, open_embedder
from pyg_skeletonmae.commands.row_scenes import rows_of


@pytest.mark.parametrize("more", [(), ("--by=person",), ("--windows", "8", "4")])
def test_rows_are_those_of_the_features(tmp_path, more):
    release(tmp_path / "run")
    (tmp_path / "in").mkdir()
    for number, clip in enumerate((poses(1, 20), poses(2, 24))):
        np.save(tmp_path / f"in/{number}.npy", clip)
    (tmp_path / "in/labels.csv").write_text("file,label\n1.npy,kick\n")
    parser = ArgumentParser()
    add_embed_arguments(parser)
    chosen = vars(parser.parse_args([str(tmp_path / "run"), str(tmp_path / "in"), *more]))
    embedder = open_embedder(chosen)
    rows, told = list(rows_of(embedder, chosen)), features(embedder, chosen)
    assert [row.piece.name for row in rows] == list(told.names)
    assert [row.piece.start for row in rows] == told.start.tolist()
    assert [row.piece.person for row in rows] == list(told.person)
    assert {row.label for row in rows if row.piece.name == "1.npy"} == {"kick"}
    assert {row.label for row in rows if row.piece.name == "0.npy"} == {""}
    assert rows[-1].title.endswith(": kick")
    scene = rows[0].scene(5)
    assert scene.panels[0].frames == 5 and scene.fps == 30 * 5 / rows[0].piece.pos.shape[1]
