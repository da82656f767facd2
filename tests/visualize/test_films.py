from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from pyg_skeletonmae import visualize
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.layouts import UIPRMD22
from pyg_skeletonmae.visualize import Panel
from pyg_skeletonmae.visualize.films import animate_panels, film_writer, save_film

pytest.importorskip("matplotlib")

CLIP = torch.randn(22, 12, 3, generator=torch.Generator().manual_seed(0))
MASK = (UIPRMD22.part_index == 2)[:, None].expand(22, 12)


@pytest.mark.parametrize("persons", [None, 2])
def test_an_animation_is_a_gif_of_all_frames(persons, tmp_path):
    image = pytest.importorskip("PIL.Image")
    pos, masked = CLIP[:, :4], MASK[:, :4]
    if persons:
        pos, masked = torch.stack([pos, pos + 3]), torch.stack([masked, masked])
    visualize.animate(pos, UIPRMD22, fps=10, path=tmp_path / "a.gif", masked=masked)
    with image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 4
        assert gif.info["duration"] == 100


def test_an_animation_draws_every_person():
    animation = visualize.animate(torch.stack([CLIP, CLIP + 3]), UIPRMD22)
    animation._draw_frame(5)
    (ax,) = animation._fig.axes
    offsets = [
        np.asarray(points.get_offsets()) for points in ax.collections if len(points.get_offsets())
    ]
    np.testing.assert_allclose(np.concatenate(offsets), torch.cat([CLIP, CLIP + 3])[:, 5, :2])
    low, high = ax.get_xlim()
    assert low < float(CLIP[..., 0].min()) and high > float(CLIP[..., 0].max()) + 3
    animation._draw_was_started = True  # it was: no warning when it is deleted


def test_a_film_without_its_program_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr("matplotlib.animation.FFMpegWriter.isAvailable", lambda: False)
    with pytest.raises(ConfigError, match=r"a\.mp4: an \.mp4 takes the program ffmpeg, whic"):
        visualize.animate(CLIP, UIPRMD22, path=tmp_path / "a.mp4")
    with pytest.raises(ConfigError, match=r"a\.webm: expected a name that ends in \.gif or \.mp4"):
        visualize.animate(CLIP, UIPRMD22, path=tmp_path / "a.webm")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
def test_a_film_is_an_mp4(tmp_path):
    visualize.animate(CLIP[:, :4], UIPRMD22, path=tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"


def test_a_grid_of_clips_of_different_lengths(tmp_path):
    image = pytest.importorskip("PIL.Image")
    panels = [Panel(CLIP[:, :frames], UIPRMD22, title=f"${frames}") for frames in (2, 5, 3, 1)]
    film = animate_panels(panels, 10, columns=3, title="a $ cluster")
    assert [ax.get_title() for ax in film._fig.axes] == ["$2", "$5", "$3", "$1"]
    save_film(film, tmp_path / "a.gif", film_writer("a.gif", 10))
    with image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 5
    with pytest.raises(DataError, match="nothing to show"):
        animate_panels([])
    with pytest.raises(DataError, match="frames per second"):
        animate_panels(panels, 0)


def test_what_fails_while_it_is_written_leaves_nothing(tmp_path, monkeypatch):
    def fails(*_args, **_kwargs):
        raise OSError("disk full")

    (tmp_path / "a.gif").write_bytes(b"before")
    monkeypatch.setattr("matplotlib.animation.PillowWriter.finish", fails)
    with pytest.raises(OSError, match="disk full"):
        visualize.animate(CLIP[:, :3], UIPRMD22, path=tmp_path / "a.gif")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.gif", b"before")]
